"""The modules of an NM image (PS3.3 A.5.4), each as a part of the data set."""

from __future__ import annotations

from intake.dicom import codes, exact
from intake.dicom.encode import Item
from intake.dicom.tags import TAGS
from intake.refused import Refused
from intake.study import Acquisition, Kind, Place, Scale

Set = dict[str, object]

VECTORS = {
    "EnergyWindowVector": "window",
    "DetectorVector": "detector",
    "PhaseVector": "phase",
    "RotationVector": "rotation",
    "RRIntervalVector": "gate",
    "TimeSlotVector": "slot",
    "SliceVector": "slice",
    "AngularViewVector": "view",
    "TimeSliceVector": "time_slice",
}
POINTERS = {  # PS3.3 C.8.4.8.1.1, in the order given there
    Kind.STATIC: ("EnergyWindowVector", "DetectorVector"),
    Kind.WHOLE_BODY: ("EnergyWindowVector", "DetectorVector"),
    Kind.DYNAMIC: ("EnergyWindowVector", "DetectorVector", "PhaseVector", "TimeSliceVector"),
    Kind.GATED: ("EnergyWindowVector", "DetectorVector", "RRIntervalVector", "TimeSlotVector"),
    Kind.TOMO: ("EnergyWindowVector", "DetectorVector", "RotationVector", "AngularViewVector"),
    Kind.GATED_TOMO: (
        "EnergyWindowVector",
        "DetectorVector",
        "RotationVector",
        "RRIntervalVector",
        "TimeSlotVector",
        "AngularViewVector",
    ),
    Kind.RECON_TOMO: ("SliceVector",),
    Kind.RECON_GATED_TOMO: ("RRIntervalVector", "TimeSlotVector", "SliceVector"),
}


def patient(acquisition: Acquisition) -> Set:
    """C.7.1.1 and what C.7.2.2 knows of the patient."""
    who = acquisition.patient
    found: Set = {
        "PatientName": who.name,
        "PatientID": who.id,
        "PatientBirthDate": who.birth_date,
        "PatientSex": who.sex,
    }
    _put(found, "PatientWeight", who.weight_kg)
    _put(found, "PatientSize", who.size_m)
    return found


def study(acquisition: Acquisition) -> Set:
    """C.7.2.1, C.7.3.1 and the dates of C.7.10.1 and C.7.6.1."""
    visit = acquisition.visit
    found: Set = {
        "StudyDate": visit.date,
        "StudyTime": visit.time,
        "AccessionNumber": visit.accession,
        "ReferringPhysicianName": visit.referring,
        "StudyID": visit.id,
        "Modality": "NM",
        "SeriesNumber": 1,
        "PatientOrientation": "",
    }
    _put(found, "StudyDescription", visit.description)
    _put(found, "SeriesDescription", visit.series)
    _put(found, "OperatorsName", visit.operator)
    _put(found, "AcquisitionDate", visit.acquisition_date)
    _put(found, "AcquisitionTime", visit.acquisition_time)
    if acquisition.body_part:
        found["BodyPartExamined"] = acquisition.body_part
    else:
        # Without the part nobody knows whether it is one of a pair (type 2C).
        found["Laterality"] = ""
    comments = [each.label for each in acquisition.detectors if each.label]
    _put(found, "ImageComments", ", ".join(comments))
    return found


def equipment(acquisition: Acquisition) -> Set:
    """C.7.5.1."""
    made = acquisition.equipment
    found: Set = {"Manufacturer": made.manufacturer}
    _put(found, "InstitutionName", made.institution)
    _put(found, "InstitutionalDepartmentName", made.department)
    _put(found, "ManufacturerModelName", made.model)
    _put(found, "StationName", made.station)
    _put(found, "DeviceSerialNumber", made.serial)
    _put(found, "SoftwareVersions", made.software)
    return found


def _put(found: Set, keyword: str, value: object) -> None:
    """An optional attribute (type 3): only when there is a value."""
    if value not in {None, ""}:
        found[keyword] = value


