"""Which addresses the lab gives to whom the description gives none. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from gateway.policy import IPNetwork, side_of
from gateway.site import Network, Site

Address = IPv4Address | IPv6Address
OUTSIDER = "outsider"
# So many addresses are looked at from the top of a network: an IPv6 network has 2^64.
LOOKED_AT = 4096


def guest(network: str) -> str:
    """What a machine that nobody described is called, plugged into one of our networks."""
    return f"guest@{network}"


def services(site: Site) -> dict[str, tuple[Address, ...]]:
    """The addresses of the hospital's services, by what they are."""
    offer = site.hospital
    return {
        "router": (site.outside.router,) if site.outside.router else (),
        "dns": offer.dns,
        "time": offer.time,
        "proxy": (offer.web_proxy.address,) if offer.web_proxy else (),
        "mail": (offer.mail_relay,) if offer.mail_relay else (),
        "mirror": _mirror_address(site),
    }


def _mirror_address(site: Site) -> tuple[Address, ...]:
    """The address of a mirror that the site names by it, a mirror of the hospital's own."""
    try:
        return (ip_address(urlsplit(site.updates.mirror or "").hostname or ""),)
    except ValueError:
        return ()


def named_outside(site: Site) -> dict[str, IPNetwork]:
    """Hospital addresses and prefixes that the description names, of services apart."""
    named = [*site.administration.allowed_from]
    named += [who for rule in site.access for who in (rule.source, rule.to)]
    named += [str(peer.address) for peer in site.peers.values()]
    named += site.reports.readers if site.reports else ()
    found: dict[str, IPNetwork] = {}
    for who in named:
        try:
            addresses = ip_network(who)
        except ValueError:
            continue  # a device, a network, `outside`
        if side_of(site, addresses) == site.outside_name:
            found[who] = addresses
    return found


def allocate(site: Site) -> dict[str, Address]:
    """An address for everyone who needs one, the same on every run; a full network gives none.

    From the top of the network, outside its DHCP range: people and the box count from below.
    """
    prefixes = named_outside(site)
    single = {who: each[0] for who, each in prefixes.items() if each.num_addresses == 1}
    taken: set[Address] = {each.address.ip for each in site.networks.values()}
    taken.update(each.address6.ip for each in site.networks.values() if each.address6)
    taken.update(each.address for each in site.devices.values() if each.address)
    taken.update(address for each in services(site).values() for address in each)
    taken.update(single.values())
    given: dict[str, Address] = dict(single)
    wanting: list[tuple[str, IPNetwork, Network | None]]
    wanting = [(who, net, None) for who, net in prefixes.items() if who not in single]
    wanting += [
        (name, site.networks[each.network].network, site.networks[each.network])
        for name, each in site.devices.items()
        if each.network and not each.address
    ]
    wanting += [(guest(name), each.network, each) for name, each in site.inside.items()]
    wanting.append((OUTSIDER, site.outside.network, site.outside))
    for who, addresses, side in wanting:
        free = _free(addresses, taken, side)
        if free:
            given[who] = free
            taken.add(free)
    return given


def _free(addresses: IPNetwork, taken: Iterable[Address], side: Network | None) -> Address | None:
    lent = range(0)
    if side and side.dhcp:
        lent = range(int(side.dhcp.first), int(side.dhcp.last) + 1)
    lowest, top = int(addresses.network_address), int(addresses.broadcast_address)
    kind = type(addresses.network_address)
    for number in range(top - 1, max(lowest, top - LOOKED_AT), -1):
        if kind(number) not in taken and number not in lent:
            return kind(number)
    return None


def is_on(address: Address, side: Network) -> bool:
    """Whether an address belongs to a network."""
    if isinstance(address, IPv4Address):
        return address in side.network
    return side.address6 is not None and address in side.address6.network


def with_prefix(addresses: Iterable[Address], side: Network) -> tuple[str, ...]:
    """Addresses as their cards get them, with the network's prefix length."""
    found = []
    for address in addresses:
        own = side.address if address.version == 4 else side.address6
        if own:
            found.append(f"{address}/{own.network.prefixlen}")
    return tuple(found)


def beyond(site: Site, host: int) -> Address:
    """A server beyond the hospital's router, on none of the site's own networks.

    Documentation addresses (RFC 5737).
    """
    choices = [ip_address(f"{net}.{host}") for net in ("198.51.100", "203.0.113", "192.0.2")]
    nets = [network.network for network in site.networks.values()]
    return next(each for each in choices if not any(each in net for net in nets))
