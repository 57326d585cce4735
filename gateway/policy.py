"""The policy: who may open what to whom, and why. Meaning, not nft text.

Only features make flows; the firewall renders them, the auditor proves them, people read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network

from gateway.flow import End, Flow, IPNetwork, PortRange, Reason, Service
from gateway.ground import Ground, side_of
from gateway.written import BOX, OUTSIDE

__all__ = ["End", "Flow", "IPNetwork", "PortRange", "Reason", "Service", "side_of"]

ANYWHERE: tuple[IPNetwork, ...] = (ip_network("0.0.0.0/0"),)


def _service(name: str, *ports: str, broadcast: bool = False) -> Service:
    return Service(name, tuple(_port_range(port) for port in ports), broadcast=broadcast)


def _port_range(text: str) -> PortRange:
    protocol, _, ports = text.partition("/")
    low, _, high = ports.partition("-")
    return PortRange(protocol, int(low), int(high or low))


SERVICES: Mapping[str, Service] = {
    service.name: service
    for service in (
        Service("ping", ping=True),
        _service("afp", "tcp/548"),
        _service("dhcp", "udp/67", broadcast=True),
        _service("dhcp-reply", "udp/68", broadcast=True),
        _service("dicom", "tcp/104", "tcp/11112"),
        _service("dns", "udp/53", "tcp/53"),
        _service("ftp", "tcp/21"),
        _service("https", "tcp/443"),
        _service("imap", "tcp/143", "tcp/993"),
        _service("ldap", "tcp/389", "tcp/636"),
        _service("mail", "tcp/25"),
        _service("netbios", "udp/137-138", broadcast=True),
        _service("netbios-session", "tcp/139"),
        _service("nfs", "tcp/2049"),
        _service("nfs-mount", "tcp/20048"),
        _service("ntp", "udp/123"),
        _service("portmap", "tcp/111"),
        _service("print", "tcp/515", "tcp/631", "tcp/9100"),
        _service("rdp", "tcp/3389"),
        _service("smb", "tcp/445"),
        _service("ssh", "tcp/22"),
        _service("submission", "tcp/587"),
        _service("telnet", "tcp/23"),
        _service("web", "tcp/80", "tcp/443"),
    )
}
"""Services by the names their field uses (IANA's registry, unless DICOM PS3.8 says otherwise)."""


def service(text: str) -> Service | None:
    """The service that ``web`` or ``tcp/8042`` or ``udp/5000-5010`` names, or None."""
    if text in SERVICES:
        return SERVICES[text]
    if not re.fullmatch(r"(tcp|udp)/\d{1,5}(-\d{1,5})?", text):
        return None
    ports = _port_range(text)
    return Service(text, (ports,)) if 1 <= ports.low <= ports.high <= 65535 else None


def box_end(site: Ground, network: str) -> End:
    """The box, as seen from one network: its own addresses there and no other of its own."""
    side = site.networks[network]
    own = [ip_network(each.ip) for each in (side.address, side.address6) if each]
    return End(BOX, None, tuple(own))


def device_end(site: Ground, name: str) -> End:
    """A device on its network. The device must have a network (see checks.py)."""
    device = site.devices[name]
    own = [ip_network(each) for each in (device.address, device.address6) if each]
    return End(name, device.network, tuple(own))


def network_end(site: Ground, name: str) -> End:
    """Everything on one side of the box, described or not."""
    side = site.networks[name]
    nets = [each.network for each in (side.address, side.address6) if each]
    return End(name, name, tuple(nets))


def outside_end(site: Ground) -> End:
    """Anything on the hospital's side and beyond."""
    both = (*ANYWHERE, ip_network("::/0")) if site.outside.address6 else ANYWHERE
    return End(OUTSIDE, site.outside_name, both)


def end(site: Ground, who: str) -> End | None:
    """The end that a device, network, address, prefix or ``outside`` names, or None.

    An address inside one of our networks is on that side; every other one is outside. The name
    of the outside network means only the machines on that network itself.
    """
    if who == OUTSIDE:
        return outside_end(site)
    if who in site.devices:
        return device_end(site, who) if site.devices[who].network else None
    if who in site.networks:
        return network_end(site, who)
    try:
        addresses = ip_network(who)
    except ValueError:
        return None
    return End(who, side_of(site, addresses), (addresses,))


def outside_host(site: Ground, address: str) -> End:
    """A single host of the hospital's."""
    return End(address, site.outside_name, (ip_network(ip_address(address)),))
