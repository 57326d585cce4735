"""Animated GIF, every frame in it.

Pillow's own animations leave out frames that equal the one before, and empty frames are common in
a flow study. So Pillow compresses each frame alone (LZW), and the file around them is written
here (GIF89a). Delays are hundredths of a second; the rounding is carried on, so that the whole
lasts as long as asked.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from itertools import pairwise

from PIL import Image

from intake.pictures.palette import Colours
from intake.pictures.window import Levels
from intake.refused import Refused

MAX_SIDE = 65535
LEAST = 2
"""Hundredths: below, browsers take 10."""


def delays(count: int, milliseconds: float) -> list[int]:
    """The delay of each frame in hundredths; the sum is right to half of one."""
    each = max(milliseconds / 10, LEAST)
    ends = [round(each * number) for number in range(count + 1)]
    return [after - before for before, after in pairwise(ends)]


def chunks(
    frames: Iterator[Levels], size: tuple[int, int], colours: Colours, waits: list[int], said: str
) -> Iterator[bytes]:
    """The file, piece by piece; ``size`` is rows and columns, ``said`` its comment."""
    rows, columns = size
    if max(size) > MAX_SIDE:
        raise Refused(f"a picture of {rows} x {columns} is too large for GIF")
    yield b"GIF89a" + struct.pack("<HHBBB", columns, rows, 0xF7, 0, 0) + colours.tobytes()
    if len(waits) > 1:
        yield b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"  # for ever
    yield _comment(said)
    for frame, wait in zip(frames, waits, strict=True):
        # Disposal 1: the next frame covers this one; all are whole.
        yield struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 1 << 2, min(wait, 65535), 0, 0)
        yield _image(frame)
    yield b"\x3b"


def _comment(text: str) -> bytes:
    data = text.encode("ascii", "replace")
    parts = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"\x21\xfe" + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def _image(frame: Levels) -> bytes:
    """The image descriptor and its compressed data, without a palette of its own."""
    rows, columns = frame.shape
    picture = Image.frombytes("P", (columns, rows), frame.tobytes())
    picture.putpalette(bytes(range(256)) * 3)  # whole, so that Pillow leaves the numbers alone
    buffer = io.BytesIO()
    picture.save(buffer, "GIF", optimize=False, interlace=False)
    data = buffer.getvalue()
    start = 13 + 3 * (2 << (data[10] & 7))
    # Pillow may put extensions before the image.
    while data[start] == 0x21:
        start += 2
        while data[start]:
            start += data[start] + 1
        start += 1
    if data[start] != 0x2C or data[start + 9] or data[start + 10] != 8:
        raise AssertionError("Pillow wrote a GIF of another form")
    return data[start:-1]


def count(data: bytes) -> int:
    """How many images are in a GIF, by its blocks."""
    at, found = 13 + (3 * (2 << (data[10] & 7)) if data[10] & 0x80 else 0), 0
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            found += 1
            at += 11 + (3 * (2 << (data[at + 9] & 7)) if data[at + 9] & 0x80 else 0)
        else:
            at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    return found
