"""A disk read whole, sector by sector where it errs; what stays unreadable is listed.

A floppy of twenty years may be read once and never again, so the image is taken before anything
looks into it. Reads go past the kernel's cache (O_DIRECT, open(2)): with it one bad sector would
take its seven neighbours along, since the cache reads pages of 4096 bytes.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import mmap
import os
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from intake import files
from intake.refused import Refused

SECTOR = 512
PIECE = 36 * SECTOR
"""A cylinder of a 1.44 MB disk: both heads are read without moving."""
RETRIES = 5
MAX_SIZE = 256 * 2**20
"""A ZIP disk of 250 MB is the largest that cameras wrote; no hard disk is read by mistake."""
BLKGETSIZE64 = 0x80081272  # linux/fs.h
NO_DISK = {errno.ENXIO, errno.ENOMEDIUM, errno.ENODEV}

Read = Callable[[int, int], bytes]
"""Offset and length; OSError where the disk errs."""
Say = Callable[[int, int, int], None]
"""Bytes done, bytes in all, sectors that are bad so far."""


@dataclass(frozen=True)
class Bad:
    """Sectors that stayed unreadable, and are zeros in the image: the first, and how many."""

    first: int
    count: int


@dataclass(frozen=True)
class Image:
    """A disk's image and its map."""

    data: bytes
    bad: tuple[Bad, ...]
    retried: int = 0
    """Sectors that could be read, but not at once."""

    @property
    def sectors(self) -> int:
        """How many are bad."""
        return sum(each.count for each in self.bad)


def take(read: Read, size: int, retries: int = RETRIES, say: Say | None = None) -> Image:
    """Read everything; sectors that err are tried again, then left as zeros and listed."""
    data, bad, retried = bytearray(size), [], 0
    for start in range(0, size, PIECE):
        length = min(PIECE, size - start)
        piece = _once(read, start, length)
        if piece is not None:
            data[start : start + length] = piece
        else:
            for at in range(start, start + length, SECTOR):
                found, tries = _tried(read, at, min(SECTOR, size - at), retries)
                if found is None:
                    bad.append(at // SECTOR)
                else:
                    data[at : at + len(found)] = found
                    retried += tries > 1
        if say:
            say(start + length, size, len(bad))
    return Image(bytes(data), runs(bad), retried)


def _once(read: Read, at: int, length: int) -> bytes | None:
    """What is there; None where the disk errs or gives less. Refused when it is gone."""
    try:
        found = read(at, length)
    except OSError as error:
        if error.errno in NO_DISK:
            mend = "put it back, and begin anew"
            raise Refused(f"the disk is gone: {error.strerror}", 0, mend) from None
        return None
    return found if len(found) == length else None


def _tried(read: Read, at: int, length: int, retries: int) -> tuple[bytes | None, int]:
    for number in range(1, retries + 2):
        found = _once(read, at, length)
        if found is not None:
            return found, number
    return None, retries + 1


def runs(sectors: list[int]) -> tuple[Bad, ...]:
    """Numbers in order as runs."""
    found: list[Bad] = []
    for sector in sectors:
        if found and found[-1].first + found[-1].count == sector:
            found[-1] = Bad(found[-1].first, found[-1].count + 1)
        else:
            found.append(Bad(sector, 1))
    return tuple(found)


@contextmanager
def device(path: Path) -> Iterator[tuple[Read, int]]:
    """A block device opened to read past the cache, and its size. Refused when it is none."""
    try:
        # Not O_NONBLOCK: with it the floppy driver would open an empty drive, and not look
        # whether the disk was changed (drivers/block/floppy.c).
        if not stat.S_ISBLK(path.stat().st_mode):
            raise Refused(f"{path} is no disk drive (no block device)")
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECT)
    except OSError as error:
        said = "there is no disk in it" if error.errno in NO_DISK else error.strerror
        raise Refused(f"{path} cannot be read: {said}") from None
    try:
        size = _size(number)
        if not size:
            raise Refused(f"there is no disk in {path}")
        if size > MAX_SIZE:
            raise Refused(f"{path} has {size} bytes: no floppy, and not read")
        buffer = mmap.mmap(-1, max(PIECE, mmap.PAGESIZE))  # aligned, as O_DIRECT wants it

        def read(at: int, length: int) -> bytes:
            count = os.preadv(number, [memoryview(buffer)[:length]], at)
            return bytes(buffer[:count])

        yield read, size
    finally:
        os.close(number)


def _size(number: int) -> int:
    try:
        found = fcntl.ioctl(number, BLKGETSIZE64, bytes(8))
    except OSError as error:
        raise Refused(f"the drive does not say how large its disk is: {error.strerror}") from None
    return int(struct.unpack("Q", found)[0])


def save(image: Image, path: Path, source: str) -> Path:
    """The image and, beside it, its map: ``disk.img`` and ``disk.img.map.json``."""
    if path.exists():
        raise Refused(f"{path} exists already", 0, "name another; an image is never written over")
    told = {
        "source": source,
        "bytes": len(image.data),
        "sha256": hashlib.sha256(image.data).hexdigest(),
        "sector": SECTOR,
        "bad": [[each.first, each.count] for each in image.bad],
        "bad_sectors": image.sectors,
        "read_only_when_tried_again": image.retried,
    }
    chart = path.with_name(f"{path.name}.map.json")
    # The map first: an image without one counts as whole.
    files.save(chart, [json.dumps(told, indent=2).encode() + b"\n"])
    files.save(path, [image.data])
    return chart


def bad_of(path: Path) -> tuple[Bad, ...]:
    """The bad sectors that the map beside an image names; none without a map."""
    chart = path.with_name(f"{path.name}.map.json")
    if not chart.is_file():
        return ()
    try:
        told = json.loads(chart.read_bytes()[: 2**22])
        return tuple(Bad(int(first), int(count)) for first, count in told["bad"])
    except (ValueError, KeyError, TypeError):
        raise Refused(f"{chart.name} is no map of a disk") from None
