"""The sequences of an NM image: windows, detectors, phases, rotations, gates, slices."""

from __future__ import annotations

from intake.dicom import codes
from intake.dicom.encode import Item
from intake.dicom.modules import Set
from intake.refused import Refused
from intake.study import Acquisition, Detector, Gate, Isotope, Window


def isotope(acquisition: Acquisition) -> Set:
    """C.8.4.10."""
    return {
        "EnergyWindowInformationSequence": [_window(each) for each in acquisition.windows],
        "RadiopharmaceuticalInformationSequence": [_agent(each) for each in acquisition.isotopes],
    }


def _window(window: Window) -> Item:
    found: Set = {}
    if window.name:
        found["EnergyWindowName"] = window.name[:16]
    if window.ranges:
        found["EnergyWindowRangeSequence"] = [
            {"EnergyWindowLowerLimit": each.lower, "EnergyWindowUpperLimit": each.upper}
            for each in window.ranges
        ]
    return found  # type: ignore[return-value]


def _agent(isotope: Isotope) -> Item:
    coded = codes.nuclide(isotope.nuclide)
    found: Set = {"RadionuclideCodeSequence": [coded] if coded else []}
    if isotope.agent:
        found["Radiopharmaceutical"] = isotope.agent
    if isotope.dose_mbq is not None:
        found["RadionuclideTotalDose"] = isotope.dose_mbq
    if isotope.injected_time is not None:
        found["RadiopharmaceuticalStartTime"] = isotope.injected_time
    return found  # type: ignore[return-value]


def detector(acquisition: Acquisition) -> Set:
    """C.8.4.11: one item a detector, also for slices (the detector they are made of)."""
    view = acquisition.slices.orientation if acquisition.slices else ""
    return {
        "DetectorInformationSequence": [_detector(each, view) for each in acquisition.detectors]
    }


def _detector(detector: Detector, view: str) -> Item:
    found: Set = {
        "CollimatorType": detector.collimator_type,
        "ImageOrientationPatient": list(detector.orientation) or None,
        "ImagePositionPatient": list(detector.position) or None,
    }
    if detector.collimator:
        found["CollimatorGridName"] = detector.collimator
    coded = codes.VIEWS.get(detector.view or view)
    if coded:
        found["ViewCodeSequence"] = [coded]
    if detector.x_offset is not None:
        found["CenterOfRotationOffset"] = detector.x_offset
    if detector.radius:
        found["RadialPosition"] = list(detector.radius)
    if detector.start_angle is not None:
        found["StartAngle"] = detector.start_angle
    if detector.zoom is not None:
        found["ZoomFactor"] = [detector.zoom, detector.zoom]
    return found  # type: ignore[return-value]


def phases(acquisition: Acquisition) -> Set:
    """C.8.4.15."""
    return {
        "PhaseInformationSequence": [
            {
                "PhaseDelay": each.delay,
                "ActualFrameDuration": each.duration,
                "PauseBetweenFrames": each.pause,
                "NumberOfFramesInPhase": each.frames,
            }
            for each in acquisition.phases
        ]
    }


def rotations(acquisition: Acquisition) -> Set:
    """C.8.4.12: a reconstruction keeps what is known of the turn it was made of."""
    motions = {each.motion for each in acquisition.rotations if each.motion}
    found: Set = {"RotationInformationSequence": [], "TypeOfDetectorMotion": None}
    items: list[Item] = []
    for each in acquisition.rotations:
        if each.duration is None:
            raise Refused("the time of one projection is not stated, and DICOM needs it")
        items.append(
            {
                "StartAngle": each.start_angle,
                "AngularStep": each.step,
                "RotationDirection": "CW" if each.clockwise else "CC",
                "ScanArc": each.extent,
                "ActualFrameDuration": each.duration,
                "NumberOfFramesInRotation": each.frames,
            }
        )
    found["RotationInformationSequence"] = items
    found["TypeOfDetectorMotion"] = motions.pop() if len(motions) == 1 else None
    return found


def gating(acquisition: Acquisition) -> Set:
    """C.8.4.14."""
    how = acquisition.gating
    if how is None:
        return {}
    gated: Set = {"DataInformationSequence": [_gate(each) for each in how.gates]}
    if how.framing:
        gated["CardiacFramingType"] = how.framing
    found: Set = {"GatedInformationSequence": [gated]}
    if how.heart_rate is not None:
        found["HeartRate"] = how.heart_rate
    if how.beat_rejection is not None:
        found["BeatRejectionFlag"] = "Y" if how.beat_rejection else "N"
    return found


def _gate(gate: Gate) -> Item:
    if gate.frame_time is None:
        raise Refused("the time of one slot is not stated, and DICOM needs it")
    times = gate.slot_times or (gate.frame_time,) * gate.slots
    found: Set = {
        "FrameTime": gate.frame_time,
        "TimeSlotInformationSequence": [{"TimeSlotTime": each} for each in times],
    }
    for keyword, value in (
        ("LowRRValue", gate.low),
        ("HighRRValue", gate.high),
        ("IntervalsAcquired", gate.acquired),
        ("IntervalsRejected", gate.rejected),
    ):
        if value is not None:
            found[keyword] = value
    return found  # type: ignore[return-value]


def slices(acquisition: Acquisition) -> Set:
    """C.8.4.16."""
    info = acquisition.slices
    if info is None:
        return {}
    found: Set = {"SpacingBetweenSlices": info.spacing, "SliceThickness": info.thickness}
    if info.filter:
        found["ConvolutionKernel"] = info.filter[:16]
    return found
