"""The box's interfaces, addresses and routes, against the site's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from gateway.audit.finding import Finding
from gateway.audit.snapshot import Link, Snapshot
from gateway.ground import Ground, Wire

_TUNNELS = frozenset(
    {"gre", "gretap", "ip6gre", "ip6gretap", "ip6tnl", "ipip", "sit", "vti", "vti6", "xfrm"}
    | {"vxlan", "geneve", "gtp", "wireguard", "tun", "bareudp", "l2tpeth", "erspan", "ppp"}
)
_SHARING = frozenset({"macvlan", "macvtap", "ipvlan", "ipvtap"})


def findings(seen: Snapshot, site: Ground) -> Iterator[Finding]:
    """What there is beside the site's cards, and what of them is missing."""
    for name, network in site.networks.items():
        yield from _card(seen, name, network)
    cards = {network.nic.interface for network in site.networks.values()}
    below = {link.parent for link in seen.links if link.name in cards and link.kind == "vlan"}
    for link in seen.links:
        if link.name != "lo" and link.name not in cards:
            yield from _other(link, cards, below)
    yield from _routes(seen, site)


def _card(seen: Snapshot, name: str, network: Wire) -> Iterator[Finding]:
    card = network.nic.interface
    link = seen.link(card)
    if link is None:
        said = (
            f"the card of the network {name} is not there: is this another box, or is it unplugged?"
        )
        yield Finding("differs", "card", said, card)
        return
    if not link.up:
        yield Finding("differs", "card", f"the card of the network {name} is switched off", card)
    if link.master:
        said = f"the card of {name} is part of {link.master}: packets may pass below the rules"
        yield Finding("undecided", "card", said, f"{card} master {link.master}")
    if link.kind in _SHARING:
        said = f"the card of {name} is shared with others ({link.kind})"
        yield Finding("note", "card", said, card)
    wanted = {each for each in (network.address, network.address6) if each}
    there = {each for each in link.addresses if not each.ip.is_link_local}
    for each in sorted(map(str, wanted - there)):
        said = f"the box has not its address on {name}: what is permitted to it does not work"
        yield Finding("differs", "address", said, f"{card} lacks {each}")
    for each in sorted(map(str, there - wanted)):
        said = f"the box has an address on {name} that the description does not give it"
        yield Finding("note", "address", said, f"{card} has {each}")


def _other(link: Link, cards: set[str], below: set[str]) -> Iterator[Finding]:
    addresses = ", ".join(map(str, link.addresses)) or "no address"
    fact = f"{link.name}{f' ({link.kind})' if link.kind else ''}: {addresses}"
    if link.name in below:
        if link.addresses:
            said = "the card that carries the site's VLANs has an address of its own"
            yield Finding("note", "interface", said, fact)
        return
    if link.parent in cards and link.kind in _SHARING:
        said = (
            f"{link.name} shares the card {link.parent}: what goes through it may reach other"
            " programs or containers without passing these rules"
        )
        yield Finding("undecided", "interface", said, fact)
    elif link.kind == "vrf":
        said = "a VRF gives packets another card's name while they pass the rules"
        yield Finding("undecided", "interface", said, fact)
    elif link.kind in _TUNNELS:
        said = "a tunnel: the rules see its outside, and what it carries by its own name"
        yield Finding("note", "interface", said, fact)
    else:
        yield Finding("note", "interface", "an interface that the description does not name", fact)


def _routes(seen: Snapshot, site: Ground) -> Iterator[Finding]:
    """Routes by which a network's addresses are sought elsewhere, and rules that choose."""
    usual = {"local", "main", "default"}
    for version in ("4", "6"):
        for row in _rows(seen, f"rules{version}"):
            if row.get("table") not in usual or row.get("src", "all") != "all":
                said = "a routing rule of its own chooses the way of some packets"
                yield Finding("note", "routing", said, json.dumps(row))
        for row in _rows(seen, f"routes{version}"):
            yield from _route(row, site)


def _rows(seen: Snapshot, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(seen.commands[name].out or "[]")
    return [row for row in rows if row]


def _route(row: dict[str, Any], site: Ground) -> Iterator[Finding]:
    if row.get("type") in ("local", "broadcast", "multicast", "anycast", "unreachable"):
        return
    dst, card = str(row.get("dst", "")), row.get("dev", "")
    outside = site.outside.nic.interface
    if dst == "default":
        if card != outside:
            said = f"what is for the outside leaves by {card}, not by {outside}"
            yield Finding("differs", "routing", said, f"default dev {card}")
        return
    try:
        target = ip_network(dst)
    except ValueError:
        return
    for name, network in site.inside.items():
        own = network.network if target.version == 4 else network.address6
        net = own if target.version == 4 or own is None else network.address6.network  # type: ignore[union-attr]
        if net is not None and target.overlaps(net) and card != network.nic.interface:  # type: ignore[arg-type]
            said = f"addresses of {name} are sought by another card"
            yield Finding("differs", "routing", said, f"{dst} dev {card}")
