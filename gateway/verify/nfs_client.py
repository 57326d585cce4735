"""An NFS client that runs on a simulated device: libnfs, by Python's ctypes.

Standard input says in JSON what to mount and what to do; the results go to standard output.
Files are made as a UNIX system makes them, with the mode that a umask of 022 leaves.
"""

import ctypes
import json
import os
import sys
import time

MODE = 0o644
FLAGS_READ = os.O_RDONLY
PIECE = 1 << 16
TRY_LOCK, UNLOCK = 1, 2  # enum nfs4_lock_op of libnfs.h
GRACE = 20.0  # twice what either server gives (features/nfs.py)


class NfsError(Exception):
    """What libnfs says of a call that failed."""


class Mount:
    """A mounted folder; ``options`` as in libnfs's URLs (``nfsport=2050``)."""

    def __init__(self, address: str, share: str, version: int, options: str = "") -> None:
        self.nfs = ctypes.CDLL("libnfs.so.14")
        for name in ("nfs_init_context", "nfs_get_error"):
            getattr(self.nfs, name).restype = ctypes.c_void_p
        self.nfs.nfs_get_error.restype = ctypes.c_char_p
        self.context = ctypes.c_void_p(self.nfs.nfs_init_context())
        self.nfs.nfs_set_timeout(self.context, 15000)
        self.call("nfs_set_version", version)
        if options:
            # It keeps them for the mount that follows.
            url = f"nfs://{address}/{share}?version={version}&{options}"
            self.nfs.nfs_parse_url_dir(self.context, url.encode())
        self.call("nfs_mount", address.encode(), f"/{share}".encode())

    def call(self, name: str, *arguments: object) -> int:
        """One call; NfsError when it fails.

        A server that was restarted asks to wait until its old clients have come back, and every
        kernel's client does (RFC 1813, NFS3ERR_JUKEBOX; RFC 7530, 9.6.2); libnfs leaves it to us.
        """
        deadline = time.monotonic() + GRACE
        while True:
            code = int(getattr(self.nfs, name)(self.context, *arguments))
            if code >= 0:
                return code
            said = (self.nfs.nfs_get_error(self.context) or b"").decode(errors="replace")
            waits = any(each in said for each in ("ERR_GRACE", "ERR_JUKEBOX", "ERR_DELAY"))
            if not waits or time.monotonic() > deadline:
                raise NfsError(f"{name}: {said or code}")
            time.sleep(0.5)

    def write(self, name: str, content: str) -> None:
        """Put a file; what was there is replaced."""
        handle = ctypes.c_void_p()
        path, to = f"/{name}".encode(), ctypes.byref(handle)
        # By version 4, libnfs makes new files only (EXCLUSIVE4), and leaves their mode to us.
        try:
            self.call("nfs_open2", path, os.O_RDWR, MODE, to)
            self.call("nfs_ftruncate", handle, ctypes.c_uint64(0))
        except NfsError:
            self.call("nfs_open2", path, os.O_RDWR | os.O_CREAT, MODE, to)
            self.call("nfs_chmod", path, MODE)
        data = content.encode()
        for start in range(0, len(data), PIECE):
            part = data[start : start + PIECE]
            self.call("nfs_write", handle, ctypes.c_uint64(len(part)), part)
        self.call("nfs_close", handle)

    def read(self, name: str) -> str:
        """Get a file."""
        handle = ctypes.c_void_p()
        self.call("nfs_open", f"/{name}".encode(), FLAGS_READ, ctypes.byref(handle))
        found = bytearray()
        buffer = ctypes.create_string_buffer(PIECE)
        while count := self.call("nfs_read", handle, ctypes.c_uint64(PIECE), buffer):
            found += buffer.raw[:count]
        self.call("nfs_close", handle)
        return found.decode()

    def lock_while(self, name: str, seconds: str) -> None:
        """Hold a lock on the first 16 bytes for a while (version 4 only)."""
        handle = ctypes.c_void_p()
        path = f"/{name}".encode()
        self.call("nfs_open2", path, os.O_RDWR, MODE, ctypes.byref(handle))
        self.call("nfs_lockf", handle, TRY_LOCK, ctypes.c_uint64(16))
        time.sleep(float(seconds))
        self.call("nfs_lockf", handle, UNLOCK, ctypes.c_uint64(16))
        # Not closed: libnfs counts a close after a lock wrongly. It ends with us (its lease).

    def rename(self, name: str, fresh: str) -> None:
        """Give a file another name."""
        self.call("nfs_rename", f"/{name}".encode(), f"/{fresh}".encode())

    def make_folder(self, name: str) -> None:
        """Make a folder, as mkdir(1) does under that umask."""
        self.call("nfs_mkdir2", f"/{name}".encode(), MODE | 0o111)

    def protect(self, name: str) -> None:
        """Take the right to write away, as chmod(1) does."""
        self.call("nfs_chmod", f"/{name}".encode(), 0o444)

    def delete(self, name: str) -> None:
        """Delete a file."""
        self.call("nfs_unlink", f"/{name}".encode())


def main() -> None:
    """Do the steps that standard input names; stop at the first that fails."""
    told = json.load(sys.stdin)
    results: list[object] = []
    error = None
    try:
        mount = Mount(told["address"], told["share"], told["version"])
        for verb, *arguments in told["steps"]:
            results.append(getattr(mount, verb)(*arguments))
    except NfsError as failed:
        error = str(failed)
    print(json.dumps({"results": results, "error": error}))


if __name__ == "__main__":
    main()
