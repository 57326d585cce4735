"""Image files of cameras: into the archive as DICOM, and back from it as Interfile.

Two services of one user. ``intake`` works on the devices' folders and speaks with the archive on
loopback; ``intake-receive`` takes DICOM from the network and may write nothing but its spool.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gateway.features import mail
from gateway.features.orthanc import Partner, partner_of
from gateway.features.shape import Feature, Taken
from gateway.features.shares import folder, readers_group, writers_group
from gateway.imaging import DosTranslator, ImageFiles, Intake
from gateway.policy import Flow, PortRange, Reason, Service, box_end
from gateway.render import RenderedFile, fill
from gateway.sharing import profile_of
from gateway.site import Site

UNIT, RECEIVER = "intake.service", "intake-receive.service"
UNITS = "/etc/systemd/system"
CONFIG = "/etc/gateway/intake.json"
PROGRAM = "/usr/bin/intake"
LIBRARY = "/usr/lib/gateway/intake"
USERS = "/etc/sysusers.d/gateway-intake.conf"
FOLDERS = "/etc/tmpfiles.d/gateway-intake.conf"
SOURCE = Path(__file__).parent.parent.parent / "intake"
USER = "intake"
STATE = "/var/lib/intake"
INNER = ("incoming", "outgoing", "done", "quarantine")
RAW = "/etc/gateway/raw"
TRANSLATORS = "/srv/translators"
"""Vendors' DOS programs, a folder each, which an administrator puts there."""
CREDENTIALS = "/run/gateway-archive/store.json"
CREDENTIALS_GROUP = "archive-store"
CHILD_MEMORY = 1 << 30
"""Bytes of address space for converting one file; the whole service may have half as much again."""
LOOPBACK = "127.0.0.1"
# numpy and pydicom for what it does by itself; the others for who works with it at the box.
PACKAGES = (
    "bubblewrap",
    "dicom3tools",  # dciodvfy, which judges what `intake check` is given
    "greaseweazle",
    "libgdcm-tools",
    "mtools",
    "python3-numpy",
    "python3-pil",
    "python3-pydicom",
    "python3-yaml",
)


@dataclass(frozen=True)
class Job:
    """Something that is done by the clock: ``intake WORDS``, exit 1 if it found something."""

    name: str
    words: tuple[str, ...]
    when: str
    """systemd.time(7)."""
    what: str

    @property
    def service(self) -> str:
        """The unit that does it."""
        return f"intake-{self.name}.service"

    @property
    def timer(self) -> str:
        """The unit that starts it."""
        return f"intake-{self.name}.timer"


JOBS = (
    Job("count", ("count", "--mail"), "*-*-* 05:30:00", "Counts what came in against the archive"),
    Job("silent", ("silent", "--mail"), "hourly", "Looks for devices that send nothing any more"),
)


def titled(intake: Intake) -> dict[str, ImageFiles]:
    """The devices that images can be sent to."""
    return {name: each for name, each in intake.devices.items() if each.ae_title}


def device_folder(site: Site, device: str) -> str:
    """Where a device's incoming and outgoing are."""
    assert site.intake  # whoever asks has one  # noqa: S101
    return f"{folder(site.intake.devices[device].share)}/{device}"


def senders(site: Site) -> Iterator[Partner]:
    """Whoever may send to a title directly, each once."""
    seen: set[str] = set()
    for index, who in enumerate(site.intake.senders if site.intake else ()):
        for name in (who,) if who in site.peers else site.members(who):
            reason = Reason(("intake", "senders", index))
            partner = partner_of(site, name, "writer", reason)
            if partner and name not in seen:
                seen.add(name)
                yield partner


def flows(site: Site) -> Iterator[Flow]:
    """Who may send to a title. The archive does so on the box itself."""
    if site.intake is None:
        return
    port = site.intake.port
    service = Service("dicom", (PortRange("tcp", port, port),))
    for sender in senders(site):
        box = box_end(site, sender.end.network or site.outside_name)
        own = replace(box, addresses=box.addresses[:1])  # IPv4 only, as the sender is
        yield Flow(sender.end, own, service, sender.reason, "intake", "for devices' outgoing")


def recipient(site: Site) -> str:
    """Who is told of files that were set aside."""
    wanted = site.intake.mail if site.intake else None
    return (wanted or site.administration.mail or "") if mail.sends(site) else ""


def settings(site: Site, intake: Intake) -> dict[str, Any]:
    """What the program reads (intake/lane/settings.py)."""
    told: dict[str, Any] = {
        "root": f"{STATE}/devices",  # of a device that is no longer described
        "state": STATE,
        "archive": {"credentials": CREDENTIALS},
        "devices": {name: _options(site, name, each) for name, each in intake.devices.items()},
        "folders": {name: device_folder(site, name) for name in intake.devices},
        "titles": {name: each.ae_title for name, each in titled(intake).items()},
        "dialects": {name: _dialect(site, name, each) for name, each in intake.devices.items()},
        "raw": {name: raw_file(each.raw) for name, each in intake.devices.items() if each.raw},
        "dos": {name: _translator(each.dos) for name, each in intake.devices.items() if each.dos},
        "memory": CHILD_MEMORY,
        "mail": recipient(site),
    }
    if titled(intake) and site.archive:
        told["receive"] = _receive(site, intake, site.archive.ae_title)
    return told


def translated(site: Site) -> bool:
    """Whether a device's files go through a DOS translator."""
    intake = site.intake
    return intake is not None and any(each.dos for each in intake.devices.values())


def _translator(dos: DosTranslator) -> dict[str, Any]:
    return {**dos.model_dump(mode="json"), "program": f"{TRANSLATORS}/{dos.program}"}


