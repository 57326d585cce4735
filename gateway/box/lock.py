"""The box's one lock: who changes something holds it, and everybody can see who that is.

It is a flock(2), so the kernel gives it back when its holder ends, however that happens.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from . import session
from .files import make_folder
from .process import Failed
from .state import now

SWITCHING = ("activate", "rollback")


class Busy(Failed):
    """Somebody else holds the lock."""


@dataclass(frozen=True)
class Holder:
    """Who holds the lock."""

    pid: int
    doing: str
    by: str
    since: str

    @property
    def switches(self) -> bool:
        """Whether it is switching the box."""
        return self.doing.startswith(SWITCHING)

    def __str__(self) -> str:
        return f"`{self.doing}`, pid {self.pid}, by {self.by}, since {self.since}"


def holder(file: Path) -> Holder | None:
    """Who holds it now. What a holder that was killed has left in the file does not count."""
    try:
        with file.open(encoding="utf-8") as stream:
            if _got(stream.fileno(), fcntl.LOCK_SH):
                return None
            return Holder(**json.loads(stream.read()))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def hold(file: Path, doing: str, seconds: float) -> Iterator[None]:
    """Hold the lock; wait ``seconds`` for another holder, then say who it is."""
    make_folder(file.parent)
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+") as stream:
        deadline = time.monotonic() + seconds
        while not _got(stream.fileno()):
            if time.monotonic() > deadline:
                raise Busy(
                    f"another gateway-box is at work: {holder(file) or 'it has not said which'};"
                    " try again when it has ended"
                )
            time.sleep(0.1)
        me = Holder(os.getpid(), doing, session.who(), now())
        stream.truncate(0)
        stream.write(json.dumps(asdict(me), ensure_ascii=False))
        stream.flush()
        try:
            yield
        finally:
            os.ftruncate(stream.fileno(), 0)


def _got(descriptor: int, how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
