"""``intake serve``: the lane as a service; ``intake ledger``, ``retry``, ``release`` beside it."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from intake.lane import ledger as states
from intake.lane.archive import Client
from intake.lane.lane import Lane
from intake.lane.ledger import Ledger
from intake.lane.settings import Settings
from intake.refused import Refused

log = logging.getLogger("intake.lane")


def serve(settings: Settings) -> None:
    """Until a signal ends it. Two lanes on one root would be in each other's way: Refused."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    settings.state.mkdir(mode=0o750, parents=True, exist_ok=True)
    with (settings.state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refused(f"another lane works on {settings.state}") from None
        lane = Lane(settings)
        lane.worker.start()
        log.info("the lane works for %s", ", ".join(sorted(settings.devices)))
        while not ended.is_set():
            if not lane.once():
                ended.wait(settings.pause)
        lane.worker.stop()


def ledger(settings: Settings) -> None:
    """The ledger as CSV."""
    Ledger(settings.state / "ledger.sqlite").write_csv(sys.stdout)


def missing(settings: Settings) -> list[str]:
    """Objects that the ledger says are stored, and the archive does not have."""
    client = Client(settings.archive)
    return [
        f"{row.device} {' '.join(row.names)} {uid}"
        for row in Ledger(settings.state / "ledger.sqlite").rows("state = ?", (states.DONE,))
        for uid in row.objects
        if not client.has(uid)
    ]


def retry(settings: Settings, device: str, name: str) -> list[str]:
    """Files out of quarantine into ``incoming`` again, with their parts."""
    return _take_out(settings, device, name, "incoming", None)


def release(settings: Settings, device: str, name: str) -> list[str]:
    """Files out of quarantine into ``done``, though nothing of them is in the archive."""
    return _take_out(settings, device, name, "done", states.RELEASED)


def _take_out(
    settings: Settings, device: str, name: str, target: str, state: str | None
) -> list[str]:
    book = Ledger(settings.state / "ledger.sqlite")
    rows = book.rows("device = ? AND state = ?", (device, states.QUARANTINED))
    found = [row for row in rows if name in row.names]
    if not found:
        raise Refused(f"{device} has no file {name} in quarantine")
    quarantine = settings.folder(device) / "quarantine"
    for each in found[-1].names:
        if (quarantine / each).exists():
            os.rename(quarantine / each, settings.folder(device) / target / each)  # noqa: PTH104
    Path(quarantine / f"{found[-1].names[0]}.txt").unlink(missing_ok=True)
    if state:
        book.carried_out(found[-1], state)
    return list(found[-1].names)
