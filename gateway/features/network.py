"""The box's own cards and addresses, by systemd-networkd.

Every address is there whether a cable is plugged in or not: a camera that is switched off must
not keep a daemon from binding. Nothing is learnt from the wire: no DHCP, router
advertisements, LLDP, mDNS or LLMNR.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.features.orthanc import partners
from gateway.features.shape import Feature
from gateway.problems import Fault
from gateway.render import RenderedFile, fill
from gateway.site import Network, Site

FOLDER = "etc/systemd/network"
# Before whatever an installer left there: the first file that matches a card is used, by name
# (systemd.network(5)); cloud-init and netplan write 10-….
PREFIX = "05-gateway-"
RELOAD = ("systemctl", "try-reload-or-restart", "systemd-networkd.service")
INTERFACE_LIMIT = 15
"""Characters of an interface's name (Linux, IFNAMSIZ less the closing zero)."""


def problems(site: Site) -> Iterator[Fault]:
    """Names that the kernel would not take."""
    for name, network in site.networks.items():
        interface = network.nic.interface
        if len(interface) > INTERFACE_LIMIT:
            yield Fault(
                ("networks", name, "nic", "name"),
                f"with its VLAN the card is called {interface}: {len(interface)} characters, "
                f"and Linux takes {INTERFACE_LIMIT}",
                "give the card a shorter name",
            )


def _cards(site: Site) -> dict[str, str | None]:
    """The MAC of every card, by its name; None where the card keeps the name it has."""
    cards: dict[str, str | None] = {}
    for network in site.networks.values():
        nic = network.nic
        cards[nic.name] = cards.get(nic.name) or nic.mac
    return cards


def _vlans(site: Site) -> dict[str, list[str]]:
    """The VLAN interfaces on each card, by the card's name."""
    vlans: dict[str, list[str]] = {}
    for network in site.networks.values():
        if network.nic.vlan:
            vlans.setdefault(network.nic.name, []).append(network.nic.interface)
    return vlans


def _settings(network: Network) -> list[str]:
    lines = [f"Address={network.address}"]
    if network.router:
        lines.append(f"Gateway={network.router}")
    if network.address6:
        lines.append(f"Address={network.address6}")
    if network.router6:
        lines.append(f"Gateway={network.router6}")
    return lines


def _prompt(site: Site, name: str) -> list[str]:
    """Who talks to the archive: a small object would wait 40 ms for a delayed acknowledgement."""
    return [
        partner.address
        for partner in partners(site)
        if partner.role != "copies" and partner.end.network == name and site.networks[name].inside
    ]


def _file(kind: str, name: str, **values: object) -> RenderedFile:
    content = fill(f"{FOLDER}/{kind}.j2", name=name, **values)
    # First, as the firewall is: it lets nothing in by a card that has not its name yet.
    path = f"/{FOLDER}/{PREFIX}{name}.{kind}"
    return RenderedFile(path, content, "network", reload=RELOAD, first=True)


def _card_files(site: Site) -> Iterator[RenderedFile]:
    vlans, used = _vlans(site), {each.nic.interface for each in site.networks.values()}
    for card, mac in _cards(site).items():
        if mac:
            yield _file("link", card, mac=mac)
        if card not in used:  # it carries VLANs and nothing beside them
            yield _file("network", card, settings=[], prompt=[], vlans=vlans[card], local="no")


def files(site: Site, _policy: object) -> Iterator[RenderedFile]:
    """A .link for a card known by its MAC, a .netdev for a VLAN, a .network for each interface."""
    # ifupdown, where it is installed, would fight over the same cards.
    path = "etc/network/interfaces"
    yield RenderedFile(f"/{path}", fill(f"{path}.j2"), "network")
    yield from _card_files(site)
    vlans = _vlans(site)
    for name, network in site.networks.items():
        nic = network.nic
        if nic.vlan:
            yield _file("netdev", nic.interface, vlan=nic.vlan)
        yield _file(
            "network",
            nic.interface,
            settings=_settings(network),
            prompt=_prompt(site, name),
            vlans=[] if nic.vlan else vlans.get(nic.name, []),
            # Neighbour discovery needs a link-local address (RFC 4861); nobody else does.
            local="ipv6" if network.address6 else "no",
        )


FEATURE = Feature(
    "network",
    problems=problems,
    files=files,
    units=lambda _site: ("systemd-networkd.service",),
    folders=lambda _site: (f"/{FOLDER}", "/etc/network/interfaces.d"),
)
