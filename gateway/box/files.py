"""Files on the box: placed atomically, or not at all."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from .manifest import Entry
from .process import Failed


@dataclass(frozen=True)
class Paths:
    """Where things are on the box; ``root`` is another folder in tests."""

    root: Path = Path("/")

    def on_box(self, path: str) -> Path:
        """The place of an absolute path of the box."""
        return self.root / path.lstrip("/")

    @property
    def memory(self) -> Path:
        """What gateway-box remembers: generations, state, what it replaced."""
        return self.on_box("/var/lib/gateway")

    @property
    def secrets(self) -> Path:
        """The passwords, which are in no tree."""
        return self.on_box("/etc/gateway/secrets.json")

    @property
    def lock(self) -> Path:
        """Held by the one gateway-box that changes something."""
        return self.on_box("/run/gateway-box.lock")


def secrets_digest(paths: Paths) -> str:
    """SHA-256 of the secrets on the box, or nothing."""
    return sha256(paths.secrets.read_bytes()).hexdigest() if paths.secrets.exists() else ""


def write(target: Path, content: bytes, *, mode: int = 0o600, uid: int = -1, gid: int = -1) -> None:
    """Put a file in place whole or not at all, durably.

    Owner and mode are set before there is any content, so nobody reads it who may not, at no
    moment. The temporary name is fixed: what a power cut leaves there, the next call removes.
    """
    fresh = unfinished(target)
    fresh.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with _named(target), os.fdopen(os.open(fresh, flags, 0o600), "wb") as stream:
            os.fchown(stream.fileno(), uid, gid)
            os.fchmod(stream.fileno(), mode)  # after fchown, which clears setuid and setgid
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.rename(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def write_tree(folder: Path, files: Iterable[tuple[str, bytes, int]]) -> None:
    """Fill a folder that nobody reads yet: paths below it, contents, modes; durable at the end.

    Each file and folder is synced once, and after all are written: the disk then writes most of
    them together, which takes a fifth of the time. By their times the files are old: with one that
    is younger than a second Postfix waits, for somebody may be writing to it (its dict.c), and its
    checker made a whole switch wait.
    """
    made: list[Path] = []
    folders = {folder}
    for name, content, mode in files:
        target = folder / name
        folders |= {*make_folder(target.parent, 0o700, sync=False), target.parent}
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with _named(target), os.fdopen(os.open(target, flags, 0o600), "wb") as stream:
            stream.write(content)
            stream.flush()  # a write would make it young again
            os.fchmod(stream.fileno(), mode)
            os.utime(stream.fileno(), (0, 0))
        made.append(target)
    for each in (*made, *folders):
        with _named(each):
            sync(each)


@contextmanager
def _named(target: Path) -> Iterator[None]:
    """A full disk names no file: it is told which one it was about."""
    try:
        yield
    except OSError as error:
        if error.filename:
            raise
        raise OSError(error.errno, error.strerror, str(target)) from None


def unfinished(target: Path) -> Path:
    """Where the content of a file is before it is whole."""
    return target.with_name(f".{target.name}.gateway-new")


def sync_folder(folder: Path) -> None:
    """Make a rename or removal in a folder survive a power cut (fsync(2), NOTES)."""
    sync(folder, os.O_DIRECTORY)


def sync(path: Path, flags: int = 0) -> None:
    """Have a file or folder on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY | flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path, mode: int = 0o755, *, sync: bool = True) -> list[Path]:
    """Make a folder and its parents, with that mode whatever the umask; says which it made."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()][::-1]
    for each in missing:
        each.mkdir()
        each.chmod(mode)
        if sync:
            sync_folder(each.parent)
    return missing


def owner_of(entry: Entry) -> tuple[int, int]:
    """The numbers of a file's owner and group. Raises Failed when the box has no such name."""
    try:
        return pwd.getpwnam(entry.owner).pw_uid, grp.getgrnam(entry.group).gr_gid
    except KeyError as error:
        raise Failed(f"{entry.path}: {str(error).strip(chr(34))}") from None


def differs(paths: Paths, entry: Entry) -> str:
    """How the file on the box differs from what it should be: one word, or nothing."""
    target = paths.on_box(entry.path)
    try:
        found = target.lstat()
        content = target.read_bytes() if stat.S_ISREG(found.st_mode) else None
    except FileNotFoundError:
        return "absent"
    except NotADirectoryError:
        return "kind"
    if content is None:
        return "kind"
    if sha256(content).hexdigest() != entry.sha256:
        return "content"
    if stat.S_IMODE(found.st_mode) != entry.mode:
        return "mode"
    return "" if _owned(found, entry) else "owner"


def _owned(found: os.stat_result, entry: Entry) -> bool:
    try:
        return (found.st_uid, found.st_gid) == owner_of(entry)
    except Failed:
        return False


def obstacle(paths: Paths, path: str) -> str:
    """What stands in the way of a file at that path, or nothing.

    A parent that is a symbolic link would put the file elsewhere than the tree says.
    """
    target = paths.on_box(path)
    if target.is_dir() and not target.is_symlink():
        return f"{path} is a folder on the box"
    for parent in target.parents:
        if parent == paths.root:
            break
        if parent.is_symlink():
            return f"{path}: its folder {parent} is a symbolic link on the box"
        if parent.exists() and not parent.is_dir():
            return f"{path}: {parent} is no folder on the box"
    return ""


def place(paths: Paths, entry: Entry, source: Path) -> None:
    """Put one staged file where it belongs. The path must have been claimed."""
    if problem := obstacle(paths, entry.path):
        raise Failed(problem)
    uid, gid = owner_of(entry)
    content = source.read_bytes()
    if sha256(content).hexdigest() != entry.sha256:
        raise Failed(f"{source} is damaged: it is not what its manifest says")
    write(paths.on_box(entry.path), content, mode=entry.mode, uid=uid, gid=gid)
