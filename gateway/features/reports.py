"""The report site: Django behind gunicorn, gunicorn behind Apache, PostgreSQL by its socket.

Each is a service of its own user that can do what it has to and no more: Apache has the network and
the certificate, but neither archive nor database; the site has both, but no network; the database's
tables belong to a third user, so that what was signed and the trail of who did what are beyond the
site's own reach (docs/decisions/0010-the-report-site.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.features import database, fax, intake, orthanc, sheets
from gateway.features.database import DATABASE, KEYS, LIBRARY, OWN, OWNER, WEB
from gateway.features.shape import Feature, Taken
from gateway.policy import (
    SERVICES,
    End,
    Flow,
    PortRange,
    Reason,
    Service,
    box_end,
    end,
    outside_host,
)
from gateway.render import RenderedFile, fill
from gateway.reporting import Reports
from gateway.site import Site

UNITS = "/etc/systemd/system"
SITE, SERVER, PREPARE = "reports.service", "reports-web.service", "reports-prepare.service"
MAKES_KEYS, RENEWS = "reports-keys.service", ("reports-renew.service", "reports-renew.timer")
TELLS = ("reports-state.service", "reports-state.timer")
STATE = "/run/gateway-reports/state.json"
CONFIG = "/etc/gateway/reports.json"
APACHE = "/etc/gateway/reports/apache.conf"
CHAIN = "/etc/gateway/reports/certificate.pem"
DIRECTORY = "/etc/gateway/reports/directory.pem"
PROGRAM = "/usr/bin/reports"
CODE = "/usr/lib/gateway/reports"
SOURCE = Path(__file__).parent.parent.parent / "reports"
TRAVELS = {".py", ".css", ".js", ".mjs", ".html", ".txt", ".svg", ".png", ".json", ".mo", ".yaml"}
USERS = "/etc/sysusers.d/gateway-reports.conf"
FOLDERS = "/etc/tmpfiles.d/gateway-reports.conf"
APACHE_USER = "reports-web"
RUN, RUN_WEB = "/run/reports", "/run/reports-web"
ROOT_PAGE = "/root.crt"
ARCHIVE = "/run/gateway-archive"
PORT = 443
# Those of Debian's apache2-bin that are used; what is not loaded has no holes.
MODULES = (
    *("mpm_event", "authz_core", "alias", "mime", "headers", "reqtimeout"),
    *("socache_shmcb", "ssl", "http2", "proxy", "proxy_http"),
)
PACKAGES = (
    "apache2-bin",  # the program and its modules: no unit, no configuration
    "fonts-arphic-uming",  # for the PDFs: reports/documents/fonts.py
    "fonts-dejavu-core",
    "openssl",
    "python3-argon2",
    "python3-django",
    "python3-gunicorn",
    "python3-numpy",
    "python3-pil",
    "python3-psycopg",
    "python3-psycopg-c",  # found by the one before; without it rows are read by ctypes
    "python3-pydicom",
    "python3-reportlab",
    "python3-yaml",
)


@dataclass(frozen=True)
class Work:
    """What the site does beside answering: ``reports NAME``, for good."""

    name: str
    what: str
    adds: bool = False
    """Whether it may add to the archive: whoever answers the network may not."""

    @property
    def unit(self) -> str:
        """The unit that does it."""
        return f"reports-{self.name}.service"


WORK = (
    Work("follow", "Follows the archive for the report site"),
    Work("send", "Sends signed reports to the archive and by fax", adds=True),
)
RUNNING = (SITE, *(each.unit for each in WORK))
RESTART = ("/usr/bin/systemctl", "try-restart", PREPARE, *RUNNING)
RESTART_WEB = ("/usr/bin/systemctl", "try-restart", SERVER)


def readers(site: Site) -> Iterator[tuple[End, End, Reason]]:
    """Whoever may open it, the box as he sees it, and the entry that says so."""
    for index, who in enumerate(site.reports.readers if site.reports else ()):
        reader = end(site, who)
        if reader and reader.network:
            box = box_end(site, reader.network)
            yield reader, box, Reason(("reports", "readers", index))


def flows(site: Site) -> Iterator[Flow]:
    """HTTPS from whoever may read; and to the hospital's directory, where it is asked."""
    for reader, box, reason in readers(site):
        yield Flow(reader, box, SERVICES["https"], reason, "reports", "the report site")
    if site.reports and site.reports.ldap:
        ldap = site.reports.ldap
        service = Service("ldaps", (PortRange("tcp", ldap.port, ldap.port),))
        there = outside_host(site, str(ldap.address))
        box, reason = box_end(site, site.outside_name), Reason(("reports", "ldap"))
        yield Flow(box, there, service, reason, "reports", "who logs in to the report site")


