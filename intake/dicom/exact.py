"""Pixels in DICOM's 8 or 16 bits without a changed count, or a refusal.

NM images hold unsigned numbers of 8 or 16 bits and have no rescale (PS3.3 C.8.4.8). Where the
source's numbers are an exact line through such numbers, the line goes into a Real World Value
Mapping (C.7.6.16.2.11); where they are not, nothing is written.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from intake.refused import Refused
from intake.study import Pixels

FULL = 65535


@dataclass(frozen=True)
class Line:
    """``source = stored * slope + intercept``, exactly, in the source's type."""

    bits: int
    slope: float = 1.0
    intercept: float = 0.0

    @property
    def plain(self) -> bool:
        """Whether what is stored is what was measured."""
        return self.slope == 1.0 and self.intercept == 0.0


def find(pixels: Pixels) -> Line:
    """The line that holds every pixel; Refused when 16 bits cannot."""
    kind, size = pixels.dtype.kind, pixels.dtype.itemsize
    if kind == "u" and size <= 2:
        return Line(8 * size)
    low, high = pixels.min(), pixels.max()
    if kind == "f":
        return _of_floats(pixels, float(low), float(high))
    return _of_whole(pixels, int(low), int(high))


def _of_whole(pixels: Pixels, low: int, high: int) -> Line:
    if max(abs(low), abs(high)) > 2**53:
        raise Refused("pixels beyond 2^53 have no exact form in DICOM")
    if low >= 0 and high <= FULL:
        return Line(16)
    if high - low <= FULL:
        return Line(16, 1.0, float(low))
    step = 0
    for frame in pixels:
        step = math.gcd(step, int(np.gcd.reduce((frame.astype(np.int64) - low).reshape(-1))))
        if step == 1:
            break
    if (high - low) // step > FULL:
        raise Refused(
            f"pixels from {low} to {high}: DICOM's 16 bits cannot hold them exactly, and they "
            "are not rescaled"
        )
    return Line(16, float(step), float(low))


def _of_floats(pixels: Pixels, low: float, high: float) -> Line:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise Refused("some pixels are no finite numbers (NaN or infinite)")
    if all(bool((frame == np.rint(frame)).all()) for frame in pixels):
        if max(abs(low), abs(high)) > 2**53:
            raise Refused("pixels beyond 2^53 have no exact form in DICOM")
        return _of_whole(pixels, int(low), int(high))
    values = _different(pixels)
    slope = float(np.diff(values).min())
    line = Line(16, slope, float(values[0]))
    if (float(values[-1]) - float(values[0])) / slope <= FULL + 0.5 and _holds(line, pixels):
        return line
    raise Refused(
        "the pixels are fractions that DICOM's 16 bits cannot hold exactly; none is rounded"
    )


def _different(pixels: Pixels) -> Pixels:
    """The different values, in order; more than 16 bits can count are refused early."""
    found: Pixels = np.zeros(0, np.float64)
    for frame in pixels:
        found = np.union1d(found, frame.reshape(-1).astype(np.float64))
        if found.size > FULL + 1:
            raise Refused(
                "the pixels are fractions, more different ones than DICOM's 16 bits can count"
            )
    return found


def _holds(line: Line, pixels: Pixels) -> bool:
    for frame, kept in zip(pixels, stored(pixels, line, range(len(pixels))), strict=True):
        back = kept.astype(np.float64) * line.slope + line.intercept
        if not np.array_equal(back.astype(pixels.dtype), frame):
            return False
    return True


def stored(pixels: Pixels, line: Line, order: range | list[int]) -> Iterator[Pixels]:
    """Frame by frame as it is stored, little-endian; one frame's memory at a time."""
    dtype = np.dtype("<u2") if line.bits == 16 else np.dtype("u1")
    for index in order:
        frame = pixels[index]
        if line.plain:
            yield np.ascontiguousarray(frame, dtype=dtype)
        elif pixels.dtype.kind == "f":
            scaled = (frame.astype(np.float64) - line.intercept) / line.slope
            yield np.rint(scaled).astype(dtype)
        else:
            yield ((frame.astype(np.int64) - int(line.intercept)) // int(line.slope)).astype(dtype)
