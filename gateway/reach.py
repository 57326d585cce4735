"""How a command is run on a box: by ssh, on this machine, or in a lab."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lab
from gateway import hosts
from gateway.problems import Failed
from gateway.site import Site

FRESH = ("-o", "ControlMaster=no", "-o", "ControlPath=none")
"""For ssh: a connection of its own, whatever ssh_config(5) shares between commands."""


@dataclass(frozen=True)
class Target:
    """Where the box is, as the command line says; nothing given: a lab of the site's name that is
    up, else what ``hosts.yml`` beside the site says."""

    host: str = ""
    user: str = ""
    port: int = 0
    ssh_args: str = ""
    local: bool = False
    lab: str = ""


@dataclass(frozen=True)
class Reach:
    """The words before a command that make it run on the box as root, and the box's name."""

    words: tuple[str, ...]
    name: str
    lab: str = ""
    """The lab that the box is in; empty: it is a real one."""


def reach(site: Site, file: Path, target: Target, ssh: Sequence[str] = ()) -> Reach:
    """How to run something on a site's box; ``ssh``: options that come first, and so count.

    Raises Failed where nothing says how.
    """
    if target.local:
        if os.geteuid() != 0:
            raise Failed("this machine is the box for root only: use sudo")
        return Reach((), "this machine")
    if host := target.host or (site.box.name if target.ssh_args else ""):
        return _by_ssh(target, host, ssh)
    wanted = target.lab or site.name
    known = lab.labs() if target.lab or os.geteuid() == 0 else []
    if wanted in known:
        options = lab.find(wanted).ssh_options()
        return Reach(("ssh", *ssh, *options, "box"), f"the box of the lab {wanted}", wanted)
    if target.lab:
        raise Failed(f"no lab {target.lab} is up (there is: {', '.join(known) or 'none'})")
    inventory = file.parent / hosts.FILE
    if not inventory.exists():
        raise Failed(
            f"where is the box? {inventory} is not there, and no lab {wanted} is up:"
            " give --host, --lab or --local"
        )
    return Reach(("ssh", *ssh, *hosts.ssh_words(inventory)), f"the box of {inventory}")


def _by_ssh(target: Target, host: str, ssh: Sequence[str]) -> Reach:
    user = target.user or "root"
    words = ["ssh", *ssh, "-o", "BatchMode=yes"]
    words += ["-p", str(target.port)] if target.port else []
    words += [*shlex.split(target.ssh_args), "--", f"{user}@{host}"]
    if user != "root":
        words += ["sudo", "-n"]
    return Reach(tuple(words), f"the box {host}")
