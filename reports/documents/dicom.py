"""What both objects of a report have in common: its study's own attributes, UIDs that stay."""

from __future__ import annotations

import io
import re
import uuid
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from reports.archive import Archive
from reports.documents.parts import images
from reports.writing.models import Version

SPACE = uuid.UUID("0b4c3ac6-5a3c-4a55-9a0e-6d6b2b6d7f10")
"""Ours alone; with it a version's UIDs are the same whenever and wherever they are made."""
TITLE = ("18757-5", "LN", "Nuclear Medicine Report")  # PS3.16, CID 7000
STUDY = ("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID")
PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
_HAN = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


@dataclass(frozen=True)
class Referenced:
    """A key image's object as other objects name it."""

    kind: str
    """SOP Class UID."""
    uid: str
    series: str
    frames: int


@dataclass(frozen=True)
class Around:
    """What the archive says: the study's and the patient's attributes, the key images."""

    study: dict[str, str]
    patient: dict[str, str]
    referenced: dict[str, Referenced]


def around(archive: Archive, version: Version, versions: list[Version]) -> Around:
    """Ask the archive. Raises DownError, MissingError."""
    told: dict[str, Any] = archive.json(f"/studies/{version.report.study.archive_id}")
    referenced = {}
    for image in images(versions).values():
        kind = archive.get(f"/instances/{image.archive_id}/metadata/SopClassUid")
        uid, series = image.uid, image.series.uid
        referenced[uid] = Referenced(kind.decode("ascii").strip(), uid, series, image.frames)
    return Around(told["MainDicomTags"], told["PatientMainDicomTags"], referenced)


def uid(kind: str, version: Version) -> str:
    """A UID of a version's own (PS3.5, B.2)."""
    return f"2.25.{uuid.uuid5(SPACE, f'{kind} {version.digest}').int}"


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """A coded concept."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def person(signed_name: str) -> str:
    """A signer's name as PN: the Latin and the Han group (PS3.5, 6.2.1)."""
    name = re.sub(r"[\^=\\]", " ", signed_name.split(",")[0])
    han = "".join(_HAN.findall(name))
    latin = " ".join(_HAN.sub(" ", name).split())
    return f"{latin[:60]}={han[:60]}" if han else latin[:60]


def begin(version: Version, told: Around, kind: str, sop_class: str) -> FileDataset:
    """An object in the version's study, with a series of its own."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(uid(kind, version))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(f"2.25.{SPACE.int}")
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.is_little_endian, made.is_implicit_VR = True, False
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID, made.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    for name in STUDY:
        setattr(made, name, told.study.get(name, ""))
    for name in PATIENT:
        setattr(made, name, told.patient.get(name, ""))
    if described := told.study.get("StudyDescription"):
        made.StudyDescription = described
    made.StudyInstanceUID = version.report.study.uid
    made.SeriesInstanceUID = uid(f"{kind} series", version)
    made.SeriesNumber, made.InstanceNumber = 9000 + version.number, 1
    made.Manufacturer, made.ManufacturerModelName = "Gateway", "reports"
    signed = timezone.localtime(version.signed_at)
    made.ContentDate = made.InstanceCreationDate = made.SeriesDate = signed.strftime("%Y%m%d")
    made.ContentTime = made.InstanceCreationTime = made.SeriesTime = signed.strftime("%H%M%S")
    made.SeriesDescription = f"Report, {version.stage}"
    return made


def written(made: FileDataset) -> bytes:
    """Its file."""
    out = io.BytesIO()
    made.save_as(out, write_like_original=False)
    return out.getvalue()
