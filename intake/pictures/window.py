"""Counts to 256 levels: which counts are the darkest and the brightest, and who said so."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from intake.refused import Refused
from intake.study import Kind, Pixels

Levels = npt.NDArray[np.uint8]
_WINDOW = re.compile(r"(-?\d+(?:\.\d+)?)(%?):(-?\d+(?:\.\d+)?)(%?)")


@dataclass(frozen=True)
class Window:
    """From these counts (level 0) to those (level 255); what lies outside is cut there."""

    low: float
    high: float

    def levels(self, frame: Pixels) -> Levels:
        """Each pixel's level; all 0 when every count is the same."""
        if self.high <= self.low:
            return np.zeros(frame.shape, dtype=np.uint8)
        # Doubles: a difference of 32 bit counts must not wrap.
        part = (frame.astype(np.float64) - self.low) * (256 / (self.high - self.low))
        return np.clip(np.floor(part), 0, 255).astype(np.uint8)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Ask:
    """What an operator asked for: limits in counts, or in percent of the largest."""

    low: float
    high: float
    percent: tuple[bool, bool] = (False, False)

    def of(self, top: float) -> Window:
        """The window, where ``top`` is the largest count."""
        low = top * self.low / 100 if self.percent[0] else self.low
        high = top * self.high / 100 if self.percent[1] else self.high
        return Window(low, high)


def parse(text: str) -> Ask:
    """``0:500``, ``10%:80%``; Refused when it is neither."""
    match = _WINDOW.fullmatch(text)
    if not match:
        raise Refused(f"the window {text!r} is not LOW:HIGH", 0, "as 0:500 counts, or 10%:80%")
    low, high = float(match[1]), float(match[3])
    percent = (bool(match[2]), bool(match[4]))
    if percent[0] == percent[1] and high <= low:
        raise Refused(f"the window {text!r} ends before it begins")
    return Ask(low, high, percent)


def windows(pixels: Pixels, kind: Kind, ask: Ask | None) -> tuple[list[Window], str]:
    """One window a frame, and how it was found.

    The frames of a series are compared with each other, so they share one window; static images
    stand for themselves. The floor is zero counts, or the smallest where counts are negative.
    """
    alone = kind in {Kind.STATIC, Kind.WHOLE_BODY}
    tops = [float(frame.max()) for frame in pixels]
    if not np.isfinite(tops).all():
        raise Refused("some pixels are no finite numbers: no window can show them")
    top = max(tops)
    if ask:
        each = [ask.of(own if alone else top) for own in tops]
        return each, "as asked" + (
            ", of each image's largest" if any(ask.percent) and alone else ""
        )
    floor = min(0.0, float(pixels.min()))
    if alone:
        return [Window(floor, own) for own in tops], "to the largest count of each image"
    return [Window(floor, top)] * len(tops), "to the largest count of the series"
