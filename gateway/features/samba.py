"""Files over SMB, by two servers that know nothing of each other.

``modern`` listens on TCP 445 and speaks encrypted SMB 3.1.1 only. ``legacy`` listens on TCP 139
and UDP 137-138 and speaks what old machines can. Different ports, so that both kinds of machine
may share a network: an old one that tries 445 finds it closed and falls back to 139.

Locks: byte-range locks of one server hold for the other, because both put them on the file
(`posix locking`), and on shares that both serve the modern one leaves caching to the kernel's
leases, which an access by the other breaks. Share modes ("nobody else may open it") are kept in
each server's own database and do not cross: the kernel lost its means for them (LOCK_MAND, 5.15).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gateway.features.shape import Feature
from gateway.features.shares import DEVICES_GROUP, folder, readers_group, writers_group
from gateway.policy import SERVICES, End, Flow, device_end
from gateway.profiles import Afp
from gateway.render import RenderedFile, fill
from gateway.sharing import (
    LEGACY_DIALECTS,
    Client,
    Grant,
    ServerName,
    clients,
    grants,
    lanman_login,
    legacy_dialect,
    profile_of,
)
from gateway.site import Site

UNITS: dict[ServerName, tuple[str, ...]] = {
    "modern": ("smbd-modern.service",),
    "legacy": ("smbd-legacy.service", "nmbd-legacy.service"),
}
# testparm takes directories that the units make when they start for errors: it looks at Debian's.
TESTPARM = (
    "/usr/bin/testparm",
    "-s",
    "--option=state directory=/var/lib/samba",
    "--option=cache directory=/var/cache/samba",
    "{file}",
)


def rights(site: Site, server: ServerName) -> tuple[Grant, ...]:
    """What one server serves to whom."""
    return tuple(grant for grant in grants(site) if grant.server == server)


def servers(site: Site) -> tuple[ServerName, ...]:
    """The servers that some device needs."""
    needed = {grant.server for grant in grants(site)}
    return tuple(server for server in UNITS if server in needed)


def networks(site: Site, server: ServerName) -> tuple[str, ...]:
    """The networks that a server's users are on."""
    used = {site.devices[grant.device].network for grant in rights(site, server)}
    return tuple(name for name in site.networks if name in used)


def flows(site: Site) -> Iterator[Flow]:
    """One flow a device and service; its reason is the first share entry that gave it a right."""
    for client in clients(site, *UNITS):
        yield from _modern(client) if client.grant.server == "modern" else _legacy(client)


def _modern(client: Client) -> Iterator[Flow]:
    reason, note = client.grant.reason, client.note
    yield Flow(client.device, client.box, SERVICES["smb"], reason, "samba", note)


def _legacy(client: Client) -> Iterator[Flow]:
    """NetBIOS over TCP is IPv4 only (RFC 1001, 1002).

    A name query goes to the broadcast address and its answer comes from the box's own, port 137
    to port 137: no connection tracking joins the two, so the box needs a flow of its own, which
    also carries its registrations and announcements (RFC 1002, 4.2 and 5.1).
    """
    device, box = _ipv4(client.device), _ipv4(client.box)
    reason, note = client.grant.reason, client.note
    yield Flow(device, box, SERVICES["netbios-session"], reason, "samba", note)
    yield Flow(device, box, SERVICES["netbios"], reason, "samba", note)
    yield Flow(box, device, SERVICES["netbios"], reason, "samba", note)


