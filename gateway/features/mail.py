"""The box's own mail: to the hospital's relay, and from nobody else.

Postfix has no listener at all, not even on loopback: mail comes in by ``sendmail`` alone
(postdrop's queue folder), and leaves to one address. Nothing is delivered on the box.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.features.shape import Feature
from gateway.policy import SERVICES, Flow, Reason, box_end, outside_host
from gateway.problems import Fault, Path
from gateway.render import RenderedFile, fill
from gateway.site import Site

UNIT = "postfix.service"
FOLDER = "/etc/postfix"
SANDBOX = f"/etc/systemd/system/{UNIT}.d/gateway.conf"
# Both files from the staged tree; postconf says what it cannot read and ends with an error.
CHECK = ("postconf", "-c", f"{{root}}{FOLDER}", "-x", "relayhost", "smtp_bind_address")


def recipients(site: Site) -> Iterator[tuple[Path, str]]:
    """Whom the box has something to write to, with where the description says so."""
    if site.administration.mail:
        yield ("administration", "mail"), site.administration.mail
    if site.intake and site.intake.mail:
        yield ("intake", "mail"), site.intake.mail
    if site.fax and site.fax.mail:
        yield ("fax", "mail"), site.fax.mail


def sends(site: Site) -> bool:
    """Whether the box sends mail at all."""
    return site.hospital.mail_relay is not None and any(recipients(site))


def host(site: Site) -> str:
    """The box's full name: what its senders' addresses end in."""
    return f"{site.box.name}.{site.box.domain}"


def problems(site: Site) -> Iterator[Fault]:
    """Mail that could go nowhere."""
    for path, address in recipients(site):
        if site.hospital.mail_relay is None:
            message = f"mail to {address} has no way out: the site names no mail relay"
            yield Fault(path, message, "add `mail_relay: …` to `hospital`, or remove this")
        elif address.rpartition("@")[2] in (host(site), site.box.domain):
            message = f"{address} is on the box itself, where nobody reads mail"
            yield Fault(path, message, "give an address that the hospital's relay delivers to")


def flows(site: Site) -> Iterator[Flow]:
    """The box to the relay, because somebody is to get its mail."""
    if site.hospital.mail_relay and sends(site):
        relay = outside_host(site, str(site.hospital.mail_relay))
        path, _ = next(recipients(site))
        box = box_end(site, site.outside_name)
        yield Flow(box, relay, SERVICES["mail"], Reason(path), "mail", "the box's own mail")


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """Postfix's two files, whole, and its unit confined to what a pure sender does."""
    if not sends(site):
        return
    _, first = next(recipients(site))
    values = {
        "host": host(site),
        "relay": site.hospital.mail_relay,
        "source": site.outside.address.ip,
        # Whatever is written to somebody on the box: root, cron's jobs, bounces.
        "local": ["localhost", "localhost.localdomain", host(site), site.box.domain],
        "users": ["root", "uucp", *(["intake"] if site.intake else [])],
        "reader": site.administration.mail or first,
    }
    restart = ("systemctl", "try-restart", UNIT)
    yield RenderedFile(SANDBOX, fill(f"{SANDBOX[1:]}.j2"), "mail", reload=restart)
    for name in ("master.cf", "main.cf"):
        path = f"{FOLDER}/{name}"
        content = fill(f"{path[1:]}.j2", **values)
        yield RenderedFile(path, content, "mail", check=CHECK, reload=restart)
    yield RenderedFile("/etc/mailname", f"{host(site)}\n".encode(), "mail")


def packages(site: Site) -> tuple[str, ...]:
    """None where the box sends nothing."""
    return ("postfix",) if sends(site) else ()


def units(site: Site) -> tuple[str, ...]:
    """Debian's unit with our files."""
    return (UNIT,) if sends(site) else ()


FEATURE = Feature(
    "mail",
    problems=problems,
    flows=flows,
    files=files,
    packages=packages,
    units=units,
    data=lambda site: (("/var/spool/postfix", "mail that waits"),) if sends(site) else (),
)
