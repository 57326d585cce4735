"""A real Orthanc of a test's own, on loopback, and small objects to send to it."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

NM, TEXT = "1.2.840.10008.5.1.4.1.1.20", "1.2.840.10008.5.1.4.1.1.88.11"


class Orthanc:
    """Its REST interface alone; it is started and stopped as a test wants."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as wire:
            wire.bind(("127.0.0.1", 0))
            self.port = wire.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        data = str(folder / "archive")
        off = {"DicomServerEnabled": False, "AuthenticationEnabled": False, "Plugins": []}
        told = {**off, "StorageDirectory": data, "IndexDirectory": data, "HttpPort": self.port}
        self.config = folder / "orthanc.json"
        self.config.write_text(json.dumps({**told, "StableAge": 1}))
        self.credentials = folder / "read.json"
        about = {"url": self.url, "user": "read", "password": "x"}
        self.credentials.write_text(json.dumps(about))

    def start(self) -> None:
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(["Orthanc", self.config], stdout=quiet, stderr=quiet)
        end = time.monotonic() + 30
        while True:
            try:
                return urllib.request.urlopen(f"{self.url}/system").close()  # noqa: S310 - loopback
            except OSError:
                assert time.monotonic() < end, "Orthanc does not start"
                time.sleep(0.05)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        asked = urllib.request.Request(self.url + path, body, method=method)  # noqa: S310
        with urllib.request.urlopen(asked) as answer:  # noqa: S310
            return json.load(answer)

    def send(self, *objects: FileDataset) -> str:
        """Store objects; the archive's name of the last one's study."""
        for each in objects:
            buffer = io.BytesIO()
            each.save_as(buffer, write_like_original=False)
            study = self.ask("POST", "/instances", buffer.getvalue())["ParentStudy"]
        return str(study)


def image(study: str, **tags: Any) -> FileDataset:
    """A small NM object of a study."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    about = {
        "SOPClassUID": NM,
        "SOPInstanceUID": generate_uid(),
        "StudyInstanceUID": study,
        "SeriesInstanceUID": generate_uid(),
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientName": "Lin^Mei=林^美",
        "PatientID": "K-0042",
        "PatientBirthDate": "19510203",
        "PatientSex": "F",
        "StudyDate": "20261103",
        "StudyTime": "093000",
        "StudyDescription": "Bone scan",
        "StationName": "ICON-1",
        "Modality": "NM",
        "ImageType": ["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"],
        "Rows": 4,
        "Columns": 4,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "NumberOfFrames": 1,
        "PixelData": bytes(32),
        **tags,
    }
    meta.MediaStorageSOPClassUID = about["SOPClassUID"]
    meta.MediaStorageSOPInstanceUID = about["SOPInstanceUID"]
    made = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    made.is_little_endian, made.is_implicit_VR = True, False
    for name, value in about.items():
        if value is not None:
            setattr(made, name, value)
    return made
