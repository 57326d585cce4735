"""Patient, visit, equipment, isotope, energy windows, detectors of a DICOM file."""

from __future__ import annotations

from intake import nuclides, text
from intake.dicom_reader.codes import (
    CUTS,
    ENTRIES,
    NUCLIDE_CODES,
    POSITIONS,
    POSTURES,
    RECUMBENT,
    VIEWS,
)
from intake.dicom_reader.source import Source
from intake.fields import Fate
from intake.study import (
    Detector,
    Equipment,
    Isotope,
    Patient,
    Range,
    Scale,
    Visit,
    Window,
)


def patient(source: Source) -> Patient:
    """The patient; a name that DICOM could not hold is refused."""
    sex = source.text("PatientSex").upper()
    element = source.element("PatientSex")
    if element and sex in {"M", "F", "O"}:
        source.account.used(element, "patient.sex")
    elif element:
        source.account.said(element, Fate.KEPT, "none of M, F, O")
    # A name may have ideographic and phonetic groups behind `=`; they belong to it.
    said = source.text("PatientName", "patient.name")
    name = said if "=" in said else text.person(said)
    return Patient(
        name=name,
        id=source.text("PatientID", "patient.id"),
        birth_date=source.date("PatientBirthDate", "patient.birth_date"),
        sex=sex if sex in {"M", "F", "O"} else "",
        weight_kg=source.number("PatientWeight", "patient.weight_kg"),
        size_m=source.number("PatientSize", "patient.size_m"),
    )


def visit(source: Source) -> Visit:
    """The study and series it belongs to, with their UIDs."""
    return Visit(
        id=source.text("StudyID", "visit.id"),
        description=source.text("StudyDescription", "visit.description"),
        date=source.date("StudyDate", "visit.date"),
        time=source.time("StudyTime", "visit.time"),
        acquisition_date=source.date("AcquisitionDate", "visit.acquisition_date"),
        acquisition_time=source.time("AcquisitionTime", "visit.acquisition_time"),
        accession=source.text("AccessionNumber", "visit.accession"),
        referring=source.text("ReferringPhysicianName", "visit.referring"),
        operator=source.text("OperatorsName", "visit.operator"),
        series=source.text("SeriesDescription", "visit.series"),
        study_uid=source.text("StudyInstanceUID", "visit.study_uid"),
        series_uid=source.text("SeriesInstanceUID", "visit.series_uid"),
        # Not the instance's: what is written of it is another object (PS3.3 C.12.1).
    )


def equipment(source: Source) -> Equipment:
    """Who made it, and where it stands."""
    return Equipment(
        manufacturer=source.text("Manufacturer", "equipment.manufacturer"),
        model=source.text("ManufacturerModelName", "equipment.model"),
        station=source.text("StationName", "equipment.station"),
        serial=source.text("DeviceSerialNumber", "equipment.serial"),
        software=source.text("SoftwareVersions", "equipment.software"),
        institution=source.text("InstitutionName", "equipment.institution"),
        department=source.text("InstitutionalDepartmentName", "equipment.department"),
    )


def isotopes(source: Source) -> tuple[Isotope, ...]:
    """The radiopharmaceuticals; of a retired object those on the top level."""
    found = [
        _isotope(item, f"isotopes[{number}]")
        for number, item in enumerate(source.items("RadiopharmaceuticalInformationSequence"))
    ]
    if not found and source.element("Radiopharmaceutical"):
        found = [_isotope(source, "isotopes[0]")]
    return tuple(each for each in found if each != Isotope())


def _isotope(item: Source, to: str) -> Isotope:
    code, meaning = item.code("RadionuclideCodeSequence")
    known = nuclides.find(meaning)
    name = NUCLIDE_CODES.get(code) or (known.name if known else meaning)
    if name:
        item.code("RadionuclideCodeSequence", f"{to}.nuclide")
    agent = item.text("Radiopharmaceutical", f"{to}.agent")
    if not agent:
        _, agent = item.code("RadiopharmaceuticalCodeSequence")
        if agent:
            item.code("RadiopharmaceuticalCodeSequence", f"{to}.agent")
    return Isotope(
        nuclide=name,
        agent=agent,
        # In MBq in NM objects (PS3.3 C.8.4.10), in Bq only in PET's.
        dose_mbq=item.number("RadionuclideTotalDose", f"{to}.dose_mbq"),
        injected_time=item.time("RadiopharmaceuticalStartTime", f"{to}.injected_time"),
    )


