"""Which packets to send: the edges of every flow, the gaps between, and borrowed senders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import islice

from gateway.audit import packets
from gateway.audit.answer import Packet, Path
from gateway.audit.fields import (
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
from gateway.site import Site

Address = IPv4Address | IPv6Address
MOST_GAPS = 3_000
LISTENED = (TCP, UDP, ICMP, ICMPV6)
VARIED = ("source", "destination", "dport", "sport", "protocol")


@dataclass(frozen=True)
class Roads:
    """Where the kernel of a box leads packets, before any rule says anything."""

    own: Mapping[Address, str]
    """The box's addresses, and the card of each."""
    nets: tuple[tuple[IPv4Network | IPv6Network, str], ...]
    broadcasts: frozenset[Address]
    default: str

    @classmethod
    def of(cls, site: Site) -> Roads:
        """A site's."""
        own: dict[Address, str] = {}
        nets: list[tuple[IPv4Network | IPv6Network, str]] = []
        broadcasts: set[Address] = set()
        for network in site.networks.values():
            card = network.nic.interface
            for each in (network.address, network.address6):
                if each:
                    own[each.ip] = card
                    nets.append((each.network, card))
            broadcasts |= {network.network.broadcast_address, network.network.network_address}
        return cls(own, tuple(nets), frozenset(broadcasts), site.outside.nic.interface)

    def lead(self, path: Path, values: Mapping[str, int]) -> bool:
        """Whether a packet goes this path at all: the kernel drops others unseen, or sends them
        elsewhere."""
        kind = IPv4Address if values["family"] == IPV4 else IPv6Address
        source, destination = kind(values["source"]), kind(values["destination"])
        if not self._plausible(source, destination, path):
            return False
        local = destination in self.own
        if path == "input":
            return local
        if local or destination in self.broadcasts or destination.is_multicast:
            return False
        if destination in (IPv4Address(0), IPv4Address("255.255.255.255")):
            return False
        if destination.is_loopback or int(destination) >> (kind(0).max_prefixlen - 8) == 0:
            return False
        return name_value(self._out(destination)) == values["oif"]

    def _plausible(self, source: Address, destination: Address, path: Path) -> bool:
        """RFC 1812, 5.3.7: what no router takes for a sender (ip_route_input_slow, martians)."""
        if source.is_multicast or source.is_loopback or source.is_unspecified:
            return False
        if source in self.broadcasts or int(source) >> (source.max_prefixlen - 8) in (0, 255):
            return False
        if int(source) >> (source.max_prefixlen - 4) == 15 and source.version == 4:
            return False
        if source.is_link_local or destination.is_link_local:
            return False
        return (source in self.own) == (path == "output")

    def _out(self, destination: Address) -> str:
        for net, card in self.nets:
            if destination in net:
                return card
        return self.default


def chosen(prover: Prover) -> Iterator[Packet]:
    """Every packet once."""
    roads = Roads.of(prover.site)
    seen: set[tuple[object, ...]] = set()
    for packet in (*_edges(prover), *_gaps(prover)):
        values = dict(packet.fields)
        key = (packet.path, *(values[name] for name in ("iif", "oif", *VARIED)))
        if key not in seen and values["protocol"] in LISTENED and roads.lead(packet.path, values):
            seen.add(key)
            yield packet


def _edges(prover: Prover) -> Iterator[Packet]:
    """For each permission, each field's lowest and highest value and their neighbours."""
    for permission in prover.permissions:
        if permission.kind != "begin":
            continue
        base = _packet(permission.path, permission.box)
        yield base
        for name in VARIED:
            limit = LIMITS[NUMBER[name]]
            if name in ("source", "destination") and dict(base.fields)["family"] == IPV4:
                limit = (1 << 32) - 1
            for value in _around(permission.box.get(name, ()), limit):
                yield _with(base, **{name: value})
        for field in ("iif", "oif"):
            if permission.box.get(field):
                for network in prover.site.networks.values():
                    card = name_value(network.nic.interface)
                    yield _with(base, **{field: card})


def _around(values: Iterable[tuple[int, int]], limit: int) -> Iterator[int]:
    for low, high in values:
        for each in (low - 1, low, high, high + 1):
            if 0 <= each <= limit:
                yield each


def _packet(path: Path, box: Named) -> Packet:
    values = {name: each[0][0] for name, each in box.items()}
    return _whole(path, values)


def _with(packet: Packet, **changes: int) -> Packet:
    values = {**dict(packet.fields), **changes}
    if "protocol" in changes:
        values["flags"] = SYN if changes["protocol"] == TCP else 0
    return _whole(packet.path, values)


def _whole(path: Path, given: Mapping[str, int]) -> Packet:
    """All fields, those that no box narrows as an ordinary first packet has them."""
    protocol = given.get("protocol", TCP)
    ports = protocol in (TCP, UDP)
    ordinary = {
        "state": NEW,
        "family": IPV4,
        "sport": 40000 if ports else (8 if protocol == ICMP else 128) << 8,
        "flags": SYN if protocol == TCP else 0,
        "ttl": 64,
        "length": 60,
    }
    values = {**ordinary, "protocol": TCP, **given}
    return Packet(path, tuple((name, values.get(name, 0)) for name in NUMBER))


def _gaps(prover: Prover) -> Iterator[Packet]:
    """One packet of each piece of what is stopped, as the diagram cuts it, between two sides."""
    site = prover.site
    cards = [name_value(network.nic.interface) for network in site.networks.values()]
    ways: list[tuple[Path, Named]] = [("input", {"iif": one(card)}) for card in cards]
    ways += [("output", {"oif": one(card)}) for card in cards]
    ways += [("forward", {"iif": one(a), "oif": one(b)}) for a in cards for b in cards if a != b]
    for path, way in ways:
        for family in (IPV4, IPV6):
            box: Named = {**way, "family": one(family), "state": one(NEW)}
            asked = prover.diagram.both(prover.region([box]), prover.meaning.everything[path])
            stopped = prover.diagram.less(asked, prover.meaning.may[path])
            for each in islice(prover.diagram.boxes(stopped), MOST_GAPS // len(ways)):
                yield packets.example(path, each, prover.known)
