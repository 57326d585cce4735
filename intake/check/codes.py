"""Codes that say one thing and mean another."""

from __future__ import annotations

from collections.abc import Iterator

from intake.dicom_reader.codes import ENTRIES, NUCLIDE_CODES, POSTURES, RECUMBENT, VIEWS
from intake.dicom_reader.source import Source
from intake.nuclides import NUCLIDES, find

_ENTRIES = {code: "head" if first else "feet" for code, first in ENTRIES.items()}


def code_faults(source: Source) -> Iterator[str]:
    """Codes of orientation, view and nuclide whose value and meaning differ."""
    for item in source.items("PatientOrientationCodeSequence"):
        yield from _same(item, RECUMBENT, "Patient Orientation")
        for modifier in item.items("PatientOrientationModifierCodeSequence"):
            yield from _same(modifier, POSTURES, "Patient Orientation Modifier")
    for item in source.items("PatientGantryRelationshipCodeSequence"):
        yield from _same(item, _ENTRIES, "Patient Gantry Relationship")
    for head in source.items("DetectorInformationSequence"):
        for item in head.items("ViewCodeSequence"):
            yield from _same(item, VIEWS, "View")
    for drug in source.items("RadiopharmaceuticalInformationSequence"):
        for item in drug.items("RadionuclideCodeSequence"):
            yield from _nuclide(item)


def _same(item: Source, known: dict[str, str], what: str) -> Iterator[str]:
    value, meaning = item.text("CodeValue"), item.text("CodeMeaning")
    if not value or not item.text("CodingSchemeDesignator"):
        yield f"a code of {what} has no value, or no coding scheme"
        return
    word = known.get(value)
    # Left and right decubitus are the postures whose words stand behind "lateral decubitus" too.
    if word and not meaning.lower().startswith(word):
        yield f"the code {value} of {what} means {word}, not {meaning!r}"
    elif not word and any(meaning.lower() == other for other in known.values()):
        yield f"the code {value} of {what} is not that of {meaning!r}"


def _nuclide(item: Source) -> Iterator[str]:
    value, meaning = item.text("CodeValue"), item.text("CodeMeaning")
    if not value or not item.text("CodingSchemeDesignator"):
        yield "a code of Radionuclide has no value, or no coding scheme"
        return
    known, said = NUCLIDE_CODES.get(value), find(meaning)
    stated = {each.meaning.lower(): each.name for each in NUCLIDES}.get(meaning.lower())
    name = stated or (said.name if said else "")
    if known and name != known:
        yield f"the code {value} of Radionuclide means {known}, not {meaning!r}"
    elif not known and name:
        yield f"the code {value} of Radionuclide is not that of {meaning!r}"
