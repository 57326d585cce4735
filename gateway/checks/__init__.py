"""Rules across fields: small functions that yield faults, each with how to mend it."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.checks import (
    access,
    archive,
    box,
    devices,
    fax,
    hospital,
    intake,
    names,
    networks,
    reports,
    shares,
)
from gateway.problems import Fault
from gateway.site import Site


def faults(site: Site) -> Iterator[Fault]:
    """Everything in a site that contradicts itself."""
    yield from networks.faults(site)
    if not site.networks:
        return  # everything else refers to them
    for room in (names, box, devices, shares, archive, intake, fax):
        yield from room.faults(site)
    # Who is beyond the box can only be said once it is known which side is outside.
    if sum(not network.inside for network in site.networks.values()) == 1:
        yield from hospital.faults(site)
        yield from access.faults(site)
        yield from reports.faults(site)
