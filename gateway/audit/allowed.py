"""What the description permits, as packets: this room's own statement of what a flow means.

It is written from the RFCs and the policy alone, and never looks at how the firewall renders a
flow. Each permission says whether such packets must pass or only may.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network

from gateway.audit import fields
from gateway.audit.answer import Path
from gateway.audit.fields import (
    ESTABLISHED,
    ICMP,
    ICMPV6,
    IPV4,
    IPV6,
    NEW,
    RELATED,
    TCP,
    UDP,
    UNTRACKED,
    common,
    flat,
    name_value,
)
from gateway.audit.rules import Values
from gateway.audit.senders import Sides, numbers
from gateway.audit.universe import Named, but, kinds, one
from gateway.flow import Flow, IPNetwork, PortRange
from gateway.ground import Ground

PROTOCOLS = {"tcp": TCP, "udp": UDP}
SYN_ONLY: Values = flat([(f, f) for f in range(256) if f & fields.SYN_OF == fields.SYN])
EVERYBODY = IPv4Network("255.255.255.255/32")
ERRORS4: Values = ((3, 3), (11, 12))
"""Destination unreachable, time exceeded, parameter problem (RFC 792). Not source quench, which
nobody sends any more (RFC 6633), nor redirect, which is no error and changes routes."""
ERRORS6: Values = ((1, 4),)
"""Destination unreachable, packet too big, time exceeded, parameter problem (RFC 4443, 3)."""
SOLICIT, ADVERTISE, LISTENER_REPORT = 135, 136, 143

AXIOMS = (
    "Answers belong to the conversation that was let begin: the kernel calls them established, "
    "and all packets of established conversations may pass that come from where their source is.",
    "ICMP errors that the kernel relates to a conversation may pass, also from a router nobody "
    "named (RFC 792): a host that is not involved can make such an error up, and end the "
    "conversation with it, not begin one.",
    "A conversation that a helper announces (FTP's data) is between the same two machines as the "
    "one that announced it (nf_conntrack_ftp, loose=0).",
    "The box talks to itself over lo; nothing else has that card's packets.",
    "A packet's transport header is whole: a shorter one matches no port and begins nothing.",
)


@dataclass(frozen=True)
class Permission:
    """Packets that may pass; ``must``: and have to. ``flow`` is whose they are, if anybody's."""

    path: Path
    box: Named
    kind: str
    """begin, later, error, neighbour, announced or itself."""
    flow: Flow | None = None
    must: bool = True


def permissions(site: Ground, flows: Iterable[Flow]) -> Iterator[Permission]:
    """Everything that the description permits."""
    flows, sides = tuple(flows), Sides(site)
    yield from _itself()
    yield from _anything_later(sides)
    for flow in flows:
        for begin in beginnings(sides, flow):
            yield begin
            yield from _later(sides, begin)
        if flow.service.helper:
            yield from _announced(sides, flow)
    yield from _errors(sides, flows)
    for name, network in site.networks.items():
        if network.address6:
            yield from _neighbours(sides, name)


def beginnings(sides: Sides, flow: Flow) -> Iterator[Permission]:
    """The first packets of a flow. The box never sees what stays on one network."""
    if flow.source.network == flow.destination.network:
        return
    path, base = _way(sides, flow)
    for family in (IPV4, IPV6):
        sources = numbers(flow.source.addresses, family)
        if not flow.source.is_box:
            sources = common(sources, sides.sources(str(flow.source.network), family))
        destinations = numbers(_reached(sides, flow), family)
        if sources and destinations:
            box = {**base, "family": one(family), "source": sources, "destination": destinations}
            for what in _services(flow, family):
                yield Permission(path, {**box, **what}, "begin", flow)
    yield from _without_address(sides, flow)


def _way(sides: Sides, flow: Flow) -> tuple[Path, Named]:
    new: Named = {"state": one(NEW)}
    comes, goes = flow.source.network, flow.destination.network
    if comes is None:
        return "output", {**new, "oif": sides.card(str(goes))}
    if goes is None:
        return "input", {**new, "iif": sides.card(comes)}
    return "forward", {**new, "iif": sides.card(comes), "oif": sides.card(goes)}


