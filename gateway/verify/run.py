"""Run the checks for a site, on the lab or on a real box."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import pytest

from gateway.problems import Failed
from gateway.verify import lanes
from gateway.verify.context import Context
from gateway.verify.evidence import Evidence, Placed, Row
from gateway.verify.plugin import Chosen, Plugin

# Checks wait more than they work: more at a time than there are cores, but not so many that an
# answer comes too late for a check that takes silence for a closed port.
BESIDE = max(2, min(8, (os.cpu_count() or 1) + 3))
Tell = Callable[[Placed], None]


@dataclass(frozen=True)
class Checks:
    """What to run. ``only`` is pytest's ``-k`` expression."""

    context: Context
    only: str = ""

    def run(self, tell: Tell, chosen: Chosen) -> None:
        """Run those that are chosen, here and now. Raises Failed with pytest's own words."""
        plugin = Plugin(self.context, tell, chosen)
        here = str(Path(__file__).parent)
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:terminalreporter", "-c", "/dev/null"]
        options += ["--rootdir", here, "--import-mode=importlib", here]
        if self.only:
            options += ["-k", self.only]
        code = pytest.ExitCode(pytest.main(options, plugins=[plugin]))
        if plugin.broken or code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            raise Failed("\n".join([f"the checks could not be run: {code.name}", *plugin.broken]))


def verify(context: Context, told: Callable[[Row], None], only: str = "") -> Evidence:
    """Every check the site gives rise to; in the lab several at a time.

    ``told`` hears each row when it is found. Raises Failed when the checks could not be run.
    """
    found: list[Placed] = []

    def tell(placed: Placed) -> None:
        found.append(placed)
        told(placed.row)

    checks = Checks(context, only)
    if context.lab is None:  # the box alone is looked at
        checks.run(tell, iter)
    else:
        _beside_each_other(checks, tell)
        checks.run(tell, lanes.alone)
    found.sort(key=lambda placed: placed.place)
    return Evidence([placed.row for placed in found])


def _beside_each_other(checks: Checks, tell: Tell) -> None:
    """All but those that run alone, in processes of their own: pytest knows no threads."""
    # Not forked from here, where a progress display's thread may hold a lock just then, but from
    # a process of its own that has loaded once what each of them needs.
    fresh = multiprocessing.get_context("forkserver")
    fresh.set_forkserver_preload([__name__])
    next_lane = fresh.Value("i", 0)
    readers: list[Connection] = []
    for _ in range(BESIDE):
        reader, writer = fresh.Pipe(duplex=False)
        fresh.Process(target=_work, args=(checks, next_lane, writer), daemon=True).start()
        writer.close()
        readers.append(reader)
    ended = 0
    while readers:
        ready = wait(readers)
        for reader in [each for each in readers if each in ready]:
            try:
                said = reader.recv()
            except EOFError:
                readers.remove(reader)
                continue
            if isinstance(said, Placed):
                tell(said)
            elif said:
                raise Failed(said)
            else:
                ended += 1
    if ended < BESIDE:
        raise Failed("the checks could not be run: a process that ran some of them is gone")


def _work(checks: Checks, next_lane: Synchronized[int], writer: Connection) -> None:
    """One process: it takes lanes until there are none, and says at its end how it went."""

    def turn() -> int:
        with next_lane.get_lock():
            mine = next_lane.value
            next_lane.value += 1
            return mine

    try:
        checks.run(writer.send, lambda items: lanes.of_turns(items, turn))
    except Failed as error:
        writer.send(str(error))
    else:
        writer.send("")