def raw_file(name: str) -> str:
    """Where a raw profile is on the box."""
    return f"{RAW}/{name}.yml"


def _receive(site: Site, intake: Intake, archive: str) -> dict[str, Any]:
    callers = {archive: [LOOPBACK]}
    networks = []
    for sender in senders(site):
        callers.setdefault(sender.ae_title, []).append(sender.address)
        networks.append(sender.end.network or site.outside_name)
    own = [str(site.networks[name].address.ip) for name in dict.fromkeys(networks)]
    return {"port": intake.port, "addresses": [LOOPBACK, *own], "callers": callers}


def _options(site: Site, name: str, files: ImageFiles) -> dict[str, Any]:
    """What is known of the files that a device writes; "standard" is recognised like any other."""
    profile = profile_of(site, name)
    dialect = _dialect(site, name, files)
    return {
        "charset": files.charset or (profile.images.charset if profile else "ascii"),
        "dialect": "" if dialect == "standard" else dialect,
        "assume": files.assume,
        "decimal_comma": files.decimals == "comma",
    }


def _dialect(site: Site, name: str, files: ImageFiles) -> str:
    profile = profile_of(site, name)
    return files.dialect or (profile.images.dialect if profile else "standard")


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """The program, its user and folders, its settings, its units."""
    intake = site.intake
    if intake is None:
        return
    running = units(site)
    restart = ("/usr/bin/systemctl", "try-restart", *running)
    make = ("/usr/bin/systemd-sysusers", USERS)
    user = fill(f"{USERS[1:]}.j2", user=USER, state=STATE)
    yield RenderedFile(USERS, user, "intake", reload=make)
    yield _folders(intake, site)
    yield RenderedFile(PROGRAM, fill(f"{PROGRAM[1:]}.j2"), "intake", mode=0o755, reload=restart)
    for module in sorted(SOURCE.rglob("*.py")):
        path = f"{LIBRARY}/{module.relative_to(SOURCE)}"
        yield RenderedFile(path, module.read_bytes(), "intake", reload=restart)
    for name in sorted({each.raw for each in intake.devices.values() if each.raw}):
        content = site.raw_profiles[name].encode()
        yield RenderedFile(raw_file(name), content, "intake", reload=restart)
    text = json.dumps(settings(site, intake), indent=1, ensure_ascii=False) + "\n"
    # By the program from where it is staged: that its modules and packages are whole shows too.
    check = (f"{{root}}{PROGRAM}", "settings", "--config", "{file}", "--below", "{root}")
    yield RenderedFile(CONFIG, text.encode(), "intake", check=check, reload=restart)
    yield from _units(site, intake, restart)


def _folders(intake: Intake, site: Site) -> RenderedFile:
    shared = [
        {
            "path": device_folder(site, name),
            "writers": writers_group(each.share),
            "readers": readers_group(each.share),
        }
        for name, each in intake.devices.items()
    ]
    values = {"user": USER, "state": STATE, "returns": list(titled(intake)), "inner": INNER}
    programs = sorted({each.dos.program for each in intake.devices.values() if each.dos})
    values |= {"translators": TRANSLATORS, "programs": programs}
    content = fill(f"{FOLDERS[1:]}.j2", folders=shared, **values)
    make = ("/usr/bin/systemd-tmpfiles", "--create", FOLDERS)
    return RenderedFile(FOLDERS, content, "intake", reload=make)


def _units(site: Site, intake: Intake, restart: tuple[str, ...]) -> Iterator[RenderedFile]:
    shares = sorted({each.share for each in intake.devices.values()})
    mails = bool(recipient(site))
    groups = [*map(writers_group, shares), CREDENTIALS_GROUP, *(("postdrop",) if mails else ())]
    values = {
        "user": USER,
        "state": STATE,
        "shares": [folder(each) for each in shares],
        "groups": groups,
        "mails": mails,
        "memory": CHILD_MEMORY + CHILD_MEMORY // 2,
        "low": intake.port < 1024,
        "translators": TRANSLATORS if translated(site) else "",
    }
    named = [(UNIT, UNIT, None)] + ([(RECEIVER, RECEIVER, None)] if titled(intake) else [])
    jobs = [(each.service, "intake-job.service", each) for each in JOBS]
    jobs += [(each.timer, "intake-job.timer", each) for each in JOBS]
    for unit, template, job in (*named, *jobs):
        more = {"job": job, "bubblewrap": unit == UNIT}  # the one that runs others' programs
        content = fill(f"{UNITS[1:]}/{template}.j2", **more, **values)
        yield RenderedFile(f"{UNITS}/{unit}", content, "intake", reload=restart)


def packages(site: Site) -> tuple[str, ...]:
    """Debian 13's, and nothing of anybody else's."""
    if site.intake is None:
        return ()
    return (*PACKAGES, "dosbox") if translated(site) else PACKAGES


def units(site: Site) -> tuple[str, ...]:
    """The lane, the receiver where there is a title, and what is done by the clock."""
    if site.intake is None:
        return ()
    receiver = (RECEIVER,) if titled(site.intake) else ()
    return (UNIT, *receiver, *(each.timer for each in JOBS))


def data(site: Site) -> tuple[tuple[str, str], ...]:
    """What the box alone has: the ledger, and programs that came on somebody's disk."""
    if site.intake is None:
        return ()
    programs = ((TRANSLATORS, "DOS translators"),) if translated(site) else ()
    return ((STATE, "the ledger of image files"), *programs)


FEATURE = Feature(
    "intake",
    flows=flows,
    files=files,
    packages=packages,
    units=units,
    data=data,
    taken=lambda site: (Taken(USER, "the intake of image files"),) if site.intake else (),
)
