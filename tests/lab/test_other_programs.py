"""Other people's programs on the booted box, in the sandbox of the lane's own unit: a DOS
translator, and the decoder of compressed DICOM; from a camera's SMB client to the archive. And
those that read a disk's flux there, by hand.

The translator is ours (tests/intake/dos_program.py). The control takes from the unit the namespaces
that bubblewrap is made of: then a file of the same kind is set aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from department import Department, booted

from gateway.features import intake
from gateway.run import run
from gateway.secrets import ensure
from gateway.verify.camera import FIND, GET, UID, Camera, place_of, workstation
from gateway.verify.context import Context
from gateway.verify.plugin import smb_client
from lab import translation
from tests.intake import dicom_kit, dos_program, kit
from tests.intake.lane_kit import BASE

pytestmark = pytest.mark.lab

SITE = Path(__file__).parent.parent / "sites" / "50-dos-translator" / "site.yml"
PROGRAM = f"{intake.TRANSLATORS}/star/TRANS.COM"
PIXELS = kit.counts(1, 6, 8).astype(">u2").tobytes()
JPEG_LOSSLESS = b"1.2.840.10008.1.2.4.70"
DROP_IN = f"/run/systemd/system/{intake.UNIT}.d/control.conf"
EXPOSURE_MOST = 2.5
"""What systemd-analyze(1) may say of the unit, of 10: one that forbids nothing has 9.6."""


@pytest.fixture(scope="module")
def department(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Department]:
    folder = tmp_path_factory.mktemp("translator")
    with booted(folder, SITE.read_text(), "translator") as made:
        found = Department(folder, made)
        found.apply()
        yield found


@pytest.fixture(scope="module")
def context(department: Department) -> Context:
    trial = department.trial()
    order = trial.order
    assert order.vault
    assert order.password_file
    passwords = ensure(trial.loaded.site, order.vault, order.password_file)
    config = str(department.lab.ssh_config)
    return Context(trial.loaded, passwords, department.lab.ssh_host, config, department.lab)


def camera(department: Department, context: Context, name: str) -> Camera:
    return Camera(department.lab, smb_client(context, department.lab, name), "images", "")


def scan(patient: str) -> bytes:
    """A study as the invented camera writes it."""
    text = (BASE / "static.h33").read_text().replace("scan.i33", "SCAN.I33")
    return dos_program.study(text.replace("A123456789", patient).encode(), PIXELS)


def compressed(folder: Path, patient: str) -> tuple[bytes, bytes]:
    """A tomography in JPEG without loss, and its counts as they lie in the archive's object."""
    pixels = dicom_kit.counts(8, 64, 64)
    made = dicom_kit.put(dicom_kit.tomo(), pixels)
    made.PatientID = patient
    made.StudyInstanceUID = f"2.25.{int.from_bytes(patient.encode(), 'big')}"
    path = dicom_kit.write(folder, made)
    words = ["gdcmconv", "--jpeg", path.name, "packed.dcm"]
    run(translation.command(kit.tree(), words, folder))
    data = (folder / "packed.dcm").read_bytes()
    assert JPEG_LOSSLESS in data[:400]
    return data, pixels.astype("<u2").tobytes()


def archived(department: Department, context: Context, patient: str) -> bytes:
    """The one object of a patient, by C-FIND and C-GET; nothing if there is none."""
    me = workstation(department.lab, context)
    study = UID.search(me.work(FIND.format(patient=patient)).stdout)
    if study is None:
        return b""
    done = me.work(GET.format(study=study[1]) + "cat got/* >/data/got")
    assert done.returncode == 0, done.stdout + done.stderr
    return (department.lab.folder(place_of(context, me)) / "got").read_bytes()


