"""A DICOM NM object, a retired one or an ACR-NEMA image as a reading."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from io import BufferedReader
from pathlib import Path
from typing import Any

from intake import files
from intake.bounds import check
from intake.dicom import private
from intake.dicom_reader import order, parts, pixels
from intake.dicom_reader.codes import CUTS, KINDS
from intake.dicom_reader.expand import expand
from intake.dicom_reader.opening import LOSSLESS, Opened, open_elements
from intake.dicom_reader.pixels import Form
from intake.dicom_reader.source import Account, Source, charsets
from intake.fields import Fate, Field, Original
from intake.options import CHARSETS, DEFAULT, Options
from intake.refused import Refused
from intake.study import Acquisition, Detector, Gating, Kind, Pixels, Place, Reading, Window

NM = "1.2.840.10008.5.1.4.1.1.20"
NM_RETIRED = "1.2.840.10008.5.1.4.1.1.5"
_OTHERS = {
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.128": "PET",
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
}


def read(path: Path, options: Options = DEFAULT) -> Reading:
    """What the file holds; Refused when it is damaged, or no nuclear medicine image."""
    with files.opened(path) as file:
        opened = open_elements(file)
        account = Account(charsets(opened.items, CHARSETS.get(options.charset, "")))
        account.notes += opened.parser.notes
        source = Source(opened.items, account)
        retired = _sort(source, opened)
        shape = pixels.form(source, opened.acr)
        images = _images(file, path, opened, shape, account)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        original = Original(path.name, files.size_of(file), sha256)
    acquisition = _acquisition(source, images, retired or opened.acr)
    if acquisition.slices:  # their orientation is said of the detectors
        heads = tuple(
            replace(each, view="") if each.view in CUTS.values() else each
            for each in acquisition.detectors
        )
        acquisition = replace(acquisition, detectors=heads)
    before = _kept_before(source, opened)
    own = (*account.fields(opened.meta, "meta "), *account.fields(opened.items))
    fields = (*own, *before)
    acquisition = replace(acquisition, fields=fields, derived=tuple(account.derived))
    format_ = "ACR-NEMA" if opened.acr else "DICOM (retired NM)" if retired else "DICOM"
    notes = tuple(dict.fromkeys(account.notes))
    return Reading(format_, (check(acquisition),), (original,), fields, notes)


def _kept_before(source: Source, opened: Opened) -> tuple[Field, ...]:
    """The fields of the first source, which our own writer kept in its private block."""
    creator = opened.items.get(0x00610010)
    element = opened.items.get(private.BLOCK | private.FIELDS)
    if not creator or not element:
        return ()
    if source.account.decoded(creator) != private.CREATOR:
        return ()
    source.account.said(element, Fate.CHECKED, "each of its fields is listed by itself")
    return private.fields(source.account.decoded(element))


def _images(
    file: BufferedReader, path: Path, opened: Opened, shape: Form, account: Account
) -> Pixels:
    if opened.syntax in LOSSLESS:
        account.notes.append(f"decoded by GDCM from {LOSSLESS[opened.syntax]}")
        return expand(path, shape)
    return pixels.read(file, opened, shape, account.notes)


def _sort(source: Source, opened: Opened) -> bool:
    """Whether it is of the retired class; Refused when it is no nuclear medicine image at all."""
    sop = source.text("SOPClassUID", "kind")
    modality = source.text("Modality", "kind")
    stated = opened.meta.get(0x00020002)
    for element in opened.meta.values():
        source.account.said(element, Fate.CHECKED, "of the file, not of the image")
    if opened.acr:
        if modality not in {"", "NM"}:
            raise Refused(f"an ACR-NEMA image of modality {modality}; NM is read here")
        return False
    if sop not in {NM, NM_RETIRED}:
        name = _OTHERS.get(sop) or sop or "no SOP class"
        raise Refused(f"it is no nuclear medicine image, but: {name}")
    if stated and source.account.decoded(stated) not in {"", sop}:
        raise Refused("the file's meta group names another SOP class than the object")
    return sop == NM_RETIRED


def _kind(source: Source, frames: int, old: bool) -> tuple[Kind, bool]:
    """What was acquired, and whether it is a transmission image."""
    words = source.texts("ImageType", "kind", "transmission")
    third = words[2].upper() if len(words) > 2 else ""
    if third in KINDS:
        return KINDS[third], "TRANSMISSION" in words[3:]
    if old and frames == 1 and not third:
        source.account.derive("kind", "STATIC", "one image without a third value of Image Type")
        return Kind.STATIC, False
    raise Refused(f"Image Type (0008,0008) is {'/'.join(words) or 'missing'}: no kind of NM image")


def _acquisition(source: Source, images: Pixels, old: bool) -> Acquisition:
    kind, transmission = _kind(source, len(images), old)
    places = order.places(source, kind, len(images))
    head_first, posture = parts.lie(source)
    spacing = source.numbers("PixelSpacing", "spacing")
    corrections = source.texts("CorrectedImage", "corrections")
    return Acquisition(
        kind,
        images,
        places,
        patient=parts.patient(source),
        visit=parts.visit(source),
        equipment=parts.equipment(source),
        isotopes=parts.isotopes(source),
        windows=_all(parts.windows(source), Window(), source, "NumberOfEnergyWindows", places),
        detectors=_all(parts.detectors(source), Detector(), source, "NumberOfDetectors", places),
        spacing=(spacing[0], spacing[1]) if len(spacing) == 2 else None,
        duration=source.number("ActualFrameDuration", "duration"),
        head_first=head_first,
        posture=posture,
        body_part=source.text("BodyPartExamined", "body_part"),
        corrections=frozenset(each for each in corrections if each),
        transmission=transmission,
        scale=parts.scale(source),
        scan_velocity=source.number("ScanVelocity", "scan_velocity"),
        scan_length=source.number("ScanLength", "scan_length"),
        counts=source.number("CountsAccumulated", "counts"),
        **_timing(source, kind, places),
    )


def _timing(source: Source, kind: Kind, places: tuple[Place, ...]) -> dict[str, Any]:
    """The parts that only some kinds have."""
    found: dict[str, Any] = {}
    if kind is Kind.DYNAMIC:
        source.whole("NumberOfPhases", "phases")
        found["phases"] = order.phases(source)
    if kind.projected or kind.reconstructed:  # a reconstruction tells of the turn it is made of
        source.whole("NumberOfRotations", "rotations")
        found["rotations"] = order.rotations(source)
    if kind.gated:
        source.whole("NumberOfTimeSlots", "gating")
        source.whole("NumberOfRRIntervals", "gating")
        found["gating"] = _gating(source, places)
    if kind.reconstructed:
        count = source.whole("NumberOfSlices", "slices.count") or max(each.slice for each in places)
        found["slices"] = order.slices(source, count)
    return found


def _gating(source: Source, places: tuple[Place, ...]) -> Gating:
    # Windows of the heart's cycle may have different numbers of slots: the vectors say how many.
    most = max(place.gate for place in places)
    slots = [max([0, *(p.slot for p in places if p.gate == gate)]) for gate in range(1, most + 1)]
    found = order.gating(source, slots)
    if found is None or not found.gates:
        raise Refused("a gated study without gated information (0054,0062)")
    return found


def _all(
    found: tuple[Any, ...], empty: Any, source: Source, keyword: str, places: tuple[Place, ...]
) -> tuple[Any, ...]:
    """As many windows or detectors as are counted; those not described are empty."""
    part = "window" if keyword == "NumberOfEnergyWindows" else "detector"
    most = max(int(getattr(place, part)) for place in places)
    count = source.whole(keyword, f"{part}s") or max(most, len(found), 1)
    if found and len(found) != count:
        raise Refused(f"{keyword} is {count}, but {len(found)} are described")
    if not found and count > len(places):
        raise Refused(f"{keyword} is {count}, with {len(places)} images and none described")
    if most > count:
        raise Refused(f"an image belongs to {part} {most} of {count}")
    return found or (empty,) * count
