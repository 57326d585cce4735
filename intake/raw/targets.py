"""What a raw profile may say about an image: each name, what it holds, and where it goes."""

from __future__ import annotations

import re
from typing import NamedTuple

from intake.study import Kind


class Target(NamedTuple):
    """A name that a profile may use. ``to`` is the place in the model, ``#`` its number."""

    holds: str
    """``text``, ``name``, ``date``, ``time``, ``number``, ``whole``, or words joined by ``|``."""
    to: str


_NUMBERED = {
    "window": {
        "name": Target("text", "windows[#].name"),
        "lower_kev": Target("number", "windows[#].ranges[0].lower"),
        "upper_kev": Target("number", "windows[#].ranges[0].upper"),
    },
    "detector": {
        "name": Target("text", "detectors[#].name"),
        "label": Target("text", "detectors[#].label"),
        "view": Target(
            "anterior|posterior|left lateral|right lateral|left anterior oblique"
            "|right anterior oblique|left posterior oblique|right posterior oblique",
            "detectors[#].view",
        ),
        "collimator": Target("text", "detectors[#].collimator"),
        "radius_mm": Target("number", "detectors[#].radius[0]"),
        "start_angle": Target("number", "detectors[#].start_angle"),
    },
    "phase": {
        "frames": Target("whole", "phases[#].frames"),
        "duration_ms": Target("number", "phases[#].duration"),
        "delay_ms": Target("number", "phases[#].delay"),
        "pause_ms": Target("number", "phases[#].pause"),
    },
    "isotope": {
        "nuclide": Target("text", "isotopes[#].nuclide"),
        "agent": Target("text", "isotopes[#].agent"),
        "dose_mbq": Target("number", "isotopes[#].dose_mbq"),
    },
}

_SINGLE = {
    "patient.name": Target("name", "patient.name"),
    "patient.id": Target("text", "patient.id"),
    "patient.birth_date": Target("date", "patient.birth_date"),
    "patient.sex": Target("M|F|O", "patient.sex"),
    "patient.weight_kg": Target("number", "patient.weight_kg"),
    "patient.size_m": Target("number", "patient.size_m"),
    "study.id": Target("text", "visit.id"),
    "study.description": Target("text", "visit.description"),
    "study.date": Target("date", "visit.date"),
    "study.time": Target("time", "visit.time"),
    "study.accession": Target("text", "visit.accession"),
    "study.referring": Target("name", "visit.referring"),
    "study.operator": Target("name", "visit.operator"),
    "study.series": Target("text", "visit.series"),
    "acquisition.date": Target("date", "visit.acquisition_date"),
    "acquisition.time": Target("time", "visit.acquisition_time"),
    "equipment.manufacturer": Target("text", "equipment.manufacturer"),
    "equipment.model": Target("text", "equipment.model"),
    "equipment.station": Target("text", "equipment.station"),
    "equipment.serial": Target("text", "equipment.serial"),
    "equipment.software": Target("text", "equipment.software"),
    "equipment.institution": Target("text", "equipment.institution"),
    "equipment.department": Target("text", "equipment.department"),
    "rotation.direction": Target("CW|CCW", "rotations[0].clockwise"),
    "rotation.start_angle": Target("number", "rotations[0].start_angle"),
    "rotation.extent": Target("number", "rotations[0].extent"),
    "rotation.duration_ms": Target("number", "rotations[0].duration"),
    "rotation.motion": Target("STEP AND SHOOT|CONTINUOUS", "rotations[0].motion"),
    "rotation.orbit": Target("circular|non-circular", "rotations[0].orbit"),
    "gate.slot_ms": Target("number", "gating.gates[0].frame_time"),
    "gate.low_ms": Target("number", "gating.gates[0].low"),
    "gate.high_ms": Target("number", "gating.gates[0].high"),
    "gate.accepted": Target("whole", "gating.gates[0].acquired"),
    "gate.rejected": Target("whole", "gating.gates[0].rejected"),
    "gate.heart_rate": Target("number", "gating.heart_rate"),
    "gate.framing": Target("FORW|BACK|PCNT", "gating.framing"),
    "slice.thickness_mm": Target("number", "slices.thickness"),
    "slice.spacing_mm": Target("number", "slices.spacing"),
    "slice.orientation": Target("text", "slices.orientation"),
    "pixel.row_mm": Target("number", "spacing[0]"),
    "pixel.column_mm": Target("number", "spacing[1]"),
    "frame.duration_ms": Target("number", "duration"),
    "frame.body_part": Target("text", "body_part"),
    "frame.posture": Target("supine|prone|left|right", "posture"),
    "frame.entry": Target("head first|feet first", "head_first"),
    "frame.total_counts": Target("number", "counts"),
    "scale.slope": Target("number", "scale.slope"),
    "scale.intercept": Target("number", "scale.intercept"),
    "scale.unit": Target("text", "scale.unit"),
    "wholebody.velocity_mm_s": Target("number", "scan_velocity"),
    "wholebody.length_mm": Target("number", "scan_length"),
}

_PATTERN = re.compile(r"(window|detector|phase|isotope)\.([1-9][0-9]?)\.([a-z_]+)")

LOOPS = {
    "window": "window",
    "detector": "detector",
    "view": "view",
    "slot": "slot",
    "slice": "slice",
    "frame": "time_slice",
}
"""Loops over the images, by the word of a profile, and the part of a Place they count."""

KINDS = {
    "static": Kind.STATIC,
    "whole body": Kind.WHOLE_BODY,
    "dynamic": Kind.DYNAMIC,
    "gated": Kind.GATED,
    "tomo": Kind.TOMO,
    "gated tomo": Kind.GATED_TOMO,
    "recon tomo": Kind.RECON_TOMO,
    "recon gated tomo": Kind.RECON_GATED_TOMO,
}

NEEDED = {
    Kind.DYNAMIC: ("phase.1.frames", "phase.1.duration_ms"),
    Kind.GATED: ("gate.slot_ms",),
    Kind.TOMO: ("rotation.direction", "rotation.start_angle", "rotation.extent"),
    Kind.GATED_TOMO: (
        "rotation.direction",
        "rotation.start_angle",
        "rotation.extent",
        "gate.slot_ms",
    ),
    Kind.RECON_GATED_TOMO: ("gate.slot_ms",),
}
"""Without these a study of the kind says nothing; nobody guesses them."""


def target(name: str) -> Target | None:
    """What a name holds and where it goes, or None."""
    if name in _SINGLE:
        return _SINGLE[name]
    match = _PATTERN.fullmatch(name)
    if not match:
        return None
    found = _NUMBERED[match[1]].get(match[3])
    return found and Target(found.holds, found.to.replace("#", str(int(match[2]) - 1)))


def names() -> list[str]:
    """Every name, numbered ones with 1."""
    numbered = [f"{group}.1.{part}" for group, parts in _NUMBERED.items() for part in parts]
    return [*_SINGLE, *numbered]
