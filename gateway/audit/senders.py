"""Whose address a packet may have where it comes from: nobody borrows another's.

From the RFCs and the description alone, as ``allowed``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from gateway.audit import fields
from gateway.audit.fields import IPV4, IPV6, common, flat, name_value
from gateway.audit.rules import Values
from gateway.audit.universe import one
from gateway.flow import IPNetwork
from gateway.ground import Ground, Wire

NEVER4 = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")
"""Never the source of what comes from another machine (RFC 1122, 3.2.1.3; RFC 6890)."""
NEVER6 = ("::/128", "::1/128", "::ffff:0:0/96", "ff00::/8")
"""The same for IPv6 (RFC 4291, 2.5 and 2.7)."""
LINK_LOCAL = "fe80::/10"


class Sides:
    """The site's networks as packets show them: their cards, and who may be the source there."""

    def __init__(self, site: Ground) -> None:
        self.site = site
        self._cards = {
            name: one(name_value(network.nic.interface)) for name, network in site.networks.items()
        }
        self._sources = {
            (name, family): valid_sources(site, name, family)
            for name in site.networks
            for family in (IPV4, IPV6)
        }

    def card(self, network: str) -> Values:
        """The card of a network."""
        return self._cards[network]

    def sources(self, network: str, family: int) -> Values:
        """The source addresses that packets from a network may have."""
        return self._sources[network, family]


def numbers(networks: Iterable[IPNetwork], family: int) -> Values:
    """The addresses of one family, as numbers."""
    version = 4 if family == IPV4 else 6
    return flat(
        [
            (int(each.network_address), int(each.broadcast_address))
            for each in networks
            if each.version == version
        ]
    )


def valid_sources(site: Ground, name: str, family: int) -> Values:
    """The source addresses that packets from one side may have: nobody borrows another's."""
    network = site.networks[name]
    if family == IPV6 and network.address6 is None:
        return ()
    never = numbers(_never(site, network), family)
    side = numbers(_there(network), family) if network.inside else _everything(family)
    return common(side, fields.all_but(never, _everything(family)[0][1]))


def _everything(family: int) -> Values:
    return ((0, (1 << (32 if family == IPV4 else 128)) - 1),)


def _there(network: Wire) -> Iterator[IPNetwork]:
    yield network.network
    if network.address6:
        yield network.address6.network
        yield ip_network(LINK_LOCAL)


def _never(site: Ground, network: Wire) -> Iterator[IPNetwork]:
    """The box's own addresses there, broadcasts, and outside also everything of ours."""
    yield from (ip_network(each.ip) for each in (network.address, network.address6) if each)
    own = network.network
    if own.prefixlen < 31:
        yield ip_network(own.broadcast_address)
        if network.inside:  # outside, the hospital may number its hosts as it likes
            yield ip_network(own.network_address)
    if not network.inside:
        yield from map(ip_network, (*NEVER4, *NEVER6))
        for each in site.inside.values():
            yield each.network
            if each.address6:
                yield each.address6.network
