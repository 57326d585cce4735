"""DICOM's own verbs by DCMTK, from a device's own place."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.features.orthanc import Partner
from lab import Lab

NM = "1.2.840.10008.5.1.4.1.1.20"
ROOT = "1.2.826.0.1.3680043.2.1125"
WAIT = "-to 3 -ta 5 -td 5"
"""Seconds for a connection, an association and an answer: they take milliseconds."""

# A small static of one frame. The patient is invented; the UIDs are made of the time.
OBJECT = """
(0008,0016) UI =NuclearMedicineImageStorage
(0008,0018) UI [{uid}]
(0008,0020) DA [20260102]
(0008,0030) TM [101500]
(0008,0060) CS [NM]
(0010,0010) PN [Beispiel^Anna]
(0010,0020) LO [{patient}]
(0010,0030) DA [19500101]
(0010,0040) CS [F]
(0020,000d) UI [{uid}.1]
(0020,000e) UI [{uid}.2]
(0020,0011) IS [1]
(0020,0013) IS [1]
(0028,0002) US 1
(0028,0004) CS [MONOCHROME2]
(0028,0008) IS [1]
(0028,0010) US 64
(0028,0011) US 64
(0028,0100) US 16
(0028,0101) US 16
(0028,0102) US 15
(0028,0103) US 0
(7fe0,0010) OW =pixels.raw
"""


@dataclass(frozen=True)
class Image:
    """An object that no other run has."""

    uid: str
    patient: str

    @property
    def study(self) -> str:
        """The UID of its study."""
        return f"{self.uid}.1"

    @property
    def dump(self) -> str:
        """What dump2dcm makes it of."""
        return OBJECT.format(uid=self.uid, patient=self.patient)


def image() -> Image:
    """A new one."""
    now = time.time_ns()
    return Image(f"{ROOT}.{now}", f"T{now}")


@dataclass(frozen=True)
class Caller:
    """A partner of the archive at its own place; ``address`` is the box's there."""

    lab: Lab
    place: str
    title: str
    address: str
    port: int
    called: str

    def work(self, script: str, made: Image | None = None) -> subprocess.CompletedProcess[str]:
        """Run a shell script in a folder of its own, with ``a.dcm`` in it if one is given.

        ``$TO`` stands for who calls whom with which titles, ``$AT`` for address and port.
        """
        prepare = ""
        if made:
            prepare = "cat >a.dump; head -c 8192 /dev/urandom >pixels.raw; dump2dcm a.dump a.dcm; "
        text = (
            "set -eu; DIR=$(mktemp -d); trap 'rm -rf $DIR' EXIT; cd $DIR; "
            f"TO='-aet {self.title} -aec {self.called} {WAIT}'; AT='{self.address} {self.port}'; "
            f"{prepare}{script}"
        )
        stdin = made.dump if made else ""
        return self.lab.exec(self.place, ["sh", "-c", text], stdin=stdin, timeout=60)

    def echo(self, **other: str) -> bool:
        """Whether C-ECHO succeeds, also under other titles (``title``, ``called``)."""
        title, called = other.get("title", self.title), other.get("called", self.called)
        return self.work(f"echoscu -aet {title} -aec {called} {WAIT} $AT").returncode == 0

    def store(self, made: Image) -> subprocess.CompletedProcess[str]:
        """C-STORE it."""
        return self.work("storescu $TO $AT a.dcm", made)

    def commitment(self, made: Image, own_port: int) -> str:
        """What the archive answers: ``event 1``, it keeps the image; ``event 2``, it does not."""
        ask = ["python3", "/lab/commitment.py", self.title, self.called, self.address]
        ask += [str(self.port), str(own_port), NM, made.uid]
        done = self.lab.exec(self.place, ask, timeout=90)
        return done.stdout.strip() or f"no answer: {done.stderr.strip()}"


@contextmanager
def listener(lab: Lab, partner: Partner, place: str) -> Iterator[str]:
    """A real storage SCP at a partner's place; gives the folder it writes to.

    It ends by itself after a minute, whatever happens to the test.
    """
    folder = f"/data/received-{time.time_ns()}"
    serve = (
        f"mkdir {folder}; "
        f"timeout 60 storescp -aet {partner.ae_title} -od {folder} {partner.port} & "
        f"SCP=$!; while [ ! -e {folder}.end ] && kill -0 $SCP; do sleep 0.1; done; kill $SCP; "
        f"rm -rf {folder}.end"
    )
    ready = (
        f"for i in $(seq 50); do ss -ltn | grep -q ':{partner.port} ' && exit 0; sleep 0.1; done"
    )
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lab.exec, place, ["sh", "-c", serve], timeout=90)
        try:
            lab.exec(place, ["sh", "-c", f"{ready}; exit 1"], check=True)
            yield folder
        finally:
            lab.exec(place, ["touch", f"{folder}.end"])


def arrived(lab: Lab, place: str, folder: str, made: Image, seconds: float) -> bool:
    """Whether a listener has got an image, after waiting for it up to so long."""
    there = f"ls {folder} | grep -q '{made.uid}$' && exit 0"
    look = f"for i in $(seq {int(seconds * 5)}); do {there}; sleep 0.2; done"
    return lab.exec(place, ["sh", "-c", f"{look}; exit 1"], timeout=seconds + 30).returncode == 0
