"""``intake count``: what came in against what the archive has, each missing object by its name."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from dataclasses import dataclass

from intake import files
from intake.lane import ledger as states
from intake.lane.archive import Client, Unreachable
from intake.lane.ledger import Ledger
from intake.lane.settings import Settings
from intake.refused import Refused

LONG = 3600.0
"""Seconds in ``incoming`` after which a file is named: the archive is down, or intake is."""
ADVICE = """\
What to do:
- An object was deleted in the archive, or lost: `intake retry DEVICE FILE` stores its file again.
- It was deleted on purpose: `intake release DEVICE FILE`, and it is not asked for again.
- Files wait: is the lane running (systemctl status), does the archive answer, is the disk full?"""


@dataclass(frozen=True)
class Missing:
    """An object that was stored and read back once, and is not in the archive now."""

    device: str
    names: tuple[str, ...]
    uid: str
    stored: str

    def show(self) -> str:
        """For a person, with the way out."""
        names = " ".join(files.shown(name) for name in self.names)
        return (
            f"{self.device}: {names}, stored {self.stored[:16]}: {self.uid} is not in the archive"
        )


@dataclass(frozen=True)
class Counted:
    """One device."""

    device: str
    came: int
    """Files, or groups of files that belong together."""
    done: int
    refused: int
    released: int
    waiting: tuple[str, ...]
    """Files that have lain in ``incoming`` for more than an hour."""
    objects: int
    missing: tuple[Missing, ...]

    @property
    def right(self) -> bool:
        """Whether nothing is missing and nothing lies about."""
        return not self.missing and not self.waiting

    def show(self) -> Iterator[str]:
        """Numbers, then each thing that is wrong."""
        yield (
            f"{self.device}: {self.came} came in, {self.done} stored as {self.objects} objects, "
            f"{self.refused} in quarantine, {self.released} released, "
            f"{len(self.missing)} objects missing, {len(self.waiting)} files waiting"
        )
        for name in self.waiting:
            yield f"  {self.device}: {files.shown(name)} waits for more than an hour"
        for each in self.missing:
            yield f"  {each.show()}"


def count(settings: Settings, since: dt.date | None = None) -> list[Counted]:
    """Each device; only what came since that day, if one is named. Refused without the archive."""
    book, client = Ledger.to_read(settings.state), Client(settings.archive)
    try:
        return [_count(settings, book, client, each, since) for each in sorted(settings.devices)]
    except Unreachable as fault:
        raise Refused(f"nothing could be counted: {fault}") from None


def _count(
    settings: Settings, book: Ledger, client: Client, device: str, since: dt.date | None
) -> Counted:
    rows = book.search(device=device, since=since)
    done = [row for row in rows if row.state == states.DONE]
    missing = tuple(
        Missing(device, row.names, uid, row.settled)
        for row in done
        for uid in row.objects
        if not client.has(uid)
    )
    incoming = settings.folder(device) / "incoming"
    waiting = sorted(
        path.name
        for path in (incoming.iterdir() if incoming.is_dir() else ())
        if time.time() - path.lstat().st_ctime > LONG  # a copy keeps the time in st_mtime
    )
    return Counted(
        device,
        len(rows),
        len(done),
        sum(1 for row in rows if row.state in {states.REFUSED, states.QUARANTINED}),
        sum(1 for row in rows if row.state == states.RELEASED),
        tuple(waiting),
        sum(len(row.objects) for row in done),
        missing,
    )