def windows(source: Source) -> tuple[Window, ...]:
    """The energy windows; of a retired object the centre and width on the top level."""
    found = []
    for number, item in enumerate(source.items("EnergyWindowInformationSequence")):
        to = f"windows[{number}]"
        ranges = tuple(
            Range(
                each.number("EnergyWindowLowerLimit", f"{to}.ranges[{index}].lower"),
                each.number("EnergyWindowUpperLimit", f"{to}.ranges[{index}].upper"),
            )
            for index, each in enumerate(item.items("EnergyWindowRangeSequence"))
        )
        found.append(Window(item.text("EnergyWindowName", f"{to}.name"), ranges))
    if not found and source.element("EnergyWindowCenterline"):
        middle = source.number("EnergyWindowCenterline", "windows[0].ranges[0]")
        widths = source.numbers("EnergyWindowTotalWidth", "windows[0].ranges[0]")
        if middle is not None and len(widths) == 1:
            half = widths[0] / 2
            found.append(Window("", (Range(middle - half, middle + half),)))
    return tuple(found)


def detectors(source: Source) -> tuple[Detector, ...]:
    """The heads of the camera."""
    items = source.items("DetectorInformationSequence")
    return tuple(_detector(item, f"detectors[{number}]") for number, item in enumerate(items))


def _detector(item: Source, to: str) -> Detector:
    view, label = "", ""
    code, meaning = item.code("ViewCodeSequence")
    if code in VIEWS or code in CUTS:
        view = VIEWS.get(code) or CUTS[code]
        item.code("ViewCodeSequence", f"{to}.view")
    elif meaning:
        label = meaning
        item.code("ViewCodeSequence", f"{to}.label")
    zooms = set(item.numbers("ZoomFactor"))
    if len(zooms) == 1:
        item.numbers("ZoomFactor", f"{to}.zoom")
    return Detector(
        collimator=item.text("CollimatorGridName", f"{to}.collimator"),
        collimator_type=item.text("CollimatorType", f"{to}.collimator_type"),
        view=view,
        label=label,
        x_offset=item.number("CenterOfRotationOffset", f"{to}.x_offset"),
        radius=item.numbers("RadialPosition", f"{to}.radius"),
        zoom=zooms.pop() if len(zooms) == 1 else None,
        start_angle=item.number("StartAngle", f"{to}.start_angle"),
        orientation=item.numbers("ImageOrientationPatient", f"{to}.orientation"),
        position=item.numbers("ImagePositionPatient", f"{to}.position"),
    )


def lie(source: Source) -> tuple[bool | None, str]:
    """Whether the head came first, and the posture."""
    head_first, posture = _entry(source), _posture(source)
    position = source.text("PatientPosition")
    if position in POSITIONS and head_first is None and not posture:
        source.text("PatientPosition", "head_first", "posture")
        return POSITIONS[position]
    return head_first, posture


def _posture(source: Source) -> str:
    found = ""
    for item in source.items("PatientOrientationCodeSequence"):
        if item.text("CodeValue") in RECUMBENT:  # every posture here is
            _said(item, "posture")
        for modifier in item.items("PatientOrientationModifierCodeSequence"):
            code = modifier.text("CodeValue")
            if code in POSTURES:
                found = POSTURES[code]
                _said(modifier, "posture")
    return found


def _entry(source: Source) -> bool | None:
    found = None
    for item in source.items("PatientGantryRelationshipCodeSequence"):
        code = item.text("CodeValue")
        if code in ENTRIES:
            found = ENTRIES[code]
            _said(item, "head_first")
    return found


def _said(item: Source, to: str) -> None:
    for word in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning"):
        item.text(word, to)


def scale(source: Source) -> Scale:
    """What a stored count stands for."""
    items = source.items("RealWorldValueMappingSequence")
    if len(items) == 1 and not items[0].element("RealWorldValueLUTData"):
        unit, _ = items[0].code("MeasurementUnitsCodeSequence", "scale.unit")
        slope = items[0].number("RealWorldValueSlope", "scale.slope")
        intercept = items[0].number("RealWorldValueIntercept", "scale.intercept")
        return Scale(1.0 if slope is None else slope, intercept or 0.0, unit)
    slope = source.number("RescaleSlope", "scale.slope")
    intercept = source.number("RescaleIntercept", "scale.intercept")
    unit = source.text("RescaleType", "scale.unit") or source.text("Units", "scale.unit")
    return Scale(1.0 if slope is None else slope, intercept or 0.0, unit)
