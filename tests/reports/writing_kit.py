"""People, a study with images, and an archive of the tests' own."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from django.test import Client
from django.urls import reverse
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from reports.archive import Archive, DownError, MissingError
from reports.people.models import Person
from reports.studies.models import Image, Series, Study
from reports.writing.models import Draft, Report, Version

PASSWORD = "a long enough secret"  # noqa: S105 - of invented people
ROOT = "1.2.826.0.1.3680043.10.999"
NM = "1.2.840.10008.5.1.4.1.1.20"
SC = "1.2.840.10008.5.1.4.1.1.7"
HOSTILE = (
    "<script>alert(1)</script>&lt;b&gt;\x00\x1b[31m\u202eevil\u202c \u200f{{ 7|add:7 }} "
    "%(x)s '\"; drop table \ud83d"
)


def quick(settings: Any) -> None:
    """Passwords that are checked fast: argon2 is slow by intention."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def person(name: str, role: str = "reporter", **more: Any) -> Person:
    told = {"name": name.title(), "name_han": "陳偉林", "licence": "醫字第012345號", **more}
    return Person.objects.create_user(name, password=PASSWORD, role=role, **told)


def login(who: Person) -> Client:
    client = Client()
    client.force_login(who)
    return client


def a_study(number: int = 1, images: int = 1, frames: int = 4, **more: Any) -> Study:
    uid = f"{ROOT}.{number}"
    told = {
        "patient_id": "P1234567",
        "patient_name": "Lin^Mei",
        "patient_name_han": "林^美",
        "birth_date": date(1960, 2, 3),
        "sex": "F",
        "when": datetime(2026, 11, number, 1, 30, tzinfo=UTC),
        "accession": f"A{number}",
        "description": "Bone scan, whole body",
        "device": "camera-1",
        "modalities": "NM",
        "revision": "r1",
        **more,
    }
    study = Study.objects.create(uid=uid, archive_id=f"study-{number}", **told)
    series = Series.objects.create(
        study=study, uid=f"{uid}.1", archive_id=f"series-{number}", modality="NM", number=1
    )
    for at in range(1, images + 1):
        Image.objects.create(
            series=series,
            uid=f"{uid}.1.{at}",
            archive_id=f"image-{number}-{at}",
            number=at,
            kind="STATIC",
            frames=frames,
            rows=64,
            columns=64,
        )
    return study


