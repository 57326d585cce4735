"""The values that a profile found, as an acquisition."""

from __future__ import annotations

from typing import Any

from intake.refused import Refused
from intake.study import (
    Acquisition,
    Detector,
    Equipment,
    Gate,
    Gating,
    Isotope,
    Kind,
    Patient,
    Phase,
    Pixels,
    Place,
    Range,
    Rotation,
    Scale,
    Slices,
    Visit,
    Window,
)

Values = dict[str, Any]


def assemble(kind: Kind, pixels: Pixels, places: tuple[Place, ...], values: Values) -> Acquisition:
    """An acquisition of what was found; what is not there stays empty."""
    head = values.get("head_first")
    spacing = (values.get("spacing[0]"), values.get("spacing[1]"))
    return Acquisition(
        kind,
        pixels,
        places,
        patient=Patient(**_under(values, "patient")),
        visit=Visit(**_under(values, "visit")),
        equipment=Equipment(**_under(values, "equipment")),
        isotopes=tuple(Isotope(**each) for each in _numbered(values, "isotopes")),
        windows=_windows(values, max(place.window for place in places)),
        detectors=_detectors(values, max(place.detector for place in places)),
        phases=tuple(_phase(each) for each in _numbered(values, "phases")),
        rotations=_rotations(kind, places, values),
        gating=_gating(kind, places, values),
        slices=_slices(kind, places, values),
        spacing=None if spacing[0] is None or spacing[1] is None else (spacing[0], spacing[1]),
        duration=values.get("duration"),
        head_first=None if head is None else head == "head first",
        posture=values.get("posture", ""),
        body_part=values.get("body_part", ""),
        scale=Scale(**_under(values, "scale")),
        scan_velocity=values.get("scan_velocity"),
        scan_length=values.get("scan_length"),
        counts=values.get("counts"),
    )


def _under(values: Values, group: str) -> Values:
    """``patient.name`` as ``name``, for one group."""
    start = f"{group}."
    return {key[len(start) :]: value for key, value in values.items() if key.startswith(start)}


def _numbered(values: Values, group: str) -> list[Values]:
    """``phases[0].frames`` … as a list of blocks, without holes."""
    found: list[Values] = []
    while block := _under(values, f"{group}[{len(found)}]"):
        found.append(block)
    beyond = [key for key in values if key.startswith(f"{group}[")]
    if len(beyond) != sum(map(len, found)):
        raise Refused(f"the profile has values for more {group} than it numbers from 1 on")
    return found


def _windows(values: Values, count: int) -> tuple[Window, ...]:
    found = []
    for each in _numbered(values, "windows"):
        limits = Range(each.get("ranges[0].lower"), each.get("ranges[0].upper"))
        if None not in limits and (limits.lower or 0) > (limits.upper or 0):
            raise Refused(f"an energy window from {limits.lower} to {limits.upper} keV")
        ranges = (limits,) if limits != Range(None, None) else ()
        found.append(Window(each.get("name", ""), ranges))
    return (*found, *[Window()] * (count - len(found)))


def _detectors(values: Values, count: int) -> tuple[Detector, ...]:
    found = []
    for each in _numbered(values, "detectors"):
        radius = each.pop("radius[0]", None)
        found.append(Detector(**each, radius=() if radius is None else (radius,)))
    return (*found, *[Detector()] * (count - len(found)))


def _phase(block: Values) -> Phase:
    if "frames" not in block or "duration" not in block:
        raise Refused("a phase needs its number of frames and their duration")
    return Phase(**block)


def _rotations(kind: Kind, places: tuple[Place, ...], values: Values) -> tuple[Rotation, ...]:
    if not kind.projected:
        return ()
    views = max(place.view for place in places)
    block = _under(values, "rotations[0]")
    block["clockwise"] = block["clockwise"] == "CW"
    return (Rotation(frames=views, step=block["extent"] / views, **block),)


def _gating(kind: Kind, places: tuple[Place, ...], values: Values) -> Gating | None:
    if not kind.gated:
        return None
    gate = Gate(slots=max(place.slot for place in places), **_under(values, "gating.gates[0]"))
    rest = {
        key: values[f"gating.{key}"]
        for key in ("heart_rate", "framing")
        if f"gating.{key}" in values
    }
    return Gating((gate,), **rest)


def _slices(kind: Kind, places: tuple[Place, ...], values: Values) -> Slices | None:
    if not kind.reconstructed:
        return None
    return Slices(max(place.slice for place in places), **_under(values, "slices"))
