"""Everything that speaks against taking a staged tree into use, before anything is switched."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from .files import Paths, differs, obstacle, owner_of
from .process import Done, Failed, run
from .switch import View

CHECK_SECONDS = 30
SPARE = 1 << 20
"""What must be left on a disk: a file is written beside the one that it replaces."""


def check(paths: Paths, wanted: View) -> list[str]:
    """What the box and the services' own checkers say against it, one message each."""
    problems = list(_no_room(paths, wanted))
    verdicts = _verdicts(wanted)
    for entry in wanted.manifest.files:
        if problem := obstacle(paths, entry.path):
            problems.append(problem)
        try:
            owner_of(entry)
        except Failed as error:
            problems.append(str(error))
        done = verdicts.get(entry.path)
        if done and not done.ok:
            problems.append(f"{entry.path}: {done.blame()}")
    return problems


def _verdicts(wanted: View) -> dict[str, Done]:
    """What the checkers say, by path; side by side, and one that two files share once."""
    root = str(wanted.staged("/")).rstrip("/")
    commands = {
        entry.path: tuple(
            _filled(word, {"{file}": str(wanted.staged(entry.path)), "{root}": root})
            for word in entry.check
        )
        for entry in wanted.manifest.files
        if entry.check
    }
    each = list(dict.fromkeys(commands.values()))
    with ThreadPoolExecutor(max_workers=4) as pool:
        said = dict(zip(each, pool.map(partial(run, timeout=CHECK_SECONDS), each), strict=True))
    return {path: said[command] for path, command in commands.items()}


def _filled(word: str, values: Mapping[str, str]) -> str:
    for mark, value in values.items():
        word = word.replace(mark, value)
    return word


def _no_room(paths: Paths, wanted: View) -> Iterator[str]:
    """Disks that cannot be written to, and those that are too full for the switch and a return."""
    needed: dict[Path, int] = {}
    for entry in wanted.manifest.files:
        if differs(paths, entry):
            folder = _nearest(paths.on_box(entry.path).parent)
            size = wanted.staged(entry.path).stat().st_size
            needed[folder] = needed.get(folder, 0) + 2 * size
    needed.setdefault(_nearest(paths.memory), 0)
    disks: dict[int, tuple[Path, int]] = {}
    for folder, size in needed.items():
        first, sizes = disks.get(folder.stat().st_dev, (folder, 0))
        disks[folder.stat().st_dev] = (first, sizes + size)
    read_only = [each for each in needed if os.statvfs(each).f_flag & os.ST_RDONLY]
    if read_only:
        yield f"{read_only[0]} is on a disk that is read-only"
    for folder, size in disks.values():
        room = os.statvfs(folder)
        free = room.f_bavail * room.f_frsize
        if free < size + SPARE and folder not in read_only:
            yield f"the disk of {folder} has {free} bytes free, and {size + SPARE} are needed"


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that there is."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())
