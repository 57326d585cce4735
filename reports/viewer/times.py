"""When a frame was taken and for how long (PS3.3, C.8.4.12, C.8.4.14, C.8.4.15), in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from reports.viewer import said
from reports.viewer.place import Place

DYNAMIC_RATE = 8.0
"""Frames a second of a cine that has no time of its own to keep."""
FASTEST = 30.0


@dataclass(frozen=True)
class Span:
    """Seconds; None where the object does not say."""

    start: float | None = None
    duration: float | None = None


def _seconds(data: Dataset, keyword: str) -> float | None:
    found = said.number(data, keyword)
    return None if found is None or found < 0 else found / 1000


def plain(data: Dataset, places: Sequence[Place]) -> list[Span]:
    """Static and whole body: a duration, and no order in time."""
    return [Span(None, _seconds(data, "ActualFrameDuration"))] * len(places)


def phases(data: Dataset, places: Sequence[Place]) -> list[Span]:
    """Dynamic: delays, durations and pauses of the phases, one after the other."""
    begins: dict[int, float | None] = {}
    at: float | None = 0.0
    for number, phase in enumerate(said.items(data, "PhaseInformationSequence"), 1):
        each = _seconds(phase, "ActualFrameDuration")
        pause = _seconds(phase, "PauseBetweenFrames") or 0.0
        many = said.whole(phase, "NumberOfFramesInPhase", 0)
        begins[number] = begun = None if at is None else at + (_seconds(phase, "PhaseDelay") or 0)
        # A pause lies between two frames, and the next phase's delay after the last.
        long = None if each is None else many * each + max(0, many - 1) * pause
        at = None if begun is None or long is None else begun + long
    ranks = _ranks(places)
    return [
        _in_phase(data, place.phase or 1, rank, begins)
        for place, rank in zip(places, ranks, strict=True)
    ]


def _ranks(places: Sequence[Place]) -> list[int | None]:
    # Some count time slices from 1 in each phase, as they should, some go on counting.
    steps: dict[int, set[int]] = {}
    for place in places:
        if place.step is not None:
            steps.setdefault(place.phase or 1, set()).add(place.step)
    order = {
        phase: {step: n for n, step in enumerate(sorted(seen))} for phase, seen in steps.items()
    }
    return [None if place.step is None else order[place.phase or 1][place.step] for place in places]


def _in_phase(
    data: Dataset, number: int, rank: int | None, begins: dict[int, float | None]
) -> Span:
    phase = said.item(data, "PhaseInformationSequence", number)
    each = _seconds(phase, "ActualFrameDuration")
    begun = begins.get(number)
    if each is None or rank is None or begun is None:
        return Span(None, each)
    return Span(begun + rank * (each + (_seconds(phase, "PauseBetweenFrames") or 0.0)), each)


def beats(data: Dataset, places: Sequence[Place]) -> list[Span]:
    """Gated: a slot's time after the R wave. A beat is not when, so no phases are added up."""
    known: dict[int, list[float]] = {}
    made = []
    for place in places:
        number = place.interval or 1
        slots = known.setdefault(number, slot_times(data, number))
        if place.slot is None or not 1 <= place.slot <= len(slots):
            made.append(Span())
        else:
            made.append(Span(sum(slots[: place.slot - 1]), slots[place.slot - 1]))
    return made


def slot_times(data: Dataset, interval: int) -> list[float]:
    """The seconds of each slot of an R-R interval; empty where nothing tells."""
    gated = said.item(data, "GatedInformationSequence")
    about = said.item(gated, "DataInformationSequence", interval)
    listed = [
        _seconds(each, "TimeSlotTime") for each in said.items(about, "TimeSlotInformationSequence")
    ]
    known = [each for each in listed if each]
    if known and len(known) == len(listed):
        return known
    many = max(1, min(1000, said.whole(data, "NumberOfTimeSlots", len(listed))))
    frame = _seconds(about, "FrameTime")
    if not frame:
        beat = _beat(data, about)
        frame = beat / many if beat else None
    return [frame] * many if frame else []


def _beat(data: Dataset, about: Dataset) -> float | None:
    nominal = _seconds(about, "NominalInterval") or _seconds(data, "NominalInterval")
    rate = said.number(data, "HeartRate")
    return nominal or (60 / rate if rate and rate > 0 else None)


def turns(data: Dataset, places: Sequence[Place]) -> list[Span]:
    """Tomo: each projection as long as its rotation says; one angle after the other."""
    return [_turn(data, place.rotation or 1, place.turn) for place in places]


def _turn(data: Dataset, rotation: int, turn: int | None) -> Span:
    about = said.item(data, "RotationInformationSequence", rotation)
    each = _seconds(about, "ActualFrameDuration")
    return Span(None, each) if each is None or turn is None else Span((turn - 1) * each, each)


def rate(data: Dataset, gated: bool) -> float:
    """Frames a second of its cine: a gated one beats as the heart did."""
    if gated:
        slots = slot_times(data, 1)
        own = len(slots) / sum(slots) if slots else DYNAMIC_RATE
    else:
        frame = _seconds(data, "FrameTime")
        own = 1 / frame if frame else DYNAMIC_RATE
    return round(min(FASTEST, max(0.5, own)), 2)