def listens(site: Site) -> list[str]:
    """The box's addresses on the networks that somebody may come from."""
    each = [address for _, box, _ in readers(site) for address in box.addresses]
    return [_bracketed(str(one.network_address)) for one in dict.fromkeys(each)]


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def hosts(site: Site) -> list[str]:
    """What it is asked for by: its name in the hospital, the box's addresses, the box's names.

    All of them, wherever it may be opened: the authority signs for these, and people would have
    to trust another one each time that a reader comes from somewhere else.
    """
    named = [site.reports.name] if site.reports and site.reports.name else []
    own = [each for net in site.networks.values() for each in (net.address, net.address6) if each]
    addresses = [_bracketed(str(each.ip)) for each in own]
    names = [f"{site.box.name}.{site.box.domain}", site.box.name]
    return list(dict.fromkeys([*named, *listens(site), *addresses, *names]))


def settings(site: Site, reports: Reports) -> dict[str, Any]:
    """What the site reads (reports/config.py)."""
    told = {
        "site": site.name,
        "hosts": hosts(site),
        "origin": f"https://{hosts(site)[0]}",
        "database_socket": database.SOCKET,
        "secret_key_file": f"{KEYS}/django",
        "archive": f"{ARCHIVE}/read.json",
        "archive_store": f"{ARCHIVE}/store.json",
        "devices": devices(site),
        "languages": list(reports.languages),
        "time_zone": site.box.timezone,
        "ldap": _directory(reports),
        "status": STATE,
        "sheets": sheets.titles(site),
        "sheets_folder": sheets.FOLDER,
    }
    if site.fax:
        told["fax_host"] = f"127.0.0.1:{fax.PORT}"
    return told


def devices(site: Site) -> dict[str, str]:
    """AE titles, of devices and of their image files, to the names of the description."""
    titles = {each.ae_title: name for name, each in site.devices.items() if each.ae_title}
    for name, each in site.intake.devices.items() if site.intake else ():
        if each.ae_title:
            titles[each.ae_title] = name
    return titles


def _directory(reports: Reports) -> dict[str, str]:
    """``server``; ``user_dn``, with %(user)s for who logs in; ``certificate``, of its authority."""
    ldap = reports.ldap
    if ldap is None:
        return {}
    return {
        "server": f"ldaps://{ldap.name or ldap.address}:{ldap.port}",
        "user_dn": f"{ldap.attribute}=%(user)s,{ldap.users}",
        "certificate": DIRECTORY,
    }


def _outside(site: Site, reports: Reports) -> str:
    """The addresses beyond the box that the site's own processes may speak to."""
    if reports.ldap is None:
        return ""
    names = site.hospital.dns if reports.ldap.name else ()
    return " ".join(str(each) for each in (reports.ldap.address, *names))


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """Users and folders, the code, its configuration, the web server's, the units."""
    reports = site.reports
    if reports is None:
        return
    names = {"web": WEB, "owner": OWNER, "own": OWN, "apache": APACHE_USER}
    users = fill(f"{USERS[1:]}.j2", **names)
    yield RenderedFile(USERS, users, "reports", reload=("/usr/bin/systemd-sysusers", USERS))
    folders = fill(f"{FOLDERS[1:]}.j2", data_parent=DATABASE, keys=KEYS)
    make = ("/usr/bin/systemd-tmpfiles", "--create", FOLDERS)
    yield RenderedFile(FOLDERS, folders, "reports", reload=make)
    yield from database.files()
    yield from _code()
    yield from sheets.files(site, CODE)
    yield from _configuration(site, reports)
    yield from _units(site, reports)


def _code() -> Iterator[RenderedFile]:
    launcher = fill(f"{PROGRAM[1:]}.j2", web=WEB, own=OWN)
    yield RenderedFile(PROGRAM, launcher, "reports", mode=0o755, reload=RESTART)
    for module in sorted(SOURCE.rglob("*")):
        if module.suffix in TRAVELS and module.is_file():
            path = f"{CODE}/{module.relative_to(SOURCE)}"
            yield RenderedFile(path, module.read_bytes(), "reports", reload=RESTART)


