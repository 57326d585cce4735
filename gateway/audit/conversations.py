"""Conversations the kernel already knows: they pass whatever the rules say about new ones.

Read from what ctnetlink tells (linux/netfilter/nfnetlink_conntrack.h), and judged by the policy.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Literal

from gateway.audit.finding import Finding
from gateway.flow import End, Flow
from gateway.ground import Ground, side_of

Address = IPv4Address | IPv6Address
Order = Literal["<", ">"]

# nfnetlink_conntrack.h: the attributes of a conversation, of a tuple, of its two halves.
_ORIGINAL, _STATUS, _PROTOCOL_INFO, _MASTER = 1, 3, 4, 14
_IP, _PROTOCOL = 1, 2
_SOURCE4, _DESTINATION4, _SOURCE6, _DESTINATION6 = 1, 2, 3, 4
_NUMBER, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3
_FINISHED = (7, 8)
"""TIME_WAIT and CLOSE (nf_conntrack_tcp.h): over, kept for stragglers."""
_LIBERAL = 8
"""IP_CT_TCP_FLAG_BE_LIBERAL: the kernel met a conversation in its middle, and cannot know who began
it (nf_conntrack_proto_tcp.c, tcp_new): one that is older than the first firewall."""
_NAMES = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp", 132: "sctp"}
MOST_NAMED = 5


@dataclass(frozen=True)
class Tuple:
    """Who began a conversation with whom."""

    source: Address
    destination: Address
    protocol: str
    source_port: int
    port: int
    """Where it goes to; 0 where the protocol has none."""

    @property
    def turned(self) -> Tuple:
        """As if the other end had begun it."""
        ends = (self.destination, self.source)
        return Tuple(*ends, self.protocol, self.port, self.source_port)

    def __str__(self) -> str:
        port = f"/{self.port}" if self.port else ""
        return f"{self.source} to {self.destination} {self.protocol}{port}"


@dataclass(frozen=True)
class Conversation:
    """One entry of the kernel's table. ``master`` announced it, where one did."""

    begun: Tuple
    master: Tuple | None
    finished: bool
    either_way: bool = False
    """The kernel does not know which end began it."""


def conversations(told: Mapping[str, Any]) -> Iterator[Conversation]:
    """What ``look`` packed: each message its length before it. Raises ValueError if cut off."""
    order: Order = "<" if told["order"] == "little" else ">"
    data = base64.b64decode(told["packed"], validate=True)
    at = 0
    try:
        while at < len(data):
            (length,) = struct.unpack_from(f"{order}I", data, at)
            yield _conversation(data[at + 4 : at + 4 + length], order)
            at += 4 + length
    except (struct.error, KeyError) as error:
        raise ValueError(f"a conversation cannot be read: {error!r}") from None


def _attributes(data: bytes, order: Order) -> dict[int, bytes]:
    """Netlink attributes (netlink(7)): length, kind, value, filled up to four bytes."""
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from(f"{order}HH", data, at)
        if not 4 <= length <= len(data) - at:
            raise ValueError("an attribute is longer than its message")
        found[kind & 0x3FFF] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def _conversation(data: bytes, order: Order) -> Conversation:
    told = _attributes(data, order)
    master = _tuple(told[_MASTER], order) if _MASTER in told else None
    tcp = _attributes(_attributes(told.get(_PROTOCOL_INFO, b""), order).get(1, b""), order)
    # CTA_PROTOINFO_TCP is 1; in it STATE is 1 and FLAGS_ORIGINAL 4.
    finished, flags = tcp.get(1, b"\0")[0] in _FINISHED, tcp.get(4, b"\0")[0]
    return Conversation(_tuple(told[_ORIGINAL], order), master, finished, bool(flags & _LIBERAL))


def _tuple(data: bytes, order: Order) -> Tuple:
    halves = _attributes(data, order)
    ip, protocol = _attributes(halves[_IP], order), _attributes(halves[_PROTOCOL], order)
    source = ip.get(_SOURCE4) or ip[_SOURCE6]
    destination = ip.get(_DESTINATION4) or ip[_DESTINATION6]
    number = protocol[_NUMBER][0]
    return Tuple(
        ip_address(source),
        ip_address(destination),
        _NAMES.get(number, str(number)),
        int.from_bytes(protocol.get(_SOURCE_PORT, b""), "big"),
        int.from_bytes(protocol.get(_DESTINATION_PORT, b""), "big"),
    )


