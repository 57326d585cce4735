"""A letter about what is not as it should be: once when it is new, and then once a week."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import journal
from .files import Paths, make_folder, write
from .process import Done, Failed

AGAIN_SECONDS = 7 * 86400
Send = Callable[[Paths, str, str], Done | None]


def when_new(
    paths: Paths,
    file: Path,
    found: Sequence[str],
    letter: tuple[str, str],
    send: Send = journal.mail,
) -> None:
    """Send a letter (subject, text) about ``found``, unless it told the same within a week.

    ``file`` remembers what was told last, and when. Raises Failed if nobody could be told.
    """
    found = sorted(found)
    try:
        last = json.loads(file.read_bytes())
    except (OSError, ValueError):
        last = {"found": [], "written": 0}
    known = last.get("found", [])
    is_new = found != known or time.time() - last["written"] >= AGAIN_SECONDS
    if found and is_new:
        done = send(paths, *letter)
        if done and not done.ok:
            raise Failed(f"nobody could be told: {letter[0]}: {done.blame()}")
    if found != known or (found and is_new):
        make_folder(file.parent, 0o700)
        write(file, json.dumps({"found": found, "written": time.time()}).encode())
