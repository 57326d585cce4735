"""One module a service, all of one shape, and the one place that lists them.

Whatever the toolkit says about a department as a whole (its problems, its policy, its files,
its packages) is the sum of what the features say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.features import (
    access,
    box,
    chrony,
    dnsmasq,
    firewall,
    identity,
    kernel,
    management,
    network,
    samba,
    shares,
    updates,
)
from gateway.features.shape import Feature
from gateway.policy import Flow
from gateway.problems import Fault, Path
from gateway.render import RenderedFile
from gateway.site import Site

FEATURES: tuple[Feature, ...] = (
    firewall.FEATURE,  # before everything: no service without it
    kernel.FEATURE,
    network.FEATURE,
    identity.FEATURE,
    box.FEATURE,
    updates.FEATURE,
    management.FEATURE,
    access.FEATURE,
    dnsmasq.FEATURE,
    chrony.FEATURE,
    shares.FEATURE,  # folders and accounts, before the daemons that serve them
    samba.FEATURE,
)
"""In the order in which a box takes their files into use."""


def problems(site: Site) -> Iterator[Fault]:
    """Everything that the features cannot serve."""
    for feature in FEATURES:
        yield from feature.problems(site)


def policy(site: Site, line_of: Callable[[Path], int]) -> tuple[Flow, ...]:
    """All flows of the department, each with the line that asked for it."""
    return tuple(
        flow.at_line(line_of(flow.reason.path))
        for feature in FEATURES
        for flow in feature.flows(site)
    )


@dataclass(frozen=True)
class Box:
    """All that makes a box this department's: the sum of the features."""

    files: tuple[RenderedFile, ...]
    packages: tuple[str, ...]
    units: tuple[str, ...]
    masked: tuple[str, ...]


def render(site: Site, flows: tuple[Flow, ...]) -> Box:
    """Every file, package and unit. Raises ValueError if two features claim one path."""
    files = tuple(file for feature in FEATURES for file in feature.files(site, flows))
    paths = [file.path for file in files]
    if twice := {path for path in paths if paths.count(path) > 1}:
        raise ValueError(f"two features write {', '.join(sorted(twice))}")
    return Box(
        files=files,
        packages=tuple(sorted({name for each in FEATURES for name in each.packages(site)})),
        units=tuple(unit for feature in FEATURES for unit in feature.units(site)),
        masked=tuple(unit for feature in FEATURES for unit in feature.masked(site)),
    )
