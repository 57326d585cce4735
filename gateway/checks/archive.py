"""The archive and the peers: who they are, and who may do what."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.imaging import Archive
from gateway.nearest import nearest
from gateway.problems import Fault, Path
from gateway.site import Site

AE_TITLE_MAX = 16  # DICOM PS3.5, table 6.2-1
# What the box may have to serve on TCP for its devices, whatever the site asks of it today.
TAKEN = {22: "ssh", 25: "mail", 53: "names", 111: "NFS", 139: "SMB", 445: "SMB", 548: "AFP"}
TAKEN |= {2049: "NFS", 4559: "fax", 8042: "the archive's own interface"}


def faults(site: Site) -> Iterator[Fault]:
    """What is wrong with ``archive`` and ``peers``; devices' titles have checks of their own."""
    yield from _titles(site)
    if site.archive is None:
        return
    archive = site.archive
    path: Path = ("archive",)
    if not archive.writers and not archive.readers:
        yield Fault(path, "nobody may use the archive", "add `writers: […]`", on_key=True)
    if archive.port in TAKEN:
        message = f"port {archive.port} of the box is for {TAKEN[archive.port]}"
        yield Fault((*path, "port"), message, "DICOM's own are 104 and 11112")
    for role in ("writers", "readers"):
        for index, who in enumerate(getattr(archive, role)):
            yield from member(site, (*path, role, index), who)
    yield from _twice(archive)
    yield from _forward(site, archive)


def _titles(site: Site) -> Iterator[Fault]:
    taken = {each.ae_title: name for name, each in site.devices.items() if each.ae_title}
    ours = [(("peers", name, "ae_title"), name, each) for name, each in site.peers.items()]
    named: list[tuple[Path, str, str]] = [(path, name, each.ae_title) for path, name, each in ours]
    if site.archive:
        named.append((("archive", "ae_title"), "archive", site.archive.ae_title))
    for name, files in site.intake.devices.items() if site.intake else ():
        if files.ae_title:
            path: Path = ("intake", "devices", name, "ae_title")
            named.append((path, name, files.ae_title))
    for path, name, title in named:
        if len(title) > AE_TITLE_MAX:
            message = f"the AE title {title} has {len(title)} characters"
            yield Fault(path, message, f"DICOM allows {AE_TITLE_MAX}")
        if title in taken:
            message = f"the AE title {title} is `{taken[title]}`'s already"
            yield Fault(path, message, "everyone who speaks DICOM needs a title of their own")
        taken.setdefault(title, name)


def member(site: Site, path: Path, who: str) -> Iterator[Fault]:
    """What keeps an entry from being somebody who can speak DICOM here."""
    if who in site.peers:
        return
    if who in site.devices:
        device = site.devices[who]
        if device.network is None:
            message = f"`{who}` has no network, so it cannot speak DICOM with the box"
            yield Fault(path, message, "remove it here, or give it a network")
        elif device.ae_title is None:
            message = f"`{who}` has no AE title, and callers are known by theirs"
            yield Fault(path, message, f"add `ae_title: …` to devices.{who}")
    elif who not in site.networks:
        known = (*site.devices, *site.networks, *site.peers)
        message = f"there is no device, network or peer `{who}`"
        yield Fault(path, message, nearest(who, known))
    elif not any(each.ae_title for each in site.devices_on(who).values()):
        message = f"no device on `{who}` has an AE title, so nobody would be let in"
        yield Fault(path, message, "add `ae_title: …` to its devices, or remove it here")


def _twice(archive: Archive) -> Iterator[Fault]:
    for role in ("writers", "readers", "forward"):
        names: tuple[str, ...] = getattr(archive, role)
        for index, who in enumerate(names):
            path: Path = ("archive", role, index)
            if who in names[:index]:
                yield Fault(path, f"`{who}` is listed twice", "remove one of them")
            elif role == "readers" and who in archive.writers:
                message = f"`{who}` is a writer of the archive already, and writers may read"
                yield Fault(path, message, "remove it from one of the two lists")


def _forward(site: Site, archive: Archive) -> Iterator[Fault]:
    for index, who in enumerate(archive.forward):
        if who not in site.peers:
            mend = nearest(who, site.peers) if site.peers else "describe it under `peers:`"
            yield Fault(("archive", "forward", index), f"there is no peer `{who}`", mend)
