"""Concrete packets and ranges out of diagrams, and how people write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from gateway.site import Site

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

    @classmethod
    def of(cls, site: Site) -> Known:
        """All cards by their network, all addresses by who has them."""
        cards = {name_value(net.nic.interface): name for name, net in site.networks.items()}
        addresses: dict[tuple[int, int], str] = {}
        for name, device in site.devices.items():
            for each in (device.address, device.address6):
                if each:
                    addresses[_family(each), int(each)] = name
        for net in site.networks.values():
            for own in (net.address, net.address6):
                if own:
                    addresses[_family(own), int(own.ip)] = "box"
        return cls(cards, addresses)

    def preferred(self, name: str, family: int) -> Iterable[int]:
        """Values that make an example easy to read."""
        if name in ("iif", "oif"):
            return self.cards
        if name in ("source", "destination"):
            # 198.51.100.7 and 2001:db8::7 are nobody's (RFC 5737, RFC 3849).
            other = ip_address("198.51.100.7" if family == IPV4 else "2001:db8::7")
            return (*(value for of, value in self.addresses if of == family), int(other))
        if name == "sport":
            return (40000,)
        return PREFERRED.get(name, ())


def _family(address: IPv4Address | IPv6Address) -> int:
    return IPV4 if address.version == 4 else IPV6


def example(path: Path, box: Mapping[int, Values], known: Known) -> Packet:
    """One packet of a box."""
    chosen: list[tuple[str, int]] = []
    for number, name in enumerate(FIELDS):
        values = box.get(number, ((0, (1 << fields.BITS[name]) - 1),))
        family = dict(chosen).get("family", IPV4)
        liked = (
            v for v in known.preferred(name, family) if any(low <= v <= top for low, top in values)
        )
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
        shown = ("iif", "oif", "source", "destination", "protocol", "sport", "dport")
        return ", ".join(
            f"{name} {ranges(name, given[name], family)}"
            for name in shown
            if name in given and given[name] != ((0, 0),)
        )


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