def _configuration(site: Site, reports: Reports) -> Iterator[RenderedFile]:
    text = json.dumps(settings(site, reports), indent=1, ensure_ascii=False) + "\n"
    judge = ("/usr/bin/python3", "-IB", f"{{root}}{LIBRARY}/judge.py")
    # With its names the certificate changes, too.
    restart = (*RESTART, MAKES_KEYS, SERVER)
    check = (*judge, "site", "{root}")
    yield RenderedFile(CONFIG, text.encode(), "reports", check=check, reload=restart)
    own = reports.certificate is None
    content = fill(
        f"{APACHE[1:]}.j2",
        hosts=hosts(site),
        listen=listens(site),
        modules=MODULES,
        site_socket=f"{RUN}/site.sock",
        static=f"{CODE}/static",
        own=own,
        root_page=ROOT_PAGE,
    )
    check = (*judge, "web", "{root}")
    yield RenderedFile(APACHE, content, "reports", check=check, reload=RESTART_WEB)
    for path, name in (
        (CHAIN, reports.certificate),
        (DIRECTORY, reports.ldap.certificate if reports.ldap else None),
    ):
        if name:
            yield RenderedFile(path, site.certificates[name].encode(), "reports", reload=restart)


def _units(site: Site, reports: Reports) -> Iterator[RenderedFile]:
    values = {
        "web": WEB,
        "owner": OWNER,
        "own": OWN,
        "apache": APACHE_USER,
        "library": LIBRARY,
        "keys": KEYS,
        "key": f"{KEYS}/django",
        "program": PROGRAM,
        "pythonpath": str(Path(CODE).parent),
        "run": RUN,
        "runtime_name": Path(RUN).name,
        "runtime": RUN_WEB,
        "site_socket": f"{RUN}/site.sock",
        "cache": "gateway-reports",
        "apache_config": APACHE,
        "makes_own": reports.certificate is None,
        "directory": _outside(site, reports),
        "faxes": site.fax is not None,
        "state": STATE,
        "state_name": Path(STATE).parent.name,
        "archive": orthanc.FOLDER,
        "cameras": [f"-{intake.device_folder(site, each)}" for each in _cameras(site)],
    }
    plain = (MAKES_KEYS, *RENEWS, *TELLS, PREPARE, SITE, SERVER)
    named: list[tuple[str, str, Work | None]] = [(each, each, None) for each in plain]
    named += [(each.unit, "reports-work.service", each) for each in WORK]
    for unit, template, work in named:
        content = fill(f"{UNITS[1:]}/{template}.j2", work=work, **values)
        yield RenderedFile(f"{UNITS}/{unit}", content, "reports", reload=_reload(unit))


def _cameras(site: Site) -> tuple[str, ...]:
    return tuple(site.intake.devices) if site.intake else ()


def _reload(unit: str) -> tuple[str, ...]:
    """What takes a unit's file into use: nobody who works is disturbed by a timer."""
    if unit in (SERVER, MAKES_KEYS):
        return (*RESTART_WEB, MAKES_KEYS)
    return RESTART if unit in (PREPARE, *RUNNING) else (*RESTART[:2], unit)


def taken(site: Site) -> tuple[Taken, ...]:
    """Its users, and the group of two of them."""
    if site.reports is None:
        return ()
    users = (Taken(name, "the report site") for name in (WEB, OWNER, APACHE_USER))
    return (*users, Taken(OWN, "the report site", group=True))


def packages(site: Site) -> tuple[str, ...]:
    """Debian 13's; LDAP's only where a directory is asked."""
    if site.reports is None:
        return ()
    ldap = ("python3-ldap",) if site.reports.ldap else ()
    fax = ("hylafax-client",) if site.fax else ()
    return (*PACKAGES, *database.PACKAGES, *ldap, *fax)


def units(site: Site) -> tuple[str, ...]:
    """In the order in which each needs the one before."""
    if site.reports is None:
        return ()
    return (database.UNIT, MAKES_KEYS, PREPARE, *RUNNING, SERVER, RENEWS[1], TELLS[1])


FEATURE = Feature(
    "reports",
    flows=flows,
    files=files,
    packages=packages,
    units=units,
    masked=lambda site: (*database.MASKED, "apache2.service") if site.reports else (),
    data=lambda site: ((database.FOLDER, "reports, and who read them"),) if site.reports else (),
    taken=taken,
)
