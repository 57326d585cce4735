"""Which checks may run beside each other.

Most checks wait for something: an answer, a time-out, a fax. Those of one device follow each
other in its *lane*, because a device does one thing at a time; lanes run side by side. A check
that changes the box for all (a daemon off, a rule added: the controls) says so with
``@pytest.mark.alone`` and runs when every lane has ended.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import pytest

from gateway.features.orthanc import Partner
from gateway.sharing import Grant

Lanes = dict[str, list[pytest.Item]]
Turn = Callable[[], int]
"""Gives the number of the next lane to whoever asks: 0, 1, 2, …"""

_OF_A_DEVICE = re.compile(
    r"((inside|smb|afp|nfs)_)?device|((afp|nfs)_)?grant|partner|writer|copied"
)
"""What a check is run once for each of: a device, or what is of one (see plugin.py)."""


def lane(item: pytest.Item) -> str:
    """The device a check is of, or its module if it is of several; nothing if it runs alone."""
    if item.get_closest_marker("alone"):
        return ""
    once_each = getattr(item, "callspec", None)  # pytest gives it to those that have parameters
    for name, value in once_each.params.items() if once_each else ():
        if _OF_A_DEVICE.fullmatch(name) and (device := _device(value)):
            return device
    return item.path.stem


def _device(value: object) -> str:
    """Nothing for the mark with which pytest skips a check that the site has no device for."""
    if isinstance(value, Grant):
        return value.device
    if isinstance(value, Partner):
        return value.name
    return value if isinstance(value, str) else ""


def lanes(items: Sequence[pytest.Item]) -> Lanes:
    """The checks by their lanes, those marked ``long`` first and then the longest lane."""
    found: Lanes = {}
    for item in items:
        if name := lane(item):
            found.setdefault(name, []).append(item)
    order = sorted(found, key=lambda name: (not _is_long(found[name]), -len(found[name]), name))
    return {name: found[name] for name in order}


def _is_long(items: Sequence[pytest.Item]) -> bool:
    return any(item.get_closest_marker("long") for item in items)


def of_turns(items: Sequence[pytest.Item], turn: Turn) -> Iterator[pytest.Item]:
    """The checks of one lane after another, as long as there are lanes for us."""
    all_lanes = list(lanes(items).values())
    while (number := turn()) < len(all_lanes):
        yield from all_lanes[number]


def alone(items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
    """The checks that nothing may run beside."""
    return (item for item in items if not lane(item))


def run(session: pytest.Session, chosen: Iterator[pytest.Item]) -> None:
    """Run checks as pytest's own loop would, not knowing more than the next one."""
    item = next(chosen, None)
    while item is not None:
        following = next(chosen, None)
        # It sets up and tears down what both need, so it has to know which is next.
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        item = following
