"""Power cuts while a camera stores in the archive, on a disk that loses what was not flushed."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from losing_disk import Keep, LosingDisk

import lab
from gateway.features.archive import UNIT
from gateway.features.orthanc import LIBRARY, partners
from gateway.load import load
from gateway.run import run
from gateway.trial import Trial
from gateway.verify.dicom import Caller, Image, image

SITE = Path(__file__).parent.parent / "sites" / "30-archive" / "site.yml"
OBJECTS = 2000
MEGABYTES = 4096
FIRST, LAST = 0.2, 1.5  # seconds of ingest before a cut
# One object under many UIDs of the same length, sent on one association that tells each answer.
SEND = """
mkdir many; python3 -c '
import sys
made, uid = open("a.dcm", "rb").read(), sys.argv[1]
for number in range(int(sys.argv[2])):
    fresh = uid[:-5] + "%05d" % number
    open("many/%05d.dcm" % number, "wb").write(made.replace(uid.encode(), fresh.encode()))
' {uid} {count}
dcmdump +W . a.dcm >dump; cp a.dcm.0.raw /data/pixels
timeout 30 storescu -v $TO +sd $AT many >/data/answers 2>&1 || true
"""
# What comes back, and whether its pixels are those that were sent (little endian, at the end).
GET = """
mkdir got; getscu -S $TO -od got -k 0008,0052=PATIENT -k 0010,0020={patient} $AT; python3 -c '
from pathlib import Path
pixels = Path("/data/pixels").read_bytes()
for file in Path("got").iterdir():
    print(int(file.name[-5:]), file.read_bytes().endswith(pixels))
'
"""
SYNC, NO_SYNC = "os.fdatasync(log)", "bool(log)"


@dataclass(frozen=True)
class Cut:
    """What a power cut did: numbers of objects."""

    acknowledged: frozenset[int]
    kept: frozenset[int]
    damaged: frozenset[int]
    blocks: int

    @property
    def missing(self) -> frozenset[int]:
        """The archive has said that it has them, and has not."""
        return self.acknowledged - self.kept


@dataclass(frozen=True)
class Ingest:
    """A department whose box stores on a losing disk."""

    lab: lab.Lab
    disk: LosingDisk

    @property
    def camera(self) -> Caller:
        """The first that may store."""
        site = self.lab.site
        assert site.archive
        writer = next(each for each in partners(site) if each.role == "writer")
        box = str(site.networks[writer.end.network or ""].address.ip)
        title = site.archive.ae_title
        return Caller(self.lab, writer.address, writer.ae_title, box, site.archive.port, title)

    def cut(self, keep: Keep, seed: int) -> Cut:
        """Cut the power in the middle of an ingest, boot again, and ask for everything."""
        camera, made = self.camera, image()
        answers = self.lab.folder(camera.place) / "answers"
        answers.unlink(missing_ok=True)
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(camera.work, SEND.format(uid=made.uid, count=OBJECTS), made)
            while not (answers.exists() and acknowledged(answers)):
                assert not sent.done(), sent.result().stderr
                time.sleep(0.02)
            time.sleep(random.Random(seed).uniform(FIRST, LAST))  # noqa: S311
            self.disk.cut()
            self.lab.power_cut(self.disk.fail)
            sent.result()
        blocks = self.disk.restore(keep, seed)
        self.boot()
        whole = self.fetched(made)
        kept = frozenset(number for number, fine in whole.items() if fine)
        return Cut(acknowledged(answers), kept, frozenset(whole) - kept, blocks)

    def fetched(self, made: Image) -> dict[int, bool]:
        """Each object that comes back, and whether it is the one that was sent."""
        said = self.camera.work(GET.format(patient=made.patient)).stdout
        return {int(number): fine == "True" for number, fine in map(str.split, said.splitlines())}

    def boot(self) -> None:
        """Start the box again, until the archive answers."""
        self.lab.box.store_on(self.disk.device)
        self.lab.boot()
        camera, deadline = self.camera, time.monotonic() + 60
        while not camera.echo():
            assert time.monotonic() < deadline, "the archive does not answer after a cut"
            time.sleep(0.2)

    @contextmanager
    def without_sync(self) -> Iterator[None]:
        """The negative control: the archive as it would be without our callback's sync."""
        self._replace(SYNC, NO_SYNC)
        try:
            yield
        finally:
            self._replace(NO_SYNC, SYNC)

    def _replace(self, old: str, new: str) -> None:
        file = f"{LIBRARY}/plugin.py"
        swap = f"grep -qF '{old}' {file} && sed -i 's/{old}/{new}/' {file} && systemctl restart "
        self.lab.exec("box", ["sh", "-c", swap + UNIT], check=True)


def acknowledged(answers: Path) -> frozenset[int]:
    """The objects that the sender was told are stored."""
    found, current = set(), -1
    for line in answers.read_text().splitlines():
        if file := re.search(r"Sending file: many/(\d+)\.dcm", line):
            current = int(file[1])
        elif "Store Response (Success)" in line:
            found.add(current)
    return frozenset(found)


@contextmanager
def department(name: str) -> Iterator[Ingest]:
    """Boot it with /srv on a losing disk, and provision it."""
    loaded = load(SITE)
    with LosingDisk(MEGABYTES) as disk:
        run(["mkfs.ext4", "-q", disk.device])
        made = lab.up(loaded, name)
        try:
            made.power_cut()
            made.box.store_on(disk.device)
            made.boot()
            Trial(loaded, made).apply(lambda _: None)
            yield Ingest(made, disk)
        finally:
            disk.fail()
            made.down()
