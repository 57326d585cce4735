"""What the box remembers: its generations, which of them is active, and the lock.

``/var/lib/gateway/generations/N/{manifest.json,record.json,files/…}`` holds each tree whole, and
what became of it; ``state.json`` beside them says which one is active and which is confirmed,
and which one was being switched to: a box that lost its power there finds out.
"""

from __future__ import annotations

import lzma
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from . import session
from .files import Paths, make_folder, sync_folder, write_tree
from .lock import hold
from .manifest import MAX_FILE, MAX_FILES, MAX_TREE, Entry, Manifest, parse
from .process import Failed
from .state import (
    Event,
    Record,
    State,
    now,
    read_record,
    read_state,
    write_record,
    write_state,
)

KEEP = 10
RESERVE = 4 << 20
"""Bytes that are put aside for a way back on a full disk."""
LOCK_SECONDS = 30
# What zipfile lets through of a damaged archive: not all of it is a BadZipFile.
_UNREADABLE = (
    OSError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


@dataclass(frozen=True)
class Generation:
    """One staged tree."""

    number: int
    folder: Path
    manifest: Manifest

    def staged(self, path: str) -> Path:
        """The staged file for a path of the box."""
        return self.folder / "files" / path.lstrip("/")

    @property
    def record(self) -> Record:
        """What became of it."""
        return read_record(self.folder / "record.json")

    def damage(self) -> list[str]:
        """The files of a kept tree that are no longer what its manifest says."""
        return [entry.path for entry in self.manifest.files if not self._is_whole(entry)]

    def _is_whole(self, entry: Entry) -> bool:
        try:
            return sha256(self.staged(entry.path).read_bytes()).hexdigest() == entry.sha256
        except OSError:
            return False


class Store:
    """The generations of a box."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self._folder = paths.memory / "generations"
        self._state = paths.memory / "state.json"
        self._reserve = paths.memory / "reserve"

    @contextmanager
    def lock(self, doing: str) -> Iterator[None]:
        """Hold the box's one lock; wait a little for another holder, then say who it is."""
        with hold(self.paths.lock, doing, LOCK_SECONDS):
            yield

    def state(self) -> State:
        """Where the box stands."""
        return read_state(self._state)

    def remember(self, state: State) -> None:
        """Write down where the box stands, durably."""
        write_state(self._state, state)

    def note(self, number: int, what: str, why: str = "") -> None:
        """Write down what became of a generation."""
        generation = self.generation(number)
        event = Event(what, now(), session.who(), why)
        write_record(generation.folder / "record.json", generation.record.then(event))

    def note_if_there(self, number: int | None, what: str, why: str) -> None:
        """The same, where the generation may be gone or damaged."""
        with suppress(Failed, OSError):
            self.note(number or 0, what, why)

    def make_reserve(self) -> None:
        """Put room aside that a way back can use when the disk is full."""
        make_folder(self._reserve.parent, 0o700)
        with self._reserve.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, RESERVE)

    def release_reserve(self) -> None:
        """Use that room."""
        self._reserve.unlink(missing_ok=True)

    def numbers(self) -> list[int]:
        """The generations that are here, oldest first."""
        if not self._folder.is_dir():
            return []
        return sorted(int(each.name) for each in self._folder.iterdir() if each.name.isdigit())

    def generation(self, number: int | None = None) -> Generation:
        """A generation, the newest without a number."""
        numbers = self.numbers()
        number = number if number is not None else numbers[-1] if numbers else 0
        folder = self._folder / str(number)
        if number not in numbers:
            have = ", ".join(map(str, numbers)) or "none"
            raise Failed(f"there is no generation {number} here (there is: {have})")
        try:
            return Generation(number, folder, parse((folder / "manifest.json").read_bytes()))
        except (Failed, OSError) as error:
            raise Failed(f"generation {number} is damaged on the disk: {error}") from None

    def stage(self, archive: Path, site: str = "") -> tuple[Generation, bool]:
        """Unpack an archive as a generation; says whether it is a new one.

        The same tree is never kept twice: trying again after a failure must not push the
        generations out that one may want to go back to.
        """
        manifest, contents = read_archive(archive)
        for number in reversed(self.numbers()):
            with suppress(Failed, OSError):  # a damaged one is brought anew
                known = self.generation(number)
                if known.manifest.digest == manifest.digest and not known.damage():
                    return known, False
        number = max(self.numbers(), default=0) + 1
        make_folder(self._folder, 0o700)
        fresh = self._folder / ".new"
        shutil.rmtree(fresh, ignore_errors=True)
        make_folder(fresh, 0o700)
        # With their modes: some checkers judge them too (visudo).
        files = [
            (f"files{each.path}", contents[f"files{each.path}"], each.mode)
            for each in manifest.files
        ]
        write_tree(fresh, [*files, ("manifest.json", contents["manifest.json"], 0o600)])
        staged = Event("staged", now(), session.who())
        write_record(fresh / "record.json", Record(site, (staged,)))
        fresh.rename(self._folder / str(number))
        sync_folder(self._folder)
        return self.generation(number), True

    def prune(self) -> list[int]:
        """Remove the oldest generations beyond KEEP, never one that a way leads to."""
        state = self.state()
        needed = (state.active, state.pending, state.confirmed, state.before)
        gone = [number for number in self.numbers()[:-KEEP] if number not in needed]
        for number in gone:
            shutil.rmtree(self._folder / str(number))
        return gone


def read_archive(archive: Path) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest and the files of an archive, all of them and no others, each verified.

    Everything is read in memory, within bounds, before anything is written: a zip file's own
    sizes may lie, and its names may lead anywhere. Only the names that the (verified) manifest
    asks for are used, and none is ever joined to a path before that.
    """
    try:
        with zipfile.ZipFile(archive) as box:
            members = {info.filename: info for info in box.infolist() if not info.is_dir()}
            if len(members) > MAX_FILES + 2 or len(members) != len(box.infolist()):
                raise Failed(f"{archive} has too many members, or some twice, or folders")
            contents = {"manifest.json": _bounded(box, members.pop("manifest.json", None))}
            members.pop("__main__.py", None)  # how the archive runs this program before it is there
            manifest = parse(contents["manifest.json"])
            wanted = {f"files{entry.path}": entry for entry in manifest.files}
            if odd := sorted(members.keys() ^ wanted.keys()):
                raise Failed(f"{archive} and its manifest differ: {', '.join(odd[:5])}")
            total = 0
            for name, entry in wanted.items():
                contents[name] = _bounded(box, members[name])
                total += len(contents[name])
                if total > MAX_TREE:
                    raise Failed(f"{archive} holds more than {MAX_TREE} bytes")
                if sha256(contents[name]).hexdigest() != entry.sha256:
                    raise Failed(f"{archive}: {entry.path} is not what its manifest says")
    except _UNREADABLE as error:
        raise Failed(f"{archive} cannot be read: {error}") from None
    return manifest, contents


def _bounded(box: zipfile.ZipFile, info: zipfile.ZipInfo | None) -> bytes:
    if info is None:
        raise Failed(f"{box.filename} has no manifest.json")
    kind = info.external_attr >> 28  # the high bits of st_mode: 8 is a regular file
    if kind not in (0, 8):
        raise Failed(f"{info.filename} is not a regular file")
    with box.open(info) as stream:
        content = stream.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise Failed(f"{info.filename} is larger than {MAX_FILE} bytes")
    return content
