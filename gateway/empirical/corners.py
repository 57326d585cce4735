"""Which packets to send: the edges of every flow, the gaps between, and borrowed senders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice

from gateway.audit import packets
from gateway.audit.answer import Packet, Path
from gateway.audit.fields import (
    FIELDS,
    ICMP,
    ICMPV6,
    IPV4,
    IPV6,
    LIMITS,
    NEW,
    NUMBER,
    SYN,
    TCP,
    UDP,
    name_value,
)
from gateway.audit.prove import Prover
from gateway.audit.universe import Named, one
from gateway.empirical.roads import led, roads

MOST_GAPS = 3_000
LISTENED = frozenset({TCP, UDP, ICMP, ICMPV6})
"""What is heard behind the input hook (see ``wires``)."""
VARIED = ("source", "destination", "dport", "sport", "protocol")
_KEY = tuple(NUMBER[name] for name in ("iif", "oif", *VARIED))
_PROTOCOL, _FLAGS, _FAMILY = NUMBER["protocol"], NUMBER["flags"], NUMBER["family"]
_ECHO = {ICMP: 8 << 8, ICMPV6: 128 << 8}
Values = list[int]
"""A packet, by the order of ``FIELDS``."""


def chosen(prover: Prover) -> Iterator[Packet]:
    """Every packet once."""
    ways = roads(prover.site)
    seen: set[tuple[object, ...]] = set()
    for path, values in chain(_edges(prover), _gaps(prover)):
        key = (path, *(values[number] for number in _KEY))
        if key not in seen:
            seen.add(key)
            if values[_PROTOCOL] in LISTENED and led(ways, path, values):
                yield Packet(path, tuple(zip(FIELDS, values, strict=True)))


def _edges(prover: Prover) -> Iterator[tuple[Path, Values]]:
    """For each permission, each field's lowest and highest value and their neighbours."""
    cards = [name_value(each.nic.interface) for each in prover.site.networks.values()]
    for permission in prover.permissions:
        if permission.kind != "begin":
            continue
        path, box = permission.path, permission.box
        base = _ordinary(box)
        yield path, base
        for name in VARIED:
            for value in _around(box.get(name, ()), _limit(name, base[_FAMILY])):
                yield path, _with(base, name, value)
        for field in ("iif", "oif"):
            if box.get(field):
                for card in cards:
                    yield path, _with(base, field, card)


def _limit(name: str, family: int) -> int:
    old = family == IPV4 and name in ("source", "destination")
    return (1 << 32) - 1 if old else LIMITS[NUMBER[name]]


def _around(values: Iterable[tuple[int, int]], limit: int) -> Iterator[int]:
    for low, high in values:
        for each in {low - 1, low, high, high + 1}:
            if 0 <= each <= limit:
                yield each


def _ordinary(box: Named) -> Values:
    """The lowest packet of a box; what it does not narrow is as an ordinary first packet has it."""
    protocol = box["protocol"][0][0] if "protocol" in box else TCP
    common = {
        "state": NEW,
        "family": IPV4,
        "protocol": protocol,
        "sport": _ECHO.get(protocol, 40000),
        "flags": SYN if protocol == TCP else 0,
        "ttl": 64,
        "length": 60,
    }
    lowest = {name: values[0][0] for name, values in box.items()}
    values = {**common, **lowest}
    return [values.get(name, 0) for name in FIELDS]


def _with(base: Values, name: str, value: int) -> Values:
    values = base.copy()
    values[NUMBER[name]] = value
    if name == "protocol":
        values[_FLAGS] = SYN if value == TCP else 0
    return values


def _gaps(prover: Prover) -> Iterator[tuple[Path, Values]]:
    """One packet of each piece of what is stopped, as the diagram cuts it, between two sides."""
    cards = [name_value(each.nic.interface) for each in prover.site.networks.values()]
    ways: list[tuple[Path, Named]] = [("input", {"iif": one(card)}) for card in cards]
    ways += [("output", {"oif": one(card)}) for card in cards]
    ways += [("forward", {"iif": one(a), "oif": one(b)}) for a in cards for b in cards if a != b]
    for path, way in ways:
        for family in (IPV4, IPV6):
            box: Named = {**way, "family": one(family), "state": one(NEW)}
            asked = prover.diagram.both(prover.region([box]), prover.meaning.everything[path])
            stopped = prover.diagram.less(asked, prover.meaning.may[path])
            for each in islice(prover.diagram.boxes(stopped), MOST_GAPS // len(ways)):
                packet = packets.example(path, each, prover.known)
                yield path, [value for _, value in packet.fields]
