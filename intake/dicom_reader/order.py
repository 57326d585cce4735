"""Which frame is what: the vectors, and the phases, rotations, gates and slices they count."""

from __future__ import annotations

from typing import NamedTuple

from intake.dicom_reader.codes import CUTS
from intake.dicom_reader.source import Source
from intake.refused import Refused
from intake.study import Gate, Gating, Kind, Phase, Place, Rotation, Slices


class Axis(NamedTuple):
    """A vector with the element that says how many values it counts to."""

    part: str
    vector: str
    total: str


AXES = (
    Axis("window", "EnergyWindowVector", "NumberOfEnergyWindows"),
    Axis("detector", "DetectorVector", "NumberOfDetectors"),
    Axis("phase", "PhaseVector", "NumberOfPhases"),
    Axis("rotation", "RotationVector", "NumberOfRotations"),
    Axis("gate", "RRIntervalVector", "NumberOfRRIntervals"),
    Axis("slot", "TimeSlotVector", "NumberOfTimeSlots"),
    Axis("slice", "SliceVector", "NumberOfSlices"),
    Axis("view", "AngularViewVector", ""),
    Axis("time_slice", "TimeSliceVector", ""),
)
WANTED = {
    Kind.STATIC: ("window", "detector"),
    Kind.WHOLE_BODY: ("window", "detector"),
    Kind.DYNAMIC: ("window", "detector", "phase", "time_slice"),
    Kind.GATED: ("window", "detector", "gate", "slot"),
    Kind.TOMO: ("window", "detector", "rotation", "view"),
    Kind.GATED_TOMO: ("window", "detector", "rotation", "gate", "slot", "view"),
    Kind.RECON_TOMO: ("slice",),
    Kind.RECON_GATED_TOMO: ("gate", "slot", "slice"),
}
"""The axes of each kind (PS3.3 table C.8-8)."""


def places(source: Source, kind: Kind, frames: int) -> tuple[Place, ...]:
    """Where each frame belongs, by the vectors; Refused where they leave it open."""
    source.mark("FrameIncrementPointer", "places")
    columns: dict[str, list[int]] = {}
    for axis in AXES:
        found = source.numbers(axis.vector)
        count = source.whole(axis.total) if axis.total else None
        if not found:
            if axis.part in WANTED[kind] and frames > 1 and count != 1:
                _missing(source, axis, kind, frames, count)
            continue
        if len(found) != frames:
            raise Refused(f"{axis.vector} has {len(found)} values for {frames} images")
        if min(found) < 1 or (count and max(found) > count):
            worst = min(found) if min(found) < 1 else max(found)
            raise Refused(f"{axis.vector} counts to {worst:.0f}, {axis.total or 1} is {count or 1}")
        if not count and max(found) > frames:
            raise Refused(f"{axis.vector} counts to {max(found):.0f} in {frames} images")
        if axis.part in WANTED[kind]:
            source.numbers(axis.vector, "places")
            columns[axis.part] = [int(each) for each in found]
        elif max(found) > 1:
            raise Refused(f"a {kind.value} study whose {axis.vector} counts to {max(found):.0f}")
    return tuple(
        Place(**{part: values[index] for part, values in columns.items()})
        for index in range(frames)
    )


def _missing(source: Source, axis: Axis, kind: Kind, frames: int, count: int | None) -> None:
    # A dimension of unknown size with several frames: which frame is which is not said.
    if count is None and axis.total and axis.part not in {"slot", "slice", "phase"}:
        source.account.derive(axis.part, 1, f"no {axis.vector} and no {axis.total}: one is meant")
        return
    raise Refused(f"{frames} images of a {kind.value} study without {axis.vector}")


def phases(source: Source) -> tuple[Phase, ...]:
    """The phases of a dynamic study."""
    found = []
    for number, item in enumerate(source.items("PhaseInformationSequence")):
        to = f"phases[{number}]"
        found.append(
            Phase(
                frames=int(item.need("NumberOfFramesInPhase", f"{to}.frames")),
                duration=item.need("ActualFrameDuration", f"{to}.duration"),
                delay=item.number("PhaseDelay", f"{to}.delay") or 0.0,
                pause=item.number("PauseBetweenFrames", f"{to}.pause") or 0.0,
            )
        )
    return tuple(found)


