"""The report site's tests, in a Debian 13 tree: its Django, its PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.run import run
from lab import reporting

ROOT = Path(__file__).parent.parent
PYTEST = [
    "python3",
    "-m",
    "pytest",
    "-q",
    "-p",
    "no:cacheprovider",
    "--durations=5",
    "-o",
    "addopts=",
]


@pytest.mark.lab  # some minutes, browsers among them; and it builds the tree where it is missing
@pytest.mark.timeout(1200)
def test_the_report_site_on_debian_13(tmp_path: Path) -> None:
    tree = reporting.tree(print)
    words = [*PYTEST, str(ROOT / "tests" / "reports")]
    done = run(reporting.command(tree, words, tmp_path, ROOT), check=False, timeout=1100)
    assert done.returncode == 0, done.stdout[-8000:]
    assert " passed" in done.stdout
