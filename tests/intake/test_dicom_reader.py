"""DICOM and ACR-NEMA files: what is read of them, exactly, and what is refused."""

from __future__ import annotations

import datetime as dt
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from intake.dicom_reader.read import read
from intake.fields import Fate
from intake.options import Options
from intake.refused import Refused
from intake.study import Kind
from tests.intake import dicom_kit as kit

KINDS = {
    "static": (kit.static, Kind.STATIC),
    "dynamic": (kit.dynamic, Kind.DYNAMIC),
    "gated": (kit.gated, Kind.GATED),
    "tomo": (kit.tomo, Kind.TOMO),
    "recon": (kit.recon, Kind.RECON_TOMO),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("syntax", [kit.IMPLICIT, kit.EXPLICIT, kit.BIG, kit.RLE])
def test_every_kind_in_every_syntax(tmp_path: Path, name: str, syntax: str) -> None:
    make, kind = KINDS[name]
    made = make()
    (found,) = read(kit.write(tmp_path, made, syntax=syntax)).acquisitions
    assert found.kind is kind
    assert found.pixels.dtype == np.uint16
    assert np.array_equal(found.pixels, kit.counts(len(found.pixels)))
    assert found.patient.name == "CHEN^MEI-HUA"
    assert found.patient.birth_date == dt.date(1931, 2, 3)
    assert found.patient.weight_kg == 61.5
    assert found.visit.time == dt.time(23, 59, 59, 250_000)
    assert found.visit.acquisition_time == dt.time(23, 58)
    assert found.visit.study_uid == "1.2.3.4"
    assert found.isotopes[0].nuclide == "Tc-99m"
    assert (found.isotopes[0].agent, found.isotopes[0].dose_mbq) == ("MDP", 740)
    assert found.windows[0].ranges == ((126, 154),)
    assert found.spacing == (4.8, 4.7)
    assert (found.head_first, found.posture) == (False, "supine")


def one(tmp_path: Path, made: Dataset, **how: Any) -> Any:
    return read(kit.write(tmp_path, made, **how)).acquisitions[0]


def test_what_each_kind_says(tmp_path: Path) -> None:
    turn = one(tmp_path, kit.tomo())
    assert [(place.detector, place.view) for place in turn.places[3:5]] == [(1, 4), (2, 1)]
    (rotation,) = turn.rotations
    assert (rotation.frames, rotation.clockwise, rotation.start_angle) == (4, False, 0)
    assert (rotation.extent, rotation.step, rotation.duration) == (180, 45, 20_000)
    assert rotation.motion == "STEP AND SHOOT"
    assert [head.start_angle for head in turn.detectors] == [0, 180]

    beat = one(tmp_path, kit.gated())
    (gate,) = beat.gating.gates
    assert (gate.slots, gate.frame_time, gate.low, gate.high) == (4, 62.5, 800, 900)
    assert (gate.acquired, gate.rejected, beat.gating.heart_rate) == (480, 12, 72)

    flow = one(tmp_path, kit.dynamic())
    assert [(phase.frames, phase.duration) for phase in flow.phases] == [(2, 1000), (3, 15000)]
    assert [(each.phase, each.time_slice) for each in flow.places] == [
        *((1, 1), (1, 2), (2, 1), (2, 2), (2, 3))
    ]

    still = one(tmp_path, kit.static())
    assert [head.view for head in still.detectors] == ["anterior", "posterior"]
    assert still.duration == 300_000

    cut = one(tmp_path, kit.recon())
    assert (cut.slices.count, cut.slices.spacing) == (3, 4.8)


def test_each_element_has_its_fate(tmp_path: Path) -> None:
    made = kit.static()
    made.add_new(0x00090010, "LO", "MAKER")
    made.add_new(0x00091001, "LO", "his own")
    made.add_new(0x00091002, "OB", b"x" * 5000)
    made.PatientComments = "restless"
    reading = read(kit.write(tmp_path, made))
    fields = {field.key: field for field in reading.fields}
    assert fields["0010,0010 PatientName"].to == ("patient.name",)
    assert fields["0009,1001"].fate is Fate.KEPT
    assert fields["0009,1001"].raw == "his own"
    assert fields["0009,1002"].fate is Fate.LOST
    assert fields["0010,4000 PatientComments"].raw == "restless"
    limit = (
        "0054,0012 EnergyWindowInformationSequence[0].0054,0013 EnergyWindowRangeSequence[0]."
        "0054,0014 EnergyWindowLowerLimit"
    )
    assert fields[limit].to == ("windows[0].ranges[0].lower",)
    assert len(fields) == len(reading.fields), "an element is listed twice"


@pytest.mark.parametrize("syntax", [kit.IMPLICIT, kit.EXPLICIT, kit.BIG])
def test_without_preamble_and_without_meta(tmp_path: Path, syntax: str) -> None:
    for meta in (True, False):
        if syntax == kit.IMPLICIT and meta:
            continue
        made = kit.tomo()
        reading = read(kit.write(tmp_path, made, syntax=syntax, preamble=False, meta=meta))
        assert np.array_equal(reading.acquisitions[0].pixels, kit.counts(8))
        assert "the file has no DICOM preamble" in reading.notes


@pytest.mark.parametrize("syntax", [kit.EXPLICIT, kit.BIG, kit.RLE])
@pytest.mark.parametrize("signed", [False, True])
def test_eight_bits(tmp_path: Path, syntax: str, signed: bool) -> None:
    pixels = kit.counts(2, 3, 2, 255)
    made = kit.put(kit.static(), pixels, 8)
    made.PixelRepresentation = int(signed)
    if syntax == kit.BIG:
        made["PixelData"].VR = "OW"  # two pixels to a word, which is then swapped
        made.PixelData = np.frombuffer(made.PixelData, "<u2").astype(">u2").tobytes()
    found = one(tmp_path, made, syntax=syntax).pixels
    assert found.dtype == (np.int8 if signed else np.uint8)
    assert np.array_equal(found, pixels.astype("u1").view(found.dtype))


@pytest.mark.parametrize("signed", [False, True])
def test_twelve_bits_in_sixteen_with_an_overlay_beside(tmp_path: Path, signed: bool) -> None:
    pixels = kit.counts(2, top=4095)
    made = kit.put(kit.static(), (pixels << 1) | 0xA001)  # bits 0, 13, 15 are an overlay's
    made.BitsStored, made.HighBit, made.PixelRepresentation = 12, 12, int(signed)
    found = one(tmp_path, made).pixels
    wanted = np.where(pixels > 2047, pixels - 4096, pixels) if signed else pixels
    assert np.array_equal(found, wanted)


def test_thirty_two_bits(tmp_path: Path) -> None:
    pixels = kit.counts(2, top=2**32 - 1) * 65537 % 2**32
    found = one(tmp_path, kit.put(kit.static(), pixels, 32)).pixels
    assert found.dtype == np.uint32
    assert np.array_equal(found, pixels)


@pytest.mark.parametrize(
    ("charset", "name", "data"),
    [
        ("ISO_IR 100", "MÜLLER^ANN", None),
        ("ISO_IR 192", "Chén^美華", None),
        ("GB18030", "Wang^XiaoDong=王^小东", None),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎", None),
        (["ISO 2022 IR 6", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞", None),
    ],
)
def test_charsets(tmp_path: Path, charset: Any, name: str, data: bytes | None) -> None:
    made = kit.static()
    made.SpecificCharacterSet, made.PatientName = charset, name
    for syntax in (kit.EXPLICIT, kit.IMPLICIT):
        assert one(tmp_path, made, syntax=syntax).patient.name == name


def test_bytes_beyond_ascii_without_a_charset(tmp_path: Path) -> None:
    made = kit.static()
    data = kit.encode(made).replace(b"CHEN^MEI-HUA", "王^小明xx".encode("big5").ljust(12))
    path = tmp_path / "big5.dcm"
    path.write_bytes(data)
    with pytest.raises(Refused, match=r"PatientName at byte .* cannot be read"):
        read(path)
    (found,) = read(path, Options(charset="big5")).acquisitions
    assert found.patient.name == "王^小明xx"
    with pytest.raises(Refused, match="cannot be read"):
        read(path, Options(charset="utf8"))


def test_an_unknown_escape_sequence(tmp_path: Path) -> None:
    made = kit.static()
    made.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    data = kit.encode(made).replace(b"CHEN^MEI-HUA", b"CHEN^\x1b%ZEIHU")
    (tmp_path / "x.dcm").write_bytes(data)
    with pytest.raises(Refused, match="cannot be read in"):
        read(tmp_path / "x.dcm")


def test_a_charset_that_is_none(tmp_path: Path) -> None:
    made = kit.static()
    made.SpecificCharacterSet = "KLINGON"
    with pytest.raises(Refused, match="the charset 'KLINGON'"):
        one(tmp_path, made)


def test_a_retired_object(tmp_path: Path) -> None:
    made = kit.put(kit.item(SOPClassUID=kit.NM_RETIRED, SOPInstanceUID="1.2.3"), kit.counts(1))
    made.Modality, made.PatientName, made.ImageType = "NM", "OLD^CAMERA", ["ORIGINAL", "PRIMARY"]
    made.Radiopharmaceutical, made.EnergyWindowCenterline = "MDP", "140"
    made.EnergyWindowTotalWidth = "28"
    del made.NumberOfFrames
    reading = read(kit.write(tmp_path, made, syntax=kit.IMPLICIT))
    (found,) = reading.acquisitions
    assert reading.format == "DICOM (retired NM)"
    assert found.kind is Kind.STATIC
    assert found.windows[0].ranges == ((126, 154),)
    assert found.isotopes[0].agent == "MDP"
    assert any(each.to == "kind" for each in found.derived)


def acr(order: str, *, rows: int = 4, extra: tuple[tuple[int, bytes], ...] = ()) -> bytes:
    """An ACR-NEMA 2.0 message: groups with their lengths, implicit, no preamble."""
    pixels = kit.counts(1, rows).astype(f"{order}u2").tobytes()
    short = f"{order}H"
    values = [
        (0x00080010, b"ACR-NEMA 2.0"),
        (0x00080020, b"1989.03.07"),
        (0x00080030, b"14:05:09 "),
        (0x00080060, b"NM"),
        (0x00100010, b"OLD^CAMERA"),
        (0x00100030, b"1923.12.31"),
        (0x00280005, struct.pack(short, 2)),
        (0x00280010, struct.pack(short, rows)),
        (0x00280011, struct.pack(short, 6)),
        (0x00280040, b"RECT"),
        (0x00280060, b"NONE"),
        (0x00280100, struct.pack(short, 16)),
        (0x00280101, struct.pack(short, 16)),
        (0x00280102, struct.pack(short, 15)),
        (0x00280103, struct.pack(short, 0)),
        (0x7FE00010, pixels),
    ]
    found = dict(values) | dict(extra)
    groups: dict[int, bytes] = {}
    for tag, value in sorted(found.items()):
        value += b" " * (len(value) % 2)
        head = struct.pack(f"{order}HHI", tag >> 16, tag & 0xFFFF, len(value))
        groups[tag >> 16] = groups.get(tag >> 16, b"") + head + value
    return b"".join(
        struct.pack(f"{order}HHII", group, 0, 4, len(body)) + body for group, body in groups.items()
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_acr_nema(tmp_path: Path, order: str) -> None:
    path = tmp_path / "image.ima"
    path.write_bytes(acr(order))
    reading = read(path)
    (found,) = reading.acquisitions
    assert reading.format == "ACR-NEMA"
    assert found.visit.date == dt.date(1989, 3, 7)
    assert found.visit.time == dt.time(14, 5, 9)
    assert found.patient.birth_date == dt.date(1923, 12, 31)
    assert np.array_equal(found.pixels, kit.counts(1))


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        ((0x00280012, b"\x03\0"), "several planes"),
        ((0x00280060, b"RLE"), "compressed"),
        ((0x00280040, b"HEXAGON"), "HEXAGON, not RECT"),
        ((0x00080060, b"CT"), "modality CT"),
        ((0x00280100, b"\x0c\0"), "12 bits a pixel"),
    ],
)
def test_acr_nema_that_is_not_clear(tmp_path: Path, extra: tuple[int, bytes], why: str) -> None:
    path = tmp_path / "image.ima"
    path.write_bytes(acr("<", extra=(extra,)))
    with pytest.raises(Refused, match=why):
        read(path)


def changed(**values: Any) -> Dataset:
    made = kit.tomo()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (changed(DetectorVector=[1] * 7), "DetectorVector has 7 values for 8"),
        (changed(DetectorVector=[0] + [1] * 7), "DetectorVector counts to 0"),
        (changed(DetectorVector=[1] * 7 + [9]), "DetectorVector counts to 9"),
        (changed(AngularViewVector=None), "8 images of a TOMO study without AngularViewVector"),
        (changed(AngularViewVector=[1] * 8), "two images have the same place"),
        (changed(ImageType=["ORIGINAL", "PRIMARY", "HOLOGRAM"]), "no kind of NM image"),
        (changed(SOPClassUID="1.2.840.10008.5.1.4.1.1.7"), "Secondary Capture"),
        (changed(PhotometricInterpretation="RGB"), "a picture of a screen"),
        (changed(PhotometricInterpretation="PALETTE COLOR"), "a picture of a screen"),
        (changed(BitsAllocated=24), "24 bits a pixel"),
        (changed(BitsStored=17), "17 bits stored in 16"),
        (changed(HighBit=3), "the highest bit is 3"),
        (changed(Rows=0), "0 rows: between 1"),
        (changed(Rows=65535, Columns=65535), "65535 rows: between 1"),
        (changed(NumberOfFrames=32767, Rows=8192, Columns=8192), "are the limit"),
        (changed(NumberOfFrames=9), "cut short: 9 images"),
        (changed(NumberOfDetectors=3), "NumberOfDetectors is 3, but 2 are described"),
        (changed(AngularViewVector=[1, 2, 3, 4, 1, 2, 3, 32769]), "counts to 32769 in 8 images"),
        (
            changed(NumberOfDetectors=9, DetectorInformationSequence=None),
            "NumberOfDetectors is 9, with 8 images",
        ),
        (changed(RotationInformationSequence=None), "TOMO study without rotations"),
        (changed(PatientName="A^B^C^D^E^F"), "more than five parts"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, made: Dataset, why: str) -> None:
    with pytest.raises(Refused, match=why):
        one(tmp_path, made)


def test_lossy_and_unknown_syntaxes(tmp_path: Path) -> None:
    data = kit.encode(kit.static())
    for uid, why in (
        ("1.2.840.10008.1.2.4.51", "compressed with loss"),
        ("1.2.840.10008.1.2.1.99", "is not read here"),
    ):
        put = uid.encode().ljust(24, b"\0")
        at = data.index(b"\x02\0\x10\0UI")
        length = struct.unpack_from("<H", data, at + 6)[0]
        body = data[: at + 6] + struct.pack("<H", 24) + put + data[at + 8 + length :]
        (tmp_path / "x.dcm").write_bytes(body)
        with pytest.raises(Refused, match=why):
            read(tmp_path / "x.dcm")


def test_every_cut_is_seen(tmp_path: Path) -> None:
    data = kit.encode(kit.tomo())
    path = tmp_path / "cut.dcm"
    for end in [*range(400), *range(400, len(data), 37), len(data) - 1]:
        path.write_bytes(data[:end])
        with pytest.raises(Refused):
            read(path)


def test_bytes_behind_the_end_are_told(tmp_path: Path) -> None:
    path = tmp_path / "padded.dcm"
    path.write_bytes(kit.encode(kit.tomo()) + b"\0" * 700)
    assert any("700 bytes behind" in note for note in read(path).notes)
    path.write_bytes(kit.encode(kit.tomo()) + b"\0" * 700 + b"x")
    with pytest.raises(Refused):
        read(path)


def test_sequences_without_end(tmp_path: Path) -> None:
    head = b"\0" * 128 + b"DICM"
    deep = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    deep += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    path = tmp_path / "deep.dcm"
    path.write_bytes(head + deep * 5000)
    with pytest.raises(Refused, match="nested more than 16 deep"):
        read(path)


def test_a_length_beyond_the_file_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "long.dcm"
    path.write_bytes(b"\0" * 128 + b"DICM" + struct.pack("<HH2sHI", 8, 8, b"UT", 0, 0xFFFFFFF0))
    with pytest.raises(Refused, match="cut short, or damaged"):
        read(path)


def test_an_rle_bomb_gives_no_more_than_its_image(tmp_path: Path) -> None:
    made = kit.static(1)
    data = kit.encode(made, syntax=kit.RLE)
    at = data.index(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OB"))
    frame = struct.pack("<16I", 2, 64, 64, *[0] * 13) + b"\x81\xff" * 500_000
    body = struct.pack("<HHI", 0xFFFE, 0xE000, 0) + struct.pack("<HHI", 0xFFFE, 0xE000, len(frame))
    tail = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    path = tmp_path / "bomb.dcm"
    path.write_bytes(data[: at + 12] + body + frame + tail)
    with pytest.raises(Refused, match="RLE gives"):
        read(path)


SEEDS = [
    kit.encode(KINDS[name][0](), syntax=syntax)
    for name, syntax in (
        ("tomo", kit.EXPLICIT),
        ("gated", kit.IMPLICIT),
        ("dynamic", kit.BIG),
        ("static", kit.RLE),
    )
]


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 3),
    changes=st.lists(
        st.tuples(st.integers(0, 6000), st.binary(min_size=1, max_size=6)), max_size=6
    ),
    end=st.integers(0, 6000),
)
def test_damage_ends_in_an_image_or_in_words(
    tmp_path: Path, seed: int, changes: list[tuple[int, bytes]], end: int
) -> None:
    data = bytearray(SEEDS[seed])
    for at, put in changes:
        at = 128 + at % (len(data) - 128)
        data[at : at + len(put)] = put
    path = tmp_path / "fuzz.dcm"
    path.write_bytes(data if end > len(data) // 2 else data[:end])
    try:
        read(path)
    except Refused as refused:
        print(refused.show())


def test_a_meta_group_without_a_syntax(tmp_path: Path) -> None:
    for syntax in (kit.EXPLICIT, kit.IMPLICIT, kit.BIG):
        data = kit.encode(kit.tomo(), syntax=syntax, preamble=False, meta=False)
        length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, 0)
        path = tmp_path / "image.dcm"
        path.write_bytes(b"\0" * 128 + b"DICM" + length + data)
        assert np.array_equal(read(path).acquisitions[0].pixels, kit.counts(8))


PUBLIC = sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm"))


@pytest.mark.parametrize("path", PUBLIC, ids=lambda path: path.name)
def test_other_peoples_files_are_parsed_or_refused(path: Path) -> None:
    """pydicom's own samples: other modalities, odd encodings, cut and damaged ones."""
    with pytest.raises(Refused):  # none of them is a NM image
        read(path)


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_bigendian.dcm", "rtplan.dcm"])
def test_what_is_refused_of_them_is_the_modality(name: str) -> None:
    (path,) = [each for each in PUBLIC if each.name == name] or pytest.skip("no samples here")
    with pytest.raises(Refused, match=r"no nuclear medicine image|no pixels"):
        read(path)
