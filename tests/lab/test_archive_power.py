"""What the archive has acknowledged is there after a power cut, and its copies still go out.

The lab's cut ends every process at once and keeps the kernel's own cache, so it shows that the
index is whole and nothing waits in the process; that the log is synced before the answer is what
`gateway/box/orthanc/plugin.py` does, measured with dropped writes before it was written.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import lab
from gateway.features.orthanc import partners
from gateway.load import load
from gateway.trial import Trial
from gateway.verify.dicom import Caller, image

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

SITE = Path(__file__).parent.parent.parent / "inventory" / "kaohsiung" / "site.yml"
OBJECTS = 3000
SECONDS_OF_INGEST = 2.0
# One object under many UIDs of the same length, sent on one association that tells each answer.
SEND = """
mkdir many; python3 -c '
import sys
made, uid = open("a.dcm", "rb").read(), sys.argv[1]
for number in range(int(sys.argv[2])):
    fresh = uid[:-5] + "%05d" % number
    open("many/%05d.dcm" % number, "wb").write(made.replace(uid.encode(), fresh.encode()))
' {uid} {count}
timeout 30 storescu -v $TO +sd $AT many 2>&1 || true
"""
ANSWERED = (
    r"Sending file: many/(\d+)\.dcm\n(?:(?!.*Sending file).*\n)*?.*Store Response \(Success\)"
)


@pytest.fixture(scope="module")
def department() -> Iterator[lab.Lab]:
    loaded = load(SITE)
    made = lab.up(loaded, f"zz{os.getpid()}p")
    try:
        Trial(loaded, made).apply(lambda _: None)
        yield made
    finally:
        made.down()


def test_what_was_acknowledged_survives(department: lab.Lab) -> None:
    site = department.site
    assert site.archive
    writer = next(each for each in partners(site) if each.role == "writer")
    box = site.networks[writer.end.network or ""].address.ip
    me = Caller(
        department,
        writer.address,
        writer.ae_title,
        str(box),
        site.archive.port,
        site.archive.ae_title,
    )
    made = image()
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(me.work, SEND.format(uid=made.uid, count=OBJECTS), made)
        time.sleep(SECONDS_OF_INGEST + 2)
        department.power_cut()
        said = sent.result().stdout
    acknowledged = {int(number) for number in re.findall(ANSWERED, said)}
    assert 0 < len(acknowledged) < OBJECTS, "the cut came in the middle"
    department.boot()
    for _ in range(100):
        if me.echo():
            break
        time.sleep(0.2)
    get = "mkdir got; getscu -S $TO -od got -k 0008,0052=PATIENT -k 0010,0020={patient} $AT; ls got"
    kept = me.work(get.format(patient=made.patient))
    there = {int(name[-5:]) for name in kept.stdout.split()}
    assert not acknowledged - there
