"""What a UNIX system makes by NFS, the other writers of the share can change too.

A client of NFS 3 makes files with the mode that its umask leaves, 0644 mostly; on a folder with a
default ACL the group's bits of that mode become the mask of the new file's ACL (acl(5)), and the
writers' group may only read. Neither NFS server has an option against it, as Samba and afpd have.
So this watches the shares (inotify(7)) and lets the group do what the owner may: no more, so that
what an owner wrote-protects stays so for all.

Usage: rights.py FOLDER…
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

CREATE, MOVED_TO, ATTRIB, OVERFLOW, IGNORED = 0x100, 0x80, 0x4, 0x4000, 0x8000
ASKED = CREATE | MOVED_TO | ATTRIB | 0x01000000  # and IN_ONLYDIR (sys/inotify.h)
EVENT = struct.Struct("iIII")
BUFFER = 1 << 16
# Never through a link: a device could point one at anything.
THERE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def widened(mode: int) -> int:
    """A mode in which the group may do what the owner may."""
    return stat.S_IMODE(mode | (mode & 0o700) >> 3)


def widen(handle: int) -> bool:
    """Widen the file or folder that is open (O_PATH); whether there was something to do."""
    mode = os.fstat(handle).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or widened(mode) == stat.S_IMODE(mode):
        return False
    Path(f"/proc/self/fd/{handle}").chmod(widened(mode))  # fchmod(2) takes no O_PATH
    return True


def settled(path: str) -> bool:
    """Whether there is nothing to do, by one look: most files come from servers that see to it.

    Looked at through a link it may be another file: then at worst nothing is done.
    """
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return True  # gone again
    return stat.S_ISREG(mode) and widened(mode) == stat.S_IMODE(mode)


class Watch:
    """Folders with everything below them."""

    def __init__(self, roots: tuple[str, ...]) -> None:
        self.roots = roots
        self.folders: dict[int, str] = {}
        """The path of each watched folder, by inotify's number for it."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.events = self._libc.inotify_init1(os.O_CLOEXEC)
        if self.events < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")

    def begin(self) -> None:
        """Take in all there is; again when so much happened that the kernel forgot some."""
        for root in self.roots:
            self.take(root)

    def take(self, path: str) -> None:
        """Widen a path; if it is a folder, watch it before its entries are looked at."""
        try:
            handle = os.open(path, THERE)
        except OSError:
            return  # gone again
        try:
            # A folder above it may have been exchanged for a link since.
            if str(Path(f"/proc/self/fd/{handle}").readlink()) != path:
                return
            widen(handle)
            if not stat.S_ISDIR(os.fstat(handle).st_mode):
                return
            self._watch(handle, path)
            names = os.listdir(f"/proc/self/fd/{handle}")  # noqa: PTH208 - names, not paths
        except OSError as error:
            print(f"{path}: {error.strerror}", file=sys.stderr, flush=True)
            return
        finally:
            os.close(handle)
        for name in names:
            self.take(f"{path}/{name}")

    def _watch(self, handle: int, path: str) -> None:
        place = f"/proc/self/fd/{handle}".encode()
        number = self._libc.inotify_add_watch(self.events, place, ASKED)
        if number < 0:
            raise OSError(ctypes.get_errno(), "not watched: fs.inotify.max_user_watches is too low")
        self.folders[number] = path

    def look(self) -> None:
        """Wait for something to happen, and see to it."""
        for number, mask, name in parts(os.read(self.events, BUFFER)):
            if mask & OVERFLOW:
                self.begin()
            elif mask & IGNORED:
                self.folders.pop(number, None)
            elif name and number in self.folders:
                path = f"{self.folders[number]}/{name}"
                if not settled(path):
                    self.take(path)


def parts(data: bytes) -> Iterator[tuple[int, int, str]]:
    """The events that one read(2) gave: watch, what happened, the entry's name."""
    at = 0
    while at < len(data):
        number, mask, _cookie, length = EVENT.unpack_from(data, at)
        at += EVENT.size
        yield number, mask, os.fsdecode(data[at : at + length].rstrip(b"\0"))
        at += length


def main() -> None:
    """Watch the folders on the command line until ended."""
    watch = Watch(tuple(os.path.realpath(each) for each in sys.argv[1:]))
    watch.begin()
    while True:
        watch.look()


if __name__ == "__main__":
    main()
