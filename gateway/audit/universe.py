"""The packets that there can be at all, before any rule: what connection tracking makes of them.

Sources: Linux net/netfilter/nf_conntrack_proto_tcp.c, _icmp.c, _icmpv6.c, _core.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.audit import fields
from gateway.audit.answer import Path
from gateway.audit.diagram import Box
from gateway.audit.fields import (
    ESTABLISHED,
    ICMP,
    ICMPV6,
    INVALID,
    IPV4,
    IPV6,
    LIMITS,
    NEW,
    NUMBER,
    RELATED,
    TCP,
    UDP,
    UNTRACKED,
)
from gateway.audit.rules import Values

Named = dict[str, Values]
ECN_PSH = (0x40, 0x80, 0x08)
BEGINNINGS = (0x02, 0x22, 0x10, 0x30)
"""TCP flags that tracking takes for a beginning: SYN; and ACK, from the middle of a conversation it
has not seen (sysctl nf_conntrack_tcp_loose); each with URG too."""
NEW_ICMP: Values = ((8, 8), (13, 13), (15, 15), (17, 17))
NEW_ICMP6: Values = ((128, 128), (139, 139))
ERRORS: Values = ((3, 5), (11, 12))
"""Types that tracking takes for an error of another conversation; 4 and 5 among them."""
ERRORS6: Values = ((0, 127),)
UNTRACKED6: Values = ((130, 136), (143, 143))
"""Neighbour discovery and multicast listener reports are never tracked."""


ROUTED: Mapping[int, Values] = {
    IPV4: ((1 << 24, (224 << 24) - 1), (240 << 24, (1 << 32) - 2)),
    IPV6: ((2, (0xFE80 << 112) - 1), (0xFEC0 << 112, (0xFF << 120) - 1)),
}
"""Sources of what can be routed on: not 0.0.0.0/8, multicast, ::, ::1 or link-local ones
(ip_route_input_slow, ip6_forward)."""


def one(value: int) -> Values:
    """A single value."""
    return ((value, value),)


def kinds(types: Values) -> Values:
    """ICMP types, where the field has type and code."""
    return tuple((low << 8, high << 8 | 255) for low, high in types)


def but(name: str, values: Values) -> Values:
    """All other values of a field."""
    return fields.all_but(values, LIMITS[NUMBER[name]])


def flags(starts: tuple[int, ...]) -> Values:
    """TCP flags, each with any of ECE, CWR and PSH."""
    found = [*starts]
    for bit in ECN_PSH:
        found += [each | bit for each in found]
    return fields.flat([(each, each) for each in found])


def cards(path: Path) -> Named:
    """Which cards a packet has on its path: none is the name of no letters.

    What goes over lo comes from the box and is for it: it is never forwarded (ip_route_input).
    """
    none, some = one(0), but("iif", one(0))
    between = but("iif", fields.flat([(0, 0), *fields.names("lo")]))
    if path == "forward":
        return {"iif": between, "oif": between}
    return {"iif": some, "oif": none} if path == "input" else {"iif": none, "oif": some}


def packets(path: Path, *, tracked: frozenset[int], helpers: tuple[str, ...]) -> Iterator[Box]:
    """All packets of a path as boxes. ``tracked``: the families whose conversations are."""
    for family in (IPV4, IPV6):
        address: Values = ((0, (1 << (32 if family == IPV4 else 128)) - 1),)
        base: Named = {
            "family": one(family),
            "source": address,
            "destination": address,
            **cards(path),
        }
        if path != "output":  # a mark is given here or, by a socket, to what the box sends
            base["mark"] = one(0)
        if path == "input" and family == IPV4:
            base["fragment"] = one(0)  # what is for the box is joined first (ip_local_deliver)
        if path == "forward":
            base["ttl"] = ((2, 255),)  # with less it is sent back (RFC 1812, 5.3.1)
            base["source"] = fields.common(address, ROUTED[family])
        fresh: Named = {
            **base,
            **{name: one(0) for name in ("helper", "dnat", "snat", "direction")},
        }
        fresh["ctmark"] = one(0)
        if family in tracked:
            each = _tracked(family, {**base, "fragment": one(0)}, fresh, helpers)
        else:
            each = iter(({**fresh, "state": one(NEW)},))
        for box in each:
            yield {NUMBER[name]: values for name, values in box.items()}


def _tracked(family: int, base: Named, fresh: Named, helpers: tuple[str, ...]) -> Iterator[Named]:
    # Fragments are joined before anything is looked at (nf_defrag_ipv4, nf_defrag_ipv6).
    fresh = {**fresh, "fragment": one(0)}
    icmp = {"protocol": one(ICMP if family == IPV4 else ICMPV6)}
    other = {"protocol": but("protocol", fields.flat([(TCP, TCP), *icmp["protocol"]]))}
    new = {**fresh, "state": one(NEW)}
    begins = NEW_ICMP if family == IPV4 else NEW_ICMP6
    yield {**new, **other}
    yield {**new, "protocol": one(TCP), "flags": flags(BEGINNINGS)}
    yield {**new, **icmp, "sport": kinds(begins)}
    errors = ERRORS if family == IPV4 else ERRORS6
    related = {**base, "state": one(RELATED)}
    yield {**related, **icmp, "sport": kinds(errors), "helper": one(0)}
    for helper in helpers:
        named = {**related, "helper": one(fields.name_value(helper)), "direction": one(0)}
        yield {**named, "protocol": one(TCP), "flags": flags(BEGINNINGS), "dnat": one(0)}
        yield {**named, "protocol": one(UDP), "dnat": one(0)}
    # Errors are related, and neighbour discovery is never tracked.
    talk = fields.flat([*errors, *(UNTRACKED6 if family == IPV6 else ())])
    later: Named = {**base, "state": one(ESTABLISHED)}
    yield {**later, "protocol": but("protocol", icmp["protocol"])}
    yield {**later, **icmp, "sport": kinds(fields.all_but(talk, 255))}
    yield {**fresh, "state": one(INVALID)}
    if family == IPV6:
        yield {**fresh, **icmp, "state": one(UNTRACKED), "sport": kinds(UNTRACKED6)}
