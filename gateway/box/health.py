"""Whether what was switched to really serves: its units stay up, its ports answer.

A unit that has been up long enough costs one look, so an unchanged box is not held up.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from . import services
from .manifest import Manifest, Probe
from .services import Unit

STEADY_SECONDS = 6.0
"""A daemon that dies five seconds after its start is found."""
STEADY_LIMIT = 30.0
RESTARTS = 2
"""So often may a daemon try again, because its network was not there yet, say."""
ANSWER_SECONDS = 2.0
PROBE_LIMIT = 10.0


def problems(manifest: Manifest) -> list[str]:
    """What does not serve, each with its reason."""
    return unsteady(manifest.units) or silent(manifest.probes)


def unsteady(names: Sequence[str]) -> list[str]:
    """The units that do not stay up, each with its last words."""
    deadline = time.monotonic() + STEADY_LIMIT
    before: dict[str, int] = {}
    while True:
        now = services.units(names)
        before = before or {unit.name: unit.restarts for unit in now}
        lost = [each for each in now if _is_lost(each, before[each.name])]
        young = [unit for unit in now if not _is_steady(unit)]
        if lost or not young or time.monotonic() > deadline:
            return [
                f"{unit.name} does not stay up: {services.words(unit)}" for unit in lost or young
            ]
        time.sleep(0.3)


def _is_lost(unit: Unit, restarts: int) -> bool:
    ended = unit.active == "inactive" and not unit.runs  # of itself, or by somebody's hand
    return unit.is_lost or ended or unit.restarts >= restarts + RESTARTS


def _is_steady(unit: Unit) -> bool:
    if not unit.runs:
        return False
    # Sockets, timers and paths have no kind; what has done its work at once cannot die later.
    return unit.kind in ("", "oneshot") or time.monotonic() - unit.up_since >= STEADY_SECONDS


def silent(probes: Sequence[Probe]) -> list[str]:
    """The ports that do not answer in time."""
    deadline = time.monotonic() + PROBE_LIMIT
    waiting = dict.fromkeys(probes, "")
    while True:
        found = {probe: ask(probe) for probe in waiting}
        waiting = {probe: why for probe, why in found.items() if why}
        if not waiting or time.monotonic() > deadline:
            return [f"{probe} does not answer: {why}" for probe, why in waiting.items()]
        time.sleep(0.3)


def ask(probe: Probe) -> str:
    """Put one question, from the box itself; why the answer is none, or nothing."""
    kind = socket.SOCK_STREAM if probe.protocol == "tcp" else socket.SOCK_DGRAM
    family = socket.AF_INET6 if ":" in probe.address else socket.AF_INET
    with socket.socket(family, kind) as asked:
        asked.settimeout(ANSWER_SECONDS)
        try:
            asked.connect((probe.address, probe.port))
            if not (probe.send or probe.expect):
                return ""
            asked.sendall(probe.send)
            return _heard(asked, probe.expect)
        except TimeoutError:
            return f"nothing in {ANSWER_SECONDS:.0f} s"
        except OSError as error:
            return error.strerror or str(error)


def _heard(asked: socket.socket, expect: bytes) -> str:
    heard = b""
    while not heard or expect not in heard:
        more = asked.recv(4096)
        if not more:
            return f"it hung up after {heard[:40]!r}" if heard else "it hung up"
        heard += more
        if len(heard) > 1 << 16:
            return f"it said {heard[:40]!r}"
    return ""
