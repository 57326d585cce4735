"""Files over AFP, for Macs that came before SMB.

One afpd serves all of them: how an account may log in follows from where its password is kept
(``box/afp.py``), so nobody can choose a weaker way than its own, and the password itself is never
sent. What is transferred is not encrypted, so it is for inside networks only. The numbers by
which Macs know files are kept by cnid_metad, which listens on loopback alone.

Macs that come by AppleTalk (appletalk.py) have an afpd of their own: one that serves both waits for
the next AppleTalk packet, whoever comes by TCP meanwhile (docs/decisions/0004). It takes no host
names, so they are told apart by their passwords alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.features import appletalk
from gateway.features.shape import Feature
from gateway.features.shares import folder
from gateway.policy import SERVICES, Flow
from gateway.render import RenderedFile, fill
from gateway.sharing import Grant, afp_method, by_appletalk, by_tcp, clients, grants, profile_of
from gateway.site import Site

CONFIG = "/etc/netatalk/shares.conf"
ZONE_CONFIG = "/etc/netatalk/zone.conf"
SHELLS = "/etc/netatalk/shells"
SYSTEMD = "/etc/systemd/system"
NAMES_UNIT, TCP_UNIT, ZONE_UNIT = "afp-names.service", "afp-shares.service", "afp-zone.service"
LOOPBACK = "127.0.0.1"
"""Where the afpd for AppleTalk listens by TCP: it cannot do without."""
# netatalk.service would serve Debian's own configuration; avahi comes with the package.
MASKED = ("netatalk.service", "avahi-daemon.service", "avahi-daemon.socket")
METHODS = {"dhx": ("uams_dhx.so", "uams_dhx2.so"), "randnum": ("uams_randnum.so",)}


def rights(site: Site) -> tuple[Grant, ...]:
    """What is served to whom by AFP."""
    return tuple(grant for grant in grants(site) if grant.server == "afp")


def flows(site: Site) -> Iterator[Flow]:
    """One a device that has TCP; its reason is the first share entry that gave it a right."""
    for each in clients(site, "afp"):
        if _has_tcp(site, each.grant.device):
            reason = each.grant.reason
            yield Flow(each.device, each.box, SERVICES["afp"], reason, "netatalk", each.note)


def _has_tcp(site: Site, device: str) -> bool:
    profile = profile_of(site, device)
    return profile is not None and by_tcp(profile)


def units(site: Site) -> tuple[str, ...]:
    """The numbers of files, and an afpd for each way that somebody comes by."""
    mine = rights(site)
    if not mine:
        return ()
    tcp = (TCP_UNIT,) if any(_has_tcp(site, grant.device) for grant in mine) else ()
    zone = (ZONE_UNIT,) if appletalk.network(site) else ()
    return (NAMES_UNIT, *tcp, *zone)


def configuration(site: Site, *, zone: bool = False) -> dict[str, Any]:
    """The values of afp.conf's template; for the afpd of AppleTalk, or for all shares."""
    mine = rights(site)
    if zone:
        mine = tuple(grant for grant in mine if by_appletalk(site, grant.device))
    users = sorted({grant.device for grant in mine})
    methods = {afp_method(profile) for each in users if (profile := profile_of(site, each))}
    used = {site.devices[each].network for each in users if not zone and _has_tcp(site, each)}
    own = [str(net.address.ip) for name, net in site.networks.items() if name in used]
    return {
        "addresses": own or [LOOPBACK],
        "server_name": site.box.name,
        "appletalk": zone,
        "config": ZONE_CONFIG if zone else CONFIG,
        "methods": [module for each in sorted(methods) for module in METHODS[each]],
        "shares": [_share(site, name, mine) for name in sorted({grant.share for grant in mine})],
    }


def _share(site: Site, name: str, mine: tuple[Grant, ...]) -> dict[str, Any]:
    here = [grant for grant in mine if grant.share == name]
    return {
        "name": name,
        "path": folder(name),
        "clients": [str(site.devices[grant.device].address) for grant in here],
        "users": sorted(grant.device for grant in here),
        "writers": sorted(grant.device for grant in here if grant.writes),
        "readers": sorted(grant.device for grant in here if not grant.writes),
    }


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """Its configuration and units. A restart: open sessions would keep rights taken away."""
    names = units(site)
    if not names:
        return
    restart = ("/usr/bin/systemctl", "try-restart", *names)
    every, by_zone = configuration(site), configuration(site, zone=True)
    # The configuration of all shares is there in any case: the numbers of files need it.
    made = [(SHELLS, SHELLS, every), (CONFIG, CONFIG, every)]
    if ZONE_UNIT in names:
        made.append((ZONE_CONFIG, CONFIG, by_zone))
    for unit in names:
        like = TCP_UNIT if unit == ZONE_UNIT else unit
        values = by_zone if unit == ZONE_UNIT else every
        made.append((f"{SYSTEMD}/{unit}", f"{SYSTEMD}/{like}", values))
    for path, template, values in made:
        content = fill(f"{template[1:]}.j2", **values)
        yield RenderedFile(path, content, "netatalk", reload=restart)


FEATURE = Feature(
    "netatalk",
    flows=flows,
    files=files,
    packages=lambda site: ("netatalk",) if rights(site) else (),
    units=units,
    masked=lambda site: MASKED if rights(site) else (),
)
