"""Where the kernel of a box leads packets, before any rule says anything.

All in whole numbers: it is asked of every packet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from gateway.audit.answer import Path
from gateway.audit.fields import IPV4, NUMBER, name_value
from gateway.ground import Ground

Range = tuple[int, int]
_FAMILY, _SOURCE, _TO, _OUT = (NUMBER[n] for n in ("family", "source", "destination", "oif"))


def _range(text: str) -> Range:
    net = ip_network(text)
    return int(net.network_address), int(net.broadcast_address)


# RFC 1812, 5.3.7, and ip_route_input_slow: what no router takes for a sender, or leads anywhere.
_NO_SENDER4 = tuple(map(_range, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")))
_NO_SENDER6 = tuple(map(_range, ("::/8", "fe80::/10", "ff00::/8")))
_NO_WAY4 = (*_NO_SENDER4[:3], _range("224.0.0.0/4"), _range("255.255.255.255/32"))


@dataclass(frozen=True)
class Roads:
    """Of one family: the box's addresses, its networks with their cards, and broadcasts."""

    own: frozenset[int]
    nets: tuple[tuple[int, int, int], ...]
    broadcasts: frozenset[int]
    default: int
    no_sender: tuple[Range, ...]
    no_way: tuple[Range, ...]

    def lead(self, path: Path, values: Sequence[int]) -> bool:
        """Whether a packet goes this path at all: the kernel drops others unseen, or sends them
        elsewhere."""
        source, to = values[_SOURCE], values[_TO]
        if (source in self.own) != (path == "output") or source in self.broadcasts:
            return False
        if any(low <= source <= high for low, high in self.no_sender):
            return False
        if path == "input":
            return to in self.own
        if to in self.own or to in self.broadcasts:
            return False
        if any(low <= to <= high for low, high in self.no_way):
            return False
        return self._out(to) == values[_OUT]

    def _out(self, to: int) -> int:
        return next((card for low, high, card in self.nets if low <= to <= high), self.default)


def roads(site: Ground) -> tuple[Roads, Roads]:
    """A site's, for IPv4 and IPv6."""
    default = name_value(site.outside.nic.interface)
    cards = [(name_value(each.nic.interface), each) for each in site.networks.values()]
    old = [(card, each.address) for card, each in cards]
    new = [(card, each.address6) for card, each in cards if each.address6]
    ends = {
        int(each)
        for _, own in old
        for each in (own.network.network_address, own.network.broadcast_address)
    }
    return (
        Roads(
            frozenset(int(own.ip) for _, own in old),
            tuple(
                (int(own.network.network_address), int(own.network.broadcast_address), card)
                for card, own in old
            ),
            frozenset(ends),
            default,
            _NO_SENDER4,
            _NO_WAY4,
        ),
        Roads(
            frozenset(int(own.ip) for _, own in new),
            tuple(
                (int(own.network.network_address), int(own.network.broadcast_address), card)
                for card, own in new
            ),
            frozenset(),
            default,
            _NO_SENDER6,
            _NO_SENDER6,
        ),
    )


def led(both: tuple[Roads, Roads], path: Path, values: Sequence[int]) -> bool:
    """The same, by the packet's own family."""
    return both[values[_FAMILY] != IPV4].lead(path, values)
