"""The elements of a file as they stand in it: tag, value representation, bytes, offset.

Not pydicom's reader: that one is made to get something out of any file, so it ends quietly where
a file is cut short, guesses a value's type anew and allocates what a length claims. Here a length
beyond the file is Refused with its offset, before anything is allocated. pydicom's dictionary and
charsets are used. PS3.5 7 (elements), 7.5 (sequences), A.4 (encapsulated pixels).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from io import BufferedReader
from typing import NamedTuple

from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag

from intake.refused import Refused

MAX_ELEMENTS = 200_000
MAX_DEPTH = 16
MAX_VALUE = 32 * 2**20
"""Of one value that is not the pixels; nothing in a camera's object is near it."""
MAX_VALUES = 64 * 2**20
WINDOW = 16 * 1024
UNDEFINED = 0xFFFFFFFF
PIXELS = 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_SHORT = ["AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH"]
_SHORT += ["SL", "SS", "ST", "TM", "UI", "UL", "US"]
_LONG = ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]
KNOWN = {name.encode() for name in (*_SHORT, *_LONG)}
_LONG_BYTES = {name.encode() for name in _LONG}


@dataclass(frozen=True, slots=True)
class Element:
    """One element; a sequence has items, the pixels only their place."""

    tag: int
    vr: str
    value: bytes
    offset: int
    """Of its first byte in the file."""
    items: tuple[Items, ...] = ()
    length: int = 0
    """Of the pixels, which are not read here; UNDEFINED: encapsulated."""
    little: bool = True

    @property
    def name(self) -> str:
        """``0054,0011 NumberOfEnergyWindows``."""
        return _name(self.tag)


Items = dict[int, Element]


@lru_cache(maxsize=4096)
def _name(tag: int) -> str:
    return f"{tag >> 16:04x},{tag & 0xFFFF:04x} {keyword_for_tag(tag)}".rstrip()


@dataclass(frozen=True)
class Coding:
    """How elements are written."""

    implicit: bool
    little: bool


class _Head(NamedTuple):
    tag: int
    vr: str
    length: int
    start: int


