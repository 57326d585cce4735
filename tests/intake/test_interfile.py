"""Interfile: every kind there and back, each dialect's peculiarities, bits and text as pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intake.dicom import write as dicom
from intake.dicom_reader.read import read as read_dicom
from intake.fields import Fate
from intake.interfile import dialects, keys, lexer
from intake.interfile import write as interfile
from intake.interfile.read import read
from intake.options import Options
from intake.refused import Refused
from intake.study import Acquisition, Detector, Kind, Patient, Scale
from tests.intake import kit

BASE = Path(__file__).parent / "base"


def save(acquisition: Acquisition, folder: Path, dialect: str = "", **options: str) -> Path:
    how = dialects.named(dialect or "standard")
    made = interfile.write(acquisition, "S.I33", how, Options(**options))  # type: ignore[arg-type]
    interfile.save(made, folder / "S.H33", folder / "S.I33")
    return folder / "S.H33"


@pytest.mark.parametrize("kind", list(Kind), ids=[kind.name for kind in Kind])
@pytest.mark.parametrize("dialect", ["standard", "genie"])
def test_what_is_written_is_read_back_the_same(kind: Kind, dialect: str, tmp_path: Path) -> None:
    first = kit.make(kind)
    (second,) = read(save(first, tmp_path, dialect)).acquisitions
    assert kit.same(first, second) == []


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8"])
@pytest.mark.parametrize("dialect", ["standard", "simind"])
def test_every_type_of_pixel_comes_back_exactly(dtype: str, dialect: str, tmp_path: Path) -> None:
    first = kit.make(Kind.DYNAMIC)
    odd = kit.counts(len(first.places), 6, 8, dtype)
    odd.reshape(-1)[:3] = (0, 1, np.iinfo(dtype).max if dtype[0] in "ui" else 1e-30)
    (second,) = read(save(replace(first, pixels=odd), tmp_path, dialect)).acquisitions
    assert second.pixels.dtype == odd.dtype
    assert np.array_equal(second.pixels, odd)


def test_the_header_is_one_that_old_programs_read(tmp_path: Path) -> None:
    raw = save(kit.make(Kind.GATED_TOMO), tmp_path).read_bytes()
    assert raw.startswith(b"!INTERFILE :=\r\n")
    assert raw.endswith(b"!END OF INTERFILE :=\r\n\x1a")
    lines = raw[:-1].split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 255
    assert b"imagedata byte order := BIGENDIAN" in lines


def test_names_by_dialect_and_charset(tmp_path: Path) -> None:
    who = kit.make(Kind.STATIC, patient=Patient("許^功蓋", "1"))
    assert b"caret" not in save(who, tmp_path, charset="big5").read_bytes()
    assert "許, 功蓋".encode("big5") in (tmp_path / "S.H33").read_bytes()
    assert read(tmp_path / "S.H33", Options(charset="big5")).acquisitions[0].patient == who.patient
    save(who, tmp_path, "genie", charset="big5")
    assert "許^功蓋".encode("big5") in (tmp_path / "S.H33").read_bytes()
    with pytest.raises(Refused, match="no place in the receiving device's character set"):
        save(who, tmp_path, charset="latin1")


def test_a_semicolon_cannot_be_written(tmp_path: Path) -> None:
    visit = replace(kit.make(Kind.STATIC).visit, description="one; two")
    with pytest.raises(Refused, match="a semicolon begins a comment"):
        save(kit.make(Kind.STATIC, visit=visit), tmp_path)


def test_scale_of_hermes_and_mediman(tmp_path: Path) -> None:
    scale = Scale(0.001, -2.0)
    first = kit.make(Kind.RECON_TOMO, scale=scale)
    (second,) = read(save(first, tmp_path)).acquisitions
    assert second.scale == scale
    text = (BASE / "recon.h33").read_text().replace("organ", "x")
    text = text.replace("BIGENDIAN", "BIGENDIAN\nquantification units := +1.696265e-05")
    (tmp_path / "scan.h33").write_text(text)
    (tmp_path / "scan.i33").write_bytes(bytes(480))
    reading = read(tmp_path / "scan.h33")
    assert reading.acquisitions[0].scale == Scale(1.696265e-05)
    assert reading.format == "Interfile (mediman)"


def header(tmp_path: Path, base: str, changes: dict[str, str], data: bytes) -> Path:
    text = (BASE / f"{base}.h33").read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "scan.h33").write_text(text)
    (tmp_path / "scan.i33").write_bytes(data)
    return tmp_path / "scan.h33"


def test_bits_the_most_significant_is_leftmost(tmp_path: Path) -> None:
    path = header(tmp_path, "static", {"unsigned integer": "bit"}, bytes([0x80, 1, 0, 0xFF, 0, 3]))
    pixels = read(path).acquisitions[0].pixels[0]
    assert pixels.dtype == np.uint8
    assert pixels[0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    assert pixels[1].tolist() == [0, 0, 0, 0, 0, 0, 0, 1]
    assert pixels.sum() == 1 + 1 + 8 + 2


def test_numbers_as_text(tmp_path: Path) -> None:
    words = " ".join(map(str, range(47)))
    path = header(tmp_path, "static", {"unsigned integer": "ASCII"}, f"{words}\r\n70000".encode())
    pixels = read(path).acquisitions[0].pixels
    assert pixels.reshape(-1).tolist() == [*range(47), 70000]
    path.with_suffix(".i33").write_text(words)
    with pytest.raises(Refused, match="47 numbers, 48 pixels"):
        read(path)


def test_simind_says_much_in_comments(tmp_path: Path) -> None:
    changes = {
        "ICON": "SIMIND",
        "orbit := Circular": ";#Radius := 15.000\norbit := noncircular",
        "energy window lower level [1] := 126\n": ";energy window lower level := 126.45\n",
    }
    (made,) = read(header(tmp_path, "tomo", changes, bytes(1152))).acquisitions
    assert made.detectors[0].radius == (150.0,)
    assert made.windows[0].ranges[0].lower == 126.45
    assert made.rotations[0].orbit == "non-circular"
    # The same words in another's file are comments, and stay.
    others = {key: value for key, value in changes.items() if key != "ICON"}
    (plain,) = read(header(tmp_path, "tomo", others, bytes(1152))).acquisitions
    assert plain.detectors[0].radius == ()


def test_start_angles(tmp_path: Path) -> None:
    """Facts: 180 - A clockwise, 180 + A counter-clockwise; the first projection's goes first."""
    for words, expected in (
        ({}, 180.0),
        ({"CW\nstart angle := 0\n": "CW\nstart angle := 90\n"}, 90.0),
        ({"CW\n": "CCW\n", "start angle := 0\n": "start angle := 90\n"}, 270.0),
        (
            {"start angle := 0\n": "start angle := 0\nfirst projection angle in data set := 45\n"},
            135,
        ),
        ({"supine": "prone"}, 0.0),
    ):
        (made,) = read(header(tmp_path, "tomo", words, bytes(1152))).acquisitions
        assert made.rotations[0].start_angle == expected, words
        assert any("phantom" in each.how for each in made.derived)


