"""What ``look`` saw on a box, as frozen values. Reading it judges nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import Any, cast

from gateway.audit.look import FORMAT
from gateway.problems import Failed

Settings = Mapping[str, str]
AnyInterface = IPv4Interface | IPv6Interface


@dataclass(frozen=True)
class Said:
    """What a command on the box said."""

    code: int
    out: str = field(repr=False)
    err: str = ""

    @property
    def ok(self) -> bool:
        """Whether it ran and complained of nothing."""
        return self.code == 0 and not self.err.strip()


@dataclass(frozen=True)
class Link:
    """A network interface: ``kind`` is empty for hardware (and loopback)."""

    index: int
    name: str
    kind: str
    up: bool
    addresses: tuple[AnyInterface, ...]
    master: str = ""
    """The bridge, bond or VRF that it is part of."""
    parent: str = ""
    """The card below a VLAN or macvlan."""
    xdp: bool = False


@dataclass(frozen=True)
class Generation:
    """A generation that the box keeps; ``flows``: source, destination and ports of each."""

    number: int
    staged: str
    flows: frozenset[tuple[str, str, str]] = field(repr=False)


@dataclass(frozen=True)
class Snapshot:
    """One reading of a box."""

    host: str
    kernel: str
    time: str
    generations: tuple[int | None, int | None]
    """The kernel's number of the ruleset, before and after the reading."""
    box: Mapping[str, Any]
    """The box's own generation: number, since, manifest; empty on another's box."""
    commands: Mapping[str, Said] = field(repr=False)
    files: Mapping[str, str] = field(repr=False)
    unread: Mapping[str, str] = field(repr=False)
    """Files that could not be read, and why."""
    sysctls: Settings = field(repr=False)
    filters: Mapping[str, str] = field(repr=False)
    bpf: Mapping[str, Any] = field(repr=False)
    conntrack: Mapping[str, Any] = field(repr=False)
    history: tuple[Generation, ...] = ()
    """What each generation that the box keeps let begin, the oldest first."""
    links: tuple[Link, ...] = ()

    @property
    def ruleset_hash(self) -> str:
        """SHA-256 of the ruleset as nft listed it, counters included."""
        return sha256(self.commands["nft_text"].out.encode()).hexdigest()

    @property
    def container(self) -> str:
        """The kind of container that the box is, empty for a machine."""
        said = self.commands["container"]
        return said.out.strip() if said.code == 0 else ""

    def link(self, name: str) -> Link | None:
        """The interface of a name."""
        return next((each for each in self.links if each.name == name), None)


def read(text: str) -> Snapshot:
    """The snapshot that ``look`` printed. Raises Failed for half a one, or another format."""
    try:
        told = json.loads(text)
    except ValueError:
        raise Failed("what the box sent is cut off or is no JSON: try again") from None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise Failed(f"what the box sent is not of format {FORMAT}")
    try:
        return _snapshot(told)
    except (KeyError, TypeError, ValueError) as error:
        raise Failed(f"what the box sent is not whole: {error!r}") from None


def _snapshot(told: dict[str, Any]) -> Snapshot:
    before, after = told["generations"]
    commands = {name: Said(**said) for name, said in told["commands"].items()}
    files = {name: each["text"] for name, each in told["files"].items() if "text" in each}
    unread = {name: each["error"] for name, each in told["files"].items() if "error" in each}
    return Snapshot(
        host=told["host"],
        kernel=told["kernel"],
        time=told["time"],
        generations=(before, after),
        box=told["box"],
        commands=commands,
        files=files,
        unread=unread,
        sysctls=told["sysctls"],
        filters=told["filters"],
        bpf=told["bpf"],
        conntrack=told["conntrack"],
        history=tuple(
            Generation(each["number"], each["staged"], frozenset(map(tuple, each["flows"])))
            for each in told.get("history", ())
        ),
        links=links(commands["links"].out),
    )


def links(text: str) -> tuple[Link, ...]:
    """What ``ip -j -d addr show`` prints."""
    rows = cast("list[dict[str, Any]]", json.loads(text or "[]"))
    return tuple(_link(row) for row in rows if row)


def _link(row: Mapping[str, Any]) -> Link:
    return Link(
        index=row["ifindex"],
        name=row["ifname"],
        kind=row.get("linkinfo", {}).get("info_kind", ""),
        up="UP" in row["flags"],
        addresses=tuple(
            ip_interface(f"{each['local']}/{each['prefixlen']}")
            for each in row.get("addr_info", ())
            if "local" in each
        ),
        master=row.get("master", ""),
        parent=row.get("link", ""),
        xdp=bool(row.get("xdp")),
    )
