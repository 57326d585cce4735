"""Where the box stands, and what became of each generation: small, frozen, on the disk."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .files import make_folder, write
from .process import Failed

EVENTS = 20
"""How many of its events a generation remembers."""


def now() -> str:
    """The time for people. Nothing is ever decided by it: clocks are set."""
    return datetime.now(UTC).isoformat("T", "seconds")


@dataclass(frozen=True)
class State:
    """Where the box stands. Numbers are generations.

    What is *confirmed* is what every way back leads to: the administrator reached the box
    after that switch.
    """

    active: int | None = None
    only_first: bool = False
    """Only the files that come before the packages are in place."""
    since: str = ""
    secrets: str = ""
    """SHA-256 of the secrets that the active generation was taken into use with."""
    pending: int | None = None
    """The one being switched to; it stays here when the power goes in between."""
    confirmed: int | None = None
    confirmed_first: bool = False
    confirmed_secrets: str = ""
    before: int | None = None
    """The whole generation that was confirmed before this one: where `rollback` leads."""
    boot: str = ""
    """The boot that the last switch began in."""
    switched: float = 0.0
    """When it ended, on the clock of session.boottime()."""
    deadline: float = 0.0
    """Until when it is to be confirmed, on the same clock; 0 without a watchdog."""
    returned: str = ""
    """Why the box has gone back by itself; until the next confirmation."""

    @property
    def settled(self) -> bool:
        """Whether the box is where its next start should find it."""
        active = (self.active, self.only_first, self.secrets)
        confirmed = (self.confirmed, self.confirmed_first, self.confirmed_secrets)
        return self.pending is None and active == confirmed

    def confirm(self) -> State:
        """The same place, now the one that every way back leads to."""
        whole = self.confirmed if not self.confirmed_first else None
        other = whole not in (None, self.active)
        return replace(
            self,
            confirmed=self.active,
            confirmed_first=self.only_first,
            confirmed_secrets=self.secrets,
            before=whole if other else self.before,
            deadline=0.0,
            returned="",
        )

    def back(self, why: str) -> State:
        """The confirmed place, reached again."""
        return replace(
            self,
            active=self.confirmed,
            only_first=self.confirmed_first,
            secrets=self.confirmed_secrets,
            pending=None,
            since=self.since if self.active == self.confirmed else now(),
            deadline=0.0,
            returned=why,
        )


def read_state(file: Path) -> State:
    """The state on the disk; a box without one is bare."""
    try:
        values = json.loads(file.read_bytes())
        if "confirmed" not in values:  # from before there was a confirmation
            values["confirmed"] = values.get("active")
            values["confirmed_first"] = values.get("only_first", False)
            values["confirmed_secrets"] = values.get("secrets", "")
        # A newer program may have written more than this one knows.
        known = {each.name for each in fields(State)}
        return State(**{name: value for name, value in values.items() if name in known})
    except FileNotFoundError:
        return State()
    except (ValueError, TypeError, AttributeError) as error:
        raise Failed(f"{file} cannot be read: {error}") from None


def write_state(file: Path, state: State) -> None:
    """Put the state on the disk, durably."""
    make_folder(file.parent, 0o700)
    write(file, (json.dumps(asdict(state), indent=1) + "\n").encode())


@dataclass(frozen=True)
class Event:
    """Something that became of a generation: staged, active, confirmed, rolled back."""

    what: str
    when: str
    by: str
    why: str = ""


@dataclass(frozen=True)
class Record:
    """What a generation remembers of itself, beside its tree."""

    site: str = ""
    """SHA-256 of the description it was rendered from, where the controller said so."""
    events: tuple[Event, ...] = ()

    @property
    def state(self) -> str:
        """The last thing that became of it."""
        return self.events[-1].what if self.events else "staged"

    def then(self, event: Event) -> Record:
        """The same with one more event."""
        return replace(self, events=(*self.events, event)[-EVENTS:])


def read_record(file: Path) -> Record:
    """A generation's record; an empty one where it has none or it is damaged: it only tells."""
    try:
        values: dict[str, Any] = json.loads(file.read_bytes())
        events = tuple(Event(**each) for each in values["events"])
        return Record(str(values["site"]), events)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return Record()


def write_record(file: Path, record: Record) -> None:
    """Put a record on the disk, durably."""
    write(file, (json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n").encode())
