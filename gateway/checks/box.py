"""The box itself: names on the wire, and the clock."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from gateway.nearest import nearest
from gateway.problems import Fault
from gateway.site import Site


def faults(site: Site) -> Iterator[Fault]:
    """What is wrong with the box's own block."""
    # Both are NetBIOS names on the same wire (RFC 1001, 15.1): the box could not register its own.
    if site.box.name.upper() == site.box.workgroup:
        message = f"the workgroup is called as the box is, {site.box.workgroup}"
        yield Fault(("box", "workgroup"), message, "choose another name for one of them")
    try:
        ZoneInfo(site.box.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = available_timezones()
        if known:  # no time zone data on this machine: nothing to say
            mend = nearest(site.box.timezone, sorted(known))
            if not mend.startswith("did you"):
                mend = "such as Asia/Taipei; `timedatectl list-timezones` lists them"
            message = f"there is no time zone {site.box.timezone}"
            yield Fault(("box", "timezone"), message, mend)