def orientation(acquisition: Acquisition) -> Set:
    """C.8.4.6; empty where the source does not say (type 2)."""
    lying: list[Item] = []
    if acquisition.posture in codes.POSTURES:
        modifier = [codes.POSTURES[acquisition.posture]]
        lying = [{**codes.RECUMBENT, "PatientOrientationModifierCodeSequence": modifier}]
    ways = {None: [], True: [codes.HEAD_FIRST], False: [codes.FEET_FIRST]}
    return {
        "PatientOrientationCodeSequence": lying,
        "PatientGantryRelationshipCodeSequence": ways[acquisition.head_first],
    }


def image(acquisition: Acquisition, number: int) -> Set:
    """C.7.6.1, C.8.4.9: what kind of image it is."""
    kind = acquisition.kind
    what = "TRANSMISSION" if acquisition.transmission else "EMISSION"
    found: Set = {
        "InstanceNumber": number,
        "ImageType": ["ORIGINAL", "PRIMARY", kind.value, what],
        "CountsAccumulated": acquisition.counts,
    }
    made = sorted(acquisition.corrections)
    if made:
        found["CorrectedImage"] = made
    if kind in {Kind.STATIC, Kind.WHOLE_BODY}:
        if acquisition.duration is None:
            raise Refused(
                f"a {kind.value} image without its duration, which DICOM needs",
                0,
                "add 'image duration (sec)' to the header, or let the profile assume it",
            )
        found["ActualFrameDuration"] = acquisition.duration
    if kind is Kind.WHOLE_BODY:
        found["ScanVelocity"] = acquisition.scan_velocity
        found["ScanLength"] = acquisition.scan_length
        found["WholeBodyTechnique"] = ""
    return found


def pixels(acquisition: Acquisition, line: exact.Line) -> Set:
    """C.7.6.3, C.8.4.7, C.7.6.6; and the mapping to counts where one is needed."""
    found: Set = {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "NumberOfFrames": len(acquisition.pixels),
        "Rows": acquisition.rows,
        "Columns": acquisition.columns,
        "PixelSpacing": list(acquisition.spacing) if acquisition.spacing else None,
        "BitsAllocated": line.bits,
        "BitsStored": line.bits,
        "HighBit": line.bits - 1,
        "PixelRepresentation": 0,
    }
    if not line.plain or acquisition.scale != Scale():
        found["RealWorldValueMappingSequence"] = [_mapping(line, acquisition.scale)]
    return found


def _mapping(line: exact.Line, scale: Scale) -> Item:
    """C.7.6.16.2.11.1.2: stored number to what it stands for."""
    return {
        "RealWorldValueFirstValueMapped": 0,
        "RealWorldValueLastValueMapped": 2**line.bits - 1,
        "RealWorldValueSlope": line.slope * scale.slope,
        "RealWorldValueIntercept": line.intercept * scale.slope + scale.intercept,
        "LUTLabel": "SOURCE",
        "LUTExplanation": "pixel of the source",
        "MeasurementUnitsCodeSequence": [codes.NO_UNITS],
    }


def vectors(acquisition: Acquisition, places: list[Place]) -> Set:
    """C.8.4.8: what each frame belongs to, and how many there are of each."""
    kind = acquisition.kind
    pointer = POINTERS[kind]
    found: Set = {"FrameIncrementPointer": [TAGS[name][0] for name in pointer]}
    for name in pointer:
        found[name] = [int(getattr(place, VECTORS[name])) for place in places]
    found["NumberOfEnergyWindows"] = len(acquisition.windows)
    found["NumberOfDetectors"] = len(acquisition.detectors)
    if kind is Kind.DYNAMIC:
        found["NumberOfPhases"] = len(acquisition.phases)
    if kind.projected or kind.reconstructed:
        found["NumberOfRotations"] = max(1, len(acquisition.rotations))
    if acquisition.gating and kind.gated:
        found["NumberOfRRIntervals"] = len(acquisition.gating.gates)
        found["NumberOfTimeSlots"] = max(gate.slots for gate in acquisition.gating.gates)
    if acquisition.slices and kind.reconstructed:
        found["NumberOfSlices"] = acquisition.slices.count
    return found
