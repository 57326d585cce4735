"""Some hundreds of broken files of tests/intake/fuzz.py, which does the hundred thousand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.intake import fuzz

CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> fuzz.Watch:
    folder = tmp_path_factory.mktemp("fuzz")
    fuzz.objects(folder)
    return fuzz.Watch(folder)


@settings(max_examples=300, deadline=None, suppress_health_check=CHECKS)
@given(seed=st.integers(0, 2**32))
def test_broken_files_end_converted_or_refused(watch: fuzz.Watch, seed: int) -> None:
    folder = Path(watch.allowed)
    fuzz.one(seed, folder, fuzz.headers(), fuzz.objects(folder), watch)


def test_a_file_opened_outside_is_seen(watch: fuzz.Watch, tmp_path: Path) -> None:
    watch.on = True
    Path("/etc/hostname").exists()
    with Path("/etc/passwd").open():
        pass
    watch.on = False
    assert watch.outside[-1] == "/etc/passwd"
    watch.outside.clear()


def test_a_file_is_opened_as_it_should(watch: fuzz.Watch) -> None:
    folder = Path(watch.allowed)
    told = {fuzz.one(n, folder, fuzz.headers(), fuzz.objects(folder), watch) for n in range(40)}
    assert told == {"converted", "refused"}
