"""AppleTalk (DDP) on one card, by atalkd(8): what a unit of it has to be told that it cannot say.

atalkd takes *every* card when it cannot use the one it is given, and writes its configuration
anew. So the kernel and the card are asked first, it gets a copy of its file, and afterwards the
kernel is asked which cards have AppleTalk. Where the kernel has none (a container's; Linux 7.2
dropped it), nothing fails: the unit says what is lost, and whoever started it passes that on.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

AF_APPLETALK = 5  # linux/socket.h; Python has it on some platforms only
SETTINGS = Path("/etc/gateway/appletalk.json")
CONFIG = Path("/etc/netatalk/appletalk.conf")
RUN = Path("/run/appletalk")
CARDS = Path("/sys/class/net")
IN_USE = Path("/proc/net/atalk/interface")
UP_SECONDS = 120
"""It looks for another router before it seeds the network: 45 s were seen."""


@dataclass(frozen=True)
class Settings:
    """``card``: the one it is confined to; ``without``: who loses what where it cannot run."""

    card: str
    without: str


def in_kernel() -> bool:
    """Whether the kernel has it here; asking loads the module."""
    try:
        socket.socket(AF_APPLETALK, socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True


def cards(table: str) -> set[str]:
    """The cards in ``/proc/net/atalk/interface``: a heading, then a line each."""
    return {line.split()[0] for line in table.splitlines()[1:] if line.split()}


def begin(settings: Settings, run: Path = RUN) -> int:
    """Start atalkd and wait until it is up; its process. Exits with its own words if it is not."""
    if not (CARDS / settings.card).exists():
        sys.exit(f"there is no card {settings.card}")
    config, pid_file = run / "atalkd.conf", run / "pid"
    shutil.copyfile(CONFIG, config)
    command = ["/usr/sbin/atalkd", "-f", str(config), "-P", str(pid_file)]
    # Its parent ends when the child is up: AppleTalk may be used from then on.
    done = subprocess.run(command, check=False, timeout=UP_SECONDS, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"atalkd (exit {done.returncode}): {done.stderr.strip() or 'see the journal'}")
    pid = int(pid_file.read_text())
    if strangers := cards(IN_USE.read_text()) - {"lo", settings.card}:
        os.kill(pid, signal.SIGTERM)
        sys.exit(f"atalkd took {', '.join(sorted(strangers))}, which is not its card")
    return pid


def notify(*lines: str) -> None:
    """Tell systemd (sd_notify(3))."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.connect(address.replace("@", "\0", 1))
            told.send("\n".join(lines).encode())


def main() -> None:
    """Be atalkd's unit: hand over to it, or wait and say for what."""
    settings = Settings(**json.loads(SETTINGS.read_text("utf-8")))
    if not in_kernel():
        notify(
            f"STATUS=waits for AppleTalk, which this kernel has not: {settings.without}", "READY=1"
        )
        signal.pause()
        return
    notify(f"MAINPID={begin(settings)}", f"STATUS=on {settings.card}", "READY=1")


if __name__ == "__main__":
    main()
