"""NM objects of all eight kinds as a camera makes them, with counts that can be told apart."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from reports.viewer.nm import POINTERS, VECTORS

NM = "1.2.840.10008.5.1.4.1.1.20"
ANTERIOR = ("399321004", "SCT", "Anterior projection")
POSTERIOR = ("399001007", "SCT", "Posterior projection")
Counts = npt.NDArray[np.generic]


def item(**values: Any) -> Dataset:
    """An item of a sequence."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(
            made,
            keyword,
            Sequence(value)
            if isinstance(value, list) and value and isinstance(value[0], Dataset)
            else value,
        )
    return made


def code(told: tuple[str, str, str]) -> list[Dataset]:
    return [item(CodeValue=told[0], CodingSchemeDesignator=told[1], CodeMeaning=told[2])]


def counts(frames: int, rows: int = 16, columns: int = 16) -> Counts:
    """Frame n has n + 1 everywhere, and 100 (n + 1) + column + row in a square."""
    made = np.zeros((frames, rows, columns), np.uint16)
    made += np.arange(1, frames + 1, dtype=np.uint16)[:, None, None]
    square = np.add.outer(np.arange(4), np.arange(4)).astype(np.uint16)
    for number in range(frames):
        made[number, 4:8, 6:10] = 100 * (number + 1) + square
    return made


