"""ECAT 6 and 7: read to the last field; medcon, Debian's own reader, is the judge of the numbers.

medcon hands on the stored numbers without a frame's or slice's scale, unless it is asked for
(``-qs``); then it multiplies exactly.
"""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pytest

from intake import cli, formats, sandbox
from intake.interfile import dialects
from intake.interfile import write as interfile
from intake.lane.lane import Lane
from intake.refused import Refused
from intake.study import Acquisition, Reading
from tests.intake import kit
from tests.intake.ecat_kit import BLOCK, FRAMES, SCALES, SLICES, ecat6, ecat7
from tests.intake.lane_kit import Store, drop, lane, names, settings, store

__all__ = ["lane", "settings", "store"]


def read(folder: Path, data: bytes) -> Reading:
    (folder / "a.v").write_bytes(data)
    return formats.read(folder / "a.v")


def values(of: Acquisition) -> np.ndarray:
    return np.asarray(of.pixels * of.scale.slope)


def by_medcon(folder: Path, name: str, *how: str) -> tuple[np.ndarray, str]:
    """The pixels as medcon reads them, frame by frame, and its Interfile header."""
    words = ["medcon", "-n", "-f", name, "-c", "intf", "-w", *how, "-o", "made"]
    assert sandbox.run(words, folder).code == 0
    header = (folder / "made.h33").read_text(errors="replace")
    kind = "<f4" if "short float" in header else "<i2"
    return np.fromfile(folder / "made.i33", dtype=kind).reshape(FRAMES.shape), header


def test_ecat_7_is_read_as_it_stands(tmp_path: Path) -> None:
    found = read(tmp_path, ecat7())
    assert found.format == "ECAT 7"
    one, two = found.acquisitions
    assert np.array_equal(np.stack([one.pixels, two.pixels]), FRAMES)
    assert (one.scale.slope, two.scale.slope) == SCALES
    assert (one.patient.name, one.patient.id, one.patient.sex) == ("LIN^MEI HUA", "P1", "F")
    assert (one.spacing, one.duration, two.duration) == ((2.5, 1.25), 60_000.0, 120_000.0)
    assert one.slices
    assert (one.slices.count, one.slices.thickness, one.slices.spacing) == (3, 3.375, 3.375)
    assert (one.isotopes[0].nuclide, one.isotopes[0].agent) == ("F-18", "FDG")
    assert (one.equipment.institution, one.equipment.serial) == ("KAOHSIUNG", "S77")
    assert one.visit.date is None, "seconds since 1970 know no time zone"


def test_ecat_6_is_read_as_it_stands(tmp_path: Path) -> None:
    """Each slice has a scale of its own, so the numbers are doubles, exactly."""
    found = read(tmp_path, ecat6())
    assert found.format == "ECAT 6"
    scales = np.array(SLICES, "f4").astype("f8").reshape(2, 3, 1, 1)
    assert np.array_equal(np.stack([each.pixels for each in found.acquisitions]), FRAMES * scales)
    one = found.acquisitions[0]
    assert f"{one.visit.date} {one.visit.time}" == "1994-05-03 14:07:09"
    assert one.slices
    assert (one.spacing, one.slices.thickness, one.slices.spacing) == ((1.25, 1.25), 6.75, 6.75)
    alike = read(tmp_path, ecat6((0.5,) * 6)).acquisitions[0]
    assert (alike.pixels.dtype, alike.scale.slope) == (np.int16, 0.5)


@pytest.mark.parametrize("name", ["ecat7", "ecat6"])
def test_medcon_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Its single floats hold our doubles rounded once; without -qs it drops the scales."""
    monkeypatch.setattr(sandbox, "TOOLS", kit.tree())
    found = read(tmp_path, ecat7() if name == "ecat7" else ecat6())
    ours = np.stack([values(each) for each in found.acquisitions])
    theirs, header = by_medcon(tmp_path, "a.v", "-qs")
    assert np.array_equal(theirs, ours.astype("f4"))
    assert np.array_equal(by_medcon(tmp_path, "a.v")[0], FRAMES), "the stored numbers, no scale"
    assert "patient name := LIN, MEI HUA" in header
    assert "P1" in header
    sizes = [float(line.split(":=")[1]) for line in header.splitlines() if "scaling factor" in line]
    spacing = found.acquisitions[0].spacing
    assert spacing
    assert sizes[0] == pytest.approx(spacing[1])


def test_what_medcon_writes_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ECAT 6 file that is not ours."""
    monkeypatch.setattr(sandbox, "TOOLS", kit.tree())
    (tmp_path / "a.v").write_bytes(ecat7())
    sandbox.run(["medcon", "-n", "-f", "a.v", "-c", "ecat", "-w", "-o", "six"], tmp_path)
    found = formats.read(tmp_path / "six.img")
    assert found.format == "ECAT 6"
    stored = np.concatenate([each.pixels for each in found.acquisitions]).reshape(FRAMES.shape)
    assert np.array_equal(stored, FRAMES)
    assert found.acquisitions[0].patient.name == "LIN^MEI HUA"


