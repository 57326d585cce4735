"""What an acquisition must hold to: sizes that are possible, parts that agree with each other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from intake.refused import Refused
from intake.study import Acquisition, Kind, Pixels

MAX_SIDE = 8192
"""Rows or columns: the largest detector has 1024 pixels, a whole body 4096 rows."""
MAX_FRAMES = 32767
"""A vector has 16 bits a frame and its length is 16 bits itself (VR US, explicit)."""
MAX_BYTES = 2**31 - 1
"""Of pixels in one object; DICOM's length is 32 bits, its readers' often 31."""


def check_size(rows: int, columns: int, frames: int, bytes_each: int, line: int = 0) -> int:
    """The bytes that such images take; refused before anything is allocated when out of bounds."""
    for name, value, most in (
        ("rows", rows, MAX_SIDE),
        ("columns", columns, MAX_SIDE),
        ("images", frames, MAX_FRAMES),
    ):
        if not 1 <= value <= most:
            raise Refused(f"{value} {name}: between 1 and {most} are possible", line)
    total = rows * columns * frames * bytes_each
    if total > MAX_BYTES:
        raise Refused(f"the images would take {total} bytes; {MAX_BYTES} are the limit", line)
    return total


def check(acquisition: Acquisition) -> Acquisition:
    """The same acquisition, or Refused when its parts contradict each other."""
    pixels, kind = acquisition.pixels, acquisition.kind
    if pixels.ndim != 3:
        raise Refused(f"pixels have {pixels.ndim} dimensions; frames, rows, columns are needed")
    check_size(acquisition.rows, acquisition.columns, len(pixels), pixels.dtype.itemsize)
    if len(acquisition.places) != len(pixels):
        raise Refused(f"{len(pixels)} images, but places for {len(acquisition.places)}")
    if len(set(acquisition.places)) != len(acquisition.places) and kind is not Kind.STATIC:
        raise Refused("two images have the same place in the study")
    for part, wanted in (
        ("phases", kind is Kind.DYNAMIC),
        ("rotations", kind.projected),
        ("gating", kind.gated),
        ("slices", kind.reconstructed),
    ):
        if wanted and not getattr(acquisition, part):
            raise Refused(f"a {kind.value} study without {part}")
    for name, most in _ends(acquisition):
        values = {int(getattr(place, name)) for place in acquisition.places}
        if min(values) < 1 or max(values) > most:
            raise Refused(f"an image belongs to {name} {max(values)} of {most}")
    return acquisition


def _ends(acquisition: Acquisition) -> Iterable[tuple[str, int]]:
    """The largest number that each part of a place may have."""
    yield "window", len(acquisition.windows)
    yield "detector", len(acquisition.detectors)
    yield "phase", max(1, len(acquisition.phases))
    yield "rotation", max(1, len(acquisition.rotations))
    yield "time_slice", max([1, *(each.frames for each in acquisition.phases)])
    yield "view", max([1, *(each.frames for each in acquisition.rotations)])
    gates = acquisition.gating.gates if acquisition.gating else ()
    yield "gate", max(1, len(gates))
    yield "slot", max([1, *(each.slots for each in gates)])
    yield "slice", acquisition.slices.count if acquisition.slices else 1


def native(pixels: Pixels) -> Pixels:
    """The same numbers in this machine's byte order."""
    return np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))
