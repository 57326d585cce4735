"""What reading takes: memory at most twice the images, time little, however the file was made."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intake import analyze
from intake.dicom_reader.read import read as read_dicom
from intake.raw.profile import parse
from intake.raw.read import read as read_raw
from intake.refused import Refused
from intake.study import Reading
from tests.intake import dicom_kit, test_analyze

SLACK = 4 * 2**20
FRAMES, SIDE = 32, 512  # 16 MB of 16 bit pixels


def peak(read: Callable[[], Reading]) -> tuple[int, int]:
    """The bytes of the images, and the most that were held at a time to read them."""
    read()  # what is imported and cached once does not count
    tracemalloc.start()
    try:
        reading = read()
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return reading.acquisitions[0].pixels.nbytes, held


def dicom(folder: Path, syntax: str) -> Path:
    made = dicom_kit.recon(FRAMES)
    side = 128 if syntax == dicom_kit.RLE else SIDE  # pydicom's encoder is slow
    return dicom_kit.write(
        folder, dicom_kit.put(made, dicom_kit.counts(FRAMES, side, side)), syntax=syntax
    )


@pytest.mark.parametrize("syntax", [dicom_kit.EXPLICIT, dicom_kit.BIG, dicom_kit.RLE])
def test_dicom(tmp_path: Path, syntax: str) -> None:
    path = dicom(tmp_path, syntax)
    images, held = peak(lambda: read_dicom(path))
    assert held < 2 * images + SLACK


def test_twelve_bits(tmp_path: Path) -> None:
    made = dicom_kit.put(dicom_kit.recon(FRAMES), dicom_kit.counts(FRAMES, SIDE, SIDE, 4095))
    made.BitsStored, made.HighBit, made.PixelRepresentation = 12, 11, 1
    path = dicom_kit.write(tmp_path, made)
    images, held = peak(lambda: read_dicom(path))
    assert held < 2 * images + SLACK


def test_analyze_volumes(tmp_path: Path) -> None:
    pixels = np.zeros((FRAMES, SIDE, SIDE), dtype=">i2")
    (tmp_path / "a.hdr").write_bytes(test_analyze.header(">", pixels))
    (tmp_path / "a.img").write_bytes(pixels.tobytes())
    images, held = peak(lambda: analyze.read(tmp_path / "a.hdr"))
    assert held < 2 * images + SLACK


RAW = """\
title: large
approved: {{by: A, on: "2026-01-01", seen: a phantom}}
charset: ascii
header: 0
images: {{kind: static, frames: 1, rows: 4096, columns: 4096, type: {kind}, order: {order}}}
"""


@pytest.mark.parametrize(
    ("kind", "order", "size"),
    [("vax-f", "big", 4), ("dg-double", "big", 8), ("int16", "big", 2), ("uint32", "pdp", 4)],
)
def test_raw_matrices(tmp_path: Path, kind: str, order: str, size: int) -> None:
    path = tmp_path / "large.dat"
    with path.open("wb") as file:
        file.truncate(4096 * 4096 * size)
    profile = parse(RAW.format(kind=kind, order=order))
    images, held = peak(lambda: read_raw(path, profile))
    assert held < 2 * images + SLACK


def test_a_small_file_that_claims_much_takes_nothing(tmp_path: Path) -> None:
    made = dicom_kit.recon(3)
    made.NumberOfFrames, made.Rows, made.Columns = 500, 1000, 1000
    path = dicom_kit.write(tmp_path, made)
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="cut short"):
            read_dicom(path)
        assert tracemalloc.get_traced_memory()[1] < SLACK
    finally:
        tracemalloc.stop()
