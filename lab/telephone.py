"""A telephone line for the box's fax modems: two software modems, back to back, over loopback.

``iaxmodem`` is installed on the lab's box only, after provisioning: a real box has modems on
its serial ports, and never sees this. A modem makes its own serial port, by the name the site
gives it, so what the box runs is the same; the line between the two carries a real T.30 fax.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from gateway.problems import Failed
from gateway.site import Modem
from lab.department import Lab

FIRST_PORT = 4571
PACKAGE = "iaxmodem"
READY_SECONDS = 20
# Debian's own service would start a modem for every file it finds.
INSTALL = """
dpkg -s iaxmodem >/dev/null 2>&1 && exit 0
systemctl mask --quiet iaxmodem.service
DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends iaxmodem
"""
SETTINGS = """\
device {device}
owner uucp:uucp
mode 660
port {own}
refresh 0
server 127.0.0.1:{far}
peername {name}
secret none
cidname {name}
cidnumber {number}
codec slinear
nodaemon
"""


def join(lab: Lab, one: Modem, other: Modem) -> None:
    """Plug in both modems with a line between them; nothing if they are there."""
    if lab.exec("box", ["test", "-c", one.port]).returncode == 0:
        return
    _must(lab, ["sh", "-ec", INSTALL])
    ports = (FIRST_PORT, FIRST_PORT + 1)
    for modem, own, far in ((one, ports[0], ports[1]), (other, ports[1], ports[0])):
        name = modem.port.rpartition("/")[2]
        values = {"device": modem.port, "name": name, "number": _digits(modem.number)}
        text = SETTINGS.format(**values, own=own, far=far)
        _must(lab, ["tee", f"/etc/iaxmodem/{name}"], text)
        _must(lab, ["systemd-run", "--quiet", f"--unit=lab-line-{name}", "iaxmodem", name])
    deadline = time.monotonic() + READY_SECONDS
    for modem in (one, other):
        while lab.exec("box", ["test", "-c", modem.port]).returncode:
            if time.monotonic() > deadline:
                raise Failed(f"iaxmodem does not make {modem.port}: {_words(lab, modem)}")
            time.sleep(0.2)


def _digits(number: str) -> str:
    return "".join(each for each in number if each.isdigit())


def _words(lab: Lab, modem: Modem) -> str:
    name = modem.port.rpartition("/")[2]
    ask = ["journalctl", "-u", f"lab-line-{name}", "-n", "9", "-o", "cat", "--no-pager"]
    return lab.exec("box", ask).stdout


def _must(lab: Lab, command: Sequence[str], stdin: str | None = None) -> None:
    done = lab.exec("box", command, stdin=stdin, timeout=120)
    if done.returncode:
        raise Failed(f"{PACKAGE} on the lab's box: {done.stderr.strip() or done.stdout.strip()}")
