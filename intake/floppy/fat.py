"""DOS disks (FAT12, FAT16) by mtools in the sandbox: what is on them, and which files are damaged.

The boot sector is checked here first, so that mtools never meets a disk that is none. A file that
lies on a bad sector holds zeros somewhere: it is named, and never handed on as whole.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from intake import files, sandbox
from intake.floppy.image import MAX_SIZE, Bad
from intake.floppy.tables import Disk, Tables, recognise
from intake.refused import Refused

MAX_FILES = 20_000
_CLUSTERS = re.compile(r"<(\d+)(?:-(\d+))?>")
IMAGE = "disk.img"
START = 2**18
"""Bytes that hold the boot sector and both copies of the table."""


@dataclass(frozen=True)
class Unpacked:
    """A file of a disk; ``damaged``: it lies on sectors that could not be read."""

    path: Path
    damaged: bool


def find(image: Path) -> Disk | None:
    """The layout of an image file, when it is a FAT disk."""
    with files.opened(image) as file:
        size = files.size_of(file)
        return recognise(file.read(START), size) if size <= MAX_SIZE else None


def unpack(image: Path, folder: Path, bad: Iterable[Bad] = ()) -> tuple[Unpacked, ...]:
    """All files of a FAT disk into ``folder``, which is made; damaged ones are marked."""
    disk = find(image)
    if disk is None:
        raise Refused(f"{image.name} is no DOS disk (FAT)", 0, "other disks need a raw profile")
    lost = {sector for each in bad for sector in range(each.first, each.first + each.count)}
    if any(sector < disk.data for sector in lost):
        raise Refused(
            "the disk's own tables (FAT, folder) lie on bad sectors: no file of it can be trusted",
            0,
            "clean the drive and read the disk again; the image is kept",
        )
    with files.opened(image) as file:
        data = file.read(MAX_SIZE)
    folders = Tables(data, disk).folders()
    if any(sector in lost for cluster in folders for sector in disk.sectors(cluster)):
        raise Refused("a folder of the disk lies on bad sectors: no file of it can be trusted")
    size = len(data)
    sandbox.need("mcopy")
    folder.mkdir()
    inside = folder / "files"
    inside.mkdir()
    shutil.copyfile(image, folder / IMAGE, follow_symlinks=False)
    try:
        _mtools(["mcopy", "-s", "-n", "-Q", "-m", "-i", IMAGE, "::/*", "files"], folder, size)
        return _judged(inside, disk, lost, size)
    finally:
        (folder / IMAGE).unlink(missing_ok=True)


def _mtools(words: list[str], folder: Path, size: int) -> str:
    limits = sandbox.Limits(seconds=60, written=size + 2**20)
    done = sandbox.run(words, folder, limits)
    said = done.errors.decode("latin-1").strip()
    if done.code and '"::/*" not found' not in said:  # a disk without files
        raise Refused(f"{words[0]}: {said.splitlines()[-1] if said else 'no reason'}")
    return done.said.decode("latin-1")


def _judged(inside: Path, disk: Disk, lost: set[int], size: int) -> tuple[Unpacked, ...]:
    found: list[Unpacked] = []
    total = 0
    for path in sorted(inside.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        total += path.stat().st_size
        if len(found) >= MAX_FILES or total > 2 * size:
            raise Refused("the disk's files take more than the disk: it is damaged")
        damaged = bool(lost) and bool(_sectors(inside, path, disk, size) & lost)
        found.append(Unpacked(path, damaged))
    return tuple(found)


def _sectors(inside: Path, path: Path, disk: Disk, size: int) -> set[int]:
    """The sectors a file lies on, by mshowfat's clusters."""
    name = f"::/{path.relative_to(inside).as_posix()}"
    said = _mtools(["mshowfat", "-i", IMAGE, name], inside.parent, size)
    found: set[int] = set()
    for first, last in _CLUSTERS.findall(said):
        for cluster in range(int(first), int(last or first) + 1):
            found |= set(disk.sectors(cluster))
    return found
