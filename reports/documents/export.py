"""A study for teaching, without who it is of (reports/documents/keep.py says what stays)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, SecondaryCaptureImageStorage

from reports.archive import Archive
from reports.documents import picture
from reports.documents.dicom import SPACE, code, written
from reports.documents.keep import DUMMIES, EMPTIED, KEPT, RENAMED, SEQUENCES
from reports.studies.models import Image, Study

METHOD = "Gateway: attributes by a list of what stays; dates, private attributes and texts removed"
README = """A study for teaching, de-identified by {site} with a list of what stays (stricter than
DICOM PS3.15, annex E, Basic Application Confidentiality Profile). No date, no time, no name,
no identifier, no free text and no private attribute is in it; UIDs are new, and the same in all
files of this export. What is burned into the pixels was not looked at by a machine: {burned}.
"""


@dataclass(frozen=True)
class Alias:
    """The names of one export: nobody can go back from them, as the key is not kept."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def uid(self, old: str) -> str:
        """A new UID, the same for the same."""
        made = hmac.new(self.key, old.encode(), hashlib.sha256).digest()[:16]
        return f"2.25.{int.from_bytes(made, 'big')}"

    @property
    def patient(self) -> str:
        """What stands for the patient."""
        return f"T{hashlib.sha256(self.key).hexdigest()[:8].upper()}"


def _kept(source: Dataset, alias: Alias) -> Dataset:
    made = Dataset()
    for element in source:
        name = element.keyword
        if name in KEPT and element.VR not in {"SQ", "UN"}:
            made.add(element)
        elif name in SEQUENCES and element.VR == "SQ":
            setattr(made, name, [_kept(item, alias) for item in element.value])
        elif name in RENAMED and element.value:
            setattr(made, name, alias.uid(str(element.value)))
        elif name in EMPTIED:
            setattr(made, name, "")
        elif name in DUMMIES and element.value:
            setattr(made, name, DUMMIES[name])
    return made


def stripped(source: FileDataset, alias: Alias) -> FileDataset:
    """The object without who it is of."""
    source.decode()  # texts in UTF-8 from here on
    kept = _kept(source, alias)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
        source.SOPClassUID,
        kept.SOPInstanceUID,
    )
    meta.TransferSyntaxUID = source.file_meta.TransferSyntaxUID
    meta.ImplementationClassUID = UID(f"2.25.{SPACE.int}")
    made = FileDataset("", kept, file_meta=meta, preamble=b"\0" * 128)
    made.is_little_endian = source.is_little_endian
    made.is_implicit_VR = source.is_implicit_VR
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientName, made.PatientID = f"Teaching^{alias.patient}", alias.patient
    for name in ("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "PatientBirthDate"):
        setattr(made, name, "")
    made.ReferringPhysicianName = made.PatientSex = ""
    made.PatientIdentityRemoved = "YES"
    made.LongitudinalTemporalInformationModified = "REMOVED"
    made.DeidentificationMethod = METHOD[:64]
    basic = ("113100", "DCM", "Basic Application Confidentiality Profile")
    made.DeidentificationMethodCodeSequence = [code(*basic)]
    return made


def burned(dataset: Dataset) -> bool:
    """Whether a name may stand in its pixels: it says so, or it was made from a screen."""
    if dataset.get("BurnedInAnnotation") == "YES":
        return True
    screen = str(dataset.get("SOPClassUID", "")).startswith(str(SecondaryCaptureImageStorage))
    return (screen or "ConversionType" in dataset) and dataset.get("BurnedInAnnotation") != "NO"


def _pictures(dataset: FileDataset) -> Iterator[bytes]:
    """Up to 64 frames, all with the object's own whole range."""
    frames = min(int(dataset.get("NumberOfFrames") or 1), 64)
    every = [picture.pixels(dataset, frame) for frame in range(frames)]
    low = min(float(np.min(each)) for each in every)
    high = max(float(np.max(each)) for each in every)
    for frame in range(frames):
        look = picture.Look(frame, low, max(high, low + 1), "grey")
        yield picture.png(picture.shown(dataset, look))


@dataclass(frozen=True)
class Wish:
    """What somebody wants to have."""

    pictures: bool
    burned: bool
    """Also what may have a name in its pixels: he has looked."""


def write(out: IO[bytes], archive: Archive, study: Study, wish: Wish, site: str) -> tuple[int, int]:
    """A ZIP of the study's images; how many, and how many were left out as burned in.

    Raises DownError, MissingError.
    """
    alias, wrote, left = Alias(), 0, 0
    every = Image.objects.filter(series__study=study).order_by("series__number", "number", "pk")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as folder:
        for image in every:
            read = picture.fetch(archive, image)
            if burned(read) and not wish.burned:
                left += 1
                continue
            wrote += 1
            folder.writestr(_name(f"dicom/{wrote:04}.dcm"), written(stripped(read, alias)))
            for at, shown in enumerate(_pictures(read) if wish.pictures else (), 1):
                folder.writestr(_name(f"pictures/{wrote:04}-{at:03}.png"), shown)
        said = f"{left} objects that may have text in them were left out"
        folder.writestr(_name("README.txt"), README.format(site=site, burned=said))
    return wrote, left


def _name(path: str) -> zipfile.ZipInfo:
    # A ZIP's own dates would say when.
    told = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
    told.compress_type = zipfile.ZIP_DEFLATED
    return told
