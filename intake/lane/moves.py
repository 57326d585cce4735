"""Moving what a device dropped, never over another file, and so that a crash leaves no doubt.

A file is known by its content, not by its name: another file of the same name is ``NAME~2``, and
what is done again after a crash finds the file where the first time has put it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from intake import files
from intake.fields import Original
from intake.refused import Refused

NO_CONTENT = "none:"
LONGEST = 240
"""Bytes of a name: with ``~2.txt`` behind it a file system still takes it (NAME_MAX is 255)."""


def original(path: Path) -> Original:
    """What is not a plain file has a name, and no content that anybody would read."""
    try:
        return files.original(path)
    except Refused:
        path.lstat()
        return Original(path.name, 0, f"{NO_CONTENT}{files.shown(path.name)}")


def move(source: Path, target: Path, digest: str, name: str = "") -> Path | None:
    """Into the folder; where it lies then. None: it was replaced meanwhile, or is gone.

    ``name`` is what it is called there, unless it is called as here.
    """
    name = name or source.name
    try:
        if original(source).sha256 != digest:
            return None
    except FileNotFoundError:
        return find(target, name, digest)
    for free in _names(target, name):
        if not os.path.lexists(free):
            source.rename(free)
            _sync(target)
            return free
        if not digest.startswith(NO_CONTENT) and original(free).sha256 == digest:
            source.unlink()
            return free
    return None  # pragma: no cover - the names never end


def find(folder: Path, name: str, digest: str) -> Path | None:
    """The file of that content that came in under that name."""
    for path in _names(folder, name):
        if not os.path.lexists(path):
            return None
        known = original(path).sha256
        if known == digest or (known.startswith(NO_CONTENT) and digest.startswith(NO_CONTENT)):
            return path
    return None  # pragma: no cover - the names never end


def note_of(path: Path) -> Path:
    """The text beside a file in quarantine."""
    return path.with_name(f"{_short(path.name)}.txt")


def write(path: Path, text: str) -> None:
    """A note for people, on the disk when this returns."""
    with path.open("w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _names(folder: Path, name: str) -> Iterator[Path]:
    yield folder / name
    for number in count(2):
        yield folder / f"{_short(name)}~{number}"


def _short(name: str) -> str:
    raw = os.fsencode(name)
    return name if len(raw) <= LONGEST else os.fsdecode(raw[:LONGEST])


def _sync(folder: Path) -> None:
    """A rename is on the disk when its folder is (fsync(2))."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
