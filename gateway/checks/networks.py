"""The sides of the box: their addresses, cards, router, and what is lent by DHCP."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from itertools import combinations

from gateway.problems import Fault, Path
from gateway.site import Network, Site

NOT_A_CARD = {
    "lo": "is the box talking to itself",
    # /proc/sys/net/ipv4/conf: settings of such a card would be those of every card.
    "all": "means every card to the kernel",
    "default": "means every card to come to the kernel",
}
ZONE_MAX = 32  # Inside AppleTalk, 8: zone names, in the Macintosh character set
# What names in NBP are put together with or ask with (Inside AppleTalk, 7); and the quotes of
# atalkd.conf(5), which knows no escapes.
ZONE_MARKS = frozenset('*=≈:@"')
INTERFACE_MAX = 15  # IFNAMSIZ of linux/if.h, less its NUL
IPInterface = IPv4Interface | IPv6Interface


def faults(site: Site) -> Iterator[Fault]:
    """What is wrong with the networks, alone and with each other."""
    yield from _sides(site)
    for name, network in site.networks.items():
        yield from _own_address(name, network)
        yield from _router(name, network)
        yield from _dhcp(site, name, network)
        yield from _zone(site, name, network)
    yield from _overlaps(site)
    yield from _cards(site)


def unusable(address: IPv4Address | IPv6Address, network: IPInterface) -> str:
    """Why no machine on that network can have the address, or nothing."""
    net = network.network
    if address not in net:
        return f"is outside {net}"
    if address.version == 4 and net.prefixlen < 31:  # RFC 3021: both of a /31 are hosts
        if address == net.network_address:
            return f"is the network's own number ({net})"
        if address == net.broadcast_address:
            return f"is the broadcast address of {net}"
    return ""


def _sides(site: Site) -> Iterator[Fault]:
    outside = [name for name, network in site.networks.items() if not network.inside]
    if not site.networks:
        mend = "describe the hospital's side and at least one inside"
        yield Fault(("networks",), "no network is described", mend, on_key=True)
        return
    if not outside:
        message = "no network is the hospital's side"
        yield Fault(("networks",), message, "say `side: outside` in one of them", on_key=True)
    for name in outside[1:]:
        message = f"`{name}` is a second outside network, beside `{outside[0]}`"
        mend = "there is one way out: remove `side: outside` in all others"
        yield Fault(("networks", name, "side"), message, mend)
    if len(outside) == len(site.networks):
        message = "no network is inside, so there is nobody to serve"
        mend = "describe the cameras' or the office's network"
        yield Fault(("networks",), message, mend, on_key=True)


def _own_address(name: str, network: Network) -> Iterator[Fault]:
    for key, own in (("address", network.address), ("address6", network.address6)):
        if own is None:
            continue
        path: Path = ("networks", name, key)
        reason = unusable(own.ip, own)
        if reason:
            mend = f"give the box an address of its own, such as {next(own.network.hosts())}"
            yield Fault(path, f"{own.ip} {reason}", mend)
        elif not _for_hosts(own):
            message = f"{own.ip} is no address that a network of machines can use"
            yield Fault(path, message, "private ones are 10.x.x.x, 172.16.x.x, 192.168.x.x")
        elif own.version == 4 and own.network.prefixlen < 8:
            mend = f"write the hospital's own prefix length, such as {own.ip}/24"
            yield Fault(path, f"/{own.network.prefixlen} takes in most of the internet", mend)


def _for_hosts(own: IPInterface) -> bool:
    address = own.ip
    return not (
        address.is_loopback
        or address.is_multicast
        or address.is_unspecified
        or address.is_link_local
        or (address.version == 4 and address.is_reserved)
    )


def _overlaps(site: Site) -> Iterator[Fault]:
    for (one, first), (two, second) in combinations(site.networks.items(), 2):
        if first.address.network.overlaps(second.address.network):
            yield _overlap(one, first.address, two, second.address, "address")
        one6, two6 = first.address6, second.address6
        if one6 and two6 and one6.network.overlaps(two6.network):
            yield _overlap(one, one6, two, two6, "address6")


def _overlap(one: str, first: IPInterface, two: str, second: IPInterface, key: str) -> Fault:
    message = f"{second.network} overlaps `{one}` ({first.network})"
    mend = "the box could not tell which side a machine is on: give each its own range"
    return Fault(("networks", two, key), message, mend)


def _cards(site: Site) -> Iterator[Fault]:
    interfaces: dict[str, str] = {}
    macs: dict[str, str] = {}
    cards: dict[str, str] = {}
    for name, network in site.networks.items():
        nic, path = network.nic, ("networks", name, "nic")
        if nic.interface in interfaces:
            message = f"the card {nic.interface} is `{interfaces[nic.interface]}`'s already"
            yield Fault(path, message, "use another card, or give each network a `vlan`")
        if len(nic.interface) > INTERFACE_MAX:
            message = f"{nic.interface} is longer than the {INTERFACE_MAX} characters Linux takes"
            yield Fault(path, message, "give the card a shorter name")
        if nic.name in NOT_A_CARD:
            yield Fault(path, f"`{nic.name}` {NOT_A_CARD[nic.name]}", "name a real card")
        interfaces.setdefault(nic.interface, name)
        if nic.mac is None:
            continue
        if cards.setdefault(nic.name, nic.mac) != nic.mac:
            message = f"the card {nic.name} has the MAC address {cards[nic.name]} above"
            yield Fault(
                (*path, "mac"), message, "one card has one MAC address: correct one of them"
            )
        if macs.setdefault(nic.mac, nic.name) != nic.name:
            message = f"{nic.mac} is the card {macs[nic.mac]} already"
            yield Fault((*path, "mac"), message, "read it from the card: ip link")
        if is_group(nic.mac):
            yield Fault((*path, "mac"), f"{nic.mac} is no single card's address", GROUP_MEND)


GROUP_MEND = "read it from the machine: the second digit is even, and not all are zero"


def is_group(mac: str) -> bool:
    """Whether a MAC address cannot be one machine's (IEEE 802: the first octet's lowest bit)."""
    return bool(int(mac[:2], 16) & 1) or not mac.strip("0:")


def _router(name: str, network: Network) -> Iterator[Fault]:
    pairs = (
        ("router", network.router, network.address, "address"),
        ("router6", network.router6, network.address6, "address6"),
    )
    for key, router, own, beside in pairs:
        if router is None:
            continue
        path: Path = ("networks", name, key)
        if network.inside:
            yield Fault(path, "the router inside is the box itself", f"remove `{key}` here")
        elif own is None:
            yield Fault(path, f"there is no `{beside}` to reach {router} from", f"add `{beside}`")
        elif router == own.ip:
            yield Fault(path, f"{router} is the box itself", "give the hospital's router")
        elif key == "router6" and router.is_link_local:
            continue  # what routers announce themselves with (RFC 4861, 4.2)
        elif reason := unusable(router, own):
            yield Fault(path, f"{router} {reason}", f"the router must be in {own.network}")


def _dhcp(site: Site, name: str, network: Network) -> Iterator[Fault]:
    if network.dhcp is None:
        return
    first, last, own = network.dhcp.first, network.dhcp.last, network.address
    path: Path = ("networks", name, "dhcp")
    if not network.inside:
        message = "the box must not lend addresses of the hospital's network"
        yield Fault(path, message, "remove `dhcp` here", on_key=True)
        return
    bad = False
    for key, address in (("first", first), ("last", last)):
        if reason := unusable(address, own):
            bad = True
            yield Fault((*path, key), f"{address} {reason}", f"choose one in {own.network}")
    if first > last:
        bad = True
        message = f"{last} is below the first, {first}"
        yield Fault((*path, "last"), message, "exchange the two")
    if bad:
        return
    if first <= own.ip <= last:
        message = f"the range takes in the box's own address {own.ip}"
        yield Fault((*path, "first"), message, "let it begin above or end below")
    for device, each in site.devices_on(name).items():
        if each.address and first <= each.address <= last:
            message = f"the range takes in {each.address}, the fixed address of `{device}`"
            yield Fault((*path, "first"), message, f"let it leave out {each.address}")


def _zone(site: Site, name: str, network: Network) -> Iterator[Fault]:
    if network.zone is None:
        return
    path: Path = ("networks", name, "zone")
    zone, taken = network.zone, [each for each, net in site.networks.items() if net.zone]
    if not network.inside:
        message = "AppleTalk has no place on the hospital's network"
        yield Fault(path, message, "remove `zone` here", on_key=True)
    elif taken.index(name) if name in taken else 0:
        message = f"`{taken[0]}` has a zone already, and AppleTalk would pass between the two"
        mend = "the firewall does not see it: have the Macs that need it on one network"
        yield Fault(path, message, mend, on_key=True)
    try:
        length = len(zone.encode("mac_roman"))
    except UnicodeEncodeError as error:
        letter = zone[error.start]
        message = f"the character `{letter}` is not in the Macintosh character set"
        yield Fault(path, message, "write the zone in Latin letters")
        return
    if length > ZONE_MAX:
        message = f"the zone's name has {length} letters, and AppleTalk allows {ZONE_MAX}"
        yield Fault(path, message, "choose a shorter name")
    if not zone.strip() or zone != zone.strip() or ZONE_MARKS & set(zone) or not zone.isprintable():
        message = "a zone's name has no blanks at its ends and none of " + " ".join(
            sorted(ZONE_MARKS)
        )
        yield Fault(path, message, "such as `Nuclear Medicine`")
