"""What is written as DICOM: judged by pydicom, dciodvfy and medcon; the same for the same."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, tag_for_keyword

from intake import places
from intake.convert import Wanted, convert
from intake.dicom import encode, exact, private
from intake.dicom import write as dicom
from intake.dicom.modules import POINTERS, VECTORS
from intake.dicom.tags import TAGS
from intake.fields import Fate, Field, Original
from intake.interfile import write as interfile
from intake.interfile.read import read
from intake.refused import Refused
from intake.study import Acquisition, Kind, Place, Reading, Visit
from tests.intake import kit

BASE = Path(__file__).parent / "base"


def save(acquisition: Acquisition, folder: Path, name: str = "x.dcm") -> pydicom.Dataset:
    (made,) = dicom.objects(Reading("test", (acquisition,), (Original("a", 5, "0" * 64),)))
    dicom.save(made, folder / name)
    assert (folder / name).stat().st_size == made.size
    return pydicom.dcmread(folder / name)


def test_the_table_of_tags_is_that_of_the_standard() -> None:
    for keyword, (tag, vr) in TAGS.items():
        assert tag == tag_for_keyword(keyword)
        assert vr in dictionary_VR(tag).split(" or "), keyword


@pytest.mark.parametrize("kind", list(Kind), ids=[kind.name for kind in Kind])
def test_vectors_and_counts(kind: Kind, tmp_path: Path) -> None:
    acquisition = kit.make(kind)
    made = save(acquisition, tmp_path)
    assert list(made.ImageType) == ["ORIGINAL", "PRIMARY", kind.value, "EMISSION"]
    tags = made.FrameIncrementPointer
    tags = list(tags) if isinstance(tags, pydicom.multival.MultiValue) else [tags]
    pointer = [pydicom.datadict.keyword_for_tag(tag) for tag in tags]
    assert tuple(pointer) == POINTERS[kind]
    order = sorted(range(len(acquisition.places)), key=lambda each: acquisition.places[each])
    for name in pointer:
        part = VECTORS[name]
        assert _vector(made, name) == [getattr(acquisition.places[each], part) for each in order]
    assert np.array_equal(made.pixel_array, acquisition.pixels[order])
    rows = list(zip(*(_vector(made, name) for name in pointer), strict=True))
    assert rows == sorted(rows), "the last of the pointer varies fastest"


def _vector(made: pydicom.Dataset, name: str) -> list[int]:
    value = made[name].value
    return [value] if isinstance(value, int) else list(value)


def test_frames_in_another_order_are_sorted(tmp_path: Path) -> None:
    acquisition = kit.make(Kind.GATED_TOMO)
    turned = replace(
        acquisition, pixels=acquisition.pixels[::-1].copy(), places=acquisition.places[::-1]
    )
    assert np.array_equal(save(turned, tmp_path).pixel_array, acquisition.pixels)


@pytest.mark.parametrize("kind", list(Kind), ids=[kind.name for kind in Kind])
def test_dciodvfy_is_content(kind: Kind, tmp_path: Path) -> None:
    save(kit.make(kind), tmp_path)
    assert kit.errors(tmp_path / "x.dcm") == []


def test_dciodvfy_would_see_a_fault(tmp_path: Path) -> None:
    made = save(kit.make(Kind.TOMO), tmp_path)
    del made.RotationInformationSequence[0].ScanArc
    made.save_as(tmp_path / "x.dcm")
    assert any("ScanArc" in line for line in kit.errors(tmp_path / "x.dcm"))


def test_the_same_file_twice_is_one_object(tmp_path: Path) -> None:
    made = {}
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "scan.i33").write_bytes(bytes(96))
        (folder / f"{name}.h33").write_bytes((BASE / "static.h33").read_bytes())
        (result,) = convert(folder / f"{name}.h33", folder, Wanted()).made
        made[name] = result
    assert made["one"].path.read_bytes() == made["other"].path.read_bytes()
    assert re.fullmatch(r"2\.25\.[1-9]\d{0,38}", made["one"].uid)


def test_one_count_more_is_another_object_of_the_same_study(tmp_path: Path) -> None:
    first = kit.make(Kind.STATIC)
    pixels = first.pixels.copy()
    pixels[0, 0, 0] += 1
    one, two = save(first, tmp_path), save(replace(first, pixels=pixels), tmp_path)
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.StudyInstanceUID == two.StudyInstanceUID
    other = replace(first, patient=replace(first.patient, id="B"))
    assert save(other, tmp_path).StudyInstanceUID != one.StudyInstanceUID


def test_without_any_words_the_file_itself_makes_the_study(tmp_path: Path) -> None:
    bare = replace(kit.make(Kind.STATIC), patient=kit.Patient(), visit=Visit())
    uids = set()
    for digest in ("a", "b"):
        reading = Reading("test", (bare,), (Original("x", 1, digest * 64),))
        uids.add(dicom._study_uid(reading))
    assert len(uids) == 2


def test_the_source_s_uids_are_kept_but_for_the_object_s(tmp_path: Path) -> None:
    visit = Visit(study_uid="1.2.3", series_uid="1.2.4", instance_uid="1.2.5")
    made = save(kit.make(Kind.STATIC, visit=visit), tmp_path)
    assert (made.StudyInstanceUID, made.SeriesInstanceUID) == ("1.2.3", "1.2.4")
    assert made.SOPInstanceUID != "1.2.5"


@pytest.mark.parametrize("base", sorted(path.stem for path in BASE.glob("*.h33")))
def test_medcon_sees_the_same_pixels(base: str, tmp_path: Path) -> None:
    """medcon is right for unsigned pixels below 32768 and its own reading of both formats."""
    (tmp_path / "scan.h33").write_bytes((BASE / f"{base}.h33").read_bytes().replace(b"\n", b"\r\n"))
    pixels = kit.counts(24, 6, 8)
    (tmp_path / "scan.i33").write_bytes(pixels.astype(">u2").tobytes())
    reading = read(tmp_path / "scan.h33")
    raw = b""
    for number, made in enumerate(dicom.objects(reading)):
        dicom.save(made, tmp_path / f"m{number}.dcm")
        # As 16 bit numbers, headerless, little-endian.
        said = kit.judged(
            [
                "medcon",
                "-s",
                "-w",
                "-f",
                f"m{number}.dcm",
                "-c",
                "bin",
                "-b16",
                "-little",
                "-o",
                "o",
            ],
            tmp_path,
        )
        assert (tmp_path / "o.bin").exists(), said
        raw += (tmp_path / "o.bin").read_bytes()
    frames = sum(len(each.pixels) for each in reading.acquisitions)
    assert raw == pixels[:frames].astype("<i2").tobytes()


@given(
    low=st.integers(-(2**31), 2**31),
    step=st.integers(1, 1000),
    top=st.integers(1, 65535),
    dtype=st.sampled_from(["i8", "f8"]),
)
def test_what_fits_on_a_line_is_exact(low: int, step: int, top: int, dtype: str) -> None:
    numbers = np.array([0, 1, top // 2, top], dtype=np.int64)
    pixels = (numbers * step + low).astype(dtype).reshape(1, 2, 2)
    line = exact.find(pixels)
    kept = next(exact.stored(pixels, line, [0]))
    assert kept.dtype.itemsize * 8 == line.bits
    assert np.array_equal(kept.astype(np.float64) * line.slope + line.intercept, pixels[0])


def test_what_does_not_fit_is_refused() -> None:
    for pixels in (
        np.array([0, 1, 65537, 3], dtype=np.uint32),
        np.array([0.1, 0.2, 0.30000001, 7.7], dtype=np.float64),
        np.array([0, 2**60 + 1, 1, 2], dtype=np.uint64),
    ):
        with pytest.raises(Refused):
            exact.find(pixels.reshape(1, 2, 2))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decimals_fit_and_lose_no_digit_they_have_room_for(value: float) -> None:
    text = encode.decimal(value)
    assert len(text) <= 16
    assert float(text) == pytest.approx(value, rel=1e-8)
    assert not (len(repr(value)) <= 16 and float(text) != value)


@given(st.text(), st.text())
def test_the_private_block_gives_back_what_it_got(key: str, raw: str) -> None:
    key = key.replace(" := ", "")
    if ":=" in key or key.endswith(" ") or not key.isprintable() or ": " in key:
        return
    block = private.block("x", (), [Field(key, raw, line=7)], ())
    text = next(value for key, value in block.items() if str(value).startswith("7: "))
    assert isinstance(text, str)
    (back,) = private.fields(text)
    assert (back.key, back.raw, back.line) == (key, raw, 7)


def test_the_private_block_names_the_original(tmp_path: Path) -> None:
    made = save(kit.make(Kind.STATIC), tmp_path)
    block = made.private_block(0x0061, private.CREATOR)
    assert private.hashes(block[private.HASHES].value) == ["0" * 64]
    assert block[private.SIZES].value == 5


def test_every_place_of_the_model_is_explained(tmp_path: Path) -> None:
    """What a reader maps to is either an attribute or said to have none."""
    seen = set()
    for kind in Kind:
        written = interfile.write(kit.make(kind), "x.i33")
        interfile.save(written, tmp_path / "x.h33", tmp_path / "x.i33")
        reading = read(tmp_path / "x.h33")
        for made in dicom.objects(reading):
            for each in made.fields:
                seen |= set(each.to)
                named = all(places.attribute(path) for path in each.to)
                assert named or each.keep or each.fate is not Fate.MAPPED, each
    assert len(seen) > 40


def test_memory_is_bounded_by_the_image(tmp_path: Path) -> None:
    """A process of its own, with an address space of what numpy needs and twice the image."""
    side, frames = 1024, 100
    base = kit.make(Kind.DYNAMIC)
    phase = replace(base.phases[0], frames=frames)
    zeros = np.zeros((frames, side, side), np.uint16)
    spots = tuple(Place(time_slice=number) for number in range(1, frames + 1))
    big = replace(base, pixels=zeros, places=spots, phases=(phase,), windows=base.windows[:1])
    written = interfile.write(big, "x.i33")
    interfile.save(written, tmp_path / "x.h33", tmp_path / "x.i33")
    image = zeros.nbytes
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from intake.convert import convert\n"
        "import intake.dicom_reader.read\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert convert(Path(sys.argv[1]), Path(sys.argv[2])).made\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    words = [sys.executable, "-c", script, str(tmp_path / "x.h33"), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=kit.ROOT)
    assert int(done.stdout) * 1024 < 2 * image, done.stdout
