"""One disk, from the drive or a file to an image, its map and its files."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from intake import files
from intake.floppy import fat, flux, image
from intake.floppy.image import Bad, Say
from intake.refused import Refused


@dataclass(frozen=True)
class Wanted:
    """How to read a disk."""

    form: str = ""
    """Of a flux image: gw's name of the disk's format."""
    retries: int = image.RETRIES


@dataclass(frozen=True)
class Found:
    """What a disk gave. ``why_not``: why no files were taken from it."""

    image: Path
    bad: tuple[Bad, ...]
    retried: int
    files: tuple[fat.Unpacked, ...]
    why_not: str = ""

    @property
    def damaged(self) -> tuple[fat.Unpacked, ...]:
        """Files with sectors that could not be read."""
        return tuple(each for each in self.files if each.damaged)


def read(source: Path, out: Path, wanted: Wanted, say: Say | None = None) -> Found:
    """A drive, a flux image or an image of sectors into the folder ``out``.

    Beside the image lies its map; a DOS disk's files go into a folder of their own, those that
    are damaged into ``damaged`` with the reason beside them.
    """
    out.mkdir(parents=True, exist_ok=True)
    path, bad, retried = _image(source, out, wanted, say)
    if fat.find(path) is None:
        why = "it is no DOS disk (FAT): its files need a raw profile"
        return Found(path, bad, retried, (), why)
    folder = out / f"{path.name.removesuffix('.img')}.files"
    try:
        found = fat.unpack(path, folder, bad)
    except Refused as refused:
        return Found(path, bad, retried, (), refused.reason)
    return Found(path, bad, retried, _set_apart(folder, found))


def _image(
    source: Path, out: Path, wanted: Wanted, say: Say | None
) -> tuple[Path, tuple[Bad, ...], int]:
    if source.exists() and stat.S_ISBLK(source.stat().st_mode):
        with image.device(source) as (read_at, size):
            taken = image.take(read_at, size, wanted.retries, say)
        path = out / f"{source.name}.img"
    elif source.suffix.lower() in flux.SUFFIXES or wanted.form:
        if not wanted.form:
            mend = f"--format, one of {', '.join(flux.FORMATS)}"
            raise Refused(f"{source.name} is a flux image: which format has the disk?", 0, mend)
        taken = flux.decode(source, wanted.form)
        path = out / f"{source.stem}.img"
    else:
        with files.opened(source) as file:
            if files.size_of(file) > image.MAX_SIZE:
                raise Refused(f"{source.name} is too large to be a floppy")
        return source, image.bad_of(source), 0
    image.save(taken, path, source.name)
    return path, taken.bad, taken.retried


def _set_apart(folder: Path, found: tuple[fat.Unpacked, ...]) -> tuple[fat.Unpacked, ...]:
    """Damaged files are moved away from the others, so that nobody converts them by mistake."""
    kept = []
    for each in found:
        if not each.damaged:
            kept.append(each)
            continue
        apart = folder / "damaged" / each.path.relative_to(folder / "files")
        apart.parent.mkdir(parents=True, exist_ok=True)
        each.path.rename(apart)
        reason = "This file lies on sectors of the disk that cannot be read: zeros are there.\n"
        files.save(apart.with_name(f"{apart.name}.txt"), [reason.encode()])
        kept.append(fat.Unpacked(apart, damaged=True))
    return tuple(kept)
