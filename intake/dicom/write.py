"""An acquisition as a DICOM NM object: the same bytes for the same source, written atomically."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from intake import files
from intake.dicom import codes, exact, modules, private, sequences
from intake.dicom.encode import Item, elements, encode, head, is_exact
from intake.dicom.modules import Set
from intake.dicom.tags import TAGS
from intake.fields import Fate, Field
from intake.refused import Refused
from intake.study import Acquisition, Pixels, Reading

NM_IMAGE = "1.2.840.10008.5.1.4.1.1.20"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
IMPLEMENTATION = "2.25.212304958013456716217363420917503194361"
"""A UUID of our own (PS3.5 B.2), made once."""


@dataclass(frozen=True, eq=False)
class Object:
    """One DICOM object, ready to be written."""

    uid: str
    start: bytes
    """Preamble, meta group and data set up to the pixels' first byte."""
    acquisition: Acquisition
    line: exact.Line
    order: tuple[int, ...]
    """The source's frames in the order of the vectors."""
    fields: tuple[Field, ...]
    """What became of each field of the source in this object."""

    @property
    def size(self) -> int:
        """Bytes of the file."""
        length = self.acquisition.pixels.size * self.line.bits // 8
        return len(self.start) + length + length % 2

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The file, piece by piece: one frame's memory at a time."""
        yield self.start
        yield from _pixels(self.acquisition.pixels, self.line, self.order)
        if self.acquisition.pixels.size * self.line.bits // 8 % 2:
            yield b"\0"


def _pixels(
    pixels: Pixels, line: exact.Line, order: tuple[int, ...]
) -> Iterator[bytes | memoryview]:
    for frame in exact.stored(pixels, line, list(order)):
        yield frame.reshape(-1).view("u1").data


def objects(reading: Reading) -> tuple[Object, ...]:
    """Every acquisition of a file as an object of one series."""
    study = _study_uid(reading)
    series = _uid("series", study, *(each.sha256 for each in reading.originals))
    return tuple(
        _object(acquisition, reading, number + 1, study, series)
        for number, acquisition in enumerate(reading.acquisitions)
    )


def _study_uid(reading: Reading) -> str:
    """The source's own; else what makes a study: patient, visit, day. Else the file itself."""
    first = reading.acquisitions[0]
    if first.visit.study_uid:
        return first.visit.study_uid
    who, visit = first.patient, first.visit
    if (who.id or who.name) and (visit.id or visit.accession or visit.date):
        day = visit.date.isoformat() if visit.date else ""
        place = first.equipment.institution
        return _uid("study", place, who.id, who.name, visit.id, visit.accession, day)
    return _uid("study", *(each.sha256 for each in reading.originals))


def _uid(*parts: str) -> str:
    """2.25 and a UUID (PS3.5 B.2) of version 8 (RFC 9562 5.8), made of a SHA-256."""
    return _uid_of(hashlib.sha256("\0".join(parts).encode()).digest())


def _uid_of(digest: bytes) -> str:
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    return f"2.25.{number}"


def _object(
    acquisition: Acquisition, reading: Reading, number: int, study: str, series: str
) -> Object:
    if acquisition.positron:
        raise Refused(
            "images of a positron scanner are no NM images, and DICOM's PET image cannot be without"
            " the patient's orientation and position, which the file does not state clearly",
            0,
            "send them as DICOM from the scanner's own workstation; `--to interfile`, gif and png"
            " work here",
        )
    line = exact.find(acquisition.pixels)
    order = sorted(range(len(acquisition.places)), key=lambda each: acquisition.places[each])
    unwritten = _unwritten(acquisition)
    fields = tuple(_fate(field, unwritten) for field in acquisition.fields)
    kept = private.expand(fields)
    content: Set = {
        **_dataset(acquisition, line, order, number),
        **private.block(reading.format, reading.originals, kept, acquisition.derived),  # type: ignore[dict-item]
        "StudyInstanceUID": study,
        "SeriesInstanceUID": acquisition.visit.series_uid or series,
        "SOPClassUID": NM_IMAGE,
    }
    parts = _encoded(content)
    pixels = acquisition.pixels.size * line.bits // 8
    # Never the source's own: another object with the same UID would be no object's copy.
    uid = _content_uid(parts, acquisition, line, order)
    parts += elements({"SOPInstanceUID": uid})
    vr = "OW" if line.bits == 16 else "OB"
    start = _meta(uid) + b"".join(raw for _, raw in sorted(parts))
    start += head(TAGS["PixelData"][0], vr, pixels + pixels % 2)
    return Object(uid, start, acquisition, line, tuple(order), fields)