class Parser:
    """Reads the elements of one file, whose size bounds everything."""

    def __init__(self, file: BufferedReader, size: int) -> None:
        self.file, self.size = file, size
        self.at = 0
        """Where the next byte is read; all reads go through a window of the file."""
        self._window, self._base = b"", 0
        self.count = 0
        self.bytes = 0
        self.notes: list[str] = []

    def elements(self, coding: Coding, end: int, depth: int = 0, group: int = -1) -> Items:
        """The elements up to ``end``, an item's delimiter, or another group than ``group``."""
        found: Items = {}
        while self.at < end:
            start = self.at
            if depth == 0 and self._padding(start):
                break
            # The group behind the meta group may be written otherwise: not a byte of it is read.
            if group >= 0 and self.peek(2) != group.to_bytes(2, "little"):
                break
            head = self._head(coding)
            tag = head.tag
            if tag == _ITEM_END and depth:
                break
            if tag >> 16 == 0xFFFE:
                raise Refused(f"a delimiter of a sequence stands alone at byte {start}")
            element = self._element(head, coding, depth, end)
            known = found.get(tag)
            if known and (known.value, known.items) != (element.value, element.items):
                raise Refused(f"{element.name} is there twice with two values (byte {start})")
            found[tag] = element
        return found

    def _head(self, coding: Coding) -> _Head:
        """Tag, value representation and length, with the file behind them."""
        start = self.at
        head = self._read(8)
        mark = "<" if coding.little else ">"
        group, number = struct.unpack(f"{mark}HH", head[:4])
        tag = group << 16 | number
        if group == 0xFFFE or coding.implicit:
            (length,) = struct.unpack(f"{mark}I", head[4:])
            return _Head(tag, _looked_up(tag), length, start)
        name = head[4:6]
        if name not in KNOWN:
            raise Refused(
                f"{name!r} at byte {start + 4} is no value representation of DICOM: "
                "the file is damaged, or no DICOM file"
            )
        if name in _LONG_BYTES:
            (length,) = struct.unpack(f"{mark}I", self._read(4))
        else:
            (length,) = struct.unpack(f"{mark}H", head[6:])
        return _Head(tag, name.decode(), length, start)

    def _element(self, head: _Head, coding: Coding, depth: int, end: int) -> Element:
        tag, vr, length, start = head
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise Refused(f"more than {MAX_ELEMENTS} elements")
        at = self.at
        if length != UNDEFINED and at + length > end:
            raise Refused(
                f"the file is cut short, or damaged: {tag >> 16:04x},{tag & 0xFFFF:04x} at byte "
                f"{start} has {length} bytes, {end - at} are there"
            )
        if tag == PIXELS and depth == 0:
            self._skip_pixels(length, coding)
            return Element(tag, vr, b"", at, length=length, little=coding.little)
        if vr == "SQ" or length == UNDEFINED:
            # A sequence of unknown representation is in implicit little-endian (PS3.5 6.2.2).
            inner = Coding(implicit=True, little=True) if vr == "UN" else coding
            items = self._sequence(inner, length, depth, end)
            return Element(tag, "SQ", b"", start, items, little=coding.little)
        self.bytes += length
        if length > MAX_VALUE or self.bytes > MAX_VALUES:
            raise Refused(f"the value at byte {start} has {length} bytes: no header is so large")
        return Element(tag, vr, self._read(length), start, little=coding.little)

    def _sequence(self, coding: Coding, length: int, depth: int, end: int) -> tuple[Items, ...]:
        if depth >= MAX_DEPTH:
            raise Refused(f"sequences are nested more than {MAX_DEPTH} deep")
        stop = end if length == UNDEFINED else self.at + length
        found: list[Items] = []
        while self.at < stop:
            start = self.at
            tag, _, size, _ = self._head(coding)
            if tag == _SEQUENCE_END and length == UNDEFINED:
                return tuple(found)
            if tag != _ITEM:
                raise Refused(f"an item of a sequence should begin at byte {start}")
            self.count += 1
            inner = stop if size == UNDEFINED else self.at + size
            if inner > stop:
                raise Refused(f"the item at byte {start} is longer than its sequence")
            if self.count > MAX_ELEMENTS:
                raise Refused(f"more than {MAX_ELEMENTS} elements")
            found.append(self.elements(coding, inner, depth + 1))
        if length == UNDEFINED:
            raise Refused("the file is cut short within a sequence")
        return tuple(found)

    def _skip_pixels(self, length: int, coding: Coding) -> None:
        if length != UNDEFINED:
            self.at += length
            return
        for _ in self.fragments(coding):
            pass

    def fragments(self, coding: Coding) -> list[tuple[int, int]]:
        """Offset and length of each fragment of encapsulated pixels, the offset table first."""
        found: list[tuple[int, int]] = []
        while True:
            start = self.at
            tag, _, length, _ = self._head(coding)
            if tag == _SEQUENCE_END:
                return found
            at = self.at
            if tag != _ITEM or at + length > self.size:
                raise Refused(f"the compressed pixels are damaged or cut short at byte {start}")
            if len(found) > MAX_ELEMENTS:
                raise Refused(f"more than {MAX_ELEMENTS} fragments of pixels")
            found.append((at, length))
            self.at += length

    def _padding(self, start: int) -> bool:
        """Whether nothing but zeros, or fewer bytes than an element has, follow to the end."""
        left = self.size - start
        if left >= 8 and self.peek(4) != bytes(4):
            return False
        rest = self.peek(min(left, 2**20))
        if left > len(rest) or (left >= 8 and rest.strip(b"\0")):
            return False
        self.notes.append(f"{left} bytes behind the last element, at byte {start}")
        self.at = self.size
        return True

    def peek(self, count: int) -> bytes:
        """The next bytes, fewer at the end of the file."""
        start = self.at
        found = self._read(min(count, self.size - start))
        self.at = start
        return found

    def _read(self, count: int) -> bytes:
        start, end = self.at, self.at + count
        if end > self.size:
            raise Refused(f"the file is cut short at byte {start}")
        inside = start - self._base
        if inside < 0 or inside + count > len(self._window):
            self.file.seek(start)
            self._window, self._base, inside = self.file.read(max(count, WINDOW)), start, 0
            if len(self._window) < count:
                raise Refused(f"the file became shorter while it was read, at byte {start}")
        self.at = end
        return self._window[inside : inside + count]


@lru_cache(maxsize=4096)
def _looked_up(tag: int) -> str:
    """The representation of a tag in implicit files; ``UN`` where the dictionary has none."""
    if tag & 0xFFFF == 0:
        return "UL"  # a group's length
    if not dictionary_has_tag(tag):
        return "UN"
    # `US or SS` depends on the pixels' sign; `OB or OW` is OW in implicit files (PS3.5 A.1).
    return {"US or SS": "US", "OB or OW": "OW", "US or OW": "US"}.get(
        found := dictionary_VR(tag), found
    )
