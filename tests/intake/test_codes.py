"""The codes we know, against pydicom's copy of PS3.16 and of the old SNOMED RT codes."""

from __future__ import annotations

import re

import pytest
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

from intake.dicom_reader.codes import ENTRIES, NUCLIDE_CODES, POSTURES, VIEWS
from intake.nuclides import NUCLIDES


def meaning(code: str) -> str:
    """What a code of SNOMED CT or RT means, in PS3.16's words."""
    new = mapping["SRT"].get(code, code)
    for entries in concepts["SCT"].values():
        if new in entries:
            return str(entries[new][0]).lower()
    raise AssertionError(f"{code} is no code of PS3.16")


def words(text: str) -> set[str]:
    return set(re.findall("[0-9]+m?|[a-z]+", text.lower()))


@pytest.mark.parametrize(("code", "word"), list({**POSTURES, **VIEWS}.items()))
def test_postures_and_views(code: str, word: str) -> None:
    assert meaning(code).startswith(word)


@pytest.mark.parametrize(("code", "first"), list(ENTRIES.items()))
def test_entries(code: str, first: bool) -> None:
    assert meaning(code).startswith("head" if first else "feet")


@pytest.mark.parametrize(("code", "name"), list(NUCLIDE_CODES.items()))
def test_nuclides(code: str, name: str) -> None:
    (known,) = [each for each in NUCLIDES if each.name == name]
    # Another context group may name the same code in another order.
    assert words(known.meaning) <= words(meaning(code))


def test_a_wrong_code_is_seen() -> None:
    assert not meaning("102536004").startswith("right")
