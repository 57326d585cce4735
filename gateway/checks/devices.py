"""Devices: what they refer to, and addresses that only one machine may have."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from gateway.checks.hospital import services
from gateway.checks.networks import GROUP_MEND, is_group, unusable
from gateway.nearest import nearest
from gateway.problems import Fault, Path
from gateway.site import Device, Site

AE_TITLE_MAX = 16  # DICOM PS3.5, table 6.2-1


def faults(site: Site) -> Iterator[Fault]:
    """What is wrong with the devices, alone and with each other."""
    for name, device in site.devices.items():
        yield from _references(site, name, device)
        yield from _addresses(site, name, device)
    yield from _same_address(site)
    yield from _same_mac(site)
    yield from _ae_titles(site)


def _references(site: Site, name: str, device: Device) -> Iterator[Fault]:
    path: Path = ("devices", name)
    if device.profile not in site.profiles:
        mend = nearest(device.profile, site.profiles, listed="`gateway profiles` lists them")
        message = f"there is no profile `{device.profile}`"
        yield Fault((*path, "profile"), message, mend)
    if device.network is None:
        if device.address or device.address6 or device.mac:
            mend = "add `network: …`, or remove its addresses"
            yield Fault(path, f"`{name}` has an address but no network", mend, on_key=True)
    elif device.network not in site.networks:
        message = f"there is no network `{device.network}`"
        yield Fault((*path, "network"), message, nearest(device.network, site.networks))
    elif device.address is None:
        message = f"`{name}` is on `{device.network}` but has no address"
        mend = f"add `address: …`, a free one in {site.networks[device.network].network}"
        yield Fault(path, message, mend, on_key=True)


def _addresses(site: Site, name: str, device: Device) -> Iterator[Fault]:
    network = site.networks.get(device.network or "")
    if network is None:
        return
    path: Path = ("devices", name)
    pairs = (
        ("address", device.address, network.address),
        ("address6", device.address6, network.address6),
    )
    for key, address, own in pairs:
        if address is None:
            continue
        if own is None:
            message = f"`{device.network}` has no IPv6"
            mend = f"add `address6` to networks.{device.network}, or remove it here"
            yield Fault((*path, key), message, mend)
        elif address == own.ip:
            yield Fault((*path, key), f"{address} is the box's own address", "choose a free one")
        elif reason := unusable(address, own):
            mend = f"choose a free one in {own.network}"
            yield Fault((*path, key), f"{address} {reason}", mend)


def _same_address(site: Site) -> Iterator[Fault]:
    taken: dict[IPv4Address | IPv6Address, str] = {
        address: "one of the hospital's services" for _, address in services(site)
    }
    for network in site.networks.values():
        for router in (network.router, network.router6):
            if router:
                taken[router] = "the hospital's router"
    for name, device in site.devices.items():
        for key, address in (("address", device.address), ("address6", device.address6)):
            if address is None:
                continue
            if address in taken:
                message = f"{address} is the address of {taken[address]} already"
                yield Fault(("devices", name, key), message, "choose a free one")
            taken.setdefault(address, f"`{name}`")


def _same_mac(site: Site) -> Iterator[Fault]:
    taken = {
        network.nic.mac: f"the box's own card {network.nic.name}"
        for network in site.networks.values()
        if network.nic.mac
    }
    for name, device in site.devices.items():
        if device.mac is None:
            continue
        path: Path = ("devices", name, "mac")
        if device.mac in taken:
            message = f"{device.mac} is the MAC address of {taken[device.mac]} already"
            yield Fault(path, message, "read it from the machine itself")
        if is_group(device.mac):
            yield Fault(path, f"{device.mac} is no single machine's address", GROUP_MEND)
        taken.setdefault(device.mac, f"`{name}`")


def _ae_titles(site: Site) -> Iterator[Fault]:
    taken: dict[str, str] = {}
    for name, device in site.devices.items():
        title = device.ae_title
        if title is None:
            continue
        path: Path = ("devices", name, "ae_title")
        if len(title) > AE_TITLE_MAX:
            message = f"the AE title {title} has {len(title)} characters"
            yield Fault(path, message, f"DICOM allows {AE_TITLE_MAX}")
        if title in taken:
            message = f"the AE title {title} is `{taken[title]}`'s already"
            yield Fault(path, message, "each device needs its own")
        taken.setdefault(title, name)
