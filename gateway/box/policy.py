"""Who may open what to whom, as the tree brings it: ``policy.json``, flows with their permits.

The firewall's rules say the same (both are made of one list, gateway/features/policy_file.py),
but as nft text; this is for whoever must judge or compare by meaning: the clean-up of
conversations that are no longer permitted, and the plan.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any

from .process import Failed

PATH = "/usr/lib/gateway/policy.json"
FORMAT = 1
BOX = "box"
NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}
"""IANA's protocol numbers. An ``icmp`` permit is for echo requests alone."""
EVERYBODY = IPv4Address("255.255.255.255")
NOBODY_YET = IPv4Address("0.0.0.0")  # noqa: S104 - a DHCP client's, no bind

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Conversation:
    """The first packet of a conversation: ``port`` is where it goes, or the type of an ICMP one.

    ``master``: the conversation that announced it, which a helper of the kernel's read.
    ``turned``: the same as if the other end had begun it, where the kernel met it in its middle
    and cannot know: an administrator's ssh that is older than the first firewall.
    """

    source: Address
    destination: Address
    protocol: int
    port: int
    master: Conversation | None = None
    turned: Conversation | None = None


@dataclass(frozen=True)
class Permit:
    """What may begin. A side is a network's name, or ``box``."""

    from_side: str
    to_side: str
    source: Network
    destination: Network
    protocol: str
    low: int
    high: int
    helper: str = ""

    @property
    def sides(self) -> tuple[str, str, int, int]:
        """What two permits must have in common to have anything in common."""
        number = NUMBERS[self.protocol]
        return self.from_side, self.to_side, number, self.source.version

    def covers(self, other: Permit) -> bool:
        """Whether it lets through all that another of the same sides does."""
        return (
            self.low <= other.low
            and other.high <= self.high
            and _within(other.source, self.source)
            and _within(other.destination, self.destination)
        )

    def lets(self, one: Conversation) -> bool:
        """Whether a conversation of the same sides is its."""
        return (
            self.low <= one.port <= self.high
            and one.source in self.source
            and one.destination in self.destination
        )


def _within(inner: Network, outer: Network) -> bool:
    return (
        inner.version == outer.version
        and outer.network_address <= inner.network_address  # type: ignore[operator]
        and inner.broadcast_address <= outer.broadcast_address  # type: ignore[operator]
    )


@dataclass(frozen=True)
class Flow:
    """One flow as people read it, and what it lets begin."""

    source: str
    destination: str
    service: str
    ports: str
    reason: str
    feature: str
    note: str
    permits: tuple[Permit, ...]


@dataclass(frozen=True)
class Side:
    """A network of the box: its prefixes, and the box's own addresses there."""

    inside: bool
    prefixes: tuple[Network, ...]
    own: tuple[Address, ...]


@dataclass(frozen=True)
class Policy:
    """A whole ``policy.json``."""

    sides: dict[str, Side] = field(default_factory=dict)
    flows: tuple[Flow, ...] = ()

    @cached_property
    def index(self) -> dict[tuple[str, str, int, int], list[Permit]]:
        """Every permit by what it must share with a conversation."""
        found: dict[tuple[str, str, int, int], list[Permit]] = {}
        for permit in dict.fromkeys(each for flow in self.flows for each in flow.permits):
            found.setdefault(permit.sides, []).append(permit)
        return found

    def covers(self, permit: Permit) -> bool:
        """Whether one of its permits lets through all that this one does."""
        return any(each.covers(permit) for each in self.index.get(permit.sides, ()))

    def permits(self, one: Conversation) -> bool:
        """Whether a conversation may begin, or its master may and the kernel reads that one."""
        if one.master is not None:
            return any(permit.helper for permit in self._letting(one.master))
        local = one.source.is_loopback or one.destination.is_loopback
        both = self._places(one.source) == self._places(one.destination) == {BOX}
        if local or both or any(True for _ in self._letting(one)):
            return True
        return one.turned is not None and self.permits(one.turned)

    def _letting(self, one: Conversation) -> Iterator[Permit]:
        if one.protocol in (1, 58) and one.port != {1: 8, 58: 128}[one.protocol]:
            return  # an echo request begins a conversation, nothing else of ICMP does
        for begins in self._places(one.source):
            for ends in self._ends(begins, one.destination):
                key = (begins, ends, one.protocol, one.source.version)
                yield from (each for each in self.index.get(key, ()) if each.lets(one))

    def _places(self, address: Address) -> set[str]:
        """The sides that an address may be on: one, but for who has none yet."""
        if address == NOBODY_YET:
            return set(self.sides)
        if any(address in side.own for side in self.sides.values()):
            return {BOX}
        inside = [name for name, side in self.sides.items() if side.inside]
        near = {name for name in inside if _in_any(address, self.sides[name].prefixes)}
        return near or {name for name in self.sides if name not in inside}

    def _ends(self, begins: str, address: Address) -> set[str]:
        """The same for where it goes; what is for all on a wire is heard by the box."""
        if begins == BOX:
            return set(self.sides) if address == EVERYBODY else self._places(address)
        for_all = address == EVERYBODY or address.is_multicast
        side = self.sides.get(begins)
        if for_all or (side and any(address == _broadcast(net) for net in side.prefixes)):
            return {BOX}
        return self._places(address)


def _in_any(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _broadcast(network: Network) -> Address | None:
    """A network of two addresses has none (RFC 3021), nor has IPv6."""
    is_one = network.version == 4 and network.prefixlen <= 30
    return network.broadcast_address if is_one else None


def parse(data: bytes) -> Policy:
    """The policy that these bytes are. Raises Failed when they are none."""
    try:
        values = json.loads(data)
        if values["format"] != FORMAT:
            raise Failed(f"{PATH} has format {values['format']}, this program reads {FORMAT}")
        return Policy(
            {name: _side(each) for name, each in values["networks"].items()},
            tuple(_flow(each) for each in values["flows"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Failed(f"{PATH} is no policy: {error!r}") from None


def _side(values: dict[str, Any]) -> Side:
    own = tuple(ip_network(each).network_address for each in values["own"])
    return Side(bool(values["inside"]), tuple(map(ip_network, values["prefixes"])), own)


def _flow(values: dict[str, Any]) -> Flow:
    permits = tuple(_permit(each, values.get("helper", "")) for each in values["permits"])
    words = {
        word: str(values[word])
        for word in ("source", "destination", "service", "ports", "reason", "feature", "note")
    }
    return Flow(**words, permits=permits)


def _permit(values: list[Any], helper: str) -> Permit:
    begins, ends, source, destination, protocol, low, high = values
    made = Permit(
        begins, ends, ip_network(source), ip_network(destination), protocol, low, high, helper
    )
    if made.protocol not in NUMBERS:
        raise ValueError(f"no protocol {made.protocol}")
    return made