class Permits:
    """Which conversations the policy lets begin."""

    def __init__(self, site: Ground, flows: Iterable[Flow]) -> None:
        self._site = site
        self._by_source: dict[Address, list[Flow]] = {}
        self._wide: list[Flow] = []
        self._known: dict[tuple[Address, Address, str, int], Flow | None] = {}
        for flow in flows:
            if all(each.num_addresses == 1 for each in flow.source.addresses):
                for each in flow.source.addresses:
                    self._by_source.setdefault(each.network_address, []).append(flow)
            else:
                self._wide.append(flow)

    def flow(self, begun: Tuple) -> Flow | None:
        """A flow that a conversation may go by."""
        key = (begun.source, begun.destination, begun.protocol, begun.port)
        if key not in self._known:
            candidates = (*self._by_source.get(begun.source, ()), *self._wide)
            if begun.source == IPv4Address(0):  # RFC 2131, 4.1: it has no address yet
                candidates = tuple(each for each in self._wide if each.service.name == "dhcp")
            self._known[key] = next((f for f in candidates if self._covers(f, begun)), None)
        return self._known[key]

    def _covers(self, flow: Flow, begun: Tuple) -> bool:
        return (
            self._is(flow.source, begun.source)
            and (self._is(flow.destination, begun.destination) or self._hears(flow, begun))
            and _serves(flow, begun)
        )

    def _is(self, end: End, address: Address) -> bool:
        if address == IPv4Address(0):
            return True
        if not any(address in each for each in end.addresses if each.version == address.version):
            return False
        if end.is_box or address in self._own:
            return end.is_box and address in self._own
        return side_of(self._site, ip_network(address)) == end.network

    def _hears(self, flow: Flow, begun: Tuple) -> bool:
        """Whether the destination is the broadcast address of the wire that the flow is on."""
        near = flow.source.network or flow.destination.network
        if not flow.service.broadcast or near is None:
            return False
        wire = self._site.networks[near].network
        return begun.destination in (wire.broadcast_address, IPv4Address("255.255.255.255"))

    @cached_property
    def _own(self) -> frozenset[Address]:
        cards = self._site.networks.values()
        both = (each for card in cards for each in (card.address, card.address6) if each)
        return frozenset(each.ip for each in both)

    def judge(self, told: Iterable[Conversation]) -> Iterator[Conversation]:
        """Those that nothing permits: not even the conversation that announced them."""
        for each in told:
            if each.finished or self._with_itself(each.begun):
                continue
            if each.master:
                announced = self.flow(each.master)
                if announced and announced.service.helper:
                    continue
            if self.flow(each.begun) or (each.either_way and self.flow(each.begun.turned)):
                continue
            yield each

    def _with_itself(self, begun: Tuple) -> bool:
        # Over lo: the kernel drops what has a loopback address on any other card.
        both = (begun.source, begun.destination)
        return all(each in self._own or each.is_loopback for each in both)


def _serves(flow: Flow, begun: Tuple) -> bool:
    if begun.protocol == "icmp":
        return flow.service.ping
    return any(
        ports.protocol == begun.protocol and ports.low <= begun.port <= ports.high
        for ports in flow.service.ports
    )


def findings(told: Mapping[str, Any], permits: Permits) -> Iterator[Finding]:
    """What the table of conversations says against the policy."""
    if "error" in told:
        said = "the conversations that the kernel already knows could not be read"
        yield Finding("undecided", "conversations", said, told["error"])
        return
    try:
        known = list(conversations(told))
    except ValueError as error:
        said = "the conversations that the kernel already knows could not be understood"
        yield Finding("undecided", "conversations", said, str(error))
        return
    wrong = list(dict.fromkeys(str(each.begun) for each in permits.judge(known)))
    for each in wrong[:MOST_NAMED]:
        said = (
            "this conversation began earlier, is no longer permitted and still passes: end it on"
            " the box with `conntrack -D`, or by applying the site again"
        )
        yield Finding("differs", "conversation", said, each)
    if len(wrong) > MOST_NAMED:
        said = f"and {len(wrong) - MOST_NAMED} more conversations that are no longer permitted"
        yield Finding("differs", "conversation", said)
    if not wrong:
        said = f"all {len(known)} conversations that the kernel knows are permitted"
        yield Finding("note", "conversations", said)
