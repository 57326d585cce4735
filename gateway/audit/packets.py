"""Concrete packets and ranges out of diagrams, and how people write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from gateway.audit import fields
from gateway.audit.answer import Packet, Path, Region
from gateway.audit.fields import (
    ESTABLISHED,
    FIELDS,
    ICMP,
    ICMPV6,
    INVALID,
    IPV4,
    IPV6,
    NEW,
    RELATED,
    TCP,
    UDP,
    UNTRACKED,
    name_value,
    value_name,
)
from gateway.audit.rules import Values
from gateway.ground import Ground

MOST_BOXES = 5_000
"""So many are looked at; a larger difference is shown by its beginning."""
PREFERRED: Mapping[str, tuple[int, ...]] = {
    "state": (NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED),
    "family": (IPV4, IPV6),
    "protocol": (TCP, UDP, ICMP, ICMPV6),
    "flags": (fields.SYN, 0x10),
    "ttl": (64,),
    "length": (60,),
}
STATES = {
    INVALID: "invalid",
    ESTABLISHED: "established",
    RELATED: "related",
    NEW: "new",
    UNTRACKED: "untracked",
}
PROTOCOLS = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmpv6"}
FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")


class Known(NamedTuple):
    """What the site calls cards and addresses: an example is rather one of them."""

    cards: dict[int, str]
    addresses: dict[tuple[int, int], str]
    """By family and number."""
    sides: dict[int, list[tuple[int, int]]]
    """The described addresses behind a card, by family and number."""
    own: dict[int, list[tuple[int, int]]]
    """The box's own addresses on a card."""

    @classmethod
    def of(cls, site: Ground) -> Known:
        """All cards by their network, all addresses by who has them."""
        cards = {name_value(net.nic.interface): name for name, net in site.networks.items()}
        addresses: dict[tuple[int, int], str] = {}
        sides: dict[int, list[tuple[int, int]]] = {card: [] for card in cards}
        own: dict[int, list[tuple[int, int]]] = {card: [] for card in cards}
        card_of = {name: card for card, name in cards.items()}
        for name, device in site.devices.items():
            for each in (device.address, device.address6):
                if each and device.network:
                    addresses[_family(each), int(each)] = name
                    sides[card_of[device.network]].append((_family(each), int(each)))
        for name, net in site.networks.items():
            for mine in (net.address, net.address6):
                if mine:
                    addresses[_family(mine), int(mine.ip)] = "box"
                    own[card_of[name]].append((_family(mine), int(mine.ip)))
        sides[name_value(site.outside.nic.interface)] += _NOBODYS
        return cls(cards, addresses, sides, own)

    def preferred(self, name: str, chosen: Mapping[str, int]) -> Iterable[int]:
        """Values that make an example easy to read, after the fields that are chosen already."""
        if name in ("iif", "oif"):
            # Between two sides, and not back where it came from.
            return (*(card for card in self.cards if card != chosen.get("iif")), *self.cards)
        if name in ("source", "destination"):
            return self._addresses(name, chosen)
        if name == "sport":
            return (40000,)
        return PREFERRED.get(name, ())

    def _addresses(self, name: str, chosen: Mapping[str, int]) -> Iterator[int]:
        """First who is on that side, then who is anywhere; nobody talks to himself."""
        here, there = ("iif", "oif") if name == "source" else ("oif", "iif")
        near = self.sides.get(chosen[here], []) if chosen[here] else self.own.get(chosen[there], [])
        other = chosen.get("source") if name == "destination" else None
        for family, value in (*near, *self.addresses, *_NOBODYS):
            if family == chosen["family"] and value != other:
                yield value


# 198.51.100.7 and 2001:db8::7 are nobody's (RFC 5737, RFC 3849).
_NOBODYS = ((IPV4, int(ip_address("198.51.100.7"))), (IPV6, int(ip_address("2001:db8::7"))))


def _family(address: IPv4Address | IPv6Address) -> int:
    return IPV4 if address.version == 4 else IPV6


def example(path: Path, box: Mapping[int, Values], known: Known) -> Packet:
    """One packet of a box."""
    chosen: list[tuple[str, int]] = []
    for number, name in enumerate(FIELDS):
        values = box.get(number, ((0, (1 << fields.BITS[name]) - 1),))
        preferred = known.preferred(name, dict(chosen))
        liked = (v for v in preferred if any(low <= v <= top for low, top in values))
        chosen.append((name, next(liked, values[0][0])))
    return Packet(path, tuple(chosen))


def merged(boxes: Sequence[Mapping[int, Values]]) -> list[dict[int, Values]]:
    """The same packets in fewer boxes: those that differ in one field only become one."""
    left = [dict(box) for box in boxes]
    shrinking = True
    while shrinking:
        before = len(left)
        for number in range(len(FIELDS)):
            left = _merged_by(number, left)
        shrinking = len(left) < before
    return left


