"""Where a frame belongs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """What a frame's vectors say, counted from 1; None where the object does not."""

    window: int | None = None
    detector: int | None = None
    phase: int | None = None
    rotation: int | None = None
    interval: int | None = None
    slot: int | None = None
    slice: int | None = None
    turn: int | None = None
    step: int | None = None
