"""The reading list with 10,000 studies: the server's time for its pages, and the first run.

In the tree: ``.venv/bin/python -m lab.reporting python3 tests/bench/reports_list.py [STUDIES]``.
Prints the median and the longest of 21 requests of each kind, through Django's whole stack.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / "reports"), str(Path(__file__).parents[2])]
from kit import Cluster, configure  # noqa: E402 - found by the line before

TIMES = 21
KINDS = {
    "front page": "/",
    "list": "/studies/",
    "last page": "/studies/?page=1000000",
    "by patient": "/studies/?sort=patient",
    "by status, downwards": "/studies/?sort=-status",
    "one day": "/studies/?from=2026-11-01&to=2026-11-01",
    "name": "/studies/?patient=lin+mei",
    "name in Chinese": "/studies/?patient=%E6%9E%97",
    "a name that nobody has": "/studies/?patient=zzzz",
    "ID": "/studies/?id=P00012",
    "device and status": "/studies/?device=icon&status=final",
    "refresh": "/studies/rows",
}


@contextmanager
def database() -> Iterator[None]:
    """A PostgreSQL of its own with the site's tables."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        configure(Path(folder))
        cluster = Cluster(Path(folder))
        cluster.start()
        try:
            import django
            from django.core.management import call_command

            django.setup()
            call_command("prepare", verbosity=0)
            yield
        finally:
            cluster.stop()


def measure(many: int) -> None:
    from datetime import datetime

    from django.db import connection
    from studies_kit import ZONE, fill, login, person

    from reports.studies.models import Restricted, Study

    fill(many, datetime(2026, 11, 28, 12, 0, tzinfo=ZONE))
    for study in Study.objects.filter(patient_id__endswith="7")[:20]:
        Restricted.objects.get_or_create(patient_id=study.patient_id, reason="invented")
    with connection.cursor() as cursor:
        cursor.execute("analyze studies_study")
    client = login(person())
    client.get("/")
    print(f"{many} studies, {Restricted.objects.count()} restricted patients; ms: median, longest")
    for name, path in KINDS.items():
        took = []
        for _time in range(TIMES):
            begun = time.perf_counter()
            answer = client.get(path)
            took.append(1000 * (time.perf_counter() - begun))
            assert answer.status_code == 200, answer.status_code
        print(f"{name:24} {statistics.median(took):6.1f} {max(took):6.1f}")


if __name__ == "__main__":
    with database():
        measure(int(sys.argv[1]) if sys.argv[1:] else 10_000)
