"""Files over AFP, for Macs that came before SMB.

One afpd serves all of them: how an account may log in follows from where its password is kept
(``box/afp.py``), so nobody can choose a weaker way than its own, and the password itself is never
sent. What is transferred is not encrypted, so it is for inside networks only. The numbers by
which Macs know files are kept by cnid_metad, which listens on loopback alone.

It serves the Macs without TCP too, where their network has AppleTalk (appletalk.py): afpd takes
no host names for those, so they are told apart by their passwords alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.features import appletalk
from gateway.features.shape import Feature
from gateway.features.shares import folder
from gateway.policy import SERVICES, Flow
from gateway.render import RenderedFile, fill
from gateway.sharing import Grant, afp_method, by_tcp, clients, grants, profile_of
from gateway.site import Site

CONFIG = "/etc/netatalk/shares.conf"
SHELLS = "/etc/netatalk/shells"
UNITS = ("afp-names.service", "afp-shares.service")
# netatalk.service would serve Debian's own configuration; avahi comes with the package.
MASKED = ("netatalk.service", "avahi-daemon.service", "avahi-daemon.socket")
METHODS = {"dhx": ("uams_dhx.so", "uams_dhx2.so"), "randnum": ("uams_randnum.so",)}


def rights(site: Site) -> tuple[Grant, ...]:
    """What is served to whom by AFP."""
    return tuple(grant for grant in grants(site) if grant.server == "afp")


def flows(site: Site) -> Iterator[Flow]:
    """One a device that has TCP; its reason is the first share entry that gave it a right."""
    for each in clients(site, "afp"):
        reason, profile = each.grant.reason, profile_of(site, each.grant.device)
        if profile is None or not by_tcp(profile):
            continue
        yield Flow(each.device, each.box, SERVICES["afp"], reason, "netatalk", each.note)


def configuration(site: Site) -> dict[str, Any]:
    """The values of afp.conf's template."""
    mine = rights(site)
    users = sorted({grant.device for grant in mine})
    methods = {afp_method(profile) for each in users if (profile := profile_of(site, each))}
    used = {site.devices[each].network for each in users}
    return {
        "addresses": [str(net.address.ip) for name, net in site.networks.items() if name in used],
        "server_name": site.box.name,
        "appletalk": appletalk.network(site) is not None,
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
    if not rights(site):
        return
    values = configuration(site)
    restart = ("/usr/bin/systemctl", "try-restart", *UNITS)
    for path in (SHELLS, CONFIG, *(f"/etc/systemd/system/{unit}" for unit in UNITS)):
        content = fill(f"{path[1:]}.j2", **values)
        yield RenderedFile(path, content, "netatalk", reload=restart)


FEATURE = Feature(
    "netatalk",
    flows=flows,
    files=files,
    packages=lambda site: ("netatalk",) if rights(site) else (),
    units=lambda site: UNITS if rights(site) else (),
    masked=lambda site: MASKED if rights(site) else (),
)
