"""systemd, by its own command."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from .process import must, run

START_SECONDS = 60
SETTLE_SECONDS = 1.0
_SHOWN = (
    "LoadState,ActiveState,SubState,Result,Type,RemainAfterExit,UnitFileState,NRestarts,StatusText,"
    "ActiveEnterTimestampMonotonic"
)
WAITS = "waits for "
"""What the status of a unit of ours begins with that is up but lacks something (a modem, say)."""
SERVED = "served by "
"""What it begins with where the box chose between two servers."""
_NO_SYSV = {"SYSTEMCTL_SKIP_SYSV": "1"}
_AT_BOOT = ("enabled", "static", "generated", "alias")


@dataclass(frozen=True)
class Unit:
    """How a unit is."""

    name: str
    load: str
    active: str
    sub: str
    result: str
    kind: str
    remains: bool
    file: str
    restarts: int
    status: str = ""
    """What it says of itself (sd_notify(3), STATUS=)."""
    up_since: float = 0.0
    """When it became active, on the clock of time.monotonic()."""

    @property
    def runs(self) -> bool:
        """Whether it does its work.

        A oneshot that does not remain has done it when it is inactive; one that remains
        (nftables.service) is then yet to be started, though its Result says success.
        """
        idle = self.active == "inactive" and self.result == "success"
        done = self.kind == "oneshot" and not self.remains and idle
        return self.load == "loaded" and (self.active == "active" or done)

    @property
    def is_lost(self) -> bool:
        """Whether waiting for it is in vain."""
        return self.active == "failed" or self.load != "loaded"

    @property
    def lacks(self) -> str:
        """What it says that it waits for; nothing if it has all it needs."""
        return self.status if self.status.startswith(WAITS) else ""

    @property
    def chosen(self) -> str:
        """Which of two servers the box chose, in its words; nothing where it had no choice."""
        return self.status if self.status.startswith(SERVED) else ""

    @property
    def state(self) -> str:
        """How it is, for people."""
        return ", ".join(filter(None, (f"{self.active} ({self.sub})", self.chosen)))


def units(names: Sequence[str]) -> list[Unit]:
    """How these units are, in that order."""
    if not names:
        return []
    said = must(["systemctl", "show", "--property", _SHOWN, "--", *names]).out
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        for block in said.strip().split("\n\n")
    ]
    return [
        Unit(
            name=name,
            load=block.get("LoadState", ""),
            active=block.get("ActiveState", ""),
            sub=block.get("SubState", ""),
            result=block.get("Result", ""),
            kind=block.get("Type", ""),
            remains=block.get("RemainAfterExit") == "yes",
            file=block.get("UnitFileState", ""),
            restarts=int(block.get("NRestarts", "0")),
            status=block.get("StatusText", ""),
            up_since=int(block.get("ActiveEnterTimestampMonotonic", "0") or 0) / 1e6,
        )
        for name, block in zip(names, blocks, strict=True)
    ]


# Each of these verbs would make systemd read all its files again, half a second a time: the
# caller does that once, by reload_units().


def mask(names: Sequence[str]) -> None:
    """Stop units and keep them from ever starting, also those whose package is yet to come."""
    if names:
        must(["systemctl", "--no-reload", "mask", "--", *names])
        idle = ("inactive", "failed")
        if running := [each.name for each in units(names) if each.active not in idle]:
            must(["systemctl", "stop", "--", *running])


def unmask(names: Sequence[str]) -> None:
    """Let units start again."""
    if names:
        for until in ([], ["--runtime"]):  # for ever, and until the next boot
            must(["systemctl", "--no-reload", *until, "unmask", "--", *names])


def enable(names: Sequence[str]) -> list[str]:
    """Let units start at boot; says which would not have."""
    if not names:
        return []
    said = run(["systemctl", "is-enabled", "--", *names]).out.split()
    unmask([name for name, how in zip(names, said, strict=True) if how.startswith("masked")])
    late = [name for name, how in zip(names, said, strict=True) if how not in _AT_BOOT]
    if late:
        # Without the links of SysV init, half a second a unit (systemd's ENVIRONMENT.md).
        must(["systemctl", "--no-reload", "--quiet", "enable", "--", *late], env=_NO_SYSV)
    return late


def stop(names: Iterable[str]) -> list[str]:
    """Stop and disable units that are no longer wanted; says which were there."""
    there = [unit.name for unit in units(sorted(set(names))) if unit.load == "loaded"]
    if there:
        must(["systemctl", "disable", "--now", "--", *there])
    return there


def cancel(names: Iterable[str], running: str) -> None:
    """Keep units from starting at this boot and the next, from within an early boot.

    ``running`` is the unit that this is done by: it is not stopped.
    """
    there = [unit.name for unit in units(sorted(set(names))) if unit.load == "loaded"]
    if others := [name for name in there if name != running]:
        must(["systemctl", "disable", "--no-block", "--now", "--", *others])
    if running in there:
        must(["systemctl", "--no-reload", "disable", "--", running])


def start(names: Sequence[str]) -> list[str]:
    """Start what does not run; says which. Failed ones get another chance."""
    waiting = [each.name for each in units(names) if not each.runs]
    if waiting:
        run(["systemctl", "reset-failed", "--", *waiting])  # refuses units it has never heard of
        # What does not come up tells more itself than systemctl does of it: see not_up().
        run(["systemctl", "start", "--", *waiting], timeout=START_SECONDS)
    return waiting


def reload_units() -> None:
    """Let systemd read its unit files again."""
    must(["systemctl", "daemon-reload"])


def not_up(names: Sequence[str], *, settle: float = SETTLE_SECONDS) -> list[str]:
    """The units that do not come up in time, each with its last words.

    A daemon may die in its first second after systemd called it active, and be restarted:
    what counts is to stay up, without a restart, for a moment.
    """
    if not names:
        return []
    deadline = time.monotonic() + START_SECONDS
    before: list[Unit] = []
    steady_since = time.monotonic()
    while True:
        now = units(names)
        if now != before:
            before, steady_since = now, time.monotonic()
        lost = [unit for unit in now if not unit.runs]
        wait = settle if any(unit.kind != "oneshot" for unit in now) else 0
        steady = time.monotonic() - steady_since >= wait
        late = time.monotonic() > deadline
        if late or any(unit.is_lost for unit in lost) or (steady and not lost):
            return [f"{unit.name} is {words(unit)}" for unit in lost]
        time.sleep(0.2)


def changed(name: str) -> datetime | None:
    """When a unit last went from one state to another."""
    show = ["systemctl", "show", "--property", "StateChangeTimestamp", "--timestamp=unix", "--"]
    said = run([*show, name]).out.strip().partition("@")[2]
    return datetime.fromtimestamp(float(said)).astimezone() if said else None


def lacking(seen: Sequence[Unit]) -> list[str]:
    """A line for each unit that is up but waits for something the box does not have."""
    return [f"{unit.name} {unit.lacks}" for unit in seen if unit.lacks]


def chosen(seen: Sequence[Unit]) -> list[str]:
    """A line for each unit for which the box chose between two servers."""
    return [f"{unit.name} {unit.chosen}" for unit in seen if unit.chosen]


def words(unit: Unit) -> str:
    """How it is, and what it said last."""
    return f"{unit.active} ({unit.sub}){_last_words(unit)}"


def _last_words(unit: Unit) -> str:
    if unit.load != "loaded":
        return f": its unit file is {unit.load}"
    said = run(
        ["journalctl", "--unit", unit.name, "--lines", "12", "--output", "cat", "--no-pager"]
    )
    return f": {said.out.strip()}" if said.out.strip() else ""
