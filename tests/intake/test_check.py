"""`intake check`: dciodvfy's two known defects and no others, and what dciodvfy does not see."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from intake import sandbox
from intake.check import judge
from intake.check.check import check
from intake.check.finding import Level
from intake.dicom import write as dicom
from intake.fields import Original
from intake.refused import Refused
from intake.study import Kind, Reading, Scale
from tests.intake import dicom_kit, kit

SLOTS = (
    b"Error - </GatedInformationSequence(0054,0062)[1]/DataInformationSequence(0054,0063)[1]/"
    b"TimeSlotInformationSequence(0054,0072)> - Attribute present when condition unsatisfied "
    b"(which may not be present otherwise) for Type 2C Conditional - "
    b"Module=<NMMultiGatedAcquisition>\n"
)
FORGOTTEN = (
    b"Warning - </GatedInformationSequence(0054,0062)[1]/DataInformationSequence(0054,0063)[1]/"
    b"FrameTime(0018,1063)> - Attribute is not present in standard DICOM IOD\n"
)


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """dciodvfy and gdcmconv of the Debian 13 tree."""
    monkeypatch.setattr(sandbox, "TOOLS", kit.tree())


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sandbox, "TOOLS", tmp_path)


def levels(said: bytes, kind: Kind) -> list[Level]:
    return [each.level for each in judge.read(said + b"NMImage\n", kind)]


@pytest.mark.parametrize("kind", list(Kind))
def test_only_two_defects_are_known(kind: Kind) -> None:
    both = {Kind.GATED_TOMO, Kind.RECON_GATED_TOMO}
    assert levels(SLOTS, kind) == [Level.KNOWN if kind in both else Level.ERROR]
    assert levels(FORGOTTEN, kind) == [Level.KNOWN if kind is Kind.GATED else Level.WARNING]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"TimeSlotInformationSequence(0054,0072)>", b"FrameTime(0018,1063)>"),
        (b"Type 2C", b"Type 1C"),
        (b"condition unsatisfied", b"condition satisfied"),
        (b"NMMultiGatedAcquisition", b"NMPhase"),
        (b"GatedInformationSequence(0054,0062)[1]/", b""),
    ],
)
def test_what_only_resembles_a_known_defect_counts(old: bytes, new: bytes) -> None:
    assert levels(SLOTS.replace(old, new), Kind.GATED_TOMO) == [Level.ERROR]
    other = FORGOTTEN.replace(b"FrameTime", b"PatientName")
    assert levels(other, Kind.GATED) == [Level.WARNING]


def test_words_that_are_no_utf_8() -> None:
    (found,) = judge.read(b"Error - <\xff\xfe> - bad\nNMImage\n", Kind.TOMO)
    assert found.level is Level.ERROR


def test_no_judgement_is_no_good_one() -> None:
    with pytest.raises(Refused, match="gave no judgement"):
        judge.read(b"terminate called\n", Kind.TOMO)


def written(folder: Path, kind: Kind) -> Path:
    source = Original("scan.hdr", 100, "a" * 64)
    (made,) = dicom.objects(Reading("test", (kit.make(kind),), (source,)))
    dicom.save(made, folder / "made.dcm")
    return folder / "made.dcm"


@pytest.mark.parametrize("kind", list(Kind))
def test_what_we_write_is_right(tmp_path: Path, kind: Kind, tools: None) -> None:
    report = check(written(tmp_path, kind))
    assert report.judged
    bad = [each.show() for each in report.findings if each.level is not Level.KNOWN]
    # Our own private block, which no dictionary knows.
    assert [text for text in bad if "</(0061,10" not in text] == []
    known = [each for each in report.findings if each.level is Level.KNOWN]
    assert bool(known) == kind.gated


def test_without_dciodvfy_it_says_so(tmp_path: Path, no_tools: None) -> None:
    report = check(written(tmp_path, Kind.TOMO))
    assert not report.judged
    assert report.as_dict()["judge"] == "dciodvfy is not installed"


def damaged(folder: Path, kind: Kind, **values: Any) -> Path:
    """One of our objects with attributes changed; ``None`` takes one out."""
    path = written(folder, kind)
    made = dcmread(path)
    for keyword, value in values.items():
        holder: Dataset = made
        *way, last = keyword.split("__")
        for step in way:
            holder = getattr(holder, step)[0]
        if value is None:
            delattr(holder, last)
        else:
            setattr(holder, last, value)
    made.save_as(path)
    return path


MODIFIER = "PatientOrientationCodeSequence__PatientOrientationModifierCodeSequence"
NUCLIDE = "RadiopharmaceuticalInformationSequence__RadionuclideCodeSequence"
WINDOW = "GatedInformationSequence__DataInformationSequence"
FAULTS: list[tuple[Kind, dict[str, Any], str]] = [
    (Kind.TOMO, {"PixelRepresentation": 1}, "signed"),
    (Kind.TOMO, {"HighBit": 11, "BitsStored": 12}, "do not fill"),
    (Kind.TOMO, {"AngularViewVector": [1] * 24}, "AngularViewVector never names 2"),
    (Kind.TOMO, {"DetectorVector": [3] * 24}, "DetectorVector counts from 3 to 3; 1 to 2"),
    (Kind.TOMO, {"DetectorVector": [1] * 23}, "DetectorVector has 23 values for 24"),
    (Kind.TOMO, {"DetectorVector": None}, "DetectorVector has 0 values"),
    (Kind.TOMO, {"SliceVector": [1] * 24}, "a TOMO object has no SliceVector"),
    (Kind.TOMO, {"FrameIncrementPointer": [0x00540080]}, "Frame Increment Pointer of a TOMO"),
    (Kind.TOMO, {"RotationInformationSequence": []}, "RotationInformationSequence is empty"),
    (Kind.TOMO, {"RotationInformationSequence__AngularStep": "0"}, "Angular Step is 0"),
    (Kind.TOMO, {"NumberOfDetectors": 3}, "DetectorInformationSequence has 2 items"),
    (Kind.TOMO, {"Rows": 5}, "the pixels have 2304 bytes, 24 frames have 1920"),
    (Kind.DYNAMIC, {"PhaseInformationSequence": []}, "PhaseInformationSequence is empty"),
    (Kind.GATED, {"GatedInformationSequence": []}, "GatedInformationSequence is empty"),
    (Kind.GATED, {"GatedInformationSequence__DataInformationSequence": []}, "gates have no times"),
    (Kind.GATED, {f"{WINDOW}__LowRRValue": "2000"}, "Low R-R Value 2000"),
    (Kind.STATIC, {f"{MODIFIER}__CodeValue": "1240000"}, "means prone, not 'supine'"),
    (Kind.STATIC, {f"{MODIFIER}__CodeValue": "12"}, "is not that of 'supine'"),
    (Kind.STATIC, {f"{NUCLIDE}__CodeValue": "1368003"}, "means I-131"),
    (Kind.STATIC, {f"{NUCLIDE}__CodingSchemeDesignator": None}, "no coding scheme"),
]


@pytest.mark.parametrize(("kind", "values", "why"), FAULTS, ids=[fault[2] for fault in FAULTS])
def test_what_dciodvfy_does_not_see(
    tmp_path: Path, kind: Kind, values: dict[str, Any], why: str, no_tools: None
) -> None:
    report = check(damaged(tmp_path, kind, **values))
    told = [each.text for each in report.findings if each.level is Level.ERROR]
    assert any(why in text for text in told), told


def test_an_error_of_dciodvfy_counts(tmp_path: Path, tools: None) -> None:
    report = check(damaged(tmp_path, Kind.GATED_TOMO, StudyInstanceUID=None))
    told = [each for each in report.findings if each.level is Level.ERROR]
    assert {each.by for each in told} == {"dciodvfy"}
    assert any("StudyInstanceUID" in each.text for each in told)


@pytest.mark.parametrize("name", ["JPEG", "JPEG-LS", "JPEG 2000"])
@pytest.mark.parametrize("bits", [8, 16])
def test_pixels_compressed_without_loss(tmp_path: Path, tools: None, name: str, bits: int) -> None:
    from intake.dicom_reader.read import read

    made = dicom_kit.tomo()
    pixels = dicom_kit.counts(8, 64, 64, top=2**bits - 1)
    path = dicom_kit.write(tmp_path, dicom_kit.put(made, pixels, bits))
    word = {"JPEG": "--jpeg", "JPEG-LS": "--jpegls", "JPEG 2000": "--j2k"}[name]
    done = sandbox.run(["gdcmconv", word, path.name, "packed.dcm"], tmp_path)
    assert done.code == 0, done
    reading = read(tmp_path / "packed.dcm")
    assert any(note.startswith(f"decoded by GDCM from {name}") for note in reading.notes)
    assert (reading.acquisitions[0].pixels == pixels).all()
    assert len({*reading.acquisitions[0].pixels.tobytes()}) > 1


def test_damaged_compression_is_refused(tmp_path: Path, tools: None) -> None:
    from intake.dicom_reader.read import read

    made = dicom_kit.put(dicom_kit.tomo(), dicom_kit.counts(8, 64, 64))
    path = dicom_kit.write(tmp_path, made)
    sandbox.run(["gdcmconv", "--jpeg", path.name, "packed.dcm"], tmp_path)
    data = bytearray((tmp_path / "packed.dcm").read_bytes())
    at = data.index(b"\xff\xd8\xff")
    data[at : at + 100] = bytes(100)
    (tmp_path / "packed.dcm").write_bytes(data)
    with pytest.raises(Refused, match="gdcmconv"):
        read(tmp_path / "packed.dcm")


def test_without_gdcmconv_compressed_pixels_are_refused(tmp_path: Path, no_tools: None) -> None:
    from intake.dicom_reader.expand import expand
    from intake.dicom_reader.pixels import Form

    path = dicom_kit.write(tmp_path, dicom_kit.tomo())
    with pytest.raises(Refused, match="gdcmconv is not installed here"):
        expand(path, Form(8, 4, 6, 16, 16, 15, signed=False))


@pytest.mark.usefixtures("tools")
class TestSandbox:
    """What a program on a stranger's file can do."""

    def run(self, folder: Path, code: str, **limits: int) -> sandbox.Done:
        return sandbox.run(["python3", "-c", code], folder, sandbox.Limits(**limits))

    def test_it_writes_in_its_folder_only(self, tmp_path: Path) -> None:
        assert self.run(tmp_path, "open('here', 'w').write('x')").code == 0
        assert (tmp_path / "here").read_text() == "x"
        assert self.run(tmp_path, "open('/usr/there', 'w')").code == 1
        assert self.run(tmp_path, "open('/etc/shadow')").code == 1

    def test_it_has_no_network(self, tmp_path: Path) -> None:
        code = "import socket; print(socket.if_nameindex())"
        assert b"lo" in self.run(tmp_path, code).said
        assert b"eth" not in self.run(tmp_path, code).said

    def test_its_time_is_bounded(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match=r"did not end within 1 s|was ended by"):
            self.run(tmp_path, "import time; time.sleep(30)", seconds=1)

    def test_its_memory_is_bounded(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, "bytearray(2**30)", memory=2**28)
        assert b"MemoryError" in done.errors

    def test_what_it_writes_is_bounded(self, tmp_path: Path) -> None:
        code = "open('big', 'wb').write(bytes(2**20))"
        assert self.run(tmp_path, code, written=2**16).code == 1
        assert (tmp_path / "big").stat().st_size <= 2**16

    def test_less_memory_than_that_is_no_failure(self, tmp_path: Path) -> None:
        """As in the lane's child, whose own bound is lower."""
        code = (
            "import resource; from pathlib import Path; from intake import sandbox; "
            "resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29)); "
            "print(sandbox.run(['true'], Path('.'), sandbox.Limits(memory=2**31)).code)"
        )
        environment = {**os.environ, "INTAKE_TOOLS": str(kit.tree()), "PYTHONPATH": str(kit.ROOT)}
        words = [sys.executable, "-c", code]
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        assert done.stdout == b"0\n", done.stderr.decode()

    def test_where_no_sandbox_can_be_made_nothing_runs(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match=r"python3 has no sandbox to run in \(bwrap: "):
            self.run(tmp_path / "none", "")


def test_a_scale_is_no_fault(tmp_path: Path, tools: None) -> None:
    acquisition = replace(kit.make(Kind.RECON_TOMO), scale=Scale(0.5, 0.0, ""))
    source = Original("scan.hdr", 100, "a" * 64)
    (made,) = dicom.objects(Reading("test", (acquisition,), (source,)))
    dicom.save(made, tmp_path / "made.dcm")
    assert check(tmp_path / "made.dcm").errors == 0
