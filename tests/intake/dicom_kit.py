"""DICOM NM objects as other makers write them, built with pydicom (not with our own writer)."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.pixel_data_handlers.rle_handler import rle_encode_frame
from pydicom.sequence import Sequence

NM = "1.2.840.10008.5.1.4.1.1.20"
NM_RETIRED = "1.2.840.10008.5.1.4.1.1.5"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG, RLE = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"


def item(**values: Any) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def sequence(*items: Dataset) -> Sequence:
    return Sequence(list(items))


def code(value: str, meaning: str, scheme: str = "SCT") -> Sequence:
    return sequence(item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning))


def counts(frames: int, rows: int = 4, columns: int = 6, top: int = 65535) -> np.ndarray:
    """Different pixels in each frame, from 0 to ``top``."""
    total = frames * rows * columns
    return (np.arange(total, dtype=np.int64) * 7919 % (top + 1)).reshape(frames, rows, columns)


def common(pixels: np.ndarray, kind: str) -> Dataset:
    """What every kind has."""
    made = item(
        SOPClassUID=NM,
        SOPInstanceUID="1.2.3.4.5",
        StudyInstanceUID="1.2.3.4",
        SeriesInstanceUID="1.2.3.4.1",
        ImageType=["ORIGINAL", "PRIMARY", kind, "EMISSION"],
        Modality="NM",
        StudyDate="20031231",
        StudyTime="235959.25",
        AcquisitionDate="20031231",
        AcquisitionTime="2358",
        AccessionNumber="A7",
        Manufacturer="Example Cameras",
        ManufacturerModelName="E-1",
        InstitutionName="Hospital",
        PatientName="CHEN^MEI-HUA",
        PatientID="0815",
        PatientBirthDate="19310203",
        PatientSex="F",
        PatientWeight="61.5",
        StudyID="77",
        BodyPartExamined="CHEST",
        EnergyWindowInformationSequence=sequence(
            item(
                EnergyWindowName="Tc99m",
                EnergyWindowRangeSequence=sequence(
                    item(EnergyWindowLowerLimit="126", EnergyWindowUpperLimit="154")
                ),
            )
        ),
        NumberOfEnergyWindows=1,
        RadiopharmaceuticalInformationSequence=sequence(
            item(
                RadionuclideCodeSequence=code("C-163A8", "^99m^Technetium", "SRT"),
                Radiopharmaceutical="MDP",
                RadionuclideTotalDose="740",
                RadiopharmaceuticalStartTime="080000",
            )
        ),
        DetectorInformationSequence=sequence(
            item(CollimatorType="PARA", CollimatorGridName="LEHR", ZoomFactor=["1", "1"])
        ),
        NumberOfDetectors=1,
        PatientOrientationCodeSequence=sequence(
            item(
                CodeValue="F-10450",
                CodingSchemeDesignator="SRT",
                CodeMeaning="recumbent",
                PatientOrientationModifierCodeSequence=code("F-10340", "supine", "SRT"),
            )
        ),
        PatientGantryRelationshipCodeSequence=code("102541007", "feet-first"),
        PixelSpacing=["4.8", "4.7"],
    )
    return put(made, pixels)


def put(made: Dataset, pixels: np.ndarray, bits: int = 16, signed: bool = False) -> Dataset:
    """The pixels, native; ``write`` swaps them where the syntax wants it."""
    frames, rows, columns = pixels.shape
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.NumberOfFrames, made.Rows, made.Columns = frames, rows, columns
    made.BitsAllocated = made.BitsStored = bits
    made.HighBit, made.PixelRepresentation = bits - 1, int(signed)
    data = pixels.astype(f"<{'i' if signed else 'u'}{bits // 8}").tobytes()
    made.PixelData = data + b"\0" * (len(data) % 2)
    return made


def tomo(frames: int = 8, heads: int = 2) -> Dataset:
    views = frames // heads
    made = common(counts(frames), "TOMO")
    made.FrameIncrementPointer = [0x00540010, 0x00540020, 0x00540050, 0x00540090]
    made.EnergyWindowVector = [1] * frames
    made.DetectorVector = [1 + index // views for index in range(frames)]
    made.RotationVector = [1] * frames
    made.AngularViewVector = [1 + index % views for index in range(frames)]
    made.NumberOfDetectors, made.NumberOfRotations = heads, 1
    made.TypeOfDetectorMotion = "STEP AND SHOOT"
    made.DetectorInformationSequence = sequence(
        *(item(CollimatorType="PARA", StartAngle=str(180 * head)) for head in range(heads))
    )
    made.RotationInformationSequence = sequence(
        item(
            RotationDirection="CC",
            AngularStep=str(180 / views),
            ScanArc="180",
            ActualFrameDuration="20000",
            NumberOfFramesInRotation=views,
            RadialPosition=["230"] * views,
        )
    )
    return made


def gated(slots: int = 4) -> Dataset:
    made = common(counts(slots), "GATED")
    made.FrameIncrementPointer = [0x00540010, 0x00540020, 0x00540060, 0x00540070]
    made.EnergyWindowVector = made.DetectorVector = made.RRIntervalVector = [1] * slots
    made.TimeSlotVector = list(range(1, slots + 1))
    made.NumberOfRRIntervals, made.NumberOfTimeSlots = 1, slots
    made.HeartRate = "72"
    made.GatedInformationSequence = sequence(
        item(
            DataInformationSequence=sequence(
                item(
                    FrameTime="62.5",
                    LowRRValue="800",
                    HighRRValue="900",
                    IntervalsAcquired="480",
                    IntervalsRejected="12",
                )
            )
        )
    )
    return made


def dynamic() -> Dataset:
    made = common(counts(5), "DYNAMIC")
    made.FrameIncrementPointer = [0x00540010, 0x00540020, 0x00540030, 0x00540100]
    made.EnergyWindowVector = made.DetectorVector = [1] * 5
    made.PhaseVector, made.TimeSliceVector = [1, 1, 2, 2, 2], [1, 2, 1, 2, 3]
    made.NumberOfPhases = 2
    made.PhaseInformationSequence = sequence(
        *(
            item(
                PhaseDelay="0",
                ActualFrameDuration=duration,
                PauseBetweenFrames="0",
                NumberOfFramesInPhase=frames,
            )
            for duration, frames in (("1000", 2), ("15000", 3))
        )
    )
    return made


def recon(slices: int = 3) -> Dataset:
    made = common(counts(slices), "RECON TOMO")
    made.FrameIncrementPointer = [0x00540080]
    made.SliceVector, made.NumberOfSlices = list(range(1, slices + 1)), slices
    made.SpacingBetweenSlices, made.SliceThickness = "4.8", "4.8"
    return made


def static(heads: int = 2) -> Dataset:
    made = common(counts(heads), "STATIC")
    made.FrameIncrementPointer = [0x00540010, 0x00540020]
    made.EnergyWindowVector = [1] * heads
    made.DetectorVector, made.NumberOfDetectors = list(range(1, heads + 1)), heads
    made.ActualFrameDuration = "300000"
    views = [code("G-5215", "Anterior projection", "SRT"), code("399001007", "Posterior")]
    made.DetectorInformationSequence = sequence(
        *(item(CollimatorType="PARA", ViewCodeSequence=view) for view in views)
    )
    return made


def encode(
    made: Dataset, syntax: str = EXPLICIT, preamble: bool = True, meta: bool = True
) -> bytes:
    """The object as a file's bytes."""
    made.is_little_endian, made.is_implicit_VR = syntax != BIG, syntax == IMPLICIT
    width = made.BitsAllocated // 8
    if syntax == BIG and width > 1:
        made.PixelData = np.frombuffer(made.PixelData, f"<u{width}").astype(f">u{width}").tobytes()
    if syntax == RLE:
        size = made.Rows * made.Columns * width
        frames = np.frombuffer(made.PixelData[: size * made.NumberOfFrames], f"<u{width}")
        cut = frames.reshape(-1, made.Rows, made.Columns)
        made.PixelData = encapsulate([rle_encode_frame(frame) for frame in cut])
        made["PixelData"].VR = "OB"
        made["PixelData"].is_undefined_length = True
    elif made["PixelData"].VR == "OB or OW":
        made["PixelData"].VR = "OW"
    buffer = DicomFileLike(BytesIO())
    if preamble:
        buffer.write(b"\0" * 128 + b"DICM")
    if meta:
        stated = FileMetaDataset()
        stated.MediaStorageSOPClassUID = made.get("SOPClassUID", NM)
        stated.MediaStorageSOPInstanceUID = made.get("SOPInstanceUID", "1.2")
        stated.TransferSyntaxUID, stated.ImplementationClassUID = syntax, "1.2.3"
        buffer.is_little_endian, buffer.is_implicit_VR = True, False
        write_file_meta_info(buffer, stated)
    buffer.is_little_endian, buffer.is_implicit_VR = made.is_little_endian, made.is_implicit_VR
    write_dataset(buffer, made)
    found: bytes = buffer.parent.getvalue()
    return found


def write(folder: Path, made: Dataset, **how: Any) -> Path:
    path = folder / "image.dcm"
    path.write_bytes(encode(made, **how))
    return path