def test_every_field_is_accounted_for(tmp_path: Path) -> None:
    """Whatever byte of a header is not empty is in a field; a part that nobody names, too."""
    data = bytearray(ecat6())
    data[480:484] = b"\1\2\3\4"
    found = read(tmp_path, bytes(data))
    assert any("01 02 03 04" in each.raw for each in found.fields)
    told = {each.key.split(" (")[0]: each for each in read(tmp_path, ecat7()).fields}
    assert told["annotation"].raw == "as acquired"
    assert told["data_units"].raw == "Bq/cc"
    assert told["scale_factor"].offset == BLOCK * 4 + 26, "of the second frame"
    assert told["image_max"].fate.value == "checked"
    changed = read(tmp_path, ecat7(minimum=(2 * BLOCK + 32, struct.pack(">h", 1))))
    maxima = [each for each in changed.fields if each.key.startswith("image_max (frame 1")]
    assert [(each.raw, each.fate.value) for each in maxima] == [("1", "kept")]


def test_interfile_holds_the_same_numbers_and_no_nm_object_is_made_of_it(tmp_path: Path) -> None:
    """Neither from ECAT nor on the way round by Interfile; that it is NM is never claimed."""
    source = read(tmp_path, ecat7()).acquisitions[1]
    made = interfile.write(source, "b.i33", dialects.named("standard"))
    interfile.save(made, tmp_path / "b.h33", tmp_path / "b.i33")
    again = formats.read(tmp_path / "b.h33").acquisitions[0]
    assert np.array_equal(values(again), values(source))
    assert again.positron
    assert b"!imaging modality := PT" in (tmp_path / "b.h33").read_bytes()
    out = tmp_path / "out"
    out.mkdir()
    for name in ("a.v", "b.h33"):
        assert cli.main(["convert", str(tmp_path / name), str(out)]) == 1
    assert list(out.iterdir()) == []
    nm = (tmp_path / "b.h33").read_bytes().replace(b"modality := PT", b"modality := NM")
    (tmp_path / "b.h33").write_bytes(nm)
    assert cli.main(["convert", str(tmp_path / "b.h33"), str(out)]) == 0, "the control"


def test_a_person_sees_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.v").write_bytes(ecat7())
    assert cli.main(["inspect", str(tmp_path / "a.v")]) == 0
    assert "LIN^MEI HUA, P1" in capsys.readouterr().out
    assert cli.main(["explain", str(tmp_path / "a.v")]) == 0
    assert "study_description := BRAIN" in capsys.readouterr().out
    assert cli.main(["convert", str(tmp_path / "a.v"), str(tmp_path), "--to", "gif"]) == 0
    assert (tmp_path / "a-2.gif").read_bytes().startswith(b"GIF89a")
    capsys.readouterr()
    assert cli.main(["convert", str(tmp_path / "a.v"), str(tmp_path)]) == 1
    assert "scanner's own workstation" in capsys.readouterr().err


def big(*words: int) -> bytes:
    return struct.pack(f">{len(words)}i", *words)


@pytest.mark.parametrize(
    ("at", "data", "why"),
    [
        (50, b"\0\1", "holds a sinogram"),
        (50, b"\0\x63", "of type 99"),
        (BLOCK + 4, big(1), "leads to block 1 of"),
        (BLOCK + 4, big(9999), "leads to block 9999 of"),
        (BLOCK + 12, big(32), "a directory of 32 matrices"),
        (BLOCK + 12, big(0), "names no image"),
        (BLOCK + 16, big(0x01010002), "names an image twice"),
        (BLOCK + 20, big(99), "a matrix from block 99"),
        (BLOCK + 20, big(-5), "a matrix from block -5"),
        (BLOCK + 36, big(3), "two matrices lie in block 3"),
        (2 * BLOCK, b"\0\5", "pixels of type 5"),
        (2 * BLOCK + 4, b"\x7f\xff", "32767 columns"),
        (2 * BLOCK + 8, b"\0\x63", "12672 bytes in 512 bytes"),
        (2 * BLOCK + 8, b"\0\0", "0 images"),
        (2 * BLOCK + 26, struct.pack(">f", 0), "a scale of 0"),
        (2 * BLOCK + 26, struct.pack(">f", float("nan")), "a scale of nan"),
        (2 * BLOCK + 26, struct.pack(">f", -1), "a scale of -1"),
        (182, b"\xff", "not in the character set"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, at: int, data: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why):
        read(tmp_path, ecat7(broken=(at, data)))


def test_a_file_that_is_cut_short(tmp_path: Path) -> None:
    whole = ecat7()
    for size in (300, BLOCK, BLOCK + 100, 3 * BLOCK, len(whole) - 1):
        with pytest.raises(Refused):
            read(tmp_path, whole[:size])
    notes = read(tmp_path, whole + b"more").notes
    assert "4 bytes behind the last image" in notes


@pytest.mark.parametrize("seed", range(4))
def test_damage_ends_in_images_or_in_words(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - repeatable
    for _ in range(150):
        data = bytearray(rng.choice((ecat7(), ecat6())))
        at = rng.randrange(len(data))
        data[at : at + 2] = rng.choice((b"\xff\xff", b"\0\x80", b"\x7f\xff", b"\0\0"))
        try:
            read(tmp_path, bytes(data))
        except Refused as refused:
            print(refused.show())


def test_in_the_lane_it_is_set_aside_with_the_way_out(lane: Lane, store: Store) -> None:
    """The good file behind it is stored: the control."""
    base = lane.settings.root / "icon"
    (base / "incoming" / "a.v").write_bytes(ecat7())
    drop(lane.settings, "b")
    lane.once()
    assert "scanner's own workstation" in (base / "quarantine" / "a.v.txt").read_text()
    assert names(lane.settings, "done") == ["b.h33", "b.i33"]
    assert len(store.objects) == 1
