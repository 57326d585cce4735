"""Who may bring a lab up or down just now."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.problems import Failed
from lab import machine

LOCK_SECONDS = 60


@contextmanager
def claim(name: str) -> Iterator[None]:
    """One `up` or `down` of a name at a time. The kernel gives it back when its holder dies."""
    folder = machine.running()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name}.lock"
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        with path.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() > deadline:
                    raise Failed(f"another process brings lab {name} up or down just now") from None
                time.sleep(0.2)
                continue
            if not _is_still(path, lock.fileno()):
                continue  # its last holder has removed it
            try:
                yield
            finally:
                path.unlink()
            return


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