def test_a_dos_translator_stands_between_camera_and_archive(
    department: Department, context: Context
) -> None:
    """Controls: before the vendor's program is there, and with a file that it does not read."""
    one = camera(department, context, "starcam")
    one.drop(("EARLY.IMG", scan("EARLY-1")))
    one.sees("quarantine", {"EARLY.IMG", "EARLY.IMG.txt"}.issubset)
    assert "there is no DOS translator in" in one.fetch("quarantine", "EARLY.IMG.txt").decode()
    code = dos_program.program().hex()
    department.on_box("python3", "-c", f"open({PROGRAM!r}, 'wb').write(bytes.fromhex({code!r}))")
    one.drop(("JUNK.IMG", b"junk"), ("SCAN0001.IMG", scan("DOS-1")))
    one.sees("done", {"SCAN0001.IMG"}.issubset)
    one.sees("quarantine", {"JUNK.IMG.txt"}.issubset)
    assert "SCAN.IMG is not a study" in one.fetch("quarantine", "JUNK.IMG.txt").decode()
    swapped = kit.counts(1, 6, 8).astype("<u2").tobytes()
    assert swapped in archived(department, context, "DOS-1")
    assert not archived(department, context, "EARLY-1")
    department.on_box("intake", "retry", "starcam", "EARLY.IMG")
    one.sees("done", {"EARLY.IMG"}.issubset)
    assert swapped in archived(department, context, "EARLY-1")
    assert "TRANS.COM" in department.on_box("ls", str(Path(PROGRAM).parent))


def test_compressed_dicom_is_decoded_in_the_units_own_sandbox(
    department: Department, context: Context, tmp_path: Path
) -> None:
    one = camera(department, context, "late-camera")
    data, pixels = compressed(tmp_path, "JPEG-1")
    one.drop(("PACKED.DCM", data))
    one.sees("done", {"PACKED.DCM"}.issubset)
    assert pixels in archived(department, context, "JPEG-1")


def test_a_unit_that_forbids_namespaces_sets_it_aside(
    department: Department, context: Context, tmp_path: Path
) -> None:
    """The control: it is the namespaces that the unit allows, and nothing else, that matter."""
    one = camera(department, context, "late-camera")
    drop_in = "[Service]\\nRestrictNamespaces=\\nRestrictNamespaces=yes\\n"
    make = f"mkdir -p $(dirname {DROP_IN}); printf '{drop_in}' >{DROP_IN}; "
    again = f"systemctl daemon-reload; systemctl restart {intake.UNIT}"
    department.on_box("sh", "-c", make + again)
    try:
        one.drop(("CONTROL.DCM", compressed(tmp_path, "JPEG-2")[0]))
        one.sees("quarantine", {"CONTROL.DCM.txt"}.issubset)
        assert "gdcmconv" in one.fetch("quarantine", "CONTROL.DCM.txt").decode()
        assert not archived(department, context, "JPEG-2")
    finally:
        department.on_box("sh", "-c", f"rm {DROP_IN}; {again}")


def test_a_disk_is_read_at_the_box(department: Department, tmp_path: Path) -> None:
    """By whoever carries floppies: its flux by gw, its files by mtools. Control: a wrong format."""
    (tmp_path / "A.IMG").write_bytes(PIXELS)
    for words in (
        ["mformat", "-C", "-f", "360", "-i", "d.img", "::"],
        ["mcopy", "-i", "d.img", "A.IMG", "::A.IMG"],
        ["gw", "convert", "--format", "ibm.360", "d.img", "d.scp"],
    ):
        run(translation.command(kit.tree(), words, tmp_path))
    run(["scp", "-q", *department.lab.ssh_options(), tmp_path / "d.scp", "box:/run/d.scp"])
    words = ["intake", "floppy", "/run/d.scp", "--format"]
    said = department.on_box(*words, "ibm.360", "/run/disk")
    name = re.search(r"(?m)^file +(\S+)$", said)
    assert name, said
    assert department.on_box("sha256sum", name[1]).startswith(sha256(PIXELS).hexdigest())
    assert "\nfile " not in department.on_box(*words, "mac.400", "/run/other", check=False)


def test_the_unit_allows_no_more_than_that(department: Department) -> None:
    """Control groups and time, of which no program of ours has any need, stay forbidden."""
    words = ["systemctl", "show", intake.UNIT, "-P", "RestrictNamespaces"]
    assert set(department.on_box(*words).split()) == {"user", "mnt", "pid", "net", "ipc", "uts"}
    for job in intake.JOBS:
        shown = department.on_box("systemctl", "show", job.service, "-P", "RestrictNamespaces")
        assert shown.strip() == "yes", job.service
    said = department.on_box("systemd-analyze", "security", intake.UNIT, "--no-pager", check=False)
    found = re.search(r"exposure level for \S+: ([\d.]+)", said)
    assert found, said
    assert float(found[1]) <= EXPOSURE_MOST, said
