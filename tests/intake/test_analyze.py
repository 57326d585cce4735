"""ANALYZE 7.5 of either byte order, and headers that are none."""

from __future__ import annotations

import datetime as dt
import struct
from pathlib import Path

import numpy as np
import pytest

from intake import formats
from intake.analyze import looks_like, read
from intake.fields import Fate
from intake.options import Options
from intake.refused import Refused
from intake.study import Kind, Pixels

CODES = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64}


def header(order: str, images: Pixels, **changed: bytes) -> bytes:
    """dbh.h's struct dsr."""
    slices, rows, columns = images.shape
    kind = images.dtype.str[1:]
    made = bytearray(348)
    struct.pack_into(f"{order}i", made, 0, 348)
    struct.pack_into(f"{order}i", made, 32, 16384)
    made[38:39] = b"r"
    struct.pack_into(f"{order}8h", made, 40, 4, columns, rows, slices, 1, 0, 0, 0)
    made[56:58] = b"mm"
    struct.pack_into(f"{order}hh", made, 70, CODES[kind], images.dtype.itemsize * 8)
    struct.pack_into(f"{order}4f", made, 76, 0, 4.7, 4.8, 9.0)
    if kind[0] != "f":
        struct.pack_into(f"{order}ii", made, 140, int(images.max()), int(images.min()))
    made[148:157] = b"bone scan"
    made[283:287] = b"0815"
    made[293:303] = b"1994:03:07"
    made[303:308] = b"14:05"
    for place, data in changed.items():
        at = int(place.removeprefix("at"))
        made[at : at + len(data)] = data
    return bytes(made)


def write(folder: Path, order: str = "<", kind: str = "i2", **changed: bytes) -> Path:
    images = (np.arange(60).reshape(3, 4, 5) * 3 - (0 if kind == "u1" else 9)).astype(kind)
    (folder / "VOL.HDR").write_bytes(header(order, images, **changed))
    (folder / "VOL.IMG").write_bytes(images.astype(f"{order}{kind}").tobytes())
    return folder / "VOL.HDR"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", list(CODES))
def test_volumes(tmp_path: Path, order: str, kind: str) -> None:
    path = write(tmp_path, order, kind)
    reading = formats.read(path)
    (found,) = reading.acquisitions
    assert reading.format == "ANALYZE 7.5"
    assert [each.name for each in reading.originals] == ["VOL.HDR", "VOL.IMG"]
    assert found.kind is Kind.RECON_TOMO
    assert found.pixels.dtype == np.dtype(kind)
    assert found.pixels.dtype.isnative
    assert found.pixels[2, 3, 4] == 59 * 3 - (0 if kind == "u1" else 9)
    assert found.spacing == (4.8, 4.7)
    assert found.slices is not None
    assert (found.slices.count, found.slices.thickness) == (3, 9.0)
    assert (found.patient.id, found.visit.series) == ("0815", "bone scan")
    assert (found.visit.date, found.visit.time) == (dt.date(1994, 3, 7), dt.time(14, 5))
    assert found.derived[0].to == "kind"


def test_each_field_has_its_fate(tmp_path: Path) -> None:
    reading = read(write(tmp_path, at253=b"somebody", at112=struct.pack("<f", 0.5)))
    fields = {field.key: field for field in reading.fields}
    assert fields["originator"].raw == "somebody"
    assert fields["originator"].fate is Fate.KEPT
    assert fields["funused1"].fate is Fate.KEPT
    assert fields["patient_id"].to == ("patient.id",)
    assert fields["glmax"].fate is Fate.CHECKED
    assert any("funused1" in note for note in reading.notes)


def test_a_largest_pixel_that_is_not_is_told(tmp_path: Path) -> None:
    reading = read(write(tmp_path, at140=struct.pack("<i", 9)))
    assert any("glmin and glmax say" in note for note in reading.notes)


def test_names_in_the_devices_charset(tmp_path: Path) -> None:
    path = write(tmp_path, at148="骨掃描".encode("big5") + b"\0\0\0")
    with pytest.raises(Refused, match="not in the character set"):
        read(path)
    assert read(path, Options(charset="big5")).acquisitions[0].visit.series == "骨掃描"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"at70": b"\x20\0"}, "complex numbers"),
        ({"at70": b"\x03\0"}, "none of ANALYZE"),
        ({"at72": b"\x08\0"}, "bitpix is 8"),
        ({"at48": b"\x07\0"}, "7 times"),
        ({"at42": b"\0\0"}, "0 columns"),
        ({"at44": b"\xff\xff"}, "-1 rows"),
        ({"at44": b"\xff\x7f"}, "32767 rows"),
        ({"at44": b"\x05\0"}, "cut short"),
        ({"at108": struct.pack("<f", -348)}, "vox_offset is -348"),
        ({"at108": struct.pack("<f", float("nan"))}, "vox_offset is nan"),
        ({"at108": struct.pack("<f", 1e9)}, "the images begin at byte 1000000000"),
        ({"at344": b"ni1\0"}, "NIfTI"),
        ({"at283": b"a\x07b"}, "control characters"),
    ],
)
def test_what_contradicts_itself_is_refused(
    tmp_path: Path, changed: dict[str, bytes], why: str
) -> None:
    with pytest.raises(Refused, match=why):
        read(write(tmp_path, **changed))


def test_spacing_that_is_none(tmp_path: Path) -> None:
    for data in (struct.pack("<f", 0), struct.pack("<f", -1), struct.pack("<f", float("inf"))):
        (found,) = read(write(tmp_path, at80=data)).acquisitions
        assert found.spacing is None
    (found,) = read(write(tmp_path, at56=b"cm\0\0")).acquisitions
    assert found.spacing is None


def test_without_its_images(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "VOL.IMG").unlink()
    with pytest.raises(Refused, match=r"there is no data file VOL\.img"):
        read(path)
    (tmp_path / "VOL.img").symlink_to("/etc/passwd")
    with pytest.raises(Refused, match="symbolic link"):
        read(path)


def test_other_files_are_none() -> None:
    assert not looks_like(b"\x5c\x01\0\0")
    assert not looks_like(b"!INTERFILE :=\r\n" * 40)
    assert not looks_like(struct.pack("<i", 348) + bytes(344))


@pytest.mark.parametrize("at", range(0, 348, 2))
def test_damage_ends_in_a_volume_or_in_words(tmp_path: Path, at: int) -> None:
    for data in (b"\xff\xff", b"\0\x80", b"\x01\x7f"):
        try:
            read(write(tmp_path, **{f"at{at}": data}))
        except Refused as refused:
            print(refused.show())
