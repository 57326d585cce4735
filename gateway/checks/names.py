"""One name space for devices, networks and the box: all of them become host names."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.problems import Fault, Path
from gateway.site import Site
from gateway.written import RESERVED

# smb.conf(5), SPECIAL SECTIONS: Samba gives these names a meaning of its own.
SAMBA_SECTIONS = frozenset({"global", "homes", "printers"})
# What /etc/hosts says of the box itself (hosts(5)).
NOT_A_HOST = RESERVED | {"localhost", "ip6-localhost", "ip6-loopback"}


def faults(site: Site) -> Iterator[Fault]:
    """Names used twice, and names that already mean something."""
    yield from _twice(site)
    yield from _reserved(site)


def _twice(site: Site) -> Iterator[Fault]:
    taken: dict[str, Path] = {site.box.name: ("box", "name")}
    blocks = (("networks", site.networks), ("devices", site.devices), ("peers", site.peers))
    for block, names in blocks:
        for name in names:
            path: Path = (block, name)
            if name not in taken:
                taken[name] = path
                continue
            first = "the box" if taken[name][0] == "box" else f"a {str(taken[name][0])[:-1]}"
            message = f"`{name}` is the name of {first} already"
            yield Fault(path, message, f"choose another, such as {name[:12]}-2", on_key=True)


def _reserved(site: Site) -> Iterator[Fault]:
    if site.box.name in NOT_A_HOST:
        message = f"`{site.box.name}` has a meaning of its own, so the box may not be called so"
        yield Fault(("box", "name"), message, "choose another name")
    for block, names in (("networks", site.networks), ("devices", site.devices)):
        for name in sorted(NOT_A_HOST & names.keys()):
            message = f"`{name}` has a meaning of its own, so nothing may be called so"
            yield Fault((block, name), message, "choose another name", on_key=True)
    for name in sorted(SAMBA_SECTIONS & site.shares.keys()):
        message = f"`{name}` has a meaning of its own to the file server"
        yield Fault(("shares", name), message, "choose another name", on_key=True)
