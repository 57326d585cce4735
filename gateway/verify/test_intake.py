"""Image files of cameras: into the archive, and to another camera, by the devices' own ways."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gateway.features import intake
from gateway.imaging import Intake
from gateway.sharing import server_of
from gateway.verify.camera import FIND, GET, UID, Camera, place_of, workstation
from gateway.verify.context import Context
from gateway.verify.dicom import WAIT
from gateway.verify.plugin import SMB, Note
from gateway.verify.smb import Client
from lab import Lab

ClientOf = Callable[[str], Client]
ROWS, COLUMNS, FRAMES = 48, 64, 5
QUIET_SECONDS = 15
HEADER = """\
!INTERFILE :=
!imaging modality := nucmed
!originating system := LAB
!version of keys := 3.3
!GENERAL DATA :=
!name of data file := {stem}.I33
patient name := BEISPIEL, ANNA
!patient ID := {stem}
patient dob := 1950:02:03
patient sex := F
!study ID := {stem}
isotope := Tc-99m/MDP
!GENERAL IMAGE DATA :=
!type of data := Dynamic
!total number of images := 5
study date := 1999:11:22
study time := 12:13:14
imagedata byte order := BIGENDIAN
number of energy windows := 1
energy window [1] := Tc99m
energy window lower level [1] := 126
energy window upper level [1] := 154
!DYNAMIC STUDY (general) :=
!number of frame groups := 1
!Dynamic Study (each frame group) :=
!frame group number := 1
!matrix size [1] := {columns}
!matrix size [2] := 48
!number format := unsigned integer
!number of bytes per pixel := 2
scaling factor (mm/pixel) [1] := 4.5
scaling factor (mm/pixel) [2] := 4.5
!number of images this frame group := 5
!image duration (sec) := 10
pause between images (sec) := 0
pause between frame groups (sec) := 0
!END OF INTERFILE :=
"""
# Its pixels as they lie in the object: little-endian, so each pair of bytes is turned round.
TURNED = (
    "mkdir raw; dcmdump +W raw got/* >/dev/null; python3 -c 'import sys; "
    'data = open(sys.argv[1], "rb").read(); back = bytearray(data); '
    "back[0::2], back[1::2] = data[1::2], data[0::2]; "
    'sys.exit(back != open(sys.argv[2], "rb").read())\' raw/* {sent} && echo same counts; '
)
# Standard input: a header. In a folder of its own, which goes with it.
MADE = """
cd "$(mktemp -d)"; trap 'rm -rf "$PWD"' EXIT
cat > S.H33; head -c {size} /dev/urandom > S.I33
intake convert S.H33 good.dcm >/dev/null
python3 -c '
import pydicom
made = pydicom.dcmread("good.dcm")
del made.StudyInstanceUID
made.save_as("broken.dcm")'
intake check good.dcm && echo "good: $?"
intake check broken.dcm || echo "broken: $?"
"""
MOVE = "movescu -S $TO -aem {title} -k 0008,0052=STUDY -k 0020,000d={study} $AT; "
SEND = "storescu -aet {own} -aec {title} " + WAIT + " {address} {port} got/*"


@dataclass(frozen=True)
class Study:
    """Files that no other run has; one with a matrix of no width is poison."""

    stem: str
    pixels: bytes

    def header(self, columns: int = COLUMNS) -> bytes:
        """Its header, with the line ends of its time."""
        return HEADER.format(stem=self.stem, columns=columns).replace("\n", "\r\n").encode()


def study(letter: str) -> Study:
    """A new one."""
    stem = f"{letter}{time.time_ns() // 1000 % 10**7:07}"
    return Study(stem, random.Random(stem).randbytes(ROWS * COLUMNS * FRAMES * 2))  # noqa: S311


@pytest.fixture
def described(context: Context) -> Intake:
    if context.site.intake is None:
        pytest.skip("no device's image files are taken in")
    return context.site.intake


@pytest.fixture
def cameras(lab: Lab, context: Context, described: Intake, client: ClientOf) -> list[Camera]:
    found = [
        Camera(lab, client(name), each.share, each.ae_title or "")
        for name, each in described.devices.items()
        if server_of(context.site, name) in SMB
    ]
    if not found:
        pytest.skip("no device with image files speaks SMB")
    return found


@pytest.mark.long
def test_images_go_into_the_archive_and_to_another_camera(
    cameras: list[Camera], lab: Lab, context: Context, described: Intake, note: Note
) -> None:
    """The poison file, which comes first, is the control: it is in quarantine and not stored."""
    one, other = cameras[0], cameras[-1]
    by = f"{one.smb.dialect}, DICOM"
    note(one.name, by, f"files to the archive, back as Interfile to {other.name}; poison aside")
    poison, good = study("P"), study("S")
    outgoing = {each.name: each.names("outgoing") for each in cameras}
    one.drop(
        (f"{poison.stem}.H33", poison.header(columns=0)),
        (f"{poison.stem}.I33", poison.pixels),
        (f"{good.stem}.I33", good.pixels),
        (f"{good.stem}.H33", good.header()),
    )
    one.sees("done", {f"{good.stem}.H33", f"{good.stem}.I33"}.issubset)
    aside = one.sees("quarantine", lambda names: f"{poison.stem}.H33" in names)
    text = next(each for each in aside if poison.stem in each and each.lower().endswith("txt"))
    assert "0 columns" in one.fetch("quarantine", text).decode()
    assert not {each for each in one.names("incoming") if good.stem in each or poison.stem in each}
    me = workstation(lab, context)
    assert not UID.search(me.work(FIND.format(patient=poison.stem)).stdout)
    uid = UID.search(said := me.work(FIND.format(patient=good.stem)).stdout)
    assert uid, said
    (lab.folder(place_of(context, me)) / "sent").write_bytes(good.pixels)
    got = me.work(GET.format(study=uid[1]) + TURNED.format(sent="/data/sent"))
    assert "same counts" in got.stdout, got.stdout + got.stderr
    if other.title:
        moved = me.work(MOVE.format(study=uid[1], title=other.title))
        assert moved.returncode == 0, moved.stderr + other.log()
        other.gets_back(outgoing[other.name], good.pixels)
    if one.title and any(each.ae_title == me.title for each in intake.senders(context.site)):
        way = {"own": me.title, "address": me.address, "port": described.port}
        script = GET.format(study=uid[1]) + SEND
        sent = me.work(script.format(title=one.title, **way))
        assert sent.returncode == 0, sent.stderr + one.log()
        one.gets_back(outgoing[one.name], good.pixels)
        assert me.work(script.format(title="NOBODY", **way)).returncode != 0
        assert me.work(script.format(title=one.title, **way | {"own": "NOBODY"})).returncode != 0
    _told(lab, context, poison)
    one.removes("quarantine", f"{poison.stem}*")
    assert not [each for each in one.names("quarantine") if poison.stem in each]


def _told(lab: Lab, context: Context, poison: Study) -> None:
    whom = intake.recipient(context.site)
    end = time.monotonic() + 10
    while whom:
        letters = [each.read_text() for each in (lab.folder("hospital") / "mail").glob("*.eml")]
        found = [each for each in letters if poison.stem in each]
        if found:
            assert whom in found[0]
            assert "0 columns" in found[0]
            return
        assert time.monotonic() < end, f"no mail about {poison.stem}"
        time.sleep(0.2)


def test_a_lane_that_stands_still_takes_nothing(
    cameras: list[Camera], lab: Lab, note: Note
) -> None:
    """The negative control: while its process is stopped the file stays; then it is taken.

    Stopped by SIGSTOP, the unit is active as ever: nobody else has to wait for this.
    """
    one, made = cameras[0], study("C")
    note(one.name, "intake", f"control: a file stays in incoming while {intake.UNIT} stands still")
    signal = ["systemctl", "kill", intake.UNIT, "--signal"]
    lab.exec("box", [*signal, "STOP"], check=True)
    try:
        one.drop((f"{made.stem}.I33", made.pixels), (f"{made.stem}.H33", made.header()))
        time.sleep(QUIET_SECONDS)
        assert f"{made.stem}.H33" in one.names("incoming")
    finally:
        lab.exec("box", [*signal, "CONT"], check=True)
    one.sees("done", lambda names: f"{made.stem}.H33" in names)


@pytest.mark.usefixtures("described")
def test_an_object_is_judged_by_dciodvfy(lab: Lab, note: Note) -> None:
    """One that the box made itself is the control; the other lacks what only dciodvfy asks for."""
    note("box", "sandbox", "`intake check` refuses a broken object for dciodvfy's reason")
    script = MADE.format(size=ROWS * COLUMNS * FRAMES * 2)
    header = Study("S", b"").header().decode()
    said = lab.exec("box", ["sh", "-ec", script], stdin=header).stdout
    good, _, broken = said.partition("good: 0\n")
    assert "good.dcm: 0 errors, by dciodvfy and intake" in good, said
    (error,) = [line for line in broken.splitlines() if line.startswith("error: ")]
    assert "StudyInstanceUID" in error, said
    assert error.endswith("[dciodvfy]"), said
    assert "broken.dcm: 1 errors, by dciodvfy and intake" in broken, said
    assert broken.endswith("broken: 1\n"), said