def test_every_line_is_accounted_for(tmp_path: Path) -> None:
    for base in sorted(BASE.glob("*.h33")):
        path = header(
            tmp_path, base.stem, {"dose := 740": "dose := 740\nroom 7 := east ; note"}, bytes(2304)
        )
        reading = read(path)
        wanted = [n for n, line in enumerate(path.read_text().splitlines(), 1) if line.strip()]
        assert [each.line for each in reading.fields] == wanted
        fates = {each.key: each.fate for each in reading.fields}
        assert fates["room 7"] is Fate.KEPT
        assert Fate.LOST not in fates.values()


def test_kept_lines_go_into_the_object_and_come_back(tmp_path: Path) -> None:
    path = header(
        tmp_path, "static", {"dose := 740": "dose := 740\nroom 7 := e\\ast\n;a comment"}, bytes(96)
    )
    (made,) = dicom.objects(read(path))
    dicom.save(made, tmp_path / "x.dcm")
    (again,) = read_dicom(tmp_path / "x.dcm").acquisitions
    text = interfile.write(again, "x.i33").header.decode()
    assert "\r\nroom 7 := e\\ast\r\n" in text
    assert "\r\n;a comment\r\n" in text


def test_the_table_of_dialects_names_real_keys() -> None:
    for dialect in dialects.DIALECTS:
        for name, _, _ in dialect.comment_keys.values():
            assert keys.find(name)[0] is not None, name
        assert dialect.source
    assert all(each.source for each in keys.SYNONYMS)


def test_a_line_may_be_a_colon_rich_key() -> None:
    raw = b"!INTERFILE :=\r\n%study date (yyyy:mm:dd) := 2001:02:03\r\n"
    second = lexer.read(raw, Options()).lines[1]
    assert (second.name, second.value) == ("study date", "2001:02:03")


def test_two_isotopes_have_no_place(tmp_path: Path) -> None:
    one = kit.make(Kind.STATIC)
    with pytest.raises(Refused, match="one radiopharmaceutical"):
        save(replace(one, isotopes=one.isotopes * 2), tmp_path)


def test_values_without_a_key_travel_in_comments(tmp_path: Path) -> None:
    first = kit.make(Kind.TOMO)
    patient = replace(first.patient, weight_kg=71.5)
    heads = tuple(replace(each, collimator="LEHR", zoom=1.25) for each in first.detectors)
    first = replace(first, patient=patient, detectors=heads)
    path = save(first, tmp_path)
    assert b";#gateway patient.weight_kg := 71.5\r\n" in path.read_bytes()
    assert kit.same(first, read(path).acquisitions[0]) == []
    assert isinstance(heads[0], Detector)


SAMPLES = {
    # header -> kind, objects, start angle, and what else is its own
    "simind": (Kind.TOMO, 1, 180.0, lambda of: of.detectors[0].radius == (150.0,)),
    "gate": (Kind.TOMO, 1, 180.0, lambda of: str(of.visit.date) == "2020-01-05"),
    "stir": (Kind.TOMO, 1, 0.0, lambda of: of.isotopes[0].nuclide == "Tc-99m"),
    "genie": (Kind.TOMO, 1, 135.0, lambda of: of.patient.name == "CHEN^YI"),
    "mipav": (Kind.STATIC, 4, None, lambda of: of.duration == 5000.0),
    "hermes": (Kind.RECON_TOMO, 1, None, lambda of: of.scale.slope == 0.25),
}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_headers_as_other_programs_write_them(name: str, tmp_path: Path) -> None:
    """Made up after the programs' sources and the headers seen in public (docs/intake.md)."""
    (tmp_path / "x.h33").write_bytes((BASE.parent / "samples" / f"{name}.h33").read_bytes())
    data = kit.counts(12, 6, 8, "<f4" if name == "simind" else "<u2")
    (tmp_path / ("D.A00" if name == "genie" else "d.a00")).write_bytes(data.tobytes())
    reading = read(tmp_path / "x.h33")
    kind, objects, start, own = SAMPLES[name]
    first = reading.acquisitions[0]
    assert reading.format == f"Interfile ({name})"
    assert (first.kind, len(reading.acquisitions)) == (kind, objects)
    assert first.detectors[0].start_angle == start
    assert own(first)
    expected = data if name != "hermes" else data.view(">i2")
    assert np.array_equal(first.pixels, expected[: len(first.pixels)])
    assert dicom.objects(reading)
