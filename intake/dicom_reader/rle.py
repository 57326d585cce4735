"""DICOM's RLE (PS3.5 G): byte planes, each packed as PackBits, never longer than the image."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from intake.refused import Refused


def decode(data: bytes, pixels: int, width: int) -> npt.NDArray[np.uint8]:
    """One frame as bytes, ``width`` to a pixel, most significant first."""
    if len(data) < 64:
        raise Refused("a frame compressed by RLE is shorter than its header")
    count, *offsets = struct.unpack("<16I", data[:64])
    if count != width:
        raise Refused(f"a frame compressed by RLE has {count} planes, {width} are expected")
    ends = [*offsets[1:count], len(data)]
    found = np.empty((pixels, width), dtype=np.uint8)
    for plane, (start, end) in enumerate(zip(offsets[:count], ends, strict=True)):
        if not 64 <= start <= end <= len(data):
            raise Refused("the planes of a frame compressed by RLE lie outside of it")
        found[:, plane] = np.frombuffer(_unpack(data[start:end], pixels), dtype=np.uint8)
    return found.reshape(-1)


def _unpack(data: bytes, size: int) -> bytes:
    """PackBits (PS3.5 G.3.2): n < 128: n+1 bytes as they stand; n > 128: one byte 257-n times."""
    found = bytearray()
    at = 0
    while at < len(data) and len(found) < size:
        code = data[at]
        if code < 128:
            found += data[at + 1 : at + 2 + code]
            at += 2 + code
        elif code > 128:
            found += data[at + 1 : at + 2] * (257 - code)
            at += 2
        else:
            at += 1
    if len(found) != size:
        raise Refused(f"a plane compressed by RLE gives {len(found)} bytes, not {size}")
    return bytes(found)
