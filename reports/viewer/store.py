"""Frames kept on the disk between two looks at them: bounded, whole or not there, for nobody else.

An object never changes in this archive, so what is kept under its UID stays right. It is a cache:
anything may be deleted at any time.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORM = "1"
"""Counts up when what is kept means something else."""
BUDGET = 2 << 30
"""Bytes: some 2,000 objects of 60 frames."""
STRIPES = 64
ENDINGS = ("json", "raw", "one", "rest")
"""What is told of an image, its frames, and as gzip the first of them and all others."""
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """An image as it is served: what is told of it, and its frames."""

    told: dict[str, Any]
    size: int
    """Bytes of all frames."""
    path: Path | None = None
    held: bytes = b""
    """The frames, where the disk would not take them."""

    @property
    def frame(self) -> int:
        """Bytes of one frame."""
        return self.size // max(1, len(self.told["frames"]))

    def part(self, start: int, length: int) -> bytes:
        """Some of the bytes. Raises FileNotFoundError if they were just cleared away."""
        if self.path is None:
            return self.held[start : start + length]
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    def ending(self, start: int, length: int) -> str:
        """Of the file with these bytes packed; empty for what no viewer asks for."""
        if (start, length) == (0, self.frame):
            return "one"
        return "rest" if (start, length) == (self.frame, self.size - self.frame) else ""


class Store:
    """A folder of them."""

    def __init__(self, folder: Path, budget: int = BUDGET) -> None:
        self.folder, self.budget = folder, budget

    def _at(self, uid: str, ending: str) -> Path:
        # A UID comes from an object, so from anybody: its digest is a name that means nothing else.
        return self.folder / f"{hashlib.sha256(f'{FORM} {uid}'.encode()).hexdigest()}.{ending}"

    def find(self, uid: str) -> Kept | None:
        """What is kept of an object."""
        about, raw = self._at(uid, "json"), self._at(uid, "raw")
        try:
            told = json.loads(about.read_text("utf-8"))
            size = raw.stat().st_size
            if size != told["size"]:
                return None
            os.utime(about)  # looked at: cleared away later
        except (OSError, ValueError, KeyError):
            return None
        return Kept(told["about"], size, raw)

    def keep(self, uid: str, about: dict[str, Any], frames: bytes) -> Kept:
        """Keep it; where that fails it is served all the same."""
        told = json.dumps({"size": len(frames), "about": about}).encode()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._clear(len(frames) + len(told))
            self._write(self._at(uid, "raw"), frames)
            self._write(self._at(uid, "json"), told)  # last: what has one is whole
        except OSError as error:
            LOG.warning("frames are not kept: %s", error)
            return Kept(about, len(frames), held=frames)
        return Kept(about, len(frames), self._at(uid, "raw"))

    def packed(self, uid: str, kept: Kept, start: int, length: int) -> bytes:
        """Some of the bytes as gzip. Packing takes longer than all else, so it is done once.

        Raises FileNotFoundError as ``part`` does.
        """
        ending = kept.ending(start, length)
        place = self._at(uid, ending) if ending and kept.path else None
        if place and (found := _read(place)):
            return found
        made = gzip.compress(kept.part(start, length), compresslevel=1, mtime=0)
        try:
            if place:
                self._clear(len(made))
                self._write(place, made)
        except OSError as error:
            LOG.warning("packed frames are not kept: %s", error)
        return made

    def _write(self, path: Path, what: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self.folder, prefix="new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(what)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise

    def _clear(self, more: int) -> None:
        """Make room: what was not looked at for longest goes first."""
        if more > self.budget:
            raise OSError(f"{more} bytes are more than the cache holds")
        with self._lock("clear"):
            files = {each: each.stat() for each in self.folder.iterdir() if each.suffix}
            held = sum(each.st_size for each in files.values())
            looked: dict[str, float] = {}
            for each, about in files.items():
                looked[each.stem] = max(looked.get(each.stem, 0.0), about.st_mtime)
            for name in sorted(looked, key=lambda stem: looked[stem]):
                if held + more <= self.budget:
                    break
                for path in (self.folder / f"{name}.{ending}" for ending in ENDINGS):
                    held -= files[path].st_size if path in files else 0
                    path.unlink(missing_ok=True)

    @contextmanager
    def making(self, uid: str) -> Iterator[None]:
        """One at a time: who asks for the same object meanwhile waits and finds it kept."""
        stripe = int(hashlib.sha256(uid.encode()).hexdigest(), 16) % STRIPES
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            yield  # without a folder everybody makes his own
            return
        with self._lock(str(stripe)):
            yield

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        with (self.folder / f"lock-{name}").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
