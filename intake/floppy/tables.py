"""The tables of a FAT disk, read for one question: are its folders a tree?

On a damaged or hostile disk a folder may contain itself, and whoever copies it writes folders in
folders until the paths are too long. So the folders are walked here, within bounds, before mtools
copies anything; and where each cluster goes is known for the bad sectors.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from intake.floppy.image import SECTOR
from intake.refused import Refused

MAX_DEPTH = 16
MAX_FOLDERS = 5000
_FOLDER, _LABEL = 0x10, 0x08


@dataclass(frozen=True)
class Disk:
    """Where things lie on a FAT disk, in sectors of 512 bytes."""

    fat: int
    root: int
    data: int
    """The first sector of cluster 2."""
    cluster: int
    """Sectors in a cluster."""
    end: int

    @property
    def clusters(self) -> int:
        """How many there are; 4085 and more make it FAT16 (Microsoft's FAT specification)."""
        return (self.end - self.data) // self.cluster

    def sectors(self, cluster: int) -> range:
        """The sectors of a cluster."""
        start = self.data + (cluster - 2) * self.cluster
        return range(start, min(start + self.cluster, self.end))


def recognise(start: bytes, size: int) -> Disk | None:
    """The layout by the disk's first sectors; None when it is no FAT disk.

    Microsoft's FAT specification 1.03: the BIOS parameter block, and the media byte that begins
    each copy of the table too. Disks before DOS 2 have no such block.
    """
    if len(start) < SECTOR:
        return None
    per, cluster, reserved, fats, roots, total = struct.unpack_from("<HBHBHH", start, 11)
    media, per_fat = start[21], struct.unpack_from("<H", start, 22)[0]
    total = total or struct.unpack_from("<I", start, 32)[0]
    sane = (
        *(per == SECTOR, cluster in {1, 2, 4, 8, 16, 32, 64, 128}, reserved >= 1),
        *(fats in {1, 2}, roots > 0, roots % 16 == 0, per_fat > 0),
        *(media >= 0xF8 or media == 0xF0,),
    )
    root = reserved + fats * per_fat
    first = root + roots * 32 // SECTOR
    if not all(sane) or not first < total <= size // SECTOR:
        return None
    copies = [(reserved + number * per_fat) * SECTOR for number in range(fats)]
    if any(start[at : at + 3] != bytes([media, 0xFF, 0xFF]) for at in copies):
        return None
    return Disk(reserved, root, first, cluster, total)


class Tables:
    """The chains of clusters of one disk."""

    def __init__(self, data: bytes, disk: Disk) -> None:
        self.data, self.disk = data, disk
        self.wide = disk.clusters >= 4085

    def chain(self, first: int) -> list[int]:
        """The clusters of a file or folder; Refused when they make a circle or leave the disk."""
        found: list[int] = []
        seen: set[int] = set()
        cluster = first
        while 2 <= cluster < (0xFFF7 if self.wide else 0xFF7):
            if cluster in seen or cluster >= self.disk.clusters + 2:
                raise Refused("a chain of the disk's table is a circle, or leaves the disk")
            seen.add(cluster)
            found.append(cluster)
            cluster = self._next(cluster)
        return found

    def _next(self, cluster: int) -> int:
        start = self.disk.fat * SECTOR
        if self.wide:
            return int(struct.unpack_from("<H", self.data, start + 2 * cluster)[0])
        pair = struct.unpack_from("<H", self.data, start + cluster * 3 // 2)[0]
        return int(pair >> 4 if cluster % 2 else pair & 0xFFF)

    def folders(self) -> set[int]:
        """The clusters of all folders; Refused when one is reached twice, or too deep."""
        root = self.data[self.disk.root * SECTOR : self.disk.data * SECTOR]
        seen: set[int] = set()
        waiting = [(first, 1) for first in _inner(root)]
        while waiting:
            first, depth = waiting.pop()
            clusters = self.chain(first)
            if seen & set(clusters):
                raise Refused("a folder of the disk contains itself, or stands in two places")
            seen |= set(clusters)
            if depth > MAX_DEPTH or len(seen) > MAX_FOLDERS:
                raise Refused(f"the disk's folders are more than {MAX_DEPTH} deep, or too many")
            content = b"".join(self._content(cluster) for cluster in clusters)
            waiting += [(inner, depth + 1) for inner in _inner(content)]
        return seen

    def _content(self, cluster: int) -> bytes:
        where = self.disk.sectors(cluster)
        return self.data[where.start * SECTOR : where.stop * SECTOR]


def _inner(entries: bytes) -> list[int]:
    """The first clusters of the folders that a folder's 32 byte entries name."""
    found = []
    for at in range(0, len(entries) - 31, 32):
        first, kind = entries[at], entries[at + 11]
        if first == 0:
            break
        if first == 0xE5 or first == ord(".") or kind & _LABEL or not kind & _FOLDER:
            continue
        found.append(int(struct.unpack_from("<H", entries, at + 26)[0]))
    return found
