"""ECAT 6 and 7 images: exact numbers, every field of every header, and no claim of sides.

Where an image lies in the patient ECAT says in no way that programs agree on (nibabel, MINC and
medcon turn it each their own way), so no orientation is claimed. DICOM's PET image cannot be
without one (PS3.3 C.7.6.2): such an object is refused where it is written.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from intake import files, text
from intake.bounds import check
from intake.ecat import directory, volume
from intake.ecat.directory import Matrix
from intake.ecat.layouts import BLOCK, SEVEN, SIX, Layout
from intake.ecat.volume import Volume
from intake.fields import Derived
from intake.options import CHARSETS, DEFAULT, Options
from intake.parts import Header
from intake.refused import Refused
from intake.study import (
    Acquisition,
    Equipment,
    Isotope,
    Kind,
    Patient,
    Place,
    Reading,
    Slices,
    Visit,
)

MAGIC = b"MATRIX7"
CENTURY = 1900
"""A year below is one of two digits, of which nobody knows the century."""
Group = tuple[int, int, int]
"""Frame, gate, bed position."""


def looks_like(start: bytes) -> bool:
    """Whether a file that begins so is ECAT: 7 says so, 6 has its directory and its type."""
    if start.startswith(MAGIC):
        return True
    kinds = SIX.images | SIX.others.keys()
    known = int.from_bytes(start[54:56], "little") in kinds
    return known and directory.looks_like(start, SIX.order)


def read(path: Path, options: Options = DEFAULT) -> Reading:
    """All its images; Refused when it holds others, or its parts contradict each other."""
    charset = CHARSETS.get(options.charset, "ascii")
    with files.opened(path) as file:
        start = file.read(BLOCK)
        if len(start) < BLOCK:
            raise Refused("the file is cut short in its first header")
        layout = SEVEN if start.startswith(MAGIC) else SIX
        main = Header(start, layout.main, layout.order, charset)
        _images_or_refuse(main, layout)
        length = files.size_of(file)
        matrices = directory.read(file, layout.order, length // BLOCK)
        groups: dict[Group, list[Matrix]] = {}
        for each in sorted(matrices, key=lambda each: (each.group, each.plane)):
            groups.setdefault(each.group, []).append(each)
        volumes = {
            group: volume.read(file, layout, planes, charset) for group, planes in groups.items()
        }
    _totals(main, volumes)
    if behind := length - max(each.end for each in matrices) * BLOCK:
        main.notes.append(f"{behind} bytes behind the last image")
    bare = [_acquisition(main, layout, *each) for each in volumes.items()]
    shared = main.account
    made = tuple(
        check(replace(each, fields=(*shared, *found.fields), derived=tuple(main.derived)))
        for each, found in zip(bare, volumes.values(), strict=True)
    )
    own = tuple(field for each in volumes.values() for field in each.fields)
    originals = (files.original(path),)
    return Reading(f"ECAT {layout.version}", made, originals, (*shared, *own), tuple(main.notes))


def _images_or_refuse(main: Header, layout: Layout) -> None:
    kind = main.values["file_type"]
    if kind not in layout.images:
        what = layout.others.get(kind, f"something of type {kind}, which nobody documents")
        raise Refused(
            f"this ECAT {layout.version} file holds {what}; images of 16 bits are read",
            0,
            "have it made into images on the scanner's own workstation",
        )
    main.used("file_type", "kind")
    how = "ECAT's scanners count positrons; this file's images are reconstructed"
    main.derived.append(Derived("kind", Kind.RECON_TOMO.value, how))


def _totals(main: Header, volumes: dict[Group, Volume]) -> None:
    """What the main header says of numbers; many programs leave them at zero."""
    for name, found in (
        ("num_frames", len({frame for frame, _, _ in volumes})),
        ("num_gates", len({gate for _, gate, _ in volumes})),
        ("num_planes", len(next(iter(volumes.values())).pixels)),
    ):
        if main.values[name] == found:
            main.said(name, "as many are there")
        elif main.values[name]:
            main.notes.append(f"{name} says {main.values[name]}, {found} are there")
    for name in ("ecat_calibration_factor", "calibration_factor"):
        if main.values.get(name, 0) not in {0.0, 1.0}:
            main.notes.append(f"{name} is kept, not applied: its unit is the scanner's own")


def _acquisition(main: Header, layout: Layout, group: Group, found: Volume) -> Acquisition:
    many = len(found.pixels)
    separation = volume.millimetres([main], "plane_separation")
    if separation is not None:
        main.used("plane_separation", "slices.spacing")
    return Acquisition(
        Kind.RECON_TOMO,
        found.pixels,
        tuple(Place(slice=number) for number in range(1, many + 1)),
        patient=Patient(
            text.person(main.text("patient_name", "patient.name")),
            main.text("patient_id", "patient.id"),
            sex=_sex(main),
        ),
        visit=replace(
            _when(main) if layout is SIX else Visit(),
            description=main.text("study_description", "visit.description"),
            operator=text.person(main.text("operator_name", "visit.operator")),
            series=f"frame {group[0]}, gate {group[1]}, bed {group[2]}",
        ),
        equipment=Equipment(
            institution=main.text("facility_name", "equipment.institution"),
            serial=main.text("serial_number", "equipment.serial") if layout is SEVEN else "",
        ),
        isotopes=_isotopes(main, layout),
        slices=Slices(many, found.thickness, separation),
        spacing=found.spacing,
        duration=found.duration,
        scale=found.scale,
        positron=True,
    )


def _isotopes(main: Header, layout: Layout) -> tuple[Isotope, ...]:
    nuclide = main.text("isotope_name" if layout is SEVEN else "isotope_code", "isotopes.nuclide")
    agent = main.text("radiopharmaceutical", "isotopes.agent")
    return (Isotope(nuclide, agent),) if nuclide or agent else ()


def _sex(main: Header) -> str:
    """A letter; a number, as some write, says nothing that is documented."""
    found: str = main.values["patient_sex"].decode("ascii", "replace").upper()
    if found not in {"M", "F"}:
        return ""
    main.used("patient_sex", "patient.sex")
    return found


def _when(main: Header) -> Visit:
    """ECAT 6 has the scanner's own calendar; ECAT 7's seconds since 1970 know no time zone."""
    names = [f"scan_start_{each}" for each in ("year", "month", "day", "hour", "minute", "second")]
    year, month, day, hour, minute, second = (main.values[each] for each in names)
    try:
        found = Visit(date=dt.date(year, month, day), time=dt.time(hour, minute, second))
    except ValueError:
        return Visit()
    if year < CENTURY:
        return Visit()
    for each in names[:3]:
        main.used(each, "visit.date")
    for each in names[3:]:
        main.used(each, "visit.time")
    return found
