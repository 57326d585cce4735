"""What the archive has acknowledged is there after power cuts that lose what was not flushed.

Three cuts; ``tests/bench/power.py`` makes fifty. Without the sync in gateway/box/orthanc/plugin.py
some must be missing, or the disk of these tests would lose nothing (see test_losing_disk.py).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ingest import OBJECTS, Ingest, department

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

CONTROLS = 8


@pytest.fixture(scope="module")
def ingest() -> Iterator[Ingest]:
    with department(f"zz{os.getpid()}p") as made:
        yield made


@pytest.mark.parametrize("number", range(3))
def test_what_was_acknowledged_survives(ingest: Ingest, number: int) -> None:
    cut = ingest.cut("some" if number % 2 else "none", number)
    assert 0 < len(cut.acknowledged) < OBJECTS, "the cut came in the middle"
    assert not cut.missing
    assert not cut.damaged


def test_control_without_the_sync_some_are_missing(ingest: Ingest) -> None:
    """How many a cut costs then is chance: up to some thirty, now and then none."""
    with ingest.without_sync():
        assert any(ingest.cut("none", number).missing for number in range(CONTROLS))
