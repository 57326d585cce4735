"""Addresses and names for the devices: DHCP with fixed leases, DNS forwarded to the hospital."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.features.shape import Feature
from gateway.policy import SERVICES, Flow, Reason, box_end, network_end, outside_host
from gateway.problems import Path
from gateway.render import RenderedFile, fill
from gateway.site import Site

UNIT = "dnsmasq.service"


@dataclass(frozen=True)
class Lending:
    """How one network gets addresses: the lines that dnsmasq.conf needs."""

    network: str
    range: str
    options: tuple[str, ...]
    hosts: tuple[str, ...]


def asked_for_dhcp(site: Site, network: str) -> Path | None:
    """Where the description asks for DHCP on a network: its range, or a device's MAC."""
    if site.networks[network].dhcp:
        return ("networks", network, "dhcp")
    devices = site.devices_on(network).items()
    return next((("devices", name, "mac") for name, device in devices if device.mac), None)


def flows(site: Site) -> Iterator[Flow]:
    """DNS and DHCP from the inside networks; DNS from the box to the hospital."""
    for name, network in site.inside.items():
        everyone, box = network_end(site, name), box_end(site, name)
        yield Flow(everyone, box, SERVICES["dns"], Reason(("networks", name)), "dnsmasq")
        if path := asked_for_dhcp(site, name):
            reason = Reason(path)
            yield Flow(everyone, box, SERVICES["dhcp"], reason, "dnsmasq")
            yield Flow(box, everyone, SERVICES["dhcp-reply"], reason, "dnsmasq")
            if network.dhcp:
                # It asks whether an address is free before it lends it.
                yield Flow(box, everyone, SERVICES["ping"], reason, "dnsmasq")
    box = box_end(site, site.outside_name)
    for index, server in enumerate(site.hospital.dns):
        reason = Reason(("hospital", "dns", index))
        yield Flow(box, outside_host(site, str(server)), SERVICES["dns"], reason, "dnsmasq")


def lendings(site: Site, netbios: frozenset[str]) -> Iterator[Lending]:
    """One a network with DHCP. ``netbios`` names the networks with a NetBIOS name server."""
    for name, network in site.inside.items():
        if not asked_for_dhcp(site, name):
            continue
        box, mask = network.address.ip, network.network.netmask
        if network.dhcp:
            lent = f"{network.dhcp.first},{network.dhcp.last},{mask},{network.dhcp.lease_hours}h"
        else:
            lent = f"{network.network.network_address},static,{mask}"
        options = [f"option:router,{box}", f"option:dns-server,{box}", f"option:ntp-server,{box}"]
        options.append(f"option:domain-name,{site.box.domain}")
        if name in netbios:
            # RFC 2132, 8.5 and 8.7: node type 8 asks the name server first, then the wire.
            options += [f"option:netbios-ns,{box}", "option:netbios-nodetype,8"]
        devices = site.devices_on(name).items()
        hosts = tuple(f"{each.mac},{each.address},{who}" for who, each in devices if each.mac)
        yield Lending(name, lent, tuple(options), hosts)


def files(site: Site, policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """dnsmasq's configuration, and that of the script by which Debian starts it."""
    netbios = frozenset(
        flow.source.network
        for flow in policy
        if flow.service.name == "netbios" and flow.source.network
    )
    yield RenderedFile(
        "/etc/dnsmasq.conf",
        fill(
            "etc/dnsmasq.conf.j2",
            interfaces=[network.nic.interface for network in site.inside.values()],
            outside=site.outside.nic.interface,
            servers=site.hospital.dns,
            domain=site.box.domain,
            networks=[network.network for network in site.inside.values()],
            lendings=list(lendings(site, netbios)),
        ),
        "dnsmasq",
        check=("dnsmasq", "--test", "--conf-file={file}"),
        reload=("systemctl", "try-restart", UNIT),
    )
    yield RenderedFile(
        "/etc/default/dnsmasq",
        fill("etc/default/dnsmasq.j2"),
        "dnsmasq",
        reload=("systemctl", "try-restart", UNIT),
    )


FEATURE = Feature(
    "dnsmasq",
    flows=flows,
    files=files,
    packages=lambda _site: ("dnsmasq",),
    units=lambda _site: (UNIT,),
)
