"""The intake: devices with a share of theirs, titles, and who may send to them."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.checks.archive import TAKEN, member
from gateway.imaging import Intake
from gateway.nearest import nearest
from gateway.problems import Fault, Path
from gateway.site import Site


def faults(site: Site) -> Iterator[Fault]:
    """What is wrong with ``intake``; its titles are compared where all others are."""
    intake = site.intake
    if intake is None:
        return
    if site.archive is None:
        message = "there is no archive that the images could go to"
        yield Fault(("intake",), message, "describe `archive`, or remove this", on_key=True)
    for name in intake.devices:
        yield from _device(site, intake, name)
    yield from _senders(site, intake)
    yield from _port(site, intake)


def _device(site: Site, intake: Intake, name: str) -> Iterator[Fault]:
    path: Path = ("intake", "devices", name)
    if name not in site.devices:
        yield Fault(path, f"there is no device `{name}`", nearest(name, site.devices), on_key=True)
        return
    raw = intake.devices[name].raw
    if raw and raw not in site.raw_profiles:
        mend = nearest(raw, site.raw_profiles) if site.raw_profiles else ""
        message = f"there is no raw/{raw}.yml beside the description"
        yield Fault((*path, "raw"), message, mend or "write one: docs/intake-raw.md")
    share = intake.devices[name].share
    if share not in site.shares:
        mend = nearest(share, site.shares) if site.shares else "describe it in `shares`"
        yield Fault((*path, "share"), f"there is no share `{share}`", mend)
        return
    users = {device: role for device, role, _ in site.users_of(share)}
    if site.devices[name].network and users.get(name) != "writers":
        message = f"`{name}` may not write `{share}`, so nothing would come in"
        mend = f"add {name} to shares.{share}.writers, or name another share"
        yield Fault((*path, "share"), message, mend)


def _senders(site: Site, intake: Intake) -> Iterator[Fault]:
    if intake.senders and not any(each.ae_title for each in intake.devices.values()):
        message = "no device has an `ae_title` here, so there is nothing to send to"
        mend = "add `ae_title: …` to a device of `intake`, or remove this"
        yield Fault(("intake", "senders"), message, mend, on_key=True)
    for index, who in enumerate(intake.senders):
        path: Path = ("intake", "senders", index)
        if who in intake.senders[:index]:
            yield Fault(path, f"`{who}` is listed twice", "remove one of them")
        else:
            yield from member(site, path, who)


def _port(site: Site, intake: Intake) -> Iterator[Fault]:
    taken = TAKEN | ({site.archive.port: "the archive"} if site.archive else {})
    if intake.port in taken:
        message = f"port {intake.port} of the box is for {taken[intake.port]}"
        yield Fault(("intake", "port"), message, "DICOM's own are 104 and 11112: name the other")
