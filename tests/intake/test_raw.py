"""Raw profiles: what they give, what they refuse, and the place of each slip."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.fields import Fate
from intake.raw.profile import parse
from intake.raw.read import read
from intake.raw.strict import BadProfile
from intake.refused import Refused
from intake.study import Kind

PROFILE = """\
title: old camera, tomographic
approved: {by: Lin Mei-hua, on: "2026-03-31", seen: phantom P3 against the camera's own screen}
charset: latin1
header: 128
trailer: 4
expect:
  - {at: 0, text: STAR}
images:
  kind: tomo
  frames: {at: 120, as: uint16, order: little}
  rows: 2
  columns: 3
  type: uint16
  order: big
  gap: 2
  loops: {detector: 2, view: 2}
values:
  patient.name: {at: 8, length: 20, split: "/"}
  patient.id: {at: 28, length: 8}
  patient.birth_date: {at: 36, length: 8, form: dd-mm-yy, century: 1900}
  patient.sex: {at: 44, length: 1, words: {W: F}}
  study.date: {at: 46, length: 11, form: dd mon yyyy}
  study.time: {at: 58, length: 5, form: "hh:mm"}
  rotation.direction: CCW
  rotation.start_angle: 180
  rotation.extent: 360
  rotation.duration_ms: {at: 64, as: uint16, order: big, times: 1000}
  window.1.lower_kev: 126
  window.1.upper_kev: 154
  equipment.manufacturer: Example
kept:
  comment: {at: 66, length: 10}
"""


def header() -> bytearray:
    data = bytearray(128)
    for at, text in (
        (0, b"STAR"),
        (8, "MÜLLER/Ann".encode("latin-1")),
        (28, b"  4711\0x"),
        (36, b" 3-12-31"),
        (44, b"W"),
        (46, b"07 MAR 1994"),
        (58, b"23:59"),
        (64, b"\0\x14"),
        (66, b"bone scan"),
        (100, b"\x01\x02"),
        (120, b"\x04\0"),
    ):
        data[at : at + len(text)] = text
    return data


IMAGES = np.arange(24, dtype=">u2").reshape(4, 6) * 2700
GAPS = (b"\0\0",) * 3


def whole(head: bytes, gaps: tuple[bytes, ...] = GAPS, tail: bytes = b"\0\0\0\0") -> bytes:
    images = [image.tobytes() for image in IMAGES.astype(">u2")]
    return bytes(head) + b"".join(a + b for a, b in zip(images, (*gaps, b""), strict=True)) + tail


def write(folder: Path, data: bytes) -> Path:
    path = folder / "SCAN.DAT"
    path.write_bytes(data)
    return path


def test_all_that_a_profile_says(tmp_path: Path) -> None:
    reading = read(write(tmp_path, whole(header())), parse(PROFILE))
    (found,) = reading.acquisitions
    assert found.kind is Kind.TOMO
    assert found.pixels.dtype == np.uint16
    assert found.pixels.reshape(4, 6).tolist() == IMAGES.tolist()
    places = [(place.detector, place.view) for place in found.places]
    assert places == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert found.patient.name == "MÜLLER^Ann"
    assert (found.patient.id, found.patient.sex) == ("4711", "F")
    assert found.patient.birth_date == dt.date(1931, 12, 3)
    assert (found.visit.date, found.visit.time) == (dt.date(1994, 3, 7), dt.time(23, 59))
    (turn,) = found.rotations
    assert (turn.frames, turn.clockwise, turn.start_angle, turn.step) == (2, False, 180, 180)
    assert turn.duration == 20_000
    assert found.windows[0].ranges == ((126, 154),)
    assert found.equipment.manufacturer == "Example"
    assert len(found.detectors) == 2
    assert any("Lin Mei-hua" in note for note in reading.notes)


def test_every_byte_of_the_header_has_its_fate(tmp_path: Path) -> None:
    data = whole(header(), (b"\0\0", b"ab", b"\0\0"))
    reading = read(write(tmp_path, data), parse(PROFILE))
    fields = {field.key: field for field in reading.fields}
    assert fields["patient.id"].raw == "4711"
    assert fields["patient.id"].offset == 28
    assert fields["patient.id, behind its end"].raw == "78"  # what lay behind the NUL
    assert fields["comment"].raw == "bone scan"
    assert fields["comment"].fate is Fate.KEPT
    assert fields["bytes 0"].fate is Fate.CHECKED
    assert fields["bytes 76 to 120"].raw.replace("00", "").split() == ["01", "02"]
    assert fields["gap after image 2"].raw == "61 62"
    assert {each.to for each in reading.acquisitions[0].derived} >= {"equipment.manufacturer"}


def test_what_is_too_much_to_keep_is_listed_as_lost(tmp_path: Path) -> None:
    text = PROFILE.replace("trailer: 4", "trailer: 5000")
    reading = read(write(tmp_path, whole(header(), tail=b"x" * 5000)), parse(text))
    (lost,) = [field for field in reading.fields if field.fate is Fate.LOST]
    assert lost.key == "trailer"
    assert "original file keeps them" in lost.why


@pytest.mark.parametrize(
    ("at", "data", "why"),
    [
        (0, b"MOON", "not a file of `old camera, tomographic`: bytes 0 to 4 are 4d 4f"),
        (36, b"31-02-31", "patient.birth_date` at byte 36: day is out of range"),
        (36, b"31/12/31", "is not written as dd-mm-yy"),
        (44, b"X", "`X` is none of M, F, O"),
        (46, b"07 MAI 1994", "`MAI` is no month"),
        (58, b"24:00", "hour must be in 0..23"),
        (120, b"\x05\0", "the file has .* bytes; 5 images of 2 x 3 uint16"),
        (120, b"\0\0", "frames` at byte 120 is 0"),
        (9, b"\x07", "control characters"),
        (9, b"\\", "no DICOM name may"),
    ],
)
def test_a_file_that_is_not_so_is_refused(tmp_path: Path, at: int, data: bytes, why: str) -> None:
    head = header()
    head[at : at + len(data)] = data
    with pytest.raises(Refused, match=why):
        read(write(tmp_path, whole(head)), parse(PROFILE))


@pytest.mark.parametrize("change", [-1, 1, -40])
def test_the_length_must_be_exact(tmp_path: Path, change: int) -> None:
    data = whole(header())
    with pytest.raises(Refused, match="the file has"):
        read(write(tmp_path, data[:change] if change < 0 else data + b"\0"), parse(PROFILE))


def test_an_empty_date_is_no_date(tmp_path: Path) -> None:
    head = header()
    head[36:44] = b"        "
    (found,) = read(write(tmp_path, whole(head)), parse(PROFILE)).acquisitions
    assert found.patient.birth_date is None


def test_the_charset_is_the_profiles(tmp_path: Path) -> None:
    head = header()
    head[8:28] = "王 小明".encode("big5").ljust(20)
    text = PROFILE.replace("charset: latin1", "charset: big5").replace('split: "/"', 'split: " "')
    (found,) = read(write(tmp_path, whole(head)), parse(text)).acquisitions
    assert found.patient.name == "王^小明"
    head[8:28] = b"\xfc\xff".ljust(20)
    with pytest.raises(Refused, match=r"`patient\.name` at byte 8 is no big5"):
        read(write(tmp_path, whole(head)), parse(text))


def test_only_plain_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/hostname")
    for name in ("pipe", "link", "."):
        with pytest.raises(Refused):
            read(tmp_path / name, parse(PROFILE))


def test_a_huge_image_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    text = PROFILE.replace("rows: 2", "rows: 8000").replace("columns: 3", "columns: 8000")
    head = header()
    head[120:122] = b"\xff\x7f"
    with pytest.raises(Refused, match="are the limit"):
        read(write(tmp_path, bytes(head)), parse(text))


DYNAMIC = """\
title: dynamic
approved: {by: A, on: "2026-01-01", seen: a phantom}
charset: ascii
header: 0
images: {kind: dynamic, frames: 5, rows: 1, columns: 1, type: vax-f, loops: {frame: 5}}
values:
  phase.1.frames: 2
  phase.1.duration_ms: 1000
  phase.2.frames: 3
  phase.2.duration_ms: 500.5
"""


def test_phases_of_a_dynamic_study(tmp_path: Path) -> None:
    data = b"\x80\x40\0\0" * 5
    (found,) = read(write(tmp_path, data), parse(DYNAMIC)).acquisitions
    places = [(place.phase, place.time_slice) for place in found.places]
    assert places == [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3)]
    assert [phase.duration for phase in found.phases] == [1000, 500.5]
    assert found.pixels.sum() == 5
    with pytest.raises(Refused, match="beyond the 4"):
        read(write(tmp_path, data), parse(DYNAMIC.replace("2.frames: 3", "2.frames: 2")))


@pytest.mark.parametrize(
    ("old", "new", "slip"),
    [
        ("type: uint16", "type: uint61", "13:9: `uint61` is no type known here"),
        ("  order: big\n  gap", "  gap", "9:3: `images` has no `order`"),
        ("  order: big\n  gap", "  order: pdp\n  gap", "14:10: `pdp` is no order known here"),
        ("header: 128", "header: 0128", "4:9: `header` is a whole number, without quotes"),
        ("header: 128", "header: 100", "10:11: bytes 120 to 122 are beyond the header"),
        ("patient.id:", "patient.idd:", "19:3: `patient.idd` is no value known here"),
        ("charset: latin1\n", "", "1:1: a raw profile has no `charset`"),
        (", century: 1900", "", "20:23: a year of two digits needs `century"),
        ("form: dd-mm-yy,", "form: dd-mm,", "`form: dd-mm` is no complete date"),
        ("form: dd-mm-yy,", "form: dd-xx-yy,", "`x` is no part of a date"),
        ("W: F", "W: female", "21:47: this is no known word"),
        ("  loops: {detector: 2, view: 2}\n", "", "9:3: `images` has no `loops`"),
        ("view: 2}", "turn: 2}", "16:24: `turn` is no loop known here"),
        ('on: "2026-03-31"', "on: yesterday", "2:11: `on` is a date"),
        ("  rotation.direction: CCW\n", "", "a TOMO study needs `rotation.direction`"),
        ("direction: CCW", "direction: left", "24:23: `left` is no rotation.direction"),
        ('{at: 58, length: 5, form: "hh:mm"}', "noon", "not the same for every file"),
        ("gap: 2", "gap: 2\n  gap: 3", "16:3: `gap` is given twice: first in line 15"),
        ("text: STAR", "text: STÄR€", "7:5: this text cannot be written in latin1"),
        ("at: 0, text", "at: 126, text", "7:5: this is beyond the header"),
        ("rows: 2", "rows: 2.5", "11:9: `rows` is a whole number"),
        ("columns: 3", "columns: *r", "12:12: an alias|this is not YAML"),
        ("rows: 2", "rows: !!int 2", "11:9: the tag"),
        ("title: old", "title: [old", "this is not YAML"),
        ("  kind: tomo", "\tkind: tomo", "this is not YAML"),
        ("kept:\n", "keep:\n", "31:1: `keep` has no meaning in a raw profile"),
    ],
)
def test_a_slip_has_its_place(old: str, new: str, slip: str) -> None:
    text = PROFILE.replace(old, new, 1)
    assert text != PROFILE
    with pytest.raises(BadProfile, match=slip):
        parse(text, "camera.yml")


def test_all_slips_at_once() -> None:
    text = PROFILE.replace("type: uint16", "type: x").replace("header: 128", "header: y")
    with pytest.raises(BadProfile) as bad:
        parse(text)
    assert {slip.line for slip in bad.value.slips} >= {4, 13}


@settings(max_examples=200)
@given(st.integers(0, len(PROFILE) - 1), st.integers(0, 30), st.text(max_size=8))
def test_any_damage_to_a_profile_ends_in_words(at: int, cut: int, put: str) -> None:
    try:
        parse(PROFILE[:at] + put + PROFILE[at + cut :])
    except BadProfile as bad:
        print(bad)
