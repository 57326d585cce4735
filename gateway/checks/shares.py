"""Shares: who is let in, and whether the folder's name fits them."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.nearest import nearest
from gateway.problems import Fault, Path
from gateway.site import Site


def faults(site: Site) -> Iterator[Fault]:
    """What is wrong with the shares."""
    for name, share in site.shares.items():
        if not share.writers and not share.readers:
            message = f"nobody may use `{name}`"
            yield Fault(("shares", name), message, "add `writers: […]`", on_key=True)
        elif not share.writers and name not in _filled(site):
            message = f"nobody may write `{name}`, so it would stay empty"
            yield Fault(("shares", name), message, "add `writers: […]`", on_key=True)
        yield from _members(site, name)
        yield from _twice(site, name)
        yield from _too_long_a_name(site, name)


def _filled(site: Site) -> set[str]:
    """The shares that the box itself puts files in."""
    return {site.fax.received} if site.fax and site.fax.received else set()


def _members(site: Site, share: str) -> Iterator[Fault]:
    # A device on a network that does not exist may have been meant for any of them.
    all_placed = all(each.network in (None, *site.networks) for each in site.devices.values())
    for role in ("writers", "readers"):
        for index, who in enumerate(getattr(site.shares[share], role)):
            path: Path = ("shares", share, role, index)
            if who in site.devices:
                if site.devices[who].network is None:
                    message = f"`{who}` has no network, so no folder can be reached from it"
                    yield Fault(path, message, "remove it here, or give it a network")
            elif who not in site.networks:
                message = f"there is no device or network `{who}`"
                mend = nearest(who, (*site.devices, *site.networks))
                yield Fault(path, message, mend)
            elif all_placed and not site.devices_on(who):
                message = f"no device is described on `{who}`, so nobody would be let in"
                yield Fault(path, message, "describe its devices, or remove it here")


def _twice(site: Site, name: str) -> Iterator[Fault]:
    share = site.shares[name]
    for role in ("writers", "readers"):
        names = getattr(share, role)
        for index, who in enumerate(names):
            path: Path = ("shares", name, role, index)
            if who in names[:index]:
                yield Fault(path, f"`{who}` is listed twice", "remove one of them")
            elif role == "readers" and who in share.writers:
                message = f"`{who}` is a writer of `{name}` already, and writers may read"
                yield Fault(path, message, "remove it from one of the two lists")


def _too_long_a_name(site: Site, name: str) -> Iterator[Fault]:
    shortest, device = min(
        (
            (site.profiles[profile].limits.share_name, user)
            for user, _, _ in site.users_of(name)
            if (profile := site.devices[user].profile) in site.profiles
        ),
        default=(len(name), ""),
    )
    if len(name) > shortest:
        message = f"`{name}` has {len(name)} letters, but `{device}` can show {shortest}"
        yield Fault(("shares", name), message, "choose a shorter name", on_key=True)