def _reached(sides: Sides, flow: Flow) -> tuple[IPNetwork, ...]:
    """Where a flow's packets go to: also the broadcasts, where they are part of the service."""
    wire = flow.source.network if flow.destination.is_box else flow.destination.network
    if not flow.service.broadcast or not (flow.source.is_box or flow.destination.is_box):
        return flow.destination.addresses
    own = sides.site.networks[str(wire)].network
    # A network of two addresses has no broadcast of its own (RFC 3021, 2.2).
    directed = (ip_network(own.broadcast_address),) if own.prefixlen < 31 else ()
    return (*flow.destination.addresses, *directed, EVERYBODY)


def _services(flow: Flow, family: int) -> Iterator[Named]:
    for port in flow.service.ports:
        protocol = PROTOCOLS[port.protocol]
        named: Named = {"protocol": one(protocol), "dport": ((port.low, port.high),)}
        # A conversation begins with SYN alone; ECN may set its bits beside (RFC 3168, 6.1.1).
        yield {**named, "flags": SYN_ONLY} if protocol == TCP else named
    if flow.service.ping:
        echo, protocol = (8, ICMP) if family == IPV4 else (128, ICMPV6)
        yield {"protocol": one(protocol), "sport": kinds(one(echo))}


def _without_address(sides: Sides, flow: Flow) -> Iterator[Permission]:
    """A machine without an address asks for one, from port 68 (RFC 2131, 4.1)."""
    if flow.destination.is_box and flow.service.broadcast:
        path, base = _way(sides, flow)
        if PortRange("udp", 67, 67) in flow.service.ports:
            box: Named = {"family": one(IPV4), "source": one(0), "protocol": one(UDP)}
            ends: Named = {"destination": numbers([EVERYBODY], IPV4), "sport": one(68)}
            yield Permission(path, {**base, **box, **ends, "dport": one(67)}, "begin", flow)


def _anything_later(sides: Sides) -> Iterator[Permission]:
    """Packets of established conversations; but nobody may borrow an address to join one."""
    later: Named = {"state": one(ESTABLISHED)}
    yield Permission("output", later, "later", must=False)
    for card, valid in _cards_and_sources(sides):
        for path in ("input", "forward"):
            yield Permission(path, {**later, **card, **valid}, "later", must=False)


def _later(sides: Sides, begin: Permission) -> Iterator[Permission]:
    """What follows a beginning: more of the same, and the answers."""
    flow = begin.flow
    box = {name: v for name, v in begin.box.items() if name != "flags"}
    box["state"] = one(ESTABLISHED)
    if box["source"] == one(0):  # who asks for an address never has a conversation
        yield Permission(begin.path, box, "later", flow, must=False)
        return
    yield Permission(begin.path, box, "later", flow)
    family = box["family"][0][0]
    if flow is None:
        return
    answer: Named = {
        _SWAPPED.get(name, name): values for name, values in box.items() if name != "destination"
    }
    sources = numbers(flow.destination.addresses, family)
    if not flow.destination.is_box:
        sources = common(sources, sides.sources(str(flow.destination.network), family))
    answer["source"] = sources
    if "sport" in box:  # an echo request: its answer is type 0, or 129 (RFC 792; RFC 4443, 4.2)
        answer["sport"] = kinds(one(0 if family == IPV4 else 129))
        answer.pop("dport", None)
    if sources:
        yield Permission(_BACK[begin.path], answer, "later", flow)


_SWAPPED = {"source": "destination", "dport": "sport", "iif": "oif", "oif": "iif"}
_ENDS = ("family", "source", "destination", "iif", "oif")
_BACK: dict[Path, Path] = {"input": "output", "output": "input", "forward": "forward"}


