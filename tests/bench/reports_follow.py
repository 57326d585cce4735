"""The first run of ``reports follow`` over an archive that is full: how long, and how much memory.

In the tree: ``.venv/bin/python -m lab.reporting python3 tests/bench/reports_follow.py [STUDIES]``.
Each study has 2 images; then a second look at the same, and one at a study more.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).parent),
    str(Path(__file__).parent.parent / "reports"),
    str(Path(__file__).parents[2]),
]
from archive_kit import Orthanc, an_object  # noqa: E402 - found by the line before
from reports_list import database  # noqa: E402


def fill(orthanc: Orthanc, many: int) -> None:
    wire = orthanc.wire()
    begun = time.perf_counter()
    for at in range(many):
        study = f"1.2.826.0.1.3680043.10.997.{at}"
        for number in (1, 2):
            more = {"SOPInstanceUID": f"{study}.1.{number}", "PatientID": f"P{at // 2}"}
            wire.post("/instances", an_object(study, InstanceNumber=number, **more))
    print(f"{many} studies of 2 images stored in {time.perf_counter() - begun:.1f} s")


def measure(orthanc: Orthanc, many: int) -> None:
    from dataclasses import replace

    from django.conf import settings
    from django.db import connection

    from reports.studies.models import Image, Study
    from reports.studies.sweep import Follower

    settings.CONFIG = replace(settings.CONFIG, archive=str(orthanc.credentials))
    follower = Follower(orthanc.wire())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for what in ("first run", "nothing new", "one study more"):
        if what == "one study more":
            orthanc.add(an_object("1.2.826.0.1.3680043.10.996.1", PatientID="P-NEW"))
        begun, used = time.perf_counter(), time.process_time()
        follower.look()
        took, used = time.perf_counter() - begun, time.process_time() - used
        print(f"{what:16} {took:8.3f} s, {used:.3f} s of CPU here")
    connection.close()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"memory: {before // 1024} MB before, {most // 1024} MB at most")
    print(f"listed: {Study.objects.count()} studies, {Image.objects.count()} images")


if __name__ == "__main__":
    with database(), tempfile.TemporaryDirectory(prefix="orthanc-") as folder:
        archive = Orthanc(Path(folder))
        archive.start()
        try:
            count = int(sys.argv[1]) if sys.argv[1:] else 10_000
            fill(archive, count)
            measure(archive, count)
        finally:
            archive.stop()