def plain(pixels: Counts, study: str, **values: Any) -> FileDataset:
    """An image without anything of nuclear medicine."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = NM
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.is_little_endian, made.is_implicit_VR = True, False
    made.SOPClassUID, made.SOPInstanceUID = NM, meta.MediaStorageSOPInstanceUID
    made.StudyInstanceUID, made.SeriesInstanceUID = study, generate_uid()
    made.PatientID, made.PatientName = "P-77", "Lin^Mei"
    made.StudyDate, made.StudyTime, made.Modality = "20260301", "091500", "NM"
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.NumberOfFrames, made.Rows, made.Columns = pixels.shape[:3]
    made.BitsAllocated = made.BitsStored = pixels.dtype.itemsize * 8
    made.HighBit, made.PixelRepresentation = made.BitsStored - 1, int(pixels.dtype.kind == "i")
    made.PixelSpacing = [4.0, 4.0]
    made.PixelData = pixels.tobytes()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def nm(
    kind: str, pixels: Counts, study: str, vectors: dict[str, list[int]], **values: Any
) -> FileDataset:
    """One of a kind; ``vectors`` by the names of reports/viewer/nm.py."""
    windows = [
        item(
            EnergyWindowName="Tc99m",
            EnergyWindowRangeSequence=[
                item(EnergyWindowLowerLimit=126.0, EnergyWindowUpperLimit=154.0)
            ],
        ),
        item(EnergyWindowName="Scatter"),
    ]
    detectors = [item(ViewCodeSequence=code(ANTERIOR)), item(ViewCodeSequence=code(POSTERIOR))]
    made = plain(pixels, study, ImageType=["ORIGINAL", "PRIMARY", kind, "EMISSION"])
    made.EnergyWindowInformationSequence = Sequence(windows)
    made.DetectorInformationSequence = Sequence(detectors)
    for name in POINTERS[kind]:
        setattr(made, VECTORS[name], vectors.get(name, [1] * len(pixels)))
    made.SeriesDescription = kind.title()
    for keyword, value in values.items():
        setattr(
            made,
            keyword,
            Sequence(value) if isinstance(value, list) and isinstance(value[0], Dataset) else value,
        )
    return made


def _phase(delay: int, long: int, pause: int, many: int) -> Dataset:
    return item(
        PhaseDelay=delay,
        ActualFrameDuration=long,
        PauseBetweenFrames=pause,
        NumberOfFramesInPhase=many,
    )


def _beats(*times: float) -> list[Dataset]:
    slots = [item(TimeSlotTime=each) for each in times]
    return [
        item(DataInformationSequence=[item(FrameTime=times[0], TimeSlotInformationSequence=slots)])
    ]


TURN = {
    "RotationInformationSequence": [
        item(StartAngle=350.0, AngularStep=6.0, RotationDirection="CC", ActualFrameDuration=20_000)
    ]
}
BEATS = {"GatedInformationSequence": _beats(100.0, 100.0, 150.0, 150.0), "NumberOfTimeSlots": 4}


def static(study: str) -> FileDataset:
    return nm(
        "STATIC",
        counts(4),
        study,
        {"window": [1, 2, 1, 2], "detector": [1, 1, 2, 2]},
        ActualFrameDuration=300_000,
    )


def whole_body(study: str) -> FileDataset:
    return nm(
        "WHOLE BODY", counts(2, 64, 16), study, {"detector": [1, 2]}, ActualFrameDuration=900_000
    )


def dynamic(study: str, pixels: Counts | None = None) -> FileDataset:
    """Two phases: three frames of 2 s, 1 s between them, then after 4 s three of 10 s."""
    found = counts(6) if pixels is None else pixels
    half = len(found) // 2
    vectors = {"phase": [1] * half + [2] * half, "step": [*range(1, half + 1)] * 2}
    phases = [_phase(0, 2000, 1000, half), _phase(4000, 10_000, 0, half)]
    return nm("DYNAMIC", found, study, vectors, PhaseInformationSequence=phases)


def gated(study: str) -> FileDataset:
    return nm("GATED", counts(4), study, {"slot": [1, 2, 3, 4]}, **BEATS)


def tomo(study: str) -> FileDataset:
    return nm("TOMO", counts(4), study, {"turn": [1, 2, 3, 4]}, **TURN)


def gated_tomo(study: str) -> FileDataset:
    vectors = {"turn": [1, 1, 1, 1, 2, 2, 2, 2], "slot": [1, 2, 3, 4] * 2}
    return nm("GATED TOMO", counts(8), study, vectors, **TURN, **BEATS)


def recon(study: str) -> FileDataset:
    pixels = counts(4).astype(np.int16)
    pixels[0, 0, 0] = -5
    return nm(
        "RECON TOMO",
        pixels,
        study,
        {"slice": [1, 2, 3, 4]},
        SpacingBetweenSlices=4.8,
        RescaleSlope=0.5,
        RescaleIntercept=0.0,
        RescaleType="counts",
    )


def recon_gated(study: str) -> FileDataset:
    vectors = {"slice": [1, 1, 1, 1, 2, 2, 2, 2], "slot": [1, 2, 3, 4] * 2}
    return nm("RECON GATED TOMO", counts(8), study, vectors, SpacingBetweenSlices=-4.8, **BEATS)


PET = "1.2.840.10008.5.1.4.1.1.128"
CT = "1.2.840.10008.5.1.4.1.1.2"


def slices(
    study: str, pixels: Counts, slopes: list[float], modality: str = "PT", **values: Any
) -> list[FileDataset]:
    """A series of single-frame objects, 4 mm apart, each with a Rescale Slope of its own."""
    series = generate_uid()
    made = []
    for number, (values_of, slope) in enumerate(zip(pixels, slopes, strict=True), 1):
        one = plain(
            values_of[None],
            study,
            SeriesInstanceUID=series,
            Modality=modality,
            SOPClassUID=PET if modality == "PT" else CT,
            InstanceNumber=number,
            ImageType=["ORIGINAL", "PRIMARY"],
            SeriesDescription="Slices",
            ImageOrientationPatient=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            ImagePositionPatient=[-30.0, -30.0, 4.0 * number],
            RescaleSlope=slope,
            RescaleIntercept=0.0,
            Units="BQML",
            ActualFrameDuration=600_000,
        )
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
        for keyword, value in values.items():
            setattr(one, keyword, value)
        made.append(one)
    return made


ALL = (static, whole_body, dynamic, gated, tomo, gated_tomo, recon, recon_gated)


def file(made: FileDataset) -> bytes:
    """Its Part 10 file."""
    out = io.BytesIO()
    made.save_as(out, write_like_original=False)
    return out.getvalue()
