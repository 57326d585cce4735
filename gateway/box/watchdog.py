"""What leads the box back when nobody confirms: armed before the first change.

A timer of systemd's, so it is no child of the ssh session, and counts on the kernel's monotonic
clock (systemd.timer(5), OnActiveSec=), which nobody sets. What it runs is a copy of the program
that does the switch: a tree that is half in place does not matter to it.
"""

from __future__ import annotations

import io
import os
import signal
import time
import zipfile
from importlib import resources
from pathlib import Path

from . import session
from .files import Paths, make_folder, write
from .lock import Busy, Holder, hold, holder
from .process import Failed, must, run

TIMERS = "gateway-return-*.timer"
PYTHON = "/usr/bin/python3"
AGAIN = (
    "--property=Restart=on-failure",
    "--property=RestartSec=20",
    "--property=StartLimitIntervalSec=1h",
    "--property=StartLimitBurst=5",
)
"""What could not be put back is tried again, some times."""
_MAIN = b"import sys\n\nfrom box.__main__ import main\n\nsys.exit(main())\n"
_OLDEST = (1980, 1, 1, 0, 0, 0)  # the first date that a zip file can express


def keep_program(paths: Paths) -> Path:
    """Keep the running program where no tree reaches; says where.

    It writes the state, so it is the one that can read it, at a time-out and at the next boot.
    """
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py", _OLDEST), _MAIN)
        modules = [each for each in resources.files(__package__).iterdir() if _is_module(each.name)]
        for module in sorted(modules, key=lambda each: each.name):
            archive.writestr(zipfile.ZipInfo(f"box/{module.name}", _OLDEST), module.read_bytes())
    target = paths.memory / "program.zip"
    if not target.exists() or target.read_bytes() != made.getvalue():
        make_folder(target.parent, 0o700)
        write(target, made.getvalue())
    return target


def _is_module(name: str) -> bool:
    return name.endswith(".py")


def arm(program: Path, seconds: float) -> None:
    """Go back in so many seconds, whatever becomes of us. Raises Failed unless that is sure."""
    disarm()
    unit = f"gateway-return-{os.getpid()}-{time.monotonic_ns()}"
    made = run(
        [
            "systemd-run",
            "--quiet",
            "--collect",
            f"--unit={unit}",
            "--description=Go back to the generation that is confirmed",
            f"--on-active={seconds:.1f}",
            "--timer-property=AccuracySec=100ms",
            "--service-type=oneshot",
            *AGAIN,
            "--",
            *(PYTHON, "-IB", str(program), "return"),
        ]
    )
    if not made.ok:
        raise Failed(f"the watchdog cannot be armed: {made.blame()}")
    shown = run(["systemctl", "show", "--property=ActiveState,SubState", f"{unit}.timer"])
    if set(shown.out.split()) != {"ActiveState=active", "SubState=waiting"}:
        raise Failed(f"the watchdog is not armed: {unit}.timer is {shown.said}")


def disarm() -> None:
    """Nobody has to go back any more."""
    must(["systemctl", "stop", TIMERS])


def end_hung(paths: Paths) -> None:
    """End a switch that is still at it when its time is over, so that its lock is free."""
    try:
        with hold(paths.lock, "return", 0):
            return
    except Busy:
        if (who := holder(paths.lock)) and who.switches:
            _end(who)


def _end(who: Holder) -> None:
    """End it and the commands that it waits for, at once: it had its time."""
    victims = [who.pid, *_descendants(who.pid)]
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _descendants(pid: int) -> list[int]:
    everybody = [session.process(int(each.name)) for each in _processes()]
    children = [each.pid for each in everybody if each and each.parent == pid]
    return [one for child in children for one in (child, *_descendants(child))]


def _processes() -> list[Path]:
    return [each for each in Path("/proc").iterdir() if each.name.isdigit()]