def _merged_by(number: int, boxes: list[dict[int, Values]]) -> list[dict[int, Values]]:
    groups: dict[tuple[tuple[int, Values], ...], list[dict[int, Values]]] = {}
    for box in boxes:
        rest = tuple(sorted((key, values) for key, values in box.items() if key != number))
        groups.setdefault(rest, []).append(box)
    result = []
    for group in groups.values():
        box = dict(group[0])
        if any(number not in each for each in group):
            box.pop(number, None)
        else:
            box[number] = fields.flat([pair for each in group for pair in each[number]])
        result.append(box)
    return result


def size(box: Mapping[int, Values]) -> float:
    """How many packets, as a power of two is to be compared: the product of its fields."""
    total = 1.0
    for number, name in enumerate(FIELDS):
        if name in ("source", "destination", "sport", "dport", "protocol", "iif", "oif"):
            values = box.get(number, ((0, (1 << fields.BITS[name]) - 1),))
            total *= sum(high - low + 1 for low, high in values)
    return total


def region(path: Path, box: Mapping[int, Values]) -> Region:
    """A box by the names of its fields."""
    return Region(path, tuple((FIELDS[number], box[number]) for number in sorted(box)))


class Words:
    """A packet or region in words, with the names of the site."""

    def __init__(self, known: Known) -> None:
        self.known = known

    def packet(self, packet: Packet) -> str:
        """``office0 → hosp0: 10.1.2.11 → 192.0.2.25 tcp/25 (new)``."""
        get = dict(packet.fields)
        cards = " → ".join(self.card(get[name]) for name in _cards_of(packet.path))
        ends = " → ".join(self.address(get[name], get["family"]) for name in _ENDS)
        return f"{cards}: {ends} {service(packet)} ({STATES.get(get['state'], '?')})"

    def card(self, value: int) -> str:
        """A card's name; of one that has none, that it is another."""
        return value_name(value) or "another card"

    def address(self, value: int, family: int) -> str:
        """An address."""
        return fields.show("source", value, family)

    def who(self, value: int, family: int) -> str:
        """An address with its owner's name before it."""
        shown, name = self.address(value, family), self.known.addresses.get((family, value))
        return f"{name} ({shown})" if name else shown

    def side(self, card: int) -> str:
        """The network that a card is on."""
        name = self.known.cards.get(card)
        return f"the network {name}" if name else f"the card {self.card(card)}"

    def region(self, region: Region) -> str:
        """Ranges of addresses and ports, what is not narrowed left out."""
        given = dict(region.fields)
        family = given.get("family", ((IPV4, IPV4),))[0][0]
        whole = ((0, (1 << (32 if family == IPV4 else 128)) - 1),)
        return ", ".join(
            f"{word} {ranges(name, given[name], family)}"
            for name, word in _WORDS.items()
            if name in given and given[name] != ((0, 0),) and given[name] != whole
        )


_WORDS = {
    "iif": "in by",
    "oif": "out by",
    "source": "from",
    "destination": "to",
    "protocol": "by",
    "sport": "from port",
    "dport": "to port",
}
_ENDS = ("source", "destination")


def _cards_of(path: Path) -> tuple[str, ...]:
    return {"input": ("iif",), "output": ("oif",), "forward": ("iif", "oif")}[path]


def ranges(name: str, values: Values, family: int) -> str:
    """Intervals as people write them, the first few of many."""
    if name in ("iif", "oif"):
        singles = [value_name(low) for low, high in values if low == high]
        return ", ".join([*singles, *(["other cards"] if len(singles) < len(values) else [])])
    shown = []
    for low, high in values[:8]:
        one, other = (_value(name, each, family) for each in (low, high))
        shown.append(one if low == high else f"{one}-{other}")
    more = f" and {len(values) - 8} more" if len(values) > 8 else ""
    return ", ".join(shown) + more


def _value(name: str, value: int, family: int) -> str:
    if name == "protocol":
        return PROTOCOLS.get(value, str(value))
    return fields.show(name, value, family)


def service(packet: Packet) -> str:
    """``tcp/445``, ``icmp type 8 code 0``, or the number of the protocol."""
    get = dict(packet.fields)
    protocol = get["protocol"]
    if get["fragment"]:
        return f"a later fragment of protocol {PROTOCOLS.get(protocol, protocol)}"
    if protocol in (TCP, UDP):
        text = f"{PROTOCOLS[protocol]}/{get['dport']}"
        if protocol == TCP and get["flags"] & fields.SYN_OF != fields.SYN:
            raised = [word for bit, word in enumerate(FLAGS) if get["flags"] >> bit & 1]
            text += f" with the flags {', '.join(raised) or 'none'}"
        return text
    if protocol in (ICMP, ICMPV6):
        return f"{PROTOCOLS[protocol]} type {get['sport'] >> 8} code {get['sport'] & 255}"
    return f"protocol {protocol}"
