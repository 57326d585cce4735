"""How a command is run on a box: by ssh, on this machine, or in a lab."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import lab
from gateway.problems import Failed
from gateway.site import Site

INVENTORY = "hosts.yml"


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
    return _by_ssh(_filled(site, file, target))


def _filled(site: Site, file: Path, target: Target) -> Target:
    if target.host:
        return target
    told = next(_told(file.parent / INVENTORY, site.box.name), None)
    if told is None:
        raise Failed(
            f"where is the box? {file.parent / INVENTORY} does not say: give --host, --lab or"
            " --local"
        )
    return Target(
        host=str(told.get("ansible_host") or site.box.name),
        user=target.user or str(told.get("ansible_user") or ""),
        port=target.port or int(told.get("ansible_port") or 0),
        ssh_args=target.ssh_args or str(told.get("ansible_ssh_common_args") or ""),
    )


def _told(file: Path, host: str) -> Iterator[Mapping[str, Any]]:
    """What an Ansible inventory in YAML says of a host."""
    if not file.exists():
        return
    try:
        groups = yaml.safe_load(file.read_text("utf-8")) or {}
    except yaml.YAMLError as error:
        raise Failed(f"{file} is no YAML: {error}") from None
    for group in groups.values() if isinstance(groups, dict) else ():
        hosts = (group or {}).get("hosts") or {}
        if host in hosts:
            yield {**((group or {}).get("vars") or {}), **(hosts[host] or {})}


def _by_ssh(target: Target) -> Reach:
    user = target.user or "root"
    words = ["ssh", "-o", "BatchMode=yes"]
    words += ["-p", str(target.port)] if target.port else []
    words += [*shlex.split(target.ssh_args), "--", f"{user}@{target.host}"]
    if user != "root":
        words += ["sudo", "-n"]
    return Reach(tuple(words), f"the box {target.host}")
