"""What is allowed besides the shares, and who administers the box.

Asks which side an end is on, so there must be exactly one outside network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network

from gateway.nearest import nearest
from gateway.policy import SERVICES, IPNetwork, end, service
from gateway.problems import Fault, Path
from gateway.site import Site
from gateway.written import BOX, OUTSIDE

PORTS = re.compile(r"(tcp|udp)/(\d{1,5})(?:-(\d{1,5}))?")


def faults(site: Site) -> Iterator[Fault]:
    """What is wrong with ``access`` and ``administration``."""
    yield from _administration(site)
    for index, access in enumerate(site.access):
        path: Path = ("access", index)
        ends = (("from", access.source), ("to", access.to))
        wrong = [fault for key, who in ends for fault in unknown(site, (*path, key), who)]
        yield from wrong
        if not wrong:
            yield from _between(site, path, access.source, access.to)
        yield from _services(path, access.services)


def _administration(site: Site) -> Iterator[Fault]:
    names = site.administration.allowed_from
    for index, who in enumerate(names):
        path: Path = ("administration", "from", index)
        if who == OUTSIDE:
            message = "the whole world outside must not be able to log in to the box"
            yield Fault(path, message, "name the administrators' hospital addresses")
        elif who in names[:index]:
            yield Fault(path, f"`{who}` is listed twice", "remove one of them")
        else:
            yield from unknown(site, path, who)


def unknown(site: Site, path: Path, who: str) -> Iterator[Fault]:
    """Why a name or address is no end that the box could let through."""
    if who == OUTSIDE or who in site.networks:
        return
    if who in site.devices:
        if site.devices[who].network is None:
            message = f"`{who}` has no network"
            yield Fault(path, message, "remove it here, or give it a network")
        return
    if who == BOX:
        message = "what the box itself serves follows from the shares and services"
        yield Fault(path, message, "nothing need be written for it: remove this entry")
        return
    try:
        addresses = ip_network(who)
    except ValueError:
        yield _no_address(site, path, who)
        return
    yield from _wrong_side(site, path, addresses)


def _no_address(site: Site, path: Path, who: str) -> Fault:
    if not re.search(r"[.:/]", who):
        known = (*site.devices, *site.networks, OUTSIDE)
        message = f"there is no device or network `{who}`"
        return Fault(path, message, nearest(who, known))
    try:
        meant = ip_network(who, strict=False)
    except ValueError:
        return Fault(path, f"{who} is no address", "such as 192.0.2.50 or 198.51.100.0/24")
    message = f"{who} names a machine and a whole network at once"
    return Fault(path, message, f"write {meant}, or the address alone")


def _wrong_side(site: Site, path: Path, addresses: IPNetwork) -> Iterator[Fault]:
    if addresses.version == 6 and not any(each.address6 for each in site.networks.values()):
        message = "no network has IPv6, so nothing of it passes the box"
        yield Fault(path, message, "give an IPv4 address, or add `address6` to the networks")
        return
    for name, network in site.networks.items():
        for own in (network.address, network.address6):
            if own is None or own.version != addresses.version:
                continue
            if ip_network(own.ip) == addresses:
                yield Fault(path, f"{own.ip} is the box itself", "remove this entry")
            elif (
                network.inside
                and addresses.overlaps(own.network)
                and addresses.prefixlen < own.network.prefixlen
            ):
                message = f"{addresses} takes in `{name}` ({own.network}) and more"
                mend = "write `outside` for anything beyond the box, or name each network"
                yield Fault(path, message, mend)


def _between(site: Site, path: Path, source: str, to: str) -> Iterator[Fault]:
    one, two = end(site, source), end(site, to)
    if one is None or two is None:
        return
    if source == to:
        message = f"`{source}` needs no leave to talk to itself"
        yield Fault((*path, "to"), message, "remove this entry")
    elif one.network == two.network and one.network in site.networks:
        message = (
            f"`{source}` and `{to}` are both on `{one.network}`: "
            "they talk directly, and the box never sees it"
        )
        yield Fault((*path, "to"), message, "remove this entry: nothing here can allow or deny it")
    elif not {each.version for each in one.addresses} & {each.version for each in two.addresses}:
        message = f"`{source}` and `{to}` have no IP version in common"
        yield Fault((*path, "to"), message, "give both IPv4 addresses, or both IPv6 addresses")


def _services(path: Path, names: tuple[str, ...]) -> Iterator[Fault]:
    for index, name in enumerate(names):
        at = (*path, "services", index)
        if name in names[:index]:
            yield Fault(at, f"`{name}` is listed twice", "remove one of them")
        elif service(name) is None:
            yield _no_service(at, name)


def _no_service(path: Path, name: str) -> Fault:
    ports = PORTS.fullmatch(name)
    if ports is None:
        mend = nearest(name, SERVICES, listed="known, beside tcp/PORT and udp/PORT")
        return Fault(path, f"there is no service `{name}`", mend)
    low, high = int(ports[2]), int(ports[3] or ports[2])
    if low > high:
        return Fault(path, f"{name} ends below where it begins", f"write {ports[1]}/{high}-{low}")
    return Fault(path, f"{name} has a port that does not exist", "ports go from 1 to 65535")