def codes(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _window() -> Dataset:
    item, band = Dataset(), Dataset()
    band.EnergyWindowLowerLimit, band.EnergyWindowUpperLimit = 126, 154
    item.EnergyWindowName = "Lin Mei Tc99m"
    item.EnergyWindowRangeSequence = [band]
    return item


def _detector() -> Dataset:
    item = Dataset()
    item.CollimatorType = "PARA"
    item.ImagePositionPatient, item.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    item.ViewCodeSequence = [codes("399348003", "SCT", "antero-posterior")]
    item.ViewCodeSequence[0].ViewModifierCodeSequence = []
    return item


def scan(image: Image, sop_class: str = NM) -> FileDataset:
    """The object of an image: counts rise to the right, and with the frame."""
    study = image.series.study
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, image.uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = f"{ROOT}.9"
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.is_little_endian, made.is_implicit_VR = True, False
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID, made.SOPInstanceUID = sop_class, image.uid
    made.StudyInstanceUID, made.SeriesInstanceUID = study.uid, image.series.uid
    made.PatientName, made.PatientID = "Lin^Mei=林^美", study.patient_id
    made.PatientBirthDate, made.PatientSex = "19600203", "F"
    made.StudyDate = made.SeriesDate = made.AcquisitionDate = made.ContentDate = "20261101"
    made.StudyTime = made.SeriesTime = made.AcquisitionTime = made.ContentTime = "093000"
    made.AccessionNumber, made.StudyID = study.accession, "17"
    made.ReferringPhysicianName, made.StudyDescription = "Wang^Da-Wen", study.description
    made.SeriesDescription, made.InstitutionName = "Lin Mei anterior", "Kaohsiung Hospital"
    made.StationName, made.DeviceSerialNumber = "CAM1", "SN-4711"
    made.PatientComments = "Lin Mei lives in 12 Example Road"
    made.Modality, made.Manufacturer = "NM", "GE MEDICAL SYSTEMS"
    made.Laterality = ""
    made.SeriesNumber, made.InstanceNumber = 1, image.number
    made.ImageType = ["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"]
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns, made.NumberOfFrames = image.rows, image.columns, image.frames
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 16, 15, 0
    made.PixelSpacing = [4.0, 4.0]
    made.FrameIncrementPointer = [0x00540010, 0x00540020]
    made.EnergyWindowVector = made.DetectorVector = [1] * image.frames
    made.NumberOfEnergyWindows = made.NumberOfDetectors = 1
    made.EnergyWindowInformationSequence, made.DetectorInformationSequence = [], []
    made.EnergyWindowInformationSequence = [_window()]
    made.DetectorInformationSequence = [_detector()]
    drug = Dataset()
    drug.Radiopharmaceutical = "MDP for Lin Mei"
    drug.RadionuclideCodeSequence = [codes("C-163A8", "SRT", "^99m^Technetium")]
    made.RadiopharmaceuticalInformationSequence = [drug]
    made.PatientOrientationCodeSequence = [codes("102538003", "SCT", "recumbent")]
    made.PatientOrientationCodeSequence[0].PatientOrientationModifierCodeSequence = [
        codes("40199007", "SCT", "supine")
    ]
    made.PatientGantryRelationshipCodeSequence = [codes("102540008", "SCT", "headfirst")]
    made.ActualFrameDuration, made.CountsAccumulated = 60000, 500000
    made.AcquisitionTerminationCondition = "TIME"
    made.add_new(0x00090010, "LO", "GEMS_GENIE_1")
    made.add_new(0x00091010, "LO", "Lin Mei, private")
    ramp = np.tile(np.arange(image.columns, dtype=np.uint16) * 10, (image.rows, 1))
    made.PixelData = np.stack([ramp + 100 * at for at in range(image.frames)]).tobytes()
    return made


def file_of(dataset: FileDataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, write_like_original=False)
    return out.getvalue()


@dataclass
class Shelf:
    """An archive that has a study's objects; or is down."""

    files: dict[str, bytes] = field(default_factory=dict)
    added: list[bytes] = field(default_factory=list)
    down: bool = False

    def hold(self, image: Image, dataset: FileDataset | None = None) -> None:
        study = image.series.study
        told = dataset or scan(image)
        self.files[f"/instances/{image.archive_id}/file"] = file_of(told)
        self.files[f"/instances/{image.archive_id}/metadata/SopClassUid"] = (
            told.SOPClassUID.encode()
        )
        names = ("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID")
        main = {name: str(told[name].value) for name in (*names, "StudyDescription")}
        patient = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
        answer = {
            "MainDicomTags": main,
            "PatientMainDicomTags": {name: str(told[name].value) for name in patient},
        }
        self.files[f"/studies/{study.archive_id}"] = json.dumps(answer).encode()

    def get(self, path: str) -> bytes:
        if self.down:
            raise DownError("the archive does not answer: test")
        if path not in self.files:
            raise MissingError(path)
        return self.files[path]

    def json(self, path: str) -> Any:
        return json.loads(self.get(path))

    def post(self, _path: str, body: bytes) -> Any:
        if self.down:
            raise DownError("the archive does not answer: test")
        known = body in self.added
        self.added.append(body)
        return {"Status": "AlreadyStored" if known else "Success"}

    def close(self) -> None:
        pass


def a_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


class Orthanc:
    """Debian 13's archive on loopback, with one user; ``login`` is the file of its password."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.login = folder, folder / "login.json"
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        port, storage = a_port(), str(self._folder / "storage")
        told = {
            "Name": "test",
            "StorageDirectory": storage,
            "IndexDirectory": storage,
            "HttpPort": port,
            "DicomServerEnabled": False,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {"reports": "secret"},
            "OverwriteInstances": False,
            "Plugins": [],
        }
        (self._folder / "orthanc.json").write_text(json.dumps(told))
        who = {"url": f"http://127.0.0.1:{port}", "user": "reports", "password": "secret"}
        self.login.write_text(json.dumps(who))
        log = (self._folder / "orthanc.log").open("wb")
        words = ["/usr/sbin/Orthanc", self._folder / "orthanc.json"]
        self._running = subprocess.Popen(words, stdout=log, stderr=log)
        wire = Archive(str(self.login))
        for _ in range(300):
            try:
                wire.json("/system")
                return
            except DownError:
                time.sleep(0.1)
        raise AssertionError((self._folder / "orthanc.log").read_text())

    def stop(self) -> None:
        if self._running:
            self._running.terminate()
            self._running.wait(20)


def body(image: Image) -> FileDataset:
    """A scan that looks like one: a trunk and four lesions, with noise that is always the same."""
    image.rows, image.columns = 128, 64
    made = scan(image)
    y, x = np.mgrid[0:128, 0:64]
    trunk = 60 * np.exp(-(((x - 32) / 9) ** 2) - ((y - 60) / 46) ** 2)
    head = 50 * np.exp(-(((x - 32) / 6) ** 2) - ((y - 12) / 8) ** 2)
    spots = sum(
        140 * np.exp(-(((x - a) / 2) ** 2) - ((y - b) / 2) ** 2)
        for a, b in ((32, 62), (27, 40), (38, 84), (32, 70))
    )
    counts = np.random.default_rng(7).poisson(trunk + head + spots)
    made.PixelData = np.stack([counts * (at + 1) for at in range(4)]).astype(np.uint16).tobytes()
    return made


def begin(client: Client, study: Study, template: str = "bone", language: str = "en") -> Draft:
    told = {"template": template, "language": language}
    answer = client.post(reverse("report-new", args=[study.uid]), told)
    assert answer.status_code == 302, answer.content
    return Draft.objects.get(report__study=study, report__template=template)


def save(client: Client, draft: Draft, revision: int, texts: dict[str, Any], *images: Any) -> Any:
    told = {"revision": revision, "sections": texts, "key_images": list(images)}
    body = json.dumps(told)
    return client.post(
        reverse("draft-save", args=[draft.pk]), body, content_type="application/json"
    )


def key_image(study: Study, frame: int = 1, **more: Any) -> dict[str, Any]:
    told = {"image": f"{study.uid}.1.1", "frame": frame, "low": 0.0, "high": 500.0}
    return {**told, "palette": "hot-iron", "note": "Anterior 前位", **more}


def sign(client: Client, draft: Draft, stage: str = "final", **more: Any) -> Any:
    draft.refresh_from_db()
    told = {
        "revision": draft.revision,
        "study": draft.report.study.revision,
        "stage": stage,
        "password": PASSWORD,
        **more,
    }
    return client.post(reverse("report-sign", args=[draft.report_id]), told)


TEXTS = {
    "findings": "Focal uptake in L3.\n第三腰椎局部攝取增加。",
    "impression": "Single lesion in L3 單一病灶。",
}


def signed(client: Client, study: Study, *images: Any, **texts: str) -> Version:
    """A final report."""
    draft = begin(client, study)
    assert save(client, draft, draft.revision, {**TEXTS, **texts}, *images).status_code == 200
    assert sign(client, draft).status_code == 302
    return Report.objects.get(pk=draft.report_id).versions.get()


def addendum(client: Client, report: Report, text: str) -> Version:
    client.post(reverse("report-proceed", args=[report.pk]))
    draft = Draft.objects.get(report=report)
    assert save(client, draft, draft.revision, {"addendum": text}).status_code == 200
    assert sign(client, draft, "addendum").status_code == 302
    found = report.versions.last()
    assert found is not None
    return found
