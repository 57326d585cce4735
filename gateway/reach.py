"""How a command is run on a box: by ssh, on this machine, or in a lab."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

import lab
from gateway import hosts
from gateway.problems import Failed
from gateway.site import Site


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


def reach(site: Site, file: Path, target: Target) -> Reach:
    """How to run something on a site's box. Raises Failed where nothing says how."""
    if target.local:
        if os.geteuid() != 0:
            raise Failed("the firewall of this machine is read by root only: use sudo")
        return Reach((), "this machine")
    if not target.host:
        wanted = target.lab or site.name
        known = lab.labs() if target.lab or os.geteuid() == 0 else []
        if wanted in known:
            options = lab.find(wanted).ssh_options()
            return Reach(("ssh", *options, "box"), f"the box of the lab {wanted}", wanted)
        if target.lab:
            raise Failed(f"no lab {target.lab} is up (there is: {', '.join(known) or 'none'})")
    if target.host:
        return _by_ssh(target)
    inventory = file.parent / hosts.FILE
    if not inventory.exists():
        raise Failed(f"where is the box? {inventory} is not there: give --host, --lab or --local")
    return Reach(("ssh", *hosts.ssh_words(inventory)), f"the box of {inventory}")


def _by_ssh(target: Target) -> Reach:
    user = target.user or "root"
    words = ["ssh", "-o", "BatchMode=yes"]
    words += ["-p", str(target.port)] if target.port else []
    words += [*shlex.split(target.ssh_args), "--", f"{user}@{target.host}"]
    if user != "root":
        words += ["sudo", "-n"]
    return Reach(tuple(words), f"the box {target.host}")