def rotations(source: Source) -> tuple[Rotation, ...]:
    """The turns of a tomographic study."""
    found = []
    motion = source.text("TypeOfDetectorMotion", "rotations[0].motion")
    for number, item in enumerate(source.items("RotationInformationSequence")):
        to = f"rotations[{number}]"
        direction = item.text("RotationDirection", f"{to}.clockwise")
        if direction not in {"CW", "CC"}:
            raise Refused(f"RotationDirection is {direction!r}, neither CW nor CC")
        frames = int(item.need("NumberOfFramesInRotation", f"{to}.frames"))
        step, extent = item.number("AngularStep"), item.number("ScanArc", f"{to}.extent")
        if step is not None:
            item.number("AngularStep", f"{to}.step")
        if extent is None and step is not None:
            extent = step * frames
            source.account.derive(f"{to}.extent", extent, "AngularStep x frames; no ScanArc")
        if extent is None or (step is None and not frames):
            raise Refused("a rotation without ScanArc and AngularStep")
        if step is None:
            step = extent / frames
            source.account.derive(f"{to}.step", step, "ScanArc / frames; no AngularStep")
        found.append(
            Rotation(
                frames=frames,
                clockwise=direction == "CW",
                start_angle=_start(source, item, to),
                extent=extent,
                step=step,
                duration=item.number("ActualFrameDuration", f"{to}.duration"),
                motion=motion if motion in {"STEP AND SHOOT", "CONTINUOUS"} else "",
            )
        )
    return tuple(found)


def _start(source: Source, item: Source, to: str) -> float:
    """Of the rotation, or else of its first detector (PS3.3 C.8.4.11 and C.8.4.12)."""
    found = item.number("StartAngle", f"{to}.start_angle")
    if found is None:
        for head in source.items("DetectorInformationSequence"):
            found = head.number("StartAngle", f"{to}.start_angle")
            break
    if found is None:
        raise Refused("a rotation without a start angle")
    return found


def gating(source: Source, slots: list[int]) -> Gating | None:
    """How the frames were sorted by the heart's cycle; ``slots`` of each window, by the vectors."""
    items = source.items("GatedInformationSequence")
    if not items:
        return None
    if len(items) > 1:
        raise Refused(f"{len(items)} items of gated information; one is read")
    item = items[0]
    gates = []
    for number, each in enumerate(item.items("DataInformationSequence")):
        to = f"gating.gates[{number}]"
        times = [
            slot.number("TimeSlotTime", f"{to}.slot_times")
            for slot in each.items("TimeSlotInformationSequence")
        ]
        known = tuple(time for time in times if time is not None)
        gates.append(
            Gate(
                slots=slots[number] if number < len(slots) else 0,
                frame_time=each.number("FrameTime", f"{to}.frame_time"),
                low=each.number("LowRRValue", f"{to}.low"),
                high=each.number("HighRRValue", f"{to}.high"),
                acquired=each.whole("IntervalsAcquired", f"{to}.acquired"),
                rejected=each.whole("IntervalsRejected", f"{to}.rejected"),
                slot_times=known if len(set(known)) > 1 else (),
            )
        )
    flag = item.text("BeatRejectionFlag", "gating.beat_rejection")
    flag = flag or source.text("BeatRejectionFlag", "gating.beat_rejection")
    rate = source.number("HeartRate", "gating.heart_rate")
    return Gating(
        tuple(gates),
        heart_rate=item.number("HeartRate", "gating.heart_rate") if rate is None else rate,
        framing=item.text("CardiacFramingType", "gating.framing"),
        beat_rejection={"Y": True, "N": False}.get(flag),
    )


def slices(source: Source, count: int) -> Slices:
    """Reconstructed slices; their orientation is the view of their detectors (C.8.4.11)."""
    codes = {
        item.code("ViewCodeSequence", "slices.orientation")[0]
        for item in source.items("DetectorInformationSequence")
    }
    return Slices(
        count,
        thickness=source.number("SliceThickness", "slices.thickness"),
        spacing=source.number("SpacingBetweenSlices", "slices.spacing"),
        orientation=CUTS.get(codes.pop(), "") if len(codes) == 1 else "",
        filter=source.text("ConvolutionKernel", "slices.filter"),
    )
