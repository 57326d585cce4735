"""The intake: devices with a share of theirs, titles, and who may send to them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.checks.archive import TAKEN, member
from gateway.imaging import ImageFiles, Intake
from gateway.nearest import nearest
from gateway.problems import Fault, Path
from gateway.site import Site

_BRACES = re.compile(r"\{[^{}]*\}")


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
    yield from _dos(path, intake.devices[name])
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


def _dos(path: Path, files: ImageFiles) -> Iterator[Fault]:
    dos = files.dos
    if dos is None:
        return
    if files.raw:
        message = "what a DOS translator makes is not read by a raw profile"
        yield Fault((*path, "raw"), message, "remove this, or `dos`", on_key=True)
    for index, line in enumerate(dos.commands):
        for unknown in set(_BRACES.findall(line)) - {"{in}"}:
            message = f"`{unknown}` means nothing in a line of DOS"
            mend = "`{in}` is the device's file, and what comes out belongs on E:"
            yield Fault((*path, "dos", "commands", index), message, mend)
    endings = [each.casefold() for each in dos.parts]
    for index, ending in enumerate(endings):
        if ending in endings[:index]:
            message = f"`{dos.parts[index]}` is listed twice (capitals do not count)"
            yield Fault((*path, "dos", "parts", index), message, "remove one of them")


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
