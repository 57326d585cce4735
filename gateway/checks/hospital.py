"""The hospital's services: beyond the box, and reachable. Needs exactly one outside network."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from gateway.problems import Fault, Path
from gateway.site import Site


def faults(site: Site) -> Iterator[Fault]:
    """What is wrong with the hospital's block."""
    yield from _own_hosts(site)
    yield from _way_out(site)


def services(site: Site) -> Iterator[tuple[Path, IPv4Address]]:
    """The hospital's hosts that the description names, each with where."""
    for key, addresses in (("dns", site.hospital.dns), ("time", site.hospital.time)):
        for index, address in enumerate(addresses):
            yield ("hospital", key, index), address
    if site.hospital.web_proxy:
        yield ("hospital", "web_proxy", "address"), site.hospital.web_proxy.address
    if site.hospital.mail_relay:
        yield ("hospital", "mail_relay"), site.hospital.mail_relay
    for name, peer in site.peers.items():
        yield ("peers", name, "address"), peer.address


def _own_hosts(site: Site) -> Iterator[Fault]:
    for path, address in services(site):
        if address.is_loopback or address.is_multicast or address.is_unspecified:
            message = f"{address} is no address of a host on a network"
            yield Fault(path, message, "give the hospital's own host")
        for name, network in site.networks.items():
            if address == network.address.ip:
                yield Fault(path, f"{address} is the box itself", "give the hospital's own host")
            elif network.inside and address in network.network:
                message = f"{address} lies in `{name}`, which is inside"
                yield Fault(path, message, "give the address of the hospital's own host")
    for key, addresses in (("dns", site.hospital.dns), ("time", site.hospital.time)):
        for index, address in enumerate(addresses):
            if address in addresses[:index]:
                path = ("hospital", key, index)
                yield Fault(path, f"{address} is listed twice", "remove one of them")


def _way_out(site: Site) -> Iterator[Fault]:
    name, network = site.outside_name, site.outside
    if network.router:
        return
    for path, address in services(site):
        if address not in network.network:
            message = f"{address} is beyond `{name}`, which has no router to reach it by"
            mend = f"add `router: …` to networks.{name}, or correct the address"
            yield Fault(path, message, mend)
