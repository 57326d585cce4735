"""A drive whose disk errs: a loop device on a file with scratches (``scratched_file.py``)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from losing_disk import SECONDS, LosingDisk

SERVER = Path(__file__).with_name("scratched_file.py")


class ScratchedDisk(LosingDisk):
    """Use as a context: ``device`` is a block device of 512 byte sectors inside it."""

    block = 512

    def __init__(self, image: Path, scratches: dict[int, int]) -> None:
        super().__init__(0)
        self.image, self.scratches = image, scratches

    def __enter__(self) -> ScratchedDisk:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="scratched-")))
        file = folder / "file"
        file.touch()
        marks = [f"{sector}={times}" for sector, times in self.scratches.items()]
        serve = [sys.executable, str(SERVER), str(file), str(self.image), *marks]
        command = ["unshare", "--mount", "--propagation", "private", *serve]
        pipe = subprocess.PIPE
        self._server = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self._stack.callback(self._server.wait, SECONDS)
        self._stack.callback(self._server.stdin.close if self._server.stdin else print)
        assert self._heard() == "ready"
        self._file = f"/proc/{self._server.pid}/root{file}"
        self._attach()
        return self

    def reads(self) -> int:
        """How many reads reached the disk."""
        return int(self._order("reads"))
