"""What may begin, as nft text: sets and rules that say of everything they let through why.

It knows nothing of sites or features. Exact permits go into hash sets, whose cost per packet
does not grow with the number of devices; ranges into an interval set with the most selective
field first (facts: a concatenation that begins with the interface is 20 times slower).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from gateway.policy import IPNetwork, PortRange

COMMENT_LIMIT = 128
"""Bytes a comment may have in nft (libnftnl, NFTNL_UDATA_COMMENT_MAXLEN)."""


@dataclass(frozen=True)
class Permit:
    """The beginning of a conversation that is let through; ``ports`` None: an ICMP echo request."""

    source: IPNetwork
    destination: IPNetwork
    ports: PortRange | None

    @cached_property
    def box(self) -> tuple[tuple[int, int], ...]:
        """Its corners: the lowest and highest value of each field, also what it is sorted by."""
        protocol = 0 if self.ports is None else {"tcp": 6, "udp": 17}[self.ports.protocol]
        low, high = (self.ports.low, self.ports.high) if self.ports else (0, 0)
        return (
            (self.source.version, self.source.version),
            (int(self.source.network_address), int(self.source.broadcast_address)),
            (int(self.destination.network_address), int(self.destination.broadcast_address)),
            (protocol, protocol),
            (low, high),
        )

    @property
    def kind(self) -> str:
        """What tells its set from the others of its chain: family, echo or not, exact or not."""
        echo = "_echo" if self.ports is None else ""
        return f"{self.family}{echo}_{'exact' if self.exact else 'range'}"

    @cached_property
    def exact(self) -> bool:
        """Whether every field has one value only."""
        return all(low == high for low, high in self.box)

    @property
    def family(self) -> str:
        """The word nft uses for its addresses."""
        return "ip" if self.source.version == 4 else "ip6"

    def overlaps(self, other: Permit) -> bool:
        """Whether some packet is let through by both."""
        # Destinations first: they differ most often, and a loop is left sooner than all().
        for field in (2, 4, 3, 1, 0):
            (low, high), (other_low, other_high) = self.box[field], other.box[field]
            if low > other_high or other_low > high:
                return False
        return True

    def element(self) -> str:
        """As an element of its set."""
        fields = [_address(self.source), _address(self.destination)]
        if self.ports:
            fields += [self.ports.protocol, _ports(self.ports)]
        return " . ".join(fields)

    def match(self) -> str:
        """As the matches of a rule."""
        ends = f"{self.family} saddr {self.source} {self.family} daddr {self.destination}"
        if self.ports:
            return f"{ends} {self.ports.protocol} dport {_ports(self.ports)}"
        return f"{ends} {_echo(self.family)}"

    def lookup(self) -> str:
        """The matches of a rule that asks a set of its kind, but for the set's name."""
        key = f"{self.family} saddr . {self.family} daddr"
        if self.ports:
            return f"{key} . meta l4proto . th dport"
        return f"{_echo(self.family)} {key}"

    def key_type(self) -> str:
        """The type of a set of its kind."""
        address = "ipv4_addr" if self.family == "ip" else "ipv6_addr"
        key = f"{address} . {address}"
        return f"{key} . inet_proto . inet_service" if self.ports else key


def _address(network: IPNetwork) -> str:
    return str(network.network_address if network.num_addresses == 1 else network)


def _ports(ports: PortRange) -> str:
    return str(ports.low) if ports.low == ports.high else f"{ports.low}-{ports.high}"


def _echo(family: str) -> str:
    return "icmp type echo-request" if family == "ip" else "icmpv6 type echo-request"


@dataclass(frozen=True)
class NamedSet:
    """A set as it stands in the file: its lines but for the braces."""

    name: str
    head: tuple[str, ...]
    elements: tuple[str, ...]


@dataclass(frozen=True)
class Chain:
    """A chain without a hook, and the sets its rules ask."""

    name: str
    rules: tuple[str, ...]
    sets: tuple[NamedSet, ...] = ()


def comment(reasons: Iterable[str]) -> str:
    """Reasons as the comment of one element: as many as fit, then how many more there are."""
    each = tuple(dict.fromkeys(reasons))
    for kept in range(len(each), 0, -1):
        more = f" +{len(each) - kept} more" if kept < len(each) else ""
        text = ", ".join(each[:kept]) + more
        if len(text.encode()) <= COMMENT_LIMIT:
            return text
    # Not even one fits whole. Its end is the place in the file, so that is what stays.
    return "..." + each[0].encode()[3 - COMMENT_LIMIT :].decode(errors="ignore")


def chain(
    name: str, permits: Mapping[Permit, Sequence[str]], before: tuple[str, ...] = ()
) -> Chain:
    """A chain that accepts the permits, each with its reasons as comment, after other rules."""
    groups: dict[str, list[Permit]] = {}
    for permit in sorted(permits, key=lambda each: each.box):
        groups.setdefault(permit.kind, []).append(permit)
    sets, lookups, rules = [], [], []
    for kind, members in sorted(groups.items()):
        # Two exact permits are the same one or apart.
        together, alone = (members, []) if members[0].exact else _disjoint(members)
        head = (f"type {members[0].key_type()}",)
        sets.append(
            NamedSet(
                f"{name}_{kind}",
                (*head, "flags interval") if kind.endswith("range") else head,
                tuple(f'{each.element()} comment "{comment(permits[each])}"' for each in together),
            )
        )
        lookups.append(f"{members[0].lookup()} @{name}_{kind} counter accept")
        rules += [
            f'{each.match()} counter accept comment "{comment(permits[each])}"' for each in alone
        ]
    return Chain(name, (*before, *lookups, *rules), tuple(sets))


def _disjoint(permits: Iterable[Permit]) -> tuple[list[Permit], list[Permit]]:
    """Those that can stand in one interval set, and those that become rules; they come sorted.

    nft refuses elements that overlap (``File exists``), and its auto-merge loses the comments.
    """
    together: list[Permit] = []
    alone: list[Permit] = []
    near: list[Permit] = []
    for permit in permits:  # by their lowest source: those that end before it are done with
        near = [other for other in near if other.box[1][1] >= permit.box[1][0]]
        if any(permit.overlaps(other) for other in near):
            alone.append(permit)
        else:
            together.append(permit)
            near.append(permit)
    return together, alone
