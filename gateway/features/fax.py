"""Faxes: sent for the devices that may, received for the department.

HylaFAX (``hylafax-client``'s protocol, TCP 4559), with units of our own: Debian's ``faxgetty@``
is bound to a device unit, so a modem that is plugged in later would be left out.

The protocol is FTP's: a second connection, in either direction, carries the document. The
kernel's FTP helper reads which one on the first connection, so no port stands open for it.

A received fax is noted (``received``), then delivered by a service of its own that may write
to one share and nowhere else; the note goes when the fax is where it belongs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from gateway.features import mail
from gateway.features.shape import Feature
from gateway.features.shares import folder, writers_group
from gateway.policy import End, Flow, PortRange, Reason, Service, box_end, device_end
from gateway.render import RenderedFile, fill
from gateway.site import Fax, Site

PORT = 4559
SERVICE = Service("fax", (PortRange("tcp", PORT, PORT),), helper="ftp")
FOLDER = "/etc/hylafax"
UNITS = "/etc/systemd/system"
SPOOL = "/etc/tmpfiles.d/gateway-fax.conf"
QUEUE, SERVER = "fax-queue.service", "fax-server.service"
DELIVER = ("fax-deliver.service", "fax-deliver.path")
CLEAN = ("fax-clean.service", "fax-clean.timer")
DEBIAN = ("hylafax.service", "faxq.service", "hfaxd.service")
FIRST_UID = 60100
"""hfaxd keeps jobs apart by these numbers; they are no accounts (hosts.hfaxd(5))."""


@dataclass(frozen=True)
class Sender:
    """A device that may send, and the entry that says so."""

    device: str
    reason: Reason


def senders(site: Site) -> Iterator[Sender]:
    """Each device once, by the first entry that names it or its network."""
    seen: set[str] = set()
    for index, who in enumerate(site.fax.senders if site.fax else ()):
        for device in site.members(who):
            described = site.devices[device]
            if device not in seen and described.network in site.inside and described.address:
                seen.add(device)
                yield Sender(device, Reason(("fax", "senders", index)))


def serves(site: Site) -> bool:
    """Whether anybody may send: a device, or the report site on the box itself."""
    return any(senders(site)) or (site.fax is not None and site.reports is not None)


def modem_unit(name: str) -> str:
    """The unit that a modem is served by."""
    return f"fax-modem-{name}.service"


def flows(site: Site) -> Iterator[Flow]:
    """Each sender to the box. The protocol is IPv4's (PORT and PASV, RFC 959)."""
    for sender in senders(site):
        network = site.devices[sender.device].network
        assert network  # senders() leaves out the others  # noqa: S101
        source, box = device_end(site, sender.device), box_end(site, network)
        yield Flow(_ipv4(source), _ipv4(box), SERVICE, sender.reason, "fax")


def _ipv4(side: End) -> End:
    own = tuple(each for each in side.addresses if each.version == 4)
    return End(side.name, side.network, own)


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """Everything that HylaFAX reads but its templates of letters."""
    if not site.fax:
        return
    yield from _units(site, site.fax)
    yield from _configuration(site, site.fax)


def _units(site: Site, fax: Fax) -> Iterator[RenderedFile]:
    common = {"receives": receives(fax)}
    for unit in (QUEUE, *((SERVER,) if serves(site) else ()), *CLEAN):
        yield _unit(unit, unit, **common)
    for name, modem in fax.modems.items():
        port = PurePosixPath(modem.port)
        yield _unit(modem_unit(name), "fax-modem.service", name=name, port=port, **common)
    if receives(fax):
        share = fax.received
        for unit in DELIVER:
            yield _unit(
                unit,
                unit,
                folder=folder(share) if share else "",
                group=writers_group(share) if share else "",
                mails=mail.sends(site),
            )


def _unit(unit: str, template: str, **values: object) -> RenderedFile:
    content = fill(f"{UNITS[1:]}/{template}.j2", **values)
    restart = ("systemctl", "try-restart", unit)
    return RenderedFile(f"{UNITS}/{unit}", content, "fax", reload=restart)


def _configuration(site: Site, fax: Fax) -> Iterator[RenderedFile]:
    content = fill(f"{SPOOL[1:]}.j2", receives=receives(fax))
    make = ("/usr/bin/systemd-tmpfiles", "--create", SPOOL)
    yield RenderedFile(SPOOL, content, "fax", reload=make)
    restart = ("systemctl", "try-restart", QUEUE)
    for name, mode in (("config", 0o644), ("dialrules", 0o644), ("noted", 0o755)):
        path = f"{FOLDER}/{name}"
        yield RenderedFile(path, fill(f"{path[1:]}.j2"), "fax", mode=mode, reload=restart)
    for name, modem in fax.modems.items():
        path = f"{FOLDER}/config.{PurePosixPath(modem.port).name}"
        content = fill(
            f"{FOLDER[1:]}/config.modem.j2",
            number=modem.number,
            type=(modem.type or "").capitalize(),
            station=site.box.name,
            prefix=fax.prefix,
            receives=receives(fax),
        )
        restart = ("systemctl", "try-restart", modem_unit(name))
        yield RenderedFile(path, content, "fax", reload=restart)
    if serves(site):
        yield from _server(site)
    told = {
        "folder": folder(fax.received) if fax.received else "",
        "mail": fax.mail or "",
        "sender": f"fax@{mail.host(site)}",
    }
    text = json.dumps(told, indent=1) + "\n"
    yield RenderedFile("/etc/gateway/fax.json", text.encode(), "fax")


def _server(site: Site) -> Iterator[RenderedFile]:
    restart = ("systemctl", "try-restart", SERVER)
    yield RenderedFile(
        f"{FOLDER}/hfaxd.conf", fill("etc/hylafax/hfaxd.conf.j2"), "fax", reload=restart
    )
    allowed = [
        (sender.device, str(site.devices[sender.device].address).replace(".", "\\."), number)
        for number, sender in enumerate(senders(site), FIRST_UID)
    ]
    if site.reports:
        allowed.append(("the report site", "127\\.0\\.0\\.1", FIRST_UID - 1))
    # hfaxd lets nobody in if others than its own account may read the file (hosts.hfaxd(5)).
    yield RenderedFile(
        f"{FOLDER}/hosts.hfaxd",
        fill("etc/hylafax/hosts.hfaxd.j2", senders=allowed),
        "fax",
        mode=0o600,
        owner="uucp",
        group="uucp",
        reload=restart,
    )


def receives(fax: Fax) -> bool:
    """Whether a received fax would be seen by anybody; if not, no modem answers."""
    return bool(fax.received or fax.mail)


def packages(site: Site) -> tuple[str, ...]:
    """HylaFAX depends on a mail program: Postfix's, which the mail feature confines."""
    return ("hylafax-server", "postfix") if site.fax else ()


def units(site: Site) -> Iterator[str]:
    """The queue, the modems, and the server where somebody may send."""
    if site.fax:
        yield QUEUE
        yield CLEAN[1]
        if serves(site):
            yield SERVER
        if receives(site.fax):
            yield DELIVER[1]
        yield from map(modem_unit, site.fax.modems)


def masked(site: Site) -> tuple[str, ...]:
    """Debian's units; and Postfix with its default settings, where no mail is sent."""
    if not site.fax:
        return ()
    return DEBIAN if mail.sends(site) else (*DEBIAN, mail.UNIT)


FEATURE = Feature(
    "fax",
    flows=flows,
    files=files,
    packages=packages,
    units=units,
    masked=masked,
    data=lambda site: (
        (("/var/spool/hylafax", "faxes that were sent and received"),) if site.fax else ()
    ),
)
