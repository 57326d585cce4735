"""Which checks run beside each other: each one once, and the controls alone."""

from __future__ import annotations

import inspect
import re
from itertools import count
from pathlib import Path

import pytest

from gateway.ready import ready
from gateway.verify import lanes
from gateway.verify.context import Context
from gateway.verify.run import Checks

EXAMPLES = Path(__file__).parents[2] / "inventory"


@pytest.fixture(scope="module")
def items() -> list[pytest.Item]:
    """The real checks of the article's department."""
    return collected("kaohsiung")


def collected(example: str) -> list[pytest.Item]:
    """The checks that an example's site gives rise to; none is run."""
    found: list[pytest.Item] = []

    def none_of(items: lanes.Sequence[pytest.Item]) -> lanes.Iterator[pytest.Item]:
        found.extend(items)
        return iter(())

    Checks(Context(ready(EXAMPLES / example), {}, "local://", None)).run(lambda _: None, none_of)
    return found


def test_each_check_runs_once(items: list[pytest.Item]) -> None:
    turn = count()
    first = lanes.of_turns(items, lambda: next(turn))
    second = lanes.of_turns(items, lambda: next(turn))
    beside = [next(first), *second, *first]  # the first is slow: the second takes the other lanes
    alone = list(lanes.alone(items))
    assert alone
    assert len(beside) > len(alone)
    assert sorted(each.nodeid for each in (*beside, *alone)) == sorted(x.nodeid for x in items)


def test_a_site_without_such_devices_has_their_checks_too() -> None:
    """pytest keeps what has no device to run for, to say that it was skipped."""
    turn = count()
    items = collected("smallest")
    taken = [*lanes.of_turns(items, lambda: next(turn)), *lanes.alone(items)]
    assert sorted(each.nodeid for each in taken) == sorted(each.nodeid for each in items)


def test_a_check_that_changes_the_box_for_all_runs_alone(items: list[pytest.Item]) -> None:
    """Whoever writes a control and forgets its mark is told here."""
    alone = {each.nodeid for each in lanes.alone(items)}
    for item in items:
        name = item.name.partition("[")[0]
        # The proof needs the kernel's rules as they are, without the table of the ports' checks.
        expected = any(
            word in name
            for word in (
                "control",
                "mail_waits",
                "are_proved",
                "audits_itself",
                "outlive_a_restart",
            )
        )
        assert (item.nodeid in alone) == expected, name


STOPS = re.compile(r"""["']systemctl["'],\s*["'](stop|restart|mask|disable)["']""")


def test_a_check_that_stops_a_unit_runs_alone(items: list[pytest.Item]) -> None:
    """Another check, beside it, finds the unit stopped: it has cost a whole run of CI once."""
    alone = {each.nodeid for each in lanes.alone(items)}
    stopping = [item for item in items if STOPS.search(inspect.getsource(item.function))]  # type: ignore[attr-defined]
    assert len(stopping) > 5
    assert [item.name for item in stopping if item.nodeid not in alone] == []


def test_a_device_does_one_thing_at_a_time(items: list[pytest.Item]) -> None:
    found = lanes.lanes(items)
    picker = [each.name for each in found["picker"]]
    assert any("test_ports_from_inside" in name for name in picker)
    assert any("test_nfs_share" in name for name in picker)
    assert any("test_what_a_partner_may" in name for name in picker)
    assert not any("varicam" in name for name in picker)


def test_what_takes_long_begins_first(items: list[pytest.Item]) -> None:
    first = next(iter(lanes.lanes(items).values()))
    assert any(item.get_closest_marker("long") for item in first)
