"""A disk whose power can be cut: a loop device on a file that forgets (``losing_file.py``).

Everything that was written and never flushed is then gone, or, harder, any part of it. The lab's
own power cut keeps the kernel's page cache, so that alone would never lose a thing.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal

SERVER = Path(__file__).with_name("losing_file.py")
CONFIGURE, CLEAR, FREE = 0x4C0A, 0x4C01, 0x4C82  # ioctls of linux/loop.h
BLOCK = 4096
SECONDS = 20
Keep = Literal["none", "some"]


class LosingDisk:
    """Use as a context: ``device`` is there inside it."""

    device: str
    block = BLOCK
    """Bytes of a sector."""

    def __init__(self, megabytes: int) -> None:
        self.megabytes = megabytes
        self._stack = ExitStack()

    def __enter__(self) -> LosingDisk:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="losing-")))
        file = folder / "file"
        file.touch()
        serve = [sys.executable, *self._serving(file)]
        # A mount namespace of its own: nobody else's holds the mount, and it ends with the server.
        command = ["unshare", "--mount", "--propagation", "private", *serve]
        pipe = subprocess.PIPE
        self._server = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self._stack.callback(self._server.wait, SECONDS)
        self._stack.callback(self._server.stdin.close if self._server.stdin else _nothing)
        assert self._heard() == "ready"
        self._file = f"/proc/{self._server.pid}/root{file}"
        self._attach()
        return self

    def _serving(self, file: Path) -> list[str]:
        """What Python is to run so that it is there."""
        return ["-I", str(SERVER), str(file), str(self.megabytes)]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._order("fail")
            self._detach()
        finally:
            self._stack.close()

    def cut(self) -> None:
        """The power is gone: whoever waits for the disk waits."""
        self._order("cut")

    def fail(self) -> None:
        """Let those that wait for it die, once they are killed."""
        self._order("fail")

    def restore(self, keep: Keep = "none", seed: int = 0) -> int:
        """The disk after the cut, as soon as nobody has it any more; how many blocks it lost."""
        self._detach()
        lost = self.unflushed()
        self._order(f"restore {keep} {seed}")
        self._attach()
        return lost

    def unflushed(self) -> int:
        """How many blocks of it would be lost now."""
        return int(self._order("count").split()[2])

    def _order(self, words: str) -> str:
        assert self._server.stdin
        self._server.stdin.write(f"{words}\n")
        self._server.stdin.flush()
        return self._heard()

    def _heard(self) -> str:
        assert self._server.stdout
        return self._server.stdout.readline().strip()

    def _attach(self) -> None:
        backing = os.open(self._file, os.O_RDWR | os.O_CLOEXEC)
        control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
        try:
            # Another process may take the free one before we do.
            for _ in range(10):
                device = f"/dev/loop{fcntl.ioctl(control, FREE)}"
                try:
                    self._configure(device, backing)
                except OSError:
                    time.sleep(0.1)
                    continue
                self.device = device
                return
            raise OSError("there is no free loop device")
        finally:
            os.close(control)
            os.close(backing)

    def _configure(self, device: str, backing: int) -> None:
        # struct loop_config: the file, the size of a block, an empty loop_info64, reserved.
        what = struct.pack("<II232x64x", backing, self.block)
        loop = os.open(device, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(loop, CONFIGURE, what)
        finally:
            os.close(loop)

    def _detach(self) -> None:
        """Wait until nobody has mounted it (open(2), O_EXCL of a block device), and let it go."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                loop = os.open(self.device, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        try:
            fcntl.ioctl(loop, CLEAR)
        finally:
            os.close(loop)


def _nothing() -> None:
    """There is no pipe to close."""
