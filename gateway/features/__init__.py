"""One module a service, all of one shape, and the one place that lists them.

Whatever the toolkit says about a department as a whole (its problems, its policy, its files,
its packages) is the sum of what the features say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from gateway.features import (
    access,
    appletalk,
    archive,
    box,
    chrony,
    dnsmasq,
    drift,
    fax,
    firewall,
    identity,
    intake,
    kernel,
    mail,
    management,
    netatalk,
    network,
    nfs,
    policy_file,
    proof,
    reports,
    samba,
    shares,
    updates,
)
from gateway.features.probes import probes
from gateway.features.shape import Feature
from gateway.policy import Flow
from gateway.problems import Fault, Path
from gateway.site import Site
from gateway.tree import Tree

FEATURES: tuple[Feature, ...] = (
    firewall.FEATURE,  # before everything: no service without it
    policy_file.FEATURE,
    kernel.FEATURE,
    network.FEATURE,
    identity.FEATURE,
    box.FEATURE,
    updates.FEATURE,
    management.FEATURE,
    access.FEATURE,
    dnsmasq.FEATURE,
    chrony.FEATURE,
    mail.FEATURE,
    shares.FEATURE,  # folders and accounts, before the daemons that serve them
    samba.FEATURE,
    fax.FEATURE,
    appletalk.FEATURE,
    netatalk.FEATURE,
    nfs.FEATURE,
    archive.FEATURE,
    intake.FEATURE,
    reports.FEATURE,
    drift.FEATURE,
    proof.FEATURE,
)
"""In the order in which a box takes their files into use."""
MEND = "give the device another name"


def problems(site: Site) -> Iterator[Fault]:
    """Everything that the features cannot serve."""
    for feature in FEATURES:
        yield from feature.problems(site)
        yield from _taken(site, feature)


def _taken(site: Site, feature: Feature) -> Iterator[Fault]:
    """Devices whose account would be one of the box's own users, or share a group's name."""
    for each in feature.taken(site):
        if each.name in site.devices:
            kind = "group" if each.group else "user"
            message = f"{each.what} has a {kind} `{each.name}` on the box, and a device an account"
            yield Fault(("devices", each.name), message, MEND, on_key=True)


def policy(site: Site, line_of: Callable[[Path], int]) -> tuple[Flow, ...]:
    """All flows of the department, each with the line that asked for it."""
    return tuple(
        flow.at_line(line_of(flow.reason.path))
        for feature in FEATURES
        for flow in feature.flows(site)
    )


def tree_of(site: Site, line_of: Callable[[Path], int]) -> Tree:
    """The whole box. Raises ValueError if two features claim one path."""
    flows = policy(site, line_of)
    files = tuple(file for each in FEATURES for file in each.files(site, flows))
    paths = [file.path for file in files]
    if twice := {path for path in paths if paths.count(path) > 1}:
        raise ValueError(f"two features write {', '.join(sorted(twice))}")
    return Tree(
        site=site.name,
        host=site.box.name,
        files=files,
        packages=sorted({name for each in FEATURES for name in each.packages(site)}),
        units=_each_once(unit for each in FEATURES for unit in each.units(site)),
        masked=_each_once(unit for each in FEATURES for unit in each.masked(site)),
        folders=_each_once(folder for each in FEATURES for folder in each.folders(site)),
        data=tuple(data for each in FEATURES for data in each.data(site)),
        probes=[probe.entry() for probe in probes(flows)],
    )


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
