"""What each frame of a nuclear medicine image is (PS3.3, C.8.4): vectors and their sequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pydicom.dataset import Dataset

from reports.viewer import said, times
from reports.viewer.place import Place

VECTORS = {
    "window": "EnergyWindowVector",
    "detector": "DetectorVector",
    "phase": "PhaseVector",
    "rotation": "RotationVector",
    "interval": "RRIntervalVector",
    "slot": "TimeSlotVector",
    "slice": "SliceVector",
    "turn": "AngularViewVector",
    "step": "TimeSliceVector",
}
BASE = ("window", "detector")
POINTERS = {  # C.8.4.8.1.1: what the frames of a kind are counted by
    "STATIC": BASE,
    "WHOLE BODY": BASE,
    "DYNAMIC": (*BASE, "phase", "step"),
    "GATED": (*BASE, "interval", "slot"),
    "TOMO": (*BASE, "rotation", "turn"),
    "GATED TOMO": (*BASE, "rotation", "interval", "slot", "turn"),
    "RECON TOMO": ("slice",),
    "RECON GATED TOMO": ("interval", "slot", "slice"),
}
LOOPS = {  # what stays the same while a cine of that kind runs
    "DYNAMIC": BASE,
    "GATED": (*BASE, "interval"),
    "TOMO": ("window", "rotation"),
    "GATED TOMO": (*BASE, "rotation", "interval", "turn"),
    "RECON GATED TOMO": ("interval", "slice"),
}
ALONE = frozenset({"STATIC", "WHOLE BODY"})
"""Kinds whose frames are pictures of their own, each with its window of counts."""


@dataclass(frozen=True)
class Frame:
    """A frame as its caption names it. Times in seconds, from the beginning of the first."""

    place: Place
    loop: int
    """The cine it belongs to, counted from 0."""
    window: str = ""
    view: str = ""
    view_code: str = ""
    """SNOMED CT's code of the view (CID 26), by which it is translated."""
    angle: float | None = None
    position: float | None = None
    """A slice's place along its axis, mm."""
    start: float | None = None
    duration: float | None = None


def kind(data: Dataset) -> str:
    """Image Type, value 3 (C.8.4.9.1.1.3), or the modality of what is no NM image."""
    types = said.raw(data, "ImageType")
    listed = types if isinstance(types, list) or hasattr(types, "append") else []
    third = str(listed[2]).strip().upper()[:32] if len(listed) > 2 else ""
    return third if third in POINTERS else said.text(data, "Modality") or third


def missing(data: Dataset, count: int) -> list[str]:
    """The vectors that this kind of image must have and that are absent or of another length."""
    needed = POINTERS.get(kind(data), ())
    return [VECTORS[name] for name in needed if len(_vector(data, name)) != count]


def _vector(data: Dataset, name: str) -> list[int]:
    return [int(each) for each in said.numbers(data, VECTORS[name])]


def frames(data: Dataset, count: int) -> list[Frame]:
    """All of them, in the order of the pixels."""
    places = _places(data, count)
    same = LOOPS.get(kind(data), ())
    loops: dict[tuple[int | None, ...], int] = {}
    made = []
    for place in places:
        key = tuple(getattr(place, name) for name in same)
        made.append(_described(data, Frame(place, loops.setdefault(key, len(loops)))))
    spans = _timing(data)(data, places)
    return [
        replace(frame, start=span.start, duration=span.duration)
        for frame, span in zip(made, spans, strict=True)
    ]


def _places(data: Dataset, count: int) -> list[Place]:
    vectors = {name: _vector(data, name) for name in POINTERS.get(kind(data), ())}
    kept = {name: vector for name, vector in vectors.items() if len(vector) == count}
    return [
        Place(**{name: vector[number] for name, vector in kept.items()}) for number in range(count)
    ]


def _described(data: Dataset, frame: Frame) -> Frame:
    place = frame.place
    detector = said.item(data, "DetectorInformationSequence", place.detector or 1)
    view = said.item(detector, "ViewCodeSequence")
    gap = said.number(data, "SpacingBetweenSlices")
    along = None if place.slice is None or gap is None else (place.slice - 1) * gap + 0.0
    return replace(
        frame,
        window=_window(said.item(data, "EnergyWindowInformationSequence", place.window or 1)),
        view=said.text(view, "CodeMeaning"),
        view_code=said.text(view, "CodeValue"),
        angle=_angle(data, detector, place),
        position=along,
    )


def _window(window: Dataset) -> str:
    name = said.text(window, "EnergyWindowName")
    bounds = said.item(window, "EnergyWindowRangeSequence")
    low = said.number(bounds, "EnergyWindowLowerLimit")
    high = said.number(bounds, "EnergyWindowUpperLimit")
    keV = f"{low:g}\N{EN DASH}{high:g} keV" if low is not None and high is not None else ""  # noqa: N806 - the unit's name
    return " ".join(each for each in (name, keV) if each)


def _angle(data: Dataset, detector: Dataset, place: Place) -> float | None:
    """C.8.4.12: zero at the back, growing counter-clockwise as seen from the feet."""
    if place.turn is None:
        return None
    turn = said.item(data, "RotationInformationSequence", place.rotation or 1)
    start, step = said.number(detector, "StartAngle"), said.number(turn, "AngularStep")
    if start is None:  # one detector has the rotation's; several have each its own (C.8.4.11)
        start = said.number(turn, "StartAngle")
    if start is None or step is None:
        return None
    way = -1 if said.text(turn, "RotationDirection") == "CW" else 1
    return (start + way * step * (place.turn - 1)) % 360


def _timing(data: Dataset) -> Callable[[Dataset, list[Place]], list[times.Span]]:
    what = kind(data)
    if what == "DYNAMIC":
        return times.phases
    if "GATED" in what:
        return times.beats
    return times.turns if what == "TOMO" else times.plain
