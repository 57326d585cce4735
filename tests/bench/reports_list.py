"""The reading list with 10,000 studies: server time of a page, by Django's own client.

It runs in the Debian 13 tree (lab/reporting.py), with its PostgreSQL. Goal: within 100 ms.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
STUDIES, TIMES = 10_000, 15
FAMILIES = ("Lin", "Wang", "Chen", "Huang", "Wu", "Tsai", "Yang", "Liu")
GIVEN = ("Mei", "Da-Ming", "Hsiu-Ying", "Chih-Wei", "Li-Hua", "Ya-Ting")
ASKED = {
    "the first page": "",
    "the last page": "page=200",
    "sorted by patient": "sort=patient",
    "a name's part": "patient=mei",
    "two words of it": "patient=lin+mei",
    "an ID": "id=K-0042",
    "a week": "since=2026-03-01&until=2026-03-07",
    "a device, unread": "device=camera-3&status=unread",
    "the rows alone": "rows=1",
}


def fill() -> None:
    """Invented patients, three years of them."""
    from reports.studies.models import Study

    chance = random.Random(7)  # noqa: S311 - the same list each time
    newest = datetime(2026, 11, 28, tzinfo=UTC)

    def one(n: int) -> Study:
        return Study(
            uid=f"2.25.{n}",
            archive_id=f"{n:040x}",
            patient_id=f"K-{chance.randrange(4000):04}",
            patient_name=f"{chance.choice(FAMILIES)}^{chance.choice(GIVEN)}",
            when=newest - timedelta(minutes=chance.randrange(3 * 365 * 24 * 60)),
            description=chance.choice(("Bone scan", "Thyroid", "Renogram", "Myocardial SPECT")),
            device=f"camera-{chance.randrange(6)}",
            status=chance.choice(("unread", "draft", "final")),
        )

    Study.objects.bulk_create([one(n) for n in range(STUDIES)], 1000)


def measure() -> bool:
    """Medians, in ms; whether each is within the goal."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from reports.people.models import Person

    call_command("prepare", verbosity=0)
    fill()
    client = Client()
    client.force_login(Person.objects.create_user("bench", role="reader", name="Bench"))
    right = True
    for what, query in ASKED.items():
        times = []
        for _ in range(TIMES + 2):
            began = time.perf_counter()
            assert client.get(f"/studies/?{query}").status_code == 200
            times.append(1000 * (time.perf_counter() - began))
        median = statistics.median(times[2:])
        right &= median <= 100
        print(f"{what:20} {median:6.1f} ms")
    return right


def main() -> int:
    """Here, or in the tree where there is PostgreSQL."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reports")]
    from kit import BIN, Cluster, configure

    if not BIN.is_dir():
        words = ["-m", "lab.reporting", "python3", str(Path(__file__))]
        return subprocess.run([sys.executable, *words], cwd=ROOT, check=False).returncode
    with tempfile.TemporaryDirectory() as folder:
        configure(Path(folder))
        cluster = Cluster(Path(folder))
        cluster.start()
        try:
            return 0 if measure() else 1
        finally:
            cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
