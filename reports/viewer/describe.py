"""What a browser is told of an image: JSON beside its pixels."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from pydicom.dataset import Dataset

from reports.viewer import nm, said, times
from reports.viewer.pixels import Array


@dataclass(frozen=True)
class Mapping:
    """From a stored value to what it stands for (C.11.1, C.7.6.16.2.11)."""

    slope: float
    intercept: float
    units: str
    source: str
    """``real-world`` or ``rescale``."""


@dataclass(frozen=True)
class Range:
    """The least and the most of some pixels, and the window that is suggested for them.

    From nothing to the most: half the colours are half the counts, in every study.
    """

    least: float
    most: float
    low: float
    high: float


def about(data: Dataset, found: Array) -> dict[str, Any]:
    """All of it. ``found`` is what reports/viewer/pixels.py made of the pixels."""
    count = len(found)
    named = nm.frames(data, count)
    kind, colours, own = nm.kind(data), found.ndim == 4, mapping(data)
    return {
        "kind": kind,
        "frames": [frame(each, ranges(found[number])) for number, each in enumerate(named)],
        "rows": found.shape[1],
        "columns": found.shape[2],
        "spacing": spacing(data),
        "type": "rgb" if colours else found.dtype.name,
        "inverted": said.text(data, "PhotometricInterpretation") == "MONOCHROME1",
        "mapping": asdict(own) if own else None,
        "alone": kind in nm.ALONE,
        "same": nm.LOOPS.get(kind, ()),
        "rate": times.rate(data, "GATED" in kind),
        "missing": nm.missing(data, count),
        "label": said.text(data, "SeriesDescription"),
        "comments": said.text(data, "ImageComments"),
        **asdict(ranges(found)),
    }


def ranges(found: Array) -> Range:
    """Of one frame or of all."""
    if found.dtype.kind == "f":
        least, most = float(found.min()), float(found.max())
        return Range(least, most, 0, most if most > 0 else 1)
    least, most = int(found.min()), int(found.max())
    return Range(least, most, 0, max(1, most))


def frame(found: nm.Frame, own: Range) -> dict[str, Any]:
    """One of them, without what the object does not say."""
    told = asdict(found)
    flat = {**told.pop("place"), **told}
    # "window" is in both: the name wins, its number is "window_number".
    flat["window_number"] = found.place.window
    rounded = {
        key: round(value, 4) if isinstance(value, float) else value
        for key, value in flat.items()
        if value not in (None, "")
    }
    return {**rounded, **asdict(own)}


def spacing(data: Dataset) -> list[float] | None:
    """Between rows, between columns, mm."""
    found = said.numbers(data, "PixelSpacing") or said.numbers(data, "ImagerPixelSpacing")
    fits = len(found) == 2 and all(0.001 < each < 1000 for each in found)
    return found if fits and 0.05 < found[0] / found[1] < 20 else None


def mapping(data: Dataset) -> Mapping | None:
    """What the object says of it, if that is anything."""
    real = said.item(data, "RealWorldValueMappingSequence")
    units = said.text(said.item(real, "MeasurementUnitsCodeSequence"), "CodeMeaning")
    found = (
        (real, "RealWorldValueSlope", "RealWorldValueIntercept", units, "real-world"),
        (data, "RescaleSlope", "RescaleIntercept", said.text(data, "RescaleType"), "rescale"),
    )
    for where, slope, intercept, unit, source in found:
        a, b = said.number(where, slope), said.number(where, intercept)
        if a and b is not None and (a, b) != (1, 0) and math.isfinite(a * b):
            return Mapping(a, b, unit or said.text(data, "Units"), source)
    return None
