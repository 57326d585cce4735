"""The report site: who may open it, and what it needs from the rest.

Asks which side an end is on, so there must be exactly one outside network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.checks.access import unknown
from gateway.nearest import nearest
from gateway.policy import IPNetwork, box_end, end
from gateway.problems import Fault, Path
from gateway.reporting import Reports
from gateway.site import Site

PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?")


def faults(site: Site) -> Iterator[Fault]:
    """What is wrong with ``reports``."""
    reports = site.reports
    if reports is None:
        return
    if site.archive is None:
        message = "there is no archive whose images could be reported"
        yield Fault(("reports",), message, "describe `archive`, or remove this", on_key=True)
    for index, who in enumerate(reports.readers):
        path: Path = ("reports", "readers", index)
        if who in reports.readers[:index]:
            yield Fault(path, f"`{who}` is listed twice", "remove one of them")
            continue
        wrong = list(unknown(site, path, who))
        yield from wrong or _unreachable(site, path, who)
    if len(set(reports.languages)) < len(reports.languages):
        message = f"`{reports.languages[0]}` is listed twice"
        yield Fault(("reports", "languages", 1), message, "remove one of them")
    yield from _certificates(site, reports)
    yield from _directory(site, reports)


def _unreachable(site: Site, path: Path, who: str) -> Iterator[Fault]:
    reader = end(site, who)
    if reader is None or reader.network not in site.networks:
        return  # said elsewhere: a device on a network that does not exist
    if not _versions(reader.addresses) & _versions(box_end(site, reader.network).addresses):
        message = f"`{who}` and the box have no IP version in common"
        yield Fault(path, message, f"add `address6` to networks.{reader.network}")


def _versions(addresses: tuple[IPNetwork, ...]) -> set[int]:
    return {each.version for each in addresses}


def _certificates(site: Site, reports: Reports) -> Iterator[Fault]:
    named: list[tuple[Path, str]] = []
    if reports.certificate:
        named.append((("reports", "certificate"), reports.certificate))
    if reports.ldap:
        named.append((("reports", "ldap", "certificate"), reports.ldap.certificate))
    for path, name in named:
        if name not in site.certificates:
            mend = nearest(name, site.certificates) if site.certificates else ""
            yield Fault(
                path, f"there is no {name} beside the description", mend or "put the file there"
            )
            continue
        text = site.certificates[name]
        if "PRIVATE KEY" in text:
            message = f"{name} has a private key in it, and what is here is for all to read"
            mend = "take it out of the file; `gateway secrets certificate SITE` keeps it"
            yield Fault(path, message, mend)
        elif not PEM.search(text):
            yield Fault(
                path, f"{name} is no certificate", "PEM it is: -----BEGIN CERTIFICATE----- …"
            )


def _directory(site: Site, reports: Reports) -> Iterator[Fault]:
    if reports.ldap:
        path: Path = ("reports", "ldap", "address")
        where = end(site, str(reports.ldap.address))
        if where and where.network != site.outside_name:
            message = f"{reports.ldap.address} is not on the hospital's side"
            yield Fault(path, message, "give the address of the hospital's directory")
        else:
            yield from unknown(site, path, str(reports.ldap.address))
        if reports.ldap.name and not site.hospital.dns:
            message = f"nobody tells the box the address of {reports.ldap.name}"
            mend = "add `dns: […]` to `hospital`, or remove this"
            yield Fault(("reports", "ldap", "name"), message, mend)
