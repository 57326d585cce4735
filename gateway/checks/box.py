"""The box and the hospital's services around it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from gateway.problems import Fault, Path
from gateway.site import Site
from gateway.wording import nearest


def faults(site: Site) -> Iterator[Fault]:
    """What is wrong with the box's own block and the hospital's."""
    yield from _box(site)
    yield from _hospital(site)
    yield from _way_out(site)


def _box(site: Site) -> Iterator[Fault]:
    # Both are NetBIOS names on the same wire (RFC 1001, 15.1): the box could not register its own.
    if site.box.name.upper() == site.box.workgroup:
        message = f"the workgroup is called as the box is, {site.box.workgroup}"
        yield Fault(("box", "workgroup"), message, "choose another name for one of them")
    try:
        ZoneInfo(site.box.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = available_timezones()
        if known:  # no time zone data on this machine: nothing to say
            mend = nearest(site.box.timezone, sorted(known)) if len(known) else ""
            if not mend.startswith("did you"):
                mend = "such as Asia/Taipei; `timedatectl list-timezones` lists them"
            message = f"there is no time zone {site.box.timezone}"
            yield Fault(("box", "timezone"), message, mend)


def services(site: Site) -> Iterator[tuple[Path, IPv4Address]]:
    """The hospital's hosts that the description names, each with where."""
    for key, addresses in (("dns", site.hospital.dns), ("time", site.hospital.time)):
        for index, address in enumerate(addresses):
            yield ("hospital", key, index), address
    if site.hospital.web_proxy:
        yield ("hospital", "web_proxy", "address"), site.hospital.web_proxy.address
    if site.hospital.mail_relay:
        yield ("hospital", "mail_relay"), site.hospital.mail_relay


def _hospital(site: Site) -> Iterator[Fault]:
    for path, address in services(site):
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
    outside = [(name, each) for name, each in site.networks.items() if not each.inside]
    if len(outside) != 1 or outside[0][1].router:
        return
    name, network = outside[0]
    for path, address in services(site):
        if address not in network.network:
            message = f"{address} is beyond `{name}`, which has no router to reach it by"
            mend = f"add `router: …` to networks.{name}, or correct the address"
            yield Fault(path, message, mend)
