"""Devices at work on a share, all alike whatever they speak: write, read, rename, delete.

Each is a real client in the device's own namespace, as old as the device is.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Protocol

from gateway.features import nfs
from gateway.sharing import afp_method, server_of
from gateway.verify.context import Context
from gateway.verify.smb import Client
from lab import Lab

AFP_METHODS = {"dhx": "DHCAST128", "randnum": "2-Way Randnum exchange"}
CLASSIC_AFP = "AFP2.2"
UNICODE_AFP = "AFP3.1"
WAIT = 60
PATIENCE = 15
HELD = 2
"""Seconds that a lock is held."""
LOCKED = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 16, 0)
        print("free")
    except OSError:
        print("locked")
"""


@dataclass(frozen=True)
class Done:
    """What the steps gave, up to the first that failed; ``error`` is empty if none did."""

    results: list[Any]
    error: str


class Hand(Protocol):
    """A device that can work on shares."""

    @property
    def device(self) -> str:
        """Whose it is."""

    @property
    def speaks(self) -> str:
        """Its protocol, for the evidence."""

    def work(self, share: str, steps: Sequence[Sequence[str]]) -> Done:
        """Do steps such as ``("write", name, content)`` on a share."""


@dataclass(frozen=True)
class Afp:
    """A Mac."""

    lab: Lab
    device: str
    address: str
    password: str = field(repr=False)
    method: str
    version: str = CLASSIC_AFP

    @property
    def speaks(self) -> str:
        """Its protocol, for the evidence."""
        return f"AFP {self.version.removeprefix('AFP')}"

    def work(self, share: str, steps: Sequence[Sequence[str]]) -> Done:
        """Do steps; what else it can, ``afp_client.py`` says."""
        told = {"address": self.address, "account": self.device, "password": self.password}
        told |= {"method": self.method, "version": self.version, "volume": share}
        return _run(self.lab, self.device, "afp_client.py", {**told, "steps": steps})


@dataclass(frozen=True)
class Nfs:
    """A UNIX system."""

    lab: Lab
    device: str
    address: str
    version: int

    @property
    def speaks(self) -> str:
        """Its protocol, for the evidence."""
        return f"NFS {self.version}"

    def work(self, share: str, steps: Sequence[Sequence[str]]) -> Done:
        """Do steps."""
        told = {"address": self.address, "share": share, "version": self.version}
        return _run(self.lab, self.device, "nfs_client.py", {**told, "steps": steps})


@dataclass(frozen=True)
class SmbHand:
    """A machine that speaks SMB."""

    client: Client

    @property
    def device(self) -> str:
        """Whose it is."""
        return self.client.device

    @property
    def speaks(self) -> str:
        """Its protocol, for the evidence."""
        return self.client.dialect

    def work(self, share: str, steps: Sequence[Sequence[str]]) -> Done:
        """Do steps, each by an smbclient of its own."""
        results: list[Any] = []
        for verb, name, *more in steps:
            script = getattr(self, f"_{verb}")(name, *more)
            done = self.client.work(share, script)
            if done.returncode:
                return Done(results, done.stdout + done.stderr)
            results.append(done.stdout if verb == "read" else None)
        return Done(results, "")

    @staticmethod
    def _write(name: str, content: str) -> str:
        return f"printf %s {shlex.quote(content)} >sent; $SMB {_quoted('put sent', name)} >&2"

    @staticmethod
    def _read(name: str) -> str:
        return f"$SMB {_quoted('get', name, 'got')} >&2; cat got"

    @staticmethod
    def _rename(name: str, fresh: str) -> str:
        return f"$SMB {_quoted('rename', name, fresh)} >&2"

    @staticmethod
    def _delete(name: str) -> str:
        return f"$SMB {_quoted('del', name)} >&2"


def _quoted(verb: str, *names: str) -> str:
    """An smbclient command as one word of the shell; names may hold spaces."""
    return shlex.quote(" ".join([verb, *(f'"{name}"' for name in names)]))


def patiently(client: Hand, share: str) -> Done:
    """Open a share of a daemon that was only just started."""
    end = time.monotonic() + PATIENCE
    while True:
        done = client.work(share, ())
        if not done.error or time.monotonic() > end:
            return done
        time.sleep(0.3)


def locks_seen(client: Afp | Nfs, share: str, name: str, path: str) -> list[str]:
    """What a program of the box finds, time and again, while a device locks a file for a while.

    ``locked`` or ``free``: the kernel's locks, which Samba asks about before it grants one.
    """

    def look() -> str:
        ask = ["python3", "-c", LOCKED, path]
        return client.lab.exec("box", ask, check=True).stdout.strip()

    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(client.work, share, [("lock_while", name, str(HELD))])
        seen = [look()]
        while not begun.done():
            seen.append(look())
        assert not begun.result().error, begun.result().error  # noqa: S101
    return [*seen, look()]


def hand(context: Context, lab: Lab, device: str, smb: Client | None = None) -> Hand:
    """The client that a device has. ``smb`` is given for those that speak SMB."""
    address, server = context.box_address(device), server_of(context.site, device)
    if server == "afp":
        method = AFP_METHODS[afp_method(context.profile(device))]
        return Afp(lab, device, address, context.passwords[device], method)
    if server == "nfs":
        return Nfs(lab, device, address, nfs.version(context.site, device))
    assert smb  # whoever asks knows  # noqa: S101
    return SmbHand(smb)


def _run(lab: Lab, device: str, script: str, told: dict[str, Any]) -> Done:
    code = files("gateway.verify").joinpath(script).read_text("utf-8")
    ran = lab.exec(device, ["python3", "-c", code], stdin=json.dumps(told), timeout=WAIT)
    if not ran.stdout:
        return Done([], ran.stderr or f"{script} said nothing")
    found = json.loads(ran.stdout.splitlines()[-1])
    return Done(found["results"], str(found["error"] or ""))
