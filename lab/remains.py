"""Everything there is of a lab, found by its name alone, and its end.

Nothing here trusts the state a lab wrote about itself: whatever moment it was killed at, its
namespaces carry its name, its processes are in one of them or carry its mark, and its folders
are where its name says.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.problems import Failed
from gateway.run import run
from lab import machine
from lab.world import MARK

NETNS = Path("/run/netns")
END_SECONDS = 20
GRACE_SECONDS = 2


@dataclass(frozen=True)
class Remains:
    """What a lab of this name leaves on the machine."""

    name: str

    def __post_init__(self) -> None:
        """The name becomes part of folders that are removed whole: no other is taken."""
        if not re.fullmatch(r"[a-z]([a-z0-9-]{0,13}[a-z0-9])?", self.name):
            raise Failed(
                f"`{self.name}` cannot be a lab's name: small letters, digits and dashes, up to 15"
            )

    @property
    def state(self) -> Path:
        """Its folder while it is up."""
        return machine.running() / self.name

    @property
    def disk(self) -> Path:
        """Its box's disk. Not in ``state``: /run is memory, and a box's disk is large."""
        return machine.cache() / "boxes" / self.name

    @property
    def machine(self) -> str:
        """Its container's name."""
        return f"gw-{self.name}"

    @property
    def cgroup(self) -> Path:
        """Its box's cgroup, where no systemd gives it one."""
        return machine.cgroups() / f"gateway-lab.{self.name}"

    def namespaces(self) -> list[str]:
        """Its network namespaces."""
        if not NETNS.is_dir():
            return []
        return sorted(each.name for each in NETNS.iterdir() if each.name.startswith(self._prefix))

    @property
    def _prefix(self) -> str:
        return f"gw.{self.name}."

    def processes(self) -> set[int]:
        """Its processes: in one of its namespaces, or marked as its own. Never ourselves."""
        mark = f"{MARK}={self.state}".encode()
        found = set(processes_in(self.namespaces()))
        found |= {pid for pid in _pids() if mark in _environment(pid)}
        return found - set(_ancestors())

    def mounts(self) -> list[str]:
        """What is mounted below its folders, the innermost first."""
        lines = Path("/proc/self/mounts").read_text().splitlines()
        below = (f"{self.state}/", f"{self.disk}/")
        return [line.split()[1] for line in reversed(lines) if line.split()[1].startswith(below)]

    def any(self) -> bool:
        """Whether anything is left."""
        folders = (self.state, self.disk)
        return bool(self.namespaces() or self.processes() or any(map(Path.exists, folders)))

    def clear(self) -> None:
        """End it all. Nothing to be done is no fault."""
        self._end_processes()
        for mount in self.mounts():
            run(["umount", "--lazy", mount])
        for name in self.namespaces():
            # Another `down` may have been faster.
            run(["ip", "netns", "delete", name], check=False)
        for folder in (self.disk, self.state, *self._left_by_nspawn()):
            if folder.is_dir():
                shutil.rmtree(folder)
        self._end_cgroup()

    def _end_processes(self) -> None:
        began = time.monotonic()
        deadline = began + END_SECONDS
        while found := self.processes():
            # Its disk is thrown away, so there is nothing to shut down in order. But nspawn
            # itself ends when its first process has, and then puts its own files away.
            spared = set(processes_with(f"--machine={self.machine}"))
            if time.monotonic() > began + GRACE_SECONDS:
                spared.clear()
            for pid in found - spared:
                _kill(pid)
            if time.monotonic() > deadline:
                names = ", ".join(f"{pid} ({_command(pid)})" for pid in sorted(found))
                raise Failed(f"lab {self.name}: these processes do not end: {names}")
            time.sleep(0.02)

    def _left_by_nspawn(self) -> Iterator[Path]:
        for kind in ("propagate", "unix-export"):
            yield Path("/run/systemd/nspawn", kind, self.machine)

    def _end_cgroup(self) -> None:
        """cgroups are removed from the innermost; the kernel may still be letting go of one."""
        deadline = time.monotonic() + END_SECONDS
        while self.cgroup.is_dir():
            for folder, _, _ in os.walk(self.cgroup, topdown=False):
                try:
                    Path(folder).rmdir()
                except OSError as busy:
                    if time.monotonic() > deadline:
                        raise Failed(f"{folder} cannot be removed: {busy}") from None
            time.sleep(0.02)


def processes_in(namespaces: Iterable[str]) -> Iterator[int]:
    """The processes in network namespaces, found by the namespaces' inodes."""
    wanted = {inode for name in namespaces if (inode := _inode(NETNS / name))}
    if wanted:
        yield from (pid for pid in _pids() if _inode(Path(f"/proc/{pid}/ns/net")) in wanted)


def processes_with(argument: str) -> list[int]:
    """The processes that were started with exactly this argument."""
    wanted = argument.encode()
    return [pid for pid in _pids() if wanted in _arguments(pid)]


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None  # it has ended meanwhile, or is a zombie


def _pids() -> Iterator[int]:
    return (int(each) for each in os.listdir("/proc") if each.isdigit())  # noqa: PTH208 - bare names, often


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _arguments(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def _command(pid: int) -> str:
    return b" ".join(_arguments(pid)).decode(errors="replace")[:80] or "ended"


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _ancestors() -> Iterator[int]:
    """Ourselves and those who started us: `down` may be called from a shell in the lab."""
    pid = os.getpid()
    while pid > 1:
        yield pid
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return