def _ipv4(side: End) -> End:
    return replace(side, addresses=tuple(each for each in side.addresses if each.version == 4))


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """A configuration and its units for each server that is needed.

    A restart, not a reload: sessions that are open would keep rights that were taken away.
    """
    for server in servers(site):
        restart = tuple(("/usr/bin/systemctl", "try-restart", unit) for unit in UNITS[server])
        path = f"/etc/samba/{server}.conf"
        values = configuration(site, server)
        for unit, command in zip(UNITS[server], restart, strict=True):
            unit_path = f"/etc/systemd/system/{unit}"
            told = {"server": server, "group": DEVICES_GROUP, "shares": values["shares"]}
            content = fill(f"{unit_path[1:]}.j2", **told, groups=_groups(values["shares"]))
            yield RenderedFile(unit_path, content, "samba", reload=command)
        content = fill(f"{path[1:]}.j2", **values)
        reload = ("/usr/bin/systemctl", "try-restart", *UNITS[server])
        yield RenderedFile(path, content, "samba", check=TESTPARM, reload=reload)


def configuration(site: Site, server: ServerName) -> dict[str, Any]:
    """The values of a server's template."""
    mine = rights(site, server)
    ends = [device_end(site, name) for name in sorted({grant.device for grant in mine})]
    sides = [site.networks[name] for name in networks(site, server)]
    if server == "legacy":
        ends = [_ipv4(each) for each in ends]
    own = [str(side.address) for side in sides]
    if server == "modern":
        own += [str(side.address6) for side in sides if side.address6]
    return {
        "server": server,
        "netbios_name": site.box.name.upper(),
        "workgroup": site.box.workgroup,
        "interfaces": own,
        "clients": [str(net.network_address) for each in ends for net in each.addresses],
        "macs": _has_macs(site),
        "shares": [_share(site, server, name) for name in _served(site, mine)],
        **(_weakness(site, mine) if server == "legacy" else {}),
    }


def _has_macs(site: Site) -> bool:
    """Whether a Mac uses any share, by whatever protocol: its forks are in the same files."""
    profiles = (profile_of(site, grant.device) for grant in grants(site))
    return any(
        (each.mount or "").startswith("mac") or any(isinstance(p, Afp) for p in each.protocols)
        for each in profiles
        if each
    )


def _served(site: Site, mine: tuple[Grant, ...]) -> list[str]:
    return [name for name in sorted(site.shares) if any(grant.share == name for grant in mine)]


def _share(site: Site, server: ServerName, name: str) -> dict[str, Any]:
    mine = [grant for grant in grants(site) if grant.share == name]
    here = [grant for grant in mine if grant.server == server]
    return {
        "name": name,
        "path": folder(name),
        "comment": site.shares[name].comment,
        "users": sorted(grant.device for grant in here),
        "writers": sorted(grant.device for grant in here if grant.writes),
        "elsewhere": len(mine) > len(here),
    }


def _groups(shares: list[dict[str, Any]]) -> list[str]:
    """Whom the ACLs of the shares name."""
    return [of(share["name"]) for share in shares for of in (readers_group, writers_group)]


def _weakness(site: Site, mine: tuple[Grant, ...]) -> dict[str, Any]:
    """As weak as its users need, and no weaker."""
    found = [profile_of(site, grant.device) for grant in mine]
    known = [profile for profile in found if profile]
    dialects = {legacy_dialect(profile) for profile in known}
    return {
        "oldest": next(each for each in LEGACY_DIALECTS if each in dialects),
        "lanman": any(lanman_login(profile) for profile in known),
    }


def packages(site: Site) -> tuple[str, ...]:
    """The daemons with their tools; none where nobody needs a share."""
    return ("samba", "samba-common-bin") if servers(site) else ()


def units(site: Site) -> Iterator[str]:
    """Our own units of the servers that are needed."""
    for server in servers(site):
        yield from UNITS[server]


def masked(site: Site) -> tuple[str, ...]:
    """Debian's own units would serve its default smb.conf on every interface."""
    debian = ("smbd.service", "nmbd.service", "samba-ad-dc.service", "winbind.service")
    return debian if servers(site) else ()


FEATURE = Feature(
    "samba",
    flows=flows,
    files=files,
    packages=packages,
    units=units,
    masked=masked,
    folders=lambda site: ("/etc/samba",) if servers(site) else (),
)