def _dataset(acquisition: Acquisition, line: exact.Line, order: list[int], number: int) -> Set:
    kind = acquisition.kind
    found: Set = {}
    for part in (
        modules.patient(acquisition),
        modules.study(acquisition),
        modules.equipment(acquisition),
        modules.orientation(acquisition),
        modules.image(acquisition, number),
        modules.pixels(acquisition, line),
        modules.vectors(acquisition, [acquisition.places[each] for each in order]),
        sequences.isotope(acquisition),
        sequences.detector(acquisition),
        sequences.phases(acquisition) if acquisition.phases else {},
        sequences.rotations(acquisition) if kind.projected or kind.reconstructed else {},
        sequences.gating(acquisition) if kind.gated else {},
        sequences.slices(acquisition) if kind.reconstructed else {},
    ):
        found.update(part)
    return found


def _encoded(content: Set) -> list[tuple[int, bytes]]:
    try:
        return list(elements(cast("Item", content)))
    except UnicodeEncodeError:  # rare, so it is not looked for beforehand
        charset = _charset(content)
    more: Set = {"SpecificCharacterSet": CHARSETS[charset]}
    return list(elements(cast("Item", content | more), charset))


CHARSETS = {"latin-1": "ISO_IR 100", "utf-8": "ISO_IR 192"}


def _charset(content: Set) -> str:
    """The smallest that holds all text: ISO 8859-1, UTF-8 (PS3.3 C.12.1.1.2)."""
    text = "".join(_texts(content))
    return "latin-1" if all(ord(char) < 256 for char in text) else "utf-8"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _content_uid(
    parts: list[tuple[int, bytes]], acquisition: Acquisition, line: exact.Line, order: list[int]
) -> str:
    """Of all elements and pixels: the same content is the same object."""
    digest = hashlib.sha256(b"".join(raw for _, raw in sorted(parts)))
    for chunk in _pixels(acquisition.pixels, line, tuple(order)):
        digest.update(chunk)
    return _uid_of(digest.digest())


def _meta(uid: str) -> bytes:
    """PS3.10 7.1."""
    group = encode(
        {
            "FileMetaInformationVersion": b"\0\1",
            "MediaStorageSOPClassUID": NM_IMAGE,
            "MediaStorageSOPInstanceUID": uid,
            "TransferSyntaxUID": EXPLICIT_LITTLE,
            "ImplementationClassUID": IMPLEMENTATION,
            "ImplementationVersionName": "GATEWAY_INTAKE_1",
        }
    )
    length = head(0x00020000, "UL", 4) + struct.pack("<I", len(group))
    return b"\0" * 128 + b"DICM" + length + group


def _fate(field: Field, unwritten: dict[str, str]) -> Field:
    """A field whose place in the model has none in DICOM is kept as it stood."""
    if field.fate is not Fate.MAPPED:
        return field
    for path in field.to:
        why = unwritten.get(path) or unwritten.get(path.split("[")[0] + path.partition("]")[2])
        if why:
            return replace(field, keep=True, why=why)
    return field


def _unwritten(acquisition: Acquisition) -> dict[str, str]:
    """Places of the model that DICOM does not hold to the letter, and why."""
    found = dict(NOT_IN_DICOM)
    for each in acquisition.isotopes:
        if each.nuclide and codes.nuclide(each.nuclide) is None:
            found["isotopes"] = "a radionuclide without a code"
    if any(len(each.name) > 16 for each in acquisition.windows):
        found["windows.name"] = "longer than DICOM's 16 characters"
    if acquisition.spacing and not all(is_exact(each) for each in acquisition.spacing):
        found["spacing"] = "more digits than DICOM's decimals have"
    return found


NOT_IN_DICOM = {
    **dict.fromkeys(
        ("slices.method", "detectors.y_offset", "rotations.orbit"),
        "DICOM's NM image has no place for it",
    ),
    "visit.instance_uid": "the object has a UID of its own",
    "slices.filter": "DICOM's kernel has 16 characters",
}


def save(made: Object, path: Path) -> None:
    """Write the file whole or not at all, and on the disk when this returns."""
    files.save(path, made.chunks())
