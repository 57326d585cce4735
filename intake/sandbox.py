"""Other people's programs on strangers' files: no network, one folder, bounded in all they take.

bubblewrap(1) gives the program its own namespaces with the system read-only and one folder to
write to; setrlimit(2) bounds its memory, processor time and what it writes.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from intake.refused import Refused

TOOLS = Path(os.environ.get("INTAKE_TOOLS", "/"))
"""The system whose programs run: this one, or (for tests) another Debian tree."""
# Those that the lane's unit allows, RestrictNamespaces=; control groups show in /proc alone, which
# the program does not have.
APART = tuple(f"--unshare-{each}" for each in ("user", "pid", "net", "ipc", "uts"))
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/sbin", "/etc/alternatives")


@dataclass(frozen=True)
class Limits:
    """What a program may take."""

    seconds: int = 30
    memory: int = 2**30
    written: int = 2**30


@dataclass(frozen=True)
class Done:
    """How a program ended, and what it said (as bytes that need not be text)."""

    code: int
    said: bytes
    errors: bytes


def available(program: str) -> bool:
    """Whether the program and bubblewrap are there."""
    return (TOOLS / "usr/bin" / program).exists() and bool(shutil.which("bwrap"))


def need(program: str) -> None:
    """Refused when the program is not installed."""
    if not available(program):
        raise Refused(
            f"{program} is not installed here, which reads such files",
            mend=f"apt-get install bubblewrap and the package of {program}",
        )


def run(
    words: Sequence[str],
    folder: Path,
    limits: Limits = Limits(),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Done:
    """Run a program with only ``folder`` to write to, as its working folder.

    Refused when it is not installed, takes too long, or dies of a signal.
    """
    program = words[0]
    need(program)
    box = ["bwrap", *APART, "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    for each in _SYSTEM:
        there = TOOLS / each.lstrip("/")
        if there.is_symlink():
            box += ["--symlink", str(there.readlink()), each]
        elif there.exists():
            box += ["--ro-bind", str(there), each]
    # No /proc: where a unit's ProtectKernelTunables= or ProtectProc= covers parts of it, the kernel
    # lets no user namespace mount another (mount_namespaces(7)), and nobody's program needs it.
    box += ["--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - its own
    box += ["--bind", str(folder), "/work", "--chdir", "/work", "--clearenv"]
    box += ["--setenv", "PATH", "/usr/bin:/bin", "--setenv", "LC_ALL", "C.UTF-8"]
    for name, value in environment.items():
        box += ["--setenv", name, value]
    try:
        done = subprocess.run(
            [*box, "--", *words],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.seconds,
            preexec_fn=lambda: _bound(limits),
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"{program} did not end within {limits.seconds} s") from None
    if done.returncode and done.stderr.startswith(b"bwrap: "):
        said = done.stderr[:200].decode("utf-8", "replace").strip()
        raise Refused(f"{program} has no sandbox to run in ({said})")
    if done.returncode > 128 or done.returncode < 0:
        number = done.returncode - 128 if done.returncode > 128 else -done.returncode
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        if name == "SIGXCPU":
            raise Refused(f"{program} did not end within {limits.seconds} s")
        raise Refused(f"{program} was ended by {name}: the file may be made to break it")
    return Done(done.returncode, done.stdout[-65536:], done.stderr[-65536:])


def _bound(limits: Limits) -> None:
    os.nice(5)
    most = resource.getrlimit(resource.RLIMIT_AS)[1]  # the lane's own child has less, perhaps
    memory = limits.memory if most == resource.RLIM_INFINITY else min(limits.memory, most)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.seconds, limits.seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.written, limits.written))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
