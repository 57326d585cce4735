"""Whose process this is: the ssh connection it came by, when that began, and this boot."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CONSOLE = "the box itself"
# OpenSSH 9.8 and later serve each connection by a program of its own (sshd(8)).
_CONNECTION = ("sshd-session", "sshd")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """One process, as /proc tells it."""

    pid: int
    parent: int
    name: str
    began: float
    """Seconds on the clock that `boottime` reads."""


def boot_id(proc: Path = Path("/proc")) -> str:
    """This boot's own name, random(4): another after every restart."""
    return (proc / "sys/kernel/random/boot_id").read_text().strip()


def boottime() -> float:
    """Seconds since the boot, on a clock that nobody sets (CLOCK_BOOTTIME, clock_gettime(2))."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def process(pid: int, proc: Path = Path("/proc")) -> Process | None:
    """What /proc/PID/stat says, proc_pid_stat(5); None when it has ended."""
    try:
        text = (proc / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name is in brackets and may hold any character, brackets too.
    name = text[text.index("(") + 1 : text.rindex(")")]
    words = text[text.rindex(")") + 2 :].split()
    return Process(pid, int(words[1]), name, int(words[19]) / _TICKS)


def ancestors(pid: int | None = None, proc: Path = Path("/proc")) -> Iterator[Process]:
    """The process itself, its parent, and so on to the first one."""
    found = process(pid or os.getpid(), proc)
    while found:
        yield found
        found = process(found.parent, proc) if found.parent else None


def connection(proc: Path = Path("/proc"), pid: int | None = None) -> Process | None:
    """The process that serves the ssh connection we came by; None on a console.

    The outermost one: sshd forks it when the connection is accepted, and a child of it only
    after the login. The listener, whose parent is the first process, is not a connection.
    """
    chain = list(ancestors(pid, proc))
    serving = [each for each in chain if each.name in _CONNECTION and each.parent > 1]
    return serving[-1] if serving else None


def who() -> str:
    """Who asks: the login name, and the address of the ssh client; or systemd."""
    if os.getppid() == 1:
        return "systemd"
    name = os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    for each in ancestors():
        if client := _client(each.pid):
            return f"{name} from {client}"
    return f"{name} on {CONSOLE}"


def _client(pid: int) -> str:
    """The client in a process's SSH_CONNECTION (ssh(1)), which sudo hides from its own."""
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    for word in words:
        if word.startswith(b"SSH_CONNECTION="):
            return word.partition(b"=")[2].split(b" ")[0].decode(errors="replace")
    return ""
