"""A real Orthanc on loopback, and small objects of nuclear medicine for it."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from reports.archive import Archive, DownError

NM = "1.2.840.10008.5.1.4.1.1.20"
PDF = "1.2.840.10008.5.1.4.1.1.104.1"


def spare_port() -> int:
    with socket.socket() as wire:
        wire.bind(("127.0.0.1", 0))
        return int(wire.getsockname()[1])


class Orthanc:
    """Debian 13's, with nothing but HTTP on loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, spare_port()
        self.credentials = folder / "archive.json"
        url = f"http://127.0.0.1:{self.port}"
        login = {"url": url, "user": "read", "password": "for-tests"}
        self.credentials.write_text(json.dumps(login))
        (folder / "orthanc.json").write_text(json.dumps(self._told()))
        self._process: subprocess.Popen[bytes] | None = None

    def _told(self) -> dict[str, Any]:
        return {
            "StorageDirectory": str(self.folder / "objects"),
            "IndexDirectory": str(self.folder / "objects"),
            "HttpPort": self.port,
            "HttpBindAddresses": ["127.0.0.1"],
            "RemoteAccessAllowed": False,
            "RegisteredUsers": {"read": "for-tests"},
            "DicomServerEnabled": False,
            "Plugins": [],
        }

    def start(self) -> None:
        log = (self.folder / "log").open("ab")
        words = ["Orthanc", str(self.folder / "orthanc.json")]
        self._process = subprocess.Popen(words, stdout=log, stderr=log)
        for _attempt in range(200):
            try:
                self.wire().get("/system")
            except DownError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def wire(self) -> Archive:
        return Archive(str(self.credentials))

    def add(self, made: bytes) -> str:
        return str(self.wire().post("/instances", made)["ID"])

    def delete(self, path: str) -> None:
        self.wire()._ask("DELETE", path, None)


def written(about: Dataset, pixels: bool) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = about.SOPClassUID
    meta.MediaStorageSOPInstanceUID = about.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset("", about, file_meta=meta, preamble=b"\0" * 128)
    file.is_little_endian, file.is_implicit_VR = True, False
    if pixels:
        file.Rows = file.Columns = 8
        file.NumberOfFrames = 2
        file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
        file.BitsAllocated = file.BitsStored = 16
        file.HighBit, file.PixelRepresentation = 15, 0
        file.PixelData = bytes(8 * 8 * 2 * 2)
    out = io.BytesIO()
    file.save_as(out, write_like_original=False)
    return out.getvalue()


def an_object(study: str, series: str = "", **more: Any) -> bytes:
    """An image; of what is None in ``more`` there is nothing, not even empty."""
    told = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": NM,
        "SOPInstanceUID": generate_uid(),
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series or f"{study[:60]}.1",
        "PatientName": "Lin^Mei=林^美",
        "PatientID": "P1000001",
        "PatientBirthDate": "19600203",
        "PatientSex": "F",
        "StudyDate": "20261127",
        "StudyTime": "101500.5",
        "AccessionNumber": "A1",
        "StudyDescription": "Bone scan",
        "Modality": "NM",
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "StationName": "VARICAM1",
        "ImageType": ["ORIGINAL", "PRIMARY", "WHOLE BODY", "EMISSION"],
        **more,
    }
    about = Dataset()
    for name, value in told.items():
        if value is not None:
            setattr(about, name, value)
    return written(about, pixels=told["Modality"] == "NM")


def a_pdf(study: str, **more: Any) -> bytes:
    """A report as the site itself stores it."""
    return an_object(
        study,
        f"{study[:60]}.9",
        SOPClassUID=PDF,
        Modality="DOC",
        EncapsulatedDocument=b"%PDF",
        MIMETypeOfEncapsulatedDocument="application/pdf",
        ImageType=None,
        **more,
    )
