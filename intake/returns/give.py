"""What was received for a device becomes Interfile in its ``outgoing``; it may be cut anywhere.

The names come from the object, so what is done again gives the same files. They have six
characters, because a camera of DOS or OS/2 shows eight and three.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from intake import files
from intake.convert import Wanted
from intake.lane.settings import Settings
from intake.lane.worker import Worker
from intake.options import DEFAULT
from intake.refused import Refused

LETTERS = 6
PIECE = 1 << 20
MODE = 0o660
"""The device may take a file away; the folder's ACL says who else may."""


@dataclass(frozen=True)
class Given:
    """What became of an object: files in ``outgoing``, or in ``quarantine`` with a reason."""

    names: tuple[str, ...]
    refused: str = ""


def waiting(settings: Settings, device: str) -> list[Path]:
    """Objects for a device, the oldest first."""
    try:
        found = [each for each in settings.returns(device).iterdir() if each.suffix == ".dcm"]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda each: (each.stat().st_mtime_ns, each.name))


def give(settings: Settings, worker: Worker, device: str, source: Path, spool: Path) -> Given:
    """One object into the device's folder; it leaves where it waited when that is on the disk."""
    base = settings.folder(device)
    for stem in _stems(source):
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir()
        options = settings.devices.get(device, DEFAULT)
        wanted = Wanted("interfile", options, settings.dialects.get(device, "standard"))
        answer = worker.convert(source, spool, wanted, stem)
        if answer.refused:
            given = Given((f"{stem}.dcm",), answer.refused)
            (spool / given.names[0]).write_bytes(source.read_bytes())
            reason = (
                f"{answer.refused}\n\nIt was sent to this device, and cannot become Interfile.\n"
            )
            (spool / f"{stem}.txt").write_text(reason, "utf-8")
            put = _all_fit(spool, base / "quarantine")
        else:
            # The header last, for whoever waits for it.
            made = sorted(spool.iterdir(), key=lambda each: each.suffix.lower() == ".h33")
            given = Given(tuple(each.name for each in made))
            put = _all_fit(spool, base / "outgoing", *given.names)
        if put:
            source.unlink()
            shutil.rmtree(spool, ignore_errors=True)
            return given
    raise OSError(f"no free name for {source.name}")  # 2^24 of them, and ten were tried


def _stems(source: Path) -> Iterator[str]:
    digest = hashlib.sha256(source.name.encode()).hexdigest()
    return (digest[at : at + LETTERS] for at in range(0, len(digest) - LETTERS, LETTERS))


def _all_fit(spool: Path, target: Path, *names: str) -> bool:
    """Write them all, unless a name is another file's."""
    wanted = [spool / name for name in names] or sorted(spool.iterdir())
    there = [each for each in wanted if os.path.lexists(target / each.name)]
    if any(not _same(each, target / each.name) for each in there):
        return False
    for each in wanted:
        if each not in there:
            files.save(target / each.name, _pieces(each), MODE)
    folder = os.open(target, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    return True


def _same(made: Path, there: Path) -> bool:
    try:
        return files.original(there).sha256 == files.original(made).sha256
    except Refused:
        return False  # a link, say


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece
