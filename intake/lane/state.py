"""``intake state``: of each device what waits, what was set aside, and when it was last stored."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from intake.lane import silent
from intake.lane.ledger import Ledger
from intake.lane.settings import Settings


@dataclass(frozen=True)
class State:
    """A device, for who looks in the morning."""

    name: str
    waiting: int
    """Files in ``incoming``."""
    outgoing: int
    """Files that the device has not fetched."""
    quarantined: int
    """Files in ``quarantine``, without the reasons beside them."""
    last: str
    """When something of it was last stored, ISO 8601, UTC; empty if nothing ever was."""
    silent: bool
    """Whether it sends nothing though it usually would."""

    def show(self) -> str:
        """One line for a terminal."""
        last = f"last stored {self.last[:16].replace('T', ' ')} UTC" if self.last else "none stored"
        line = f"{self.name}: {self.waiting} waiting, {self.outgoing} to be fetched, {last}"
        line += f", {self.quarantined} in quarantine" if self.quarantined else ""
        return line + (", SILENT" if self.silent else "")


def look(settings: Settings, now: dt.datetime | None = None) -> list[State]:
    """Each device. Whoever looks need not be allowed to write, nor the lane have run."""
    stored: dict[str, str] = {}
    quiet: set[str] = set()
    if Ledger.place(settings.state).exists():
        stored = Ledger.to_read(settings.state).last_stored()
        quiet = {each.device for each in silent.look(settings, now) if each.verdict.silent}
    return [
        State(
            device,
            _count(settings.folder(device) / "incoming"),
            _count(settings.folder(device) / "outgoing"),
            _count(settings.folder(device) / "quarantine", but=".txt"),
            stored.get(device, ""),
            device in quiet,
        )
        for device in sorted(settings.devices)
    ]


def _count(folder: Path, but: str = "\0") -> int:
    """Files; what begins with a dot is still being written."""
    files = [each for each in folder.glob("[!.]*") if each.is_file()]
    return sum(1 for each in files if each.suffix != but)
