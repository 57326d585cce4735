"""Round trips: what is written as DICOM is read back the same, and Interfile in between too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from intake.dicom import write as dicom
from intake.dicom_reader.read import read
from intake.fields import Fate, Field, Original
from intake.interfile import read as interfile
from intake.interfile import write as interfile_write
from intake.options import Options
from intake.study import Acquisition, Kind, Reading
from tests.intake import kit

SOURCE = Original("scan.hdr", 100, "a" * 64)
LABELS_ARE_COMMENTS = {"detectors"}


def write(folder: Path, acquisition: Acquisition, name: str = "one.dcm") -> Path:
    reading = Reading("test", (acquisition,), (SOURCE,), acquisition.fields)
    (made,) = dicom.objects(reading)
    dicom.save(made, folder / name)
    return folder / name


def by_place(acquisition: Acquisition) -> dict[Any, bytes]:
    return {
        place: np.asarray(frame, dtype="<i8").tobytes()
        for place, frame in zip(acquisition.places, acquisition.pixels, strict=True)
    }


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_written_is_read_back(tmp_path: Path, kind: Kind) -> None:
    first = kit.make(kind)
    second = read(write(tmp_path, first)).acquisitions[0]
    assert by_place(first) == by_place(second)
    told = kit.same(prepared(first), prepared(second))
    assert told == [], [(getattr(first, name), getattr(second, name)) for name in told]


def prepared(acquisition: Acquisition) -> Acquisition:
    """Without what DICOM's NM image has no place for (docs/intake.md)."""
    order = sorted(range(len(acquisition.places)), key=lambda each: acquisition.places[each])
    turns = tuple(replace(each, orbit="") for each in acquisition.rotations)
    heads = tuple(replace(each, label="") for each in acquisition.detectors)
    visit = replace(acquisition.visit, study_uid="", series_uid="", instance_uid="")
    slices = acquisition.slices and replace(acquisition.slices, method="")
    return replace(
        acquisition,
        pixels=acquisition.pixels[order],
        places=tuple(acquisition.places[each] for each in order),
        rotations=turns,
        detectors=heads,
        visit=visit,
        slices=slices,
    )


@pytest.mark.parametrize("kind", list(Kind))
def test_dicom_to_interfile_to_dicom(tmp_path: Path, kind: Kind) -> None:
    first = read(write(tmp_path, kit.make(kind)))
    (acquisition,) = first.acquisitions
    made = interfile_write.write(acquisition, "SCAN.I33")
    interfile_write.save(made, tmp_path / "SCAN.HDR", tmp_path / "SCAN.I33")
    (between,) = interfile.read(tmp_path / "SCAN.HDR").acquisitions
    second = read(write(tmp_path, between, "two.dcm")).acquisitions[0]
    assert by_place(acquisition) == by_place(second)
    told = kit.same(prepared(acquisition), prepared(second))
    assert told == [], [(getattr(acquisition, name), getattr(second, name)) for name in told]


def test_fields_that_were_kept_come_back(tmp_path: Path) -> None:
    odd = Field("%his own key", "a value\twith a tab \\ and 核", line=17)
    first = replace(kit.make(Kind.STATIC), fields=(odd,))
    reading = read(write(tmp_path, first))
    (back,) = [field for field in reading.fields if field.line == 17]
    assert (back.key, back.raw, back.fate) == (odd.key, odd.raw, Fate.KEPT)


@pytest.mark.parametrize("name", ["MÜLLER^ANN", "王^小明", "LIN^MEI HUA"])
def test_names(tmp_path: Path, name: str) -> None:
    first = kit.make(Kind.TOMO)
    first = replace(first, patient=replace(first.patient, name=name))
    assert read(write(tmp_path, first)).acquisitions[0].patient.name == name


@pytest.mark.parametrize(
    ("dtype", "shift"),
    [("i4", -500), ("u4", 70_000), ("f4", 0), ("f8", 0.5), ("i2", -9), ("u1", 0)],
)
def test_other_numbers_keep_their_values(tmp_path: Path, dtype: str, shift: float) -> None:
    first = kit.make(Kind.RECON_TOMO)
    first = replace(first, pixels=(first.pixels.astype(dtype) + np.dtype(dtype).type(shift)))
    second = read(write(tmp_path, first)).acquisitions[0]
    real = second.pixels * second.scale.slope + second.scale.intercept
    assert np.array_equal(real, first.pixels.astype("f8"))


def test_another_frame_is_seen(tmp_path: Path) -> None:
    first = kit.make(Kind.TOMO)
    second = read(write(tmp_path, first)).acquisitions[0]
    swapped = replace(second, pixels=second.pixels[::-1])
    assert by_place(first) != by_place(swapped)


def test_a_name_for_a_camera_with_its_own_letters(tmp_path: Path) -> None:
    first = kit.make(Kind.STATIC)
    first = replace(first, patient=replace(first.patient, name="王^小明"))
    (acquisition,) = read(write(tmp_path, first)).acquisitions
    options = Options(charset="big5")
    made = interfile_write.write(acquisition, "S.I33", options=options)
    assert "小明".encode("big5") in made.header
    interfile_write.save(made, tmp_path / "S.HDR", tmp_path / "S.I33")
    (back,) = interfile.read(tmp_path / "S.HDR", options).acquisitions
    assert back.patient.name == "王^小明"
