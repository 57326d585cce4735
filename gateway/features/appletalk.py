"""AppleTalk (DDP) on the one network that has a zone, for Macs that come to their shares by it.

The box is the seed router of a network that has no other: Macs get their addresses and the zone
from it. DDP is no IP, so nftables' inet table never sees it; what confines it is the one card
that atalkd is given, which ``box/appletalk.py`` holds it to. An afpd of its own serves it (see
netatalk.py), and knows the devices on it by their passwords only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from gateway.features.shape import Feature
from gateway.policy import Flow
from gateway.render import RenderedFile, fill
from gateway.site import Network, Site
from gateway.weak import without_appletalk

CONFIG = "/etc/netatalk/appletalk.conf"
SETTINGS = "/etc/gateway/appletalk.json"
UNIT = "appletalk.service"
MASKED = ("atalkd.service",)
"""Debian's unit would take every card that is up."""


def network(site: Site) -> Network | None:
    """The network that has it, if a device needs it there."""
    if not without_appletalk(site):
        return None
    return next((each for each in site.inside.values() if each.zone), None)


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """Its configuration and unit. A restart takes afpd with it, which registers with atalkd."""
    place = network(site)
    if place is None:
        return
    told = {"card": place.nic.interface, "without": "; ".join(without_appletalk(site).values())}
    contents = (
        (SETTINGS, (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()),
        (CONFIG, fill(f"{CONFIG[1:]}.j2", card=place.nic.interface, zone=place.zone)),
        (f"/etc/systemd/system/{UNIT}", fill(f"etc/systemd/system/{UNIT}.j2")),
    )
    for path, content in contents:
        restart = ("/usr/bin/systemctl", "try-restart", UNIT)
        yield RenderedFile(path, content, "appletalk", reload=restart)


FEATURE = Feature(
    "appletalk",
    files=files,
    packages=lambda site: ("atalkd",) if network(site) else (),
    units=lambda site: (UNIT,) if network(site) else (),
    masked=lambda site: MASKED if network(site) else (),
)
