"""``intake serve``: the lane as a service; ``intake retry`` and ``release`` beside it."""

from __future__ import annotations

import fcntl
import logging
import signal
import threading
from pathlib import Path

from intake.files import shown
from intake.lane import ledger as states
from intake.lane import moves
from intake.lane.lane import Lane
from intake.lane.ledger import Ledger, Row
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
        lane.answers.stop()


def retry(settings: Settings, device: str, name: str) -> list[str]:
    """Files out of quarantine, or out of ``done``, into ``incoming`` again, with their parts."""
    return _take_out(settings, device, name, "incoming", None)


def release(settings: Settings, device: str, name: str) -> list[str]:
    """Files into ``done``, though nothing of them is in the archive: the count asks no more."""
    return _take_out(settings, device, name, "done", states.RELEASED)


def _take_out(
    settings: Settings, device: str, name: str, target: str, state: str | None
) -> list[str]:
    base = settings.folder(device)
    book = Ledger.of(settings.state)
    row, lies = _lying(book, base, device, name)
    for each, digest, path in zip(row.names, row.digest.split("+"), lies, strict=True):
        if path and path.parent != base / target:
            moves.note_of(path).unlink(missing_ok=True)
            moves.move(path, base / target, digest, each)
    if state:
        book.carried_out(row, state)
    return [shown(each) for each in row.names]


def _lying(book: Ledger, base: Path, device: str, name: str) -> tuple[Row, tuple[Path | None, ...]]:
    """The row of a file in quarantine, or else in ``done``, and where its files lie now."""
    found = []
    for state, folder in ((states.QUARANTINED, "quarantine"), (states.DONE, "done")):
        for row in book.search(device=device, state=state):
            if not {name, name.rpartition("~")[0]} & set(row.names):
                continue
            digests = row.digest.split("+")
            pairs = zip(row.names, digests, strict=True)
            lies = tuple(moves.find(base / folder, *each) for each in pairs)
            # Of two files of one name the second is NAME~2 there, and that is what is typed.
            if name in [path.name for path in lies if path]:
                return row, lies
            if name in row.names:
                found.append((row, lies))
    if not found:
        raise Refused(f"{device} has no file {name} in quarantine or done")
    return found[-1]
