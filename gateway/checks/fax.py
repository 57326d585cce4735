"""Faxes: modems, who may send, and where what is received goes."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.nearest import nearest
from gateway.problems import Fault, Path
from gateway.site import Fax, Site


def faults(site: Site) -> Iterator[Fault]:
    """What is wrong with the fax block."""
    if site.fax:
        yield from _modems(site.fax)
        yield from _senders(site, site.fax)
        yield from _received(site, site.fax)


def _modems(fax: Fax) -> Iterator[Fault]:
    ports: dict[str, str] = {}
    for name, modem in fax.modems.items():
        path: Path = ("fax", "modems", name, "port")
        if modem.port in ports:
            message = f"{modem.port} is the port of `{ports[modem.port]}` already"
            yield Fault(path, message, "give each modem its own serial port")
        ports.setdefault(modem.port, name)


def _senders(site: Site, fax: Fax) -> Iterator[Fault]:
    if not fax.senders and not (fax.received or fax.mail):
        message = "nobody may send, and what is received goes nowhere: the modems would do nothing"
        yield Fault(("fax",), message, "add `senders`, `received` or `mail`", on_key=True)
    for index, who in enumerate(fax.senders):
        path: Path = ("fax", "senders", index)
        if who in fax.senders[:index]:
            yield Fault(path, f"`{who}` is listed twice", "remove one of them")
        elif who in site.devices:
            network = site.devices[who].network
            if network is None:
                message = f"`{who}` has no network, so it cannot send a fax"
                yield Fault(path, message, "remove it here, or give it a network")
            elif network in site.networks and not site.networks[network].inside:
                message = f"`{who}` is outside, and faxes are taken from inside only"
                yield Fault(path, message, "remove it here")
        elif who not in site.networks:
            message = f"there is no device or network `{who}`"
            yield Fault(path, message, nearest(who, (*site.devices, *site.networks)))
        elif not site.networks[who].inside:
            message = f"`{who}` is outside, and faxes are taken from inside only"
            yield Fault(path, message, "name inside networks or devices")
        elif not site.devices_on(who):
            message = f"no device is described on `{who}`, so nobody could send"
            yield Fault(path, message, "describe its devices, or remove it here")


def _received(site: Site, fax: Fax) -> Iterator[Fault]:
    path: Path = ("fax", "received")
    if fax.received is None:
        return
    if fax.received not in site.shares:
        mend = nearest(fax.received, site.shares) if site.shares else "describe it in `shares`"
        yield Fault(path, f"there is no share `{fax.received}`", mend)
    elif not any(True for _ in site.users_of(fax.received)):
        message = f"nobody may use `{fax.received}`, so nobody would see a fax"
        yield Fault(path, message, "give the share readers or writers")
