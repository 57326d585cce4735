"""Exceptions that outlived the day they were meant for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from gateway.problems import Path, show_path
from gateway.site import Site


@dataclass(frozen=True)
class Expired:
    """An entry of ``access`` whose last day is over. It is still open."""

    path: Path
    said: str
    owner: str
    day: date

    def __str__(self) -> str:
        who = f"; ask {self.owner}" if self.owner else ""
        return f"expired: {show_path(self.path)}: {self.said}: its last day was {self.day}{who}"


def expired(site: Site, today: date) -> Iterator[Expired]:
    """Every entry that is over, in the order of the description."""
    for index, entry in enumerate(site.access):
        if entry.expires and entry.expires < today:
            said = f"{entry.source} to {entry.to}, {', '.join(entry.services)}"
            yield Expired(("access", index), said, entry.owner, entry.expires)