def _announced(sides: Sides, flow: Flow) -> Iterator[Permission]:
    """The second conversation that a helper knows of: to a high port, either way round."""
    base: Named = {
        "state": one(RELATED),
        "helper": one(name_value(flow.service.helper)),
        "protocol": one(TCP),
        "flags": SYN_ONLY,
        "dport": ((1024, 65535),),
    }
    for begin in beginnings(sides, flow):
        ends = {name: v for name, v in begin.box.items() if name in _ENDS}
        back = {_SWAPPED.get(n, n): v for n, v in ends.items() if n != "destination"}
        back["source"] = ends["destination"]
        yield Permission(begin.path, {**base, **ends}, "announced", flow)
        yield Permission(_BACK[begin.path], {**base, **back}, "announced", flow)
    # The axiom says between whom; nothing else of it exists.
    yield Permission("output", base, "announced", flow, must=False)
    for card, valid in _cards_and_sources(sides):
        for path in ("input", "forward"):
            yield Permission(path, {**base, **card, **valid}, "announced", flow, must=False)


def _cards_and_sources(sides: Sides) -> Iterator[tuple[Named, Named]]:
    for name in sides.site.networks:
        for family in (IPV4, IPV6):
            if sources := sides.sources(name, family):
                yield {"iif": sides.card(name)}, {"family": one(family), "source": sources}


def _errors(sides: Sides, flows: tuple[Flow, ...]) -> Iterator[Permission]:
    """Errors of a conversation: they must come through wherever there are conversations."""
    used = {(f.source.network, f.destination.network) for f in flows}
    for family, protocol, types in ((IPV4, ICMP, ERRORS4), (IPV6, ICMPV6, ERRORS6)):
        base: Named = {"state": one(RELATED), "protocol": one(protocol), "sport": kinds(types)}
        base["family"] = one(family)
        yield Permission("output", base, "error", must=False)
        for name, network in sides.site.networks.items():
            sources, card = sides.sources(name, family), sides.card(name)
            own = numbers([ip_network(a.ip) for a in (network.address, network.address6) if a],
                          family)  # fmt: skip
            coming = {**base, "iif": card, "source": sources}
            if not sources:
                continue
            for path in ("input", "forward"):
                yield Permission(path, coming, "error", must=False)
            if (name, None) in used or (None, name) in used:
                yield Permission("input", {**coming, "destination": own}, "error")
                yield Permission(
                    "output", {**base, "oif": card, "source": own, "destination": sources}, "error"
                )
            for other in sides.site.networks:
                goal = sides.sources(other, family)
                if goal and other != name and {(name, other), (other, name)} & used:
                    to: Named = {"oif": sides.card(other), "destination": goal}
                    yield Permission("forward", {**coming, **to}, "error")


def _neighbours(sides: Sides, name: str) -> Iterator[Permission]:
    """IPv6 finds its neighbours by ICMPv6, which only the same wire can send (RFC 4861, 7.1)."""
    base: Named = {"state": one(UNTRACKED), "family": one(IPV6), "protocol": one(ICMPV6)}
    near: Named = {**base, "ttl": one(255)}
    both = kinds(((SOLICIT, ADVERTISE),))
    sources = sides.sources(name, IPV6)
    coming: Named = {**near, "iif": sides.card(name)}
    yield Permission("input", {**coming, "source": sources, "sport": both}, "neighbour")
    # Whether an address is free is asked before one has any (RFC 4862, 5.4.2).
    asking: Named = {"source": one(0), "sport": kinds(one(SOLICIT))}
    yield Permission("input", {**coming, **asking}, "neighbour")
    going: Named = {"oif": sides.card(name)}
    yield Permission("output", {**near, **going, "sport": both}, "neighbour")
    # Switches that snoop want to hear who listens to what (RFC 3810, 5; RFC 4541, 3).
    report: Named = {"ttl": one(1), "sport": kinds(one(LISTENER_REPORT))}
    yield Permission("output", {**base, **going, **report}, "neighbour")


def _itself() -> Iterator[Permission]:
    lo = one(name_value("lo"))
    ways: tuple[tuple[Path, str], ...] = (("input", "iif"), ("output", "oif"))
    for path, card in ways:
        yield Permission(path, {card: lo}, "itself", must=False)
        new: Named = {card: lo, "state": one(NEW)}
        yield Permission(path, {**new, "protocol": one(TCP), "flags": SYN_ONLY}, "itself")
        yield Permission(path, {**new, "protocol": but("protocol", one(TCP))}, "itself")
        yield Permission(path, {card: lo, "state": one(ESTABLISHED)}, "itself")
