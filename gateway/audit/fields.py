"""The fields of a packet as the proof sees them, and what nft's keys have to do with them.

A key of nft is a field, the conditions under which the kernel can read it at all (else the rule
is left: NFT_BREAK in nft_payload.c and nft_ct.c), and how its values lie in the field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from gateway.audit.rules import Values

IPV4, IPV6 = 2, 10
"""NFPROTO_IPV4 and NFPROTO_IPV6 (linux/netfilter.h)."""
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
INVALID, ESTABLISHED, RELATED, NEW, UNTRACKED = 1, 2, 4, 8, 64
"""Connection states, as nft numbers them (ct state, nft(8))."""
SYN_OF, SYN = 0x17, 0x02
"""fin, syn, rst and ack; only syn among them begins a conversation (RFC 9293, 3.5)."""

BITS: Mapping[str, int] = {
    "state": 8,
    "family": 8,
    "iif": 128,
    "oif": 128,
    "helper": 128,
    "source": 128,
    "destination": 128,
    "protocol": 8,
    "sport": 16,  # ICMP has its type and code there: the first two bytes of the header
    "dport": 16,  # and its checksum here
    "flags": 8,
    "fragment": 1,
    "dnat": 1,
    "snat": 1,
    "direction": 1,
    "mark": 32,
    "ctmark": 32,
    "ttl": 8,
    "dscp": 6,
    "length": 16,
    "pkttype": 3,
    "nexthdr": 8,
}
"""The fields, in the order the diagram asks them: those that tell most apart come first."""
FIELDS = tuple(BITS)
NUMBER = {name: number for number, name in enumerate(FIELDS)}
LIMITS = tuple((1 << bits) - 1 for bits in BITS.values())

NAME_BYTES = 16
"""IFNAMSIZ, and what nft takes for the name of a helper."""


def name_value(name: str) -> int:
    """The name of a card or helper as the number that its bytes make, padded with zeros."""
    return int.from_bytes(name.encode().ljust(NAME_BYTES, b"\0")[:NAME_BYTES], "big")


def names(pattern: str) -> Values:
    """The names that ``cam0`` or ``cam*`` stands for (a star that is meant has a backslash)."""
    if pattern.endswith("*") and not pattern.endswith("\\*"):
        start = pattern[:-1].encode()
        rest = NAME_BYTES - len(start)
        low = int.from_bytes(start + bytes(rest), "big")
        return ((low, low + (1 << 8 * rest) - 1),)
    value = name_value(pattern.replace("\\*", "*"))
    return ((value, value),)


def value_name(value: int) -> str:
    """The name that a number stands for, for people."""
    raw = value.to_bytes(NAME_BYTES, "big").rstrip(b"\0")
    text = raw.decode("ascii", "replace")
    return text if text.isprintable() else ""


def flat(values: list[tuple[int, int]]) -> Values:
    """Intervals sorted, and those that touch joined."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(values):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return tuple(result)


def all_but(values: Values, limit: int) -> Values:
    """The intervals between."""
    result, low = [], 0
    for start, end in values:
        if start > low:
            result.append((low, start - 1))
        low = end + 1
    if low <= limit:
        result.append((low, limit))
    return tuple(result)


def common(one: Values, other: Values) -> Values:
    """The values that are in both."""
    result, i, j = [], 0, 0
    while i < len(one) and j < len(other):
        low, high = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if low <= high:
            result.append((low, high))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return tuple(result)


def _same(values: Values) -> Values:
    return values


def _type(values: Values) -> Values:
    return tuple((low << 8, high << 8 | 255) for low, high in values)


def _code(values: Values) -> Values:
    return flat(
        [(kind << 8 | low, kind << 8 | high) for kind in range(256) for low, high in values]
    )


@dataclass(frozen=True)
class Key:
    """Where nft's key finds its value."""

    field: str
    bits: int
    needs: tuple[tuple[str, Values], ...] = ()
    place: Callable[[Values], Values] = _same

    @property
    def plain(self) -> bool:
        """Whether its values are the field's own."""
        return self.place is _same


def _only(**values: int) -> tuple[tuple[str, Values], ...]:
    return tuple((name, ((value, value),)) for name, value in values.items())


def _transport(name: str, protocol: int | None) -> dict[str, Key]:
    # Later fragments have no transport header (nft_payload_eval looks at pkt->fragoff).
    needs = _only(fragment=0) if protocol is None else _only(protocol=protocol, fragment=0)
    return {f"{name} {port}": Key(port, 16, needs) for port in ("sport", "dport")}


def _icmp(name: str, family: int, protocol: int) -> dict[str, Key]:
    needs = _only(family=family, protocol=protocol, fragment=0)
    return {
        f"{name} type": Key("sport", 8, needs, _type),
        f"{name} code": Key("sport", 8, needs, _code),
        f"{name} checksum": Key("dport", 16, needs),
    }


_V4, _V6 = _only(family=IPV4), _only(family=IPV6)
# A packet without a conversation (invalid, untracked) has nothing of it but its state.
_TRACKED: tuple[tuple[str, Values], ...] = (
    ("state", ((ESTABLISHED, ESTABLISHED), (RELATED, RELATED), (NEW, NEW))),
)
_HELPED = (*_TRACKED, ("helper", ((1, LIMITS[NUMBER["helper"]]),)))
KEYS: Mapping[str, Key] = {
    "meta nfproto": Key("family", 8),
    "meta l4proto": Key("protocol", 8),
    "meta iifname": Key("iif", 128),
    "meta oifname": Key("oif", 128),
    "meta mark": Key("mark", 32),
    "meta pkttype": Key("pkttype", 3),
    "ip saddr": Key("source", 32, _V4),
    "ip daddr": Key("destination", 32, _V4),
    "ip protocol": Key("protocol", 8, _V4),
    "ip ttl": Key("ttl", 8, _V4),
    "ip dscp": Key("dscp", 6, _V4),
    "ip length": Key("length", 16, _V4),
    "ip6 saddr": Key("source", 128, _V6),
    "ip6 daddr": Key("destination", 128, _V6),
    "ip6 hoplimit": Key("ttl", 8, _V6),
    "ip6 dscp": Key("dscp", 6, _V6),
    "ip6 length": Key("length", 16, _V6),
    "ip6 nexthdr": Key("nexthdr", 8, _V6),
    **_transport("th", None),
    **_transport("tcp", TCP),
    **_transport("udp", UDP),
    **_transport("udplite", 136),
    **_transport("sctp", 132),
    **_transport("dccp", 33),
    **_icmp("icmp", IPV4, ICMP),
    **_icmp("icmpv6", IPV6, ICMPV6),
    "tcp flags": Key("flags", 8, _only(protocol=TCP, fragment=0)),
    "ct state": Key("state", 8),
    "ct status dnat": Key("dnat", 1, _TRACKED),
    "ct status snat": Key("snat", 1, _TRACKED),
    "ct direction": Key("direction", 1, _TRACKED),
    "ct mark": Key("ctmark", 32, _TRACKED),
    # It is the helper of the conversation that announced this one (nft_ct.c, NFT_CT_HELPER).
    "ct helper": Key("helper", 128, _HELPED),
}
STATUS = {0x20: "dnat", 0x10: "snat"}
"""Bits of ``ct status`` that the model has (IPS_DST_NAT, IPS_SRC_NAT; nf_conntrack_common.h)."""


def show(field: str, value: int, family: int) -> str:
    """A value as people write it."""
    if field in ("source", "destination"):
        return str(IPv4Address(value) if family == IPV4 else IPv6Address(value))
    if field in ("iif", "oif", "helper"):
        return value_name(value)
    return str(value)
