"""The policy: who may open what to whom, and why. Meaning, not nft text.

Only features make flows; the firewall renders them, the auditor proves them, people read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal

from gateway.problems import Path, show_path
from gateway.site import BOX, OUTSIDE, Site

IPNetwork = IPv4Network | IPv6Network
ANYWHERE: tuple[IPNetwork, ...] = (ip_network("0.0.0.0/0"),)


@dataclass(frozen=True, order=True)
class PortRange:
    """Ports of one transport protocol, both ends included."""

    protocol: str
    low: int
    high: int

    def __str__(self) -> str:
        ports = str(self.low) if self.low == self.high else f"{self.low}-{self.high}"
        return f"{self.protocol}/{ports}"


@dataclass(frozen=True)
class Service:
    """What is opened: ports, or ICMP echo (``ping``).

    ``broadcast``: it is also sent to the network's broadcast addresses, as NetBIOS and DHCP are.
    ``helper``: it announces a second connection between the same two machines, which the
    kernel's connection tracking helper of that name reads (nft(8), ct helper).
    """

    name: str
    ports: tuple[PortRange, ...] = ()
    ping: bool = False
    broadcast: bool = False
    helper: Literal["", "ftp"] = ""

    def __str__(self) -> str:
        return ", ".join(str(port) for port in self.ports) or "icmp echo"


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


@dataclass(frozen=True)
class End:
    """One end of a flow.

    ``network`` is the side its packets come from or go to, None for the box itself;
    ``addresses`` is what they carry there.
    """

    name: str
    network: str | None
    addresses: tuple[IPNetwork, ...]

    @property
    def is_box(self) -> bool:
        """Whether the box itself is this end."""
        return self.network is None


@dataclass(frozen=True, order=True)
class Reason:
    """The place in the description that asked for a flow. ``line`` counts from 1; 0: not known."""

    path: Path
    line: int = 0

    def __str__(self) -> str:
        return f"{show_path(self.path)}:{self.line}" if self.line else show_path(self.path)


@dataclass(frozen=True)
class Flow:
    """``source`` may open ``service`` to ``destination``, because of ``reason``.

    Replies are part of it. ``feature`` is who asked; ``note`` is the description's own words,
    ``owner`` who answers for it and ``expires`` the last day it is meant for.
    """

    source: End
    destination: End
    service: Service
    reason: Reason
    feature: str
    note: str = ""
    owner: str = ""
    expires: date | None = None

    def expired(self, today: date) -> bool:
        """Whether the last day it was meant for is over."""
        return self.expires is not None and self.expires < today

    def at_line(self, line: int) -> Flow:
        """The same flow, its reason's line known."""
        return replace(self, reason=replace(self.reason, line=line))


def box_end(site: Site, network: str) -> End:
    """The box, as seen from one network: its own addresses there and no other of its own."""
    side = site.networks[network]
    own = [ip_network(each.ip) for each in (side.address, side.address6) if each]
    return End(BOX, None, tuple(own))


def device_end(site: Site, name: str) -> End:
    """A device on its network. The device must have a network (see checks.py)."""
    device = site.devices[name]
    own = [ip_network(each) for each in (device.address, device.address6) if each]
    return End(name, device.network, tuple(own))


def network_end(site: Site, name: str) -> End:
    """Everything on one side of the box, described or not."""
    side = site.networks[name]
    nets = [each.network for each in (side.address, side.address6) if each]
    return End(name, name, tuple(nets))


def outside_end(site: Site) -> End:
    """Anything on the hospital's side and beyond."""
    both = (*ANYWHERE, ip_network("::/0")) if site.outside.address6 else ANYWHERE
    return End(OUTSIDE, site.outside_name, both)


def end(site: Site, who: str) -> End | None:
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


def side_of(site: Site, addresses: IPNetwork) -> str:
    """The network that addresses belong to: an inside one that holds them all, else outside."""
    for name, network in site.inside.items():
        for own in (network.address, network.address6):
            if own and own.version == addresses.version and addresses.subnet_of(own.network):  # type: ignore[arg-type]
                return name
    return site.outside_name


def outside_host(site: Site, address: str) -> End:
    """A single host of the hospital's."""
    return End(address, site.outside_name, (ip_network(ip_address(address)),))
