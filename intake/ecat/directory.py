"""The directory of an ECAT file: where each matrix lies.

Blocks of 512 bytes, counted from 1. The second one holds up to 31 entries, and the number of the
next one that does; the last names the second again (m-ecat(4), nibabel's ``ecat.py``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from itertools import pairwise

from intake.bounds import MAX_FRAMES
from intake.ecat.layouts import BLOCK
from intake.refused import Refused

FIRST = 2
ENTRIES = 31
DELETED = -1


@dataclass(frozen=True)
class Matrix:
    """One image or volume: to what it belongs, and its blocks."""

    frame: int
    plane: int
    gate: int
    bed: int
    start: int
    """The block of its header, counted from 1; the pixels follow."""
    end: int

    @property
    def offset(self) -> int:
        """Of its header, in bytes."""
        return (self.start - 1) * BLOCK

    @property
    def room(self) -> int:
        """Bytes behind its header."""
        return (self.end - self.start) * BLOCK

    @property
    def group(self) -> tuple[int, int, int]:
        """What the planes of one volume have in common."""
        return self.frame, self.gate, self.bed


def looks_like(start: bytes, order: str) -> bool:
    """Whether the second block begins as a directory does."""
    if len(start) < BLOCK + 16:
        return False
    free, following, _, used = struct.unpack_from(f"{order}4i", start, BLOCK)
    return bool(0 < used <= ENTRIES and free == ENTRIES - used and following >= FIRST)


def read(file: BufferedReader, order: str, blocks: int) -> tuple[Matrix, ...]:
    """Every matrix, as the file's order has them; ``blocks`` is how many the file has.

    Refused where the directory leads nowhere or in a circle, or a matrix lies outside the file.
    """
    found: list[Matrix] = []
    for entry, offset in _entries(file, order, blocks):
        number, start, end, status = entry
        if status == DELETED:
            continue
        matrix = _matrix(number, start, end)
        if not FIRST < start <= end <= blocks:
            raise Refused(
                f"at byte {offset}: a matrix from block {start} to {end}; the file has {blocks}"
            )
        found.append(matrix)
        if len(found) > MAX_FRAMES:
            raise Refused(f"more than {MAX_FRAMES} matrices")
    if not found:
        raise Refused("its directory names no image")
    _apart(found)
    return tuple(found)


def _entries(
    file: BufferedReader, order: str, blocks: int
) -> Iterator[tuple[tuple[int, int, int, int], int]]:
    block, seen = FIRST, set[int]()
    while True:
        if not FIRST <= block <= blocks or block in seen:
            raise Refused(f"its directory leads to block {block} of {blocks}, or in a circle")
        seen.add(block)
        place = (block - 1) * BLOCK
        file.seek(place)
        data = file.read(BLOCK)
        if len(data) < BLOCK:
            raise Refused(f"the file is cut short in its directory, at byte {place}")
        _, following, _, used = struct.unpack_from(f"{order}4i", data)
        if not 0 <= used <= ENTRIES:
            raise Refused(f"at byte {place}: a directory of {used} matrices; up to {ENTRIES} fit")
        for at in range(16, 16 + 16 * used, 16):
            yield struct.unpack_from(f"{order}4i", data, at), place + at
        if following == FIRST:
            return
        block = following


def _matrix(number: int, start: int, end: int) -> Matrix:
    """Its number says what it is: bits of frame, plane, gate and bed."""
    return Matrix(
        frame=number & 0x1FF,
        plane=(number >> 16 & 0xFF) + (number >> 1 & 0x300),
        gate=number >> 24 & 0x3F,
        bed=number >> 12 & 0xF,
        start=start,
        end=end,
    )


def _apart(found: list[Matrix]) -> None:
    """No two lie in the same blocks, none is there twice."""
    if len({(each.group, each.plane) for each in found}) < len(found):
        raise Refused("its directory names an image twice")
    lie = sorted(found, key=lambda each: each.start)
    for one, other in pairwise(lie):
        if other.start <= one.end:
            raise Refused(f"two matrices lie in block {other.start}")
