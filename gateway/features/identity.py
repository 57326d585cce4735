"""The box's own name, time zone and name servers, and the names of its devices."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from gateway.features.shape import Feature
from gateway.policy import Flow
from gateway.render import RenderedFile, fill
from gateway.site import Site


def host_names(site: Site) -> Iterator[tuple[IPv4Address | IPv6Address, str]]:
    """Every name of the department with its address: the box once a network, then the devices."""
    for network in site.inside.values():
        for own in (network.address, network.address6):
            if own:
                yield own.ip, site.box.name
    for name, device in site.devices.items():
        for address in (device.address, device.address6):
            if address:
                yield address, name


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """hostname, hosts, resolv.conf, timezone."""
    yield RenderedFile(
        "/etc/hostname",
        f"{site.box.name}\n".encode(),
        "identity",
        reload=("hostname", "-F", "/etc/hostname"),
    )
    yield RenderedFile(
        "/etc/hosts",
        fill("etc/hosts.j2", names=list(host_names(site)), domain=site.box.domain),
        "identity",
        # dnsmasq answers from this file and reads it again on a reload.
        reload=("systemctl", "try-reload-or-restart", "dnsmasq.service"),
    )
    yield RenderedFile(
        "/etc/resolv.conf",
        fill("etc/resolv.conf.j2", servers=site.hospital.dns, domain=site.box.domain),
        "identity",
        first=True,
    )
    zone = f"/usr/share/zoneinfo/{site.box.timezone}"
    yield RenderedFile(
        "/etc/timezone",
        f"{site.box.timezone}\n".encode(),
        "identity",
        check=("test", "-f", zone),
        reload=("ln", "-sfn", zone, "/etc/localtime"),
    )


FEATURE = Feature("identity", files=files, packages=lambda _site: ("tzdata",))
