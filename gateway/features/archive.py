"""The DICOM archive: Orthanc from Debian testing, by a pin that lets nothing else in.

Debian 13's own Orthanc 1.12.7 has published vulnerabilities (CVE-2026-5437 to 5445), fixed in
1.12.11. Every library that Debian 13 has in the needed version stays Debian 13's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gateway.features.orthanc import FOLDER, LIBRARY, Partner, configuration, copied, partners
from gateway.features.shape import Feature, Taken
from gateway.imaging import Archive
from gateway.policy import End, Flow, PortRange, Reason, Service, box_end
from gateway.render import RenderedFile, fill
from gateway.site import Site

UNIT = "gateway-archive.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
CONFIG = "/etc/gateway/archive/orthanc.json"
PIN = "/etc/apt/preferences.d/gateway-archive"
TMPFILES = "/etc/tmpfiles.d/gateway-archive.conf"
GROUPS = "/etc/sysusers.d/gateway-archive.conf"
MAY = ("archive-read", "archive-store")
"""Groups of the programs on the box that may ask it, by what they may."""
SOURCE = Path(__file__).parent.parent / "box" / "orthanc"
# Derived on the box from its own mirror, and removed with the pin.
TESTING_SOURCE = ("/usr/bin/python3", "-IB", "/usr/lib/gateway/box/testing_source.py")
OUT = {
    "writer": "retrieved images and commitments",
    "reader": "retrieved images",
    "copies": "a copy of everything",
}
RESTART = ("/usr/bin/systemctl", "try-restart", UNIT)


def flows(site: Site) -> Iterator[Flow]:
    """Partners to the archive, and the archive to whoever it may have to send something to.

    A C-MOVE and the answer to a storage commitment come on an association of the archive's own
    (DICOM PS3.4, C.4.2 and J.3).
    """
    archive = site.archive
    if archive is None:
        return
    for partner in partners(site):
        if partner.role != "copies":
            yield _in(site, archive, partner, partner.reason)
        yield _out(site, partner, partner.reason, OUT[partner.role])
    # Even where the peer reads as well: the reason is another.
    for partner in copied(site):
        if partner.role != "copies":
            index = archive.forward.index(partner.name)
            reason = Reason(("archive", "forward", index))
            yield _out(site, partner, reason, "a copy of everything")


def _in(site: Site, archive: Archive, partner: Partner, reason: Reason) -> Flow:
    box = _box(site, partner)
    return Flow(partner.end, box, _dicom(archive.port), reason, "archive", partner.role)


def _out(site: Site, partner: Partner, reason: Reason, note: str) -> Flow:
    return Flow(_box(site, partner), partner.end, _dicom(partner.port), reason, "archive", note)


def _box(site: Site, partner: Partner) -> End:
    """The box as the partner sees it: IPv4 only, as the partner is."""
    box = box_end(site, partner.end.network or site.outside_name)
    return replace(box, addresses=box.addresses[:1])


def _dicom(port: int) -> Service:
    return Service("dicom", (PortRange("tcp", port, port),))


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """The pin, the folder, what runs inside Orthanc, its configuration and its unit."""
    archive = site.archive
    if archive is None:
        return
    yield RenderedFile(PIN, fill(f"{PIN[1:]}.j2"), "archive", reload=TESTING_SOURCE, first=True)
    create = ("/usr/bin/systemd-tmpfiles", "--create", TMPFILES)
    folders = fill(f"{TMPFILES[1:]}.j2", folder=FOLDER)
    yield RenderedFile(TMPFILES, folders, "archive", reload=create)
    yield RenderedFile(
        GROUPS,
        fill(f"{GROUPS[1:]}.j2", groups=MAY),
        "archive",
        reload=("/usr/bin/systemd-sysusers", GROUPS),
    )
    for module in sorted(SOURCE.glob("*.py")):
        path = f"{LIBRARY}/{module.name}"
        yield RenderedFile(path, module.read_bytes(), "archive", reload=RESTART)
    text = json.dumps(configuration(site, archive), indent=1) + "\n"
    yield RenderedFile(CONFIG, text.encode(), "archive", reload=RESTART)
    unit = fill(f"{UNIT_FILE[1:]}.j2", folder=FOLDER, config=CONFIG, low=archive.port < 1024)
    yield RenderedFile(UNIT_FILE, unit, "archive", reload=RESTART)


def taken(site: Site) -> tuple[Taken, ...]:
    """Its groups; its user is the Debian package's."""
    return tuple(Taken(each, "the archive", group=True) for each in MAY) if site.archive else ()


def packages(site: Site) -> tuple[str, ...]:
    """Orthanc, and of its plugins those that are used."""
    return ("orthanc", "orthanc-dicomweb", "orthanc-python") if site.archive else ()


FEATURE = Feature(
    "archive",
    flows=flows,
    files=files,
    packages=packages,
    units=lambda site: (UNIT,) if site.archive else (),
    # Debian's own would listen on every interface, with every plugin.
    masked=lambda site: ("orthanc.service",) if site.archive else (),
    data=lambda site: ((FOLDER, "the archive's images"),) if site.archive else (),
    taken=taken,
)
