"""Which reader a file is for: by its first bytes, never by its name.

A format is one line in FORMATS. The readers that need much (pydicom) are imported when the first
file of theirs comes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from intake import analyze, files
from intake.ecat import read as ecat
from intake.interfile import lexer
from intake.interfile import read as interfile
from intake.options import DEFAULT, Options
from intake.refused import Refused
from intake.study import Reading

START = 4096
"""Bytes that suffice to tell any format."""


@dataclass(frozen=True)
class Format:
    """A format: how it is known, and who reads it."""

    name: str
    looks_like: Callable[[bytes], bool]
    read: Callable[[Path, Options], Reading]


def _interfile(start: bytes) -> bool:
    if start[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        start = start.decode("utf-16", "replace").encode("ascii", "replace")
    return lexer.looks_like(start)


def _dicom(start: bytes) -> bool:
    from intake.dicom_reader.opening import looks_like

    return looks_like(start[:132])


def _read_dicom(path: Path, options: Options) -> Reading:
    from intake.dicom_reader.read import read

    return read(path, options)


FORMATS = (
    Format("Interfile", _interfile, interfile.read),
    Format("ANALYZE", analyze.looks_like, analyze.read),
    Format("DICOM", _dicom, _read_dicom),
    Format("ECAT", ecat.looks_like, ecat.read),
)
FOREIGN = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"BZh", "compressed by bzip2"),
    (b"\xfd7zXZ", "compressed by xz"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
)


def recognise(path: Path) -> Format | None:
    """The format whose files begin as this one does, or None."""
    with files.opened(path) as file:
        start = file.read(START)
    return next((each for each in FORMATS if each.looks_like(start)), None)


def read(path: Path, options: Options = DEFAULT) -> Reading:
    """The file by its own format; Refused when it is none of them."""
    found = recognise(path)
    if found is None:
        raise Refused(
            f"{_what(path)}: none of {', '.join(each.name for each in FORMATS)}",
            0,
            "files of an unknown format need a raw profile that a person has approved",
        )
    return found.read(path, options)


def raw(profile: Path) -> Callable[[Path, Options], Reading]:
    """A reader of files that lie as a raw profile says; Refused when the profile is wrong."""
    from intake.raw.profile import load
    from intake.raw.read import read as read_raw
    from intake.raw.strict import BadProfile

    try:
        known = load(profile)
    except BadProfile as bad:
        raise Refused(str(bad)) from None
    return lambda path, _options: read_raw(path, known)


def names_data(path: Path) -> str:
    """The data file that an Interfile header names, however wrong the rest of it is."""
    try:
        found = recognise(path)
        return interfile.data_name(path) if found and found.read is interfile.read else ""
    except Refused:
        return ""


def _what(path: Path) -> str:
    with files.opened(path) as file:
        start = file.read(16)
    if not start:
        return "the file is empty"
    return next((what for magic, what in FOREIGN if start.startswith(magic)), "an unknown format")
