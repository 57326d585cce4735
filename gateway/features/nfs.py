"""Files over NFS 3 and 4 on TCP, for UNIX systems: by the kernel's server, else by NFS-Ganesha.

Which of the two it is, ``box/nfs.py`` decides on the box whenever they start: the tree has the
configuration of both, with the same rights, paths and ports.

A device is known by its address, and whatever it says of its users, it works as its own account
and the share's group: so its files fit the folder's groups and ACL. What its umask would take from
the other writers, ``box/rights.py`` gives back. Version 3 asks the portmapper
for the port of its mount service; version 4 needs one port only. There is no UDP: Ganesha's
sockets for it spin. There is no lock manager for version 3 (NLM), which would need ports of its
own in both directions; locks are version 4's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.features.shape import Feature
from gateway.features.shares import ROOT, folder, readers_group, writers_group
from gateway.policy import SERVICES, Flow
from gateway.render import RenderedFile, fill
from gateway.sharing import Grant, clients, grants, nfs_version, profile_of
from gateway.site import Site

CONFIG = "/etc/ganesha/shares.conf"
EXPORTS = "/etc/gateway/nfs.exports"
FOLDER = "/etc/nfs.conf.d"
KERNEL = f"{FOLDER}/gateway.conf"
OPTIONS = ("sec=sys", "all_squash", "insecure", "sync", "subtree_check")
"""Of the kernel's exports. A device is one account whatever it says of its users, so the port it
comes from tells nothing. Without the last of them, a handle that it made up itself leads to any
file of the file system in which the share lies."""
SERVER = "nfs-shares.service"
RIGHTS = "share-rights.service"
MOUNT = "proc-fs-nfsd.mount"
BY_KERNEL = "served by the kernel"
"""What the server says of itself then."""
LOCK_PORT = 4045
"""Where lockd listens for nobody: the kernel's server brings it with version 3 (box/nfs.py)."""
PACKAGES = ("nfs-kernel-server", "nfs-ganesha", "nfs-ganesha-vfs")
PORTMAP = ("nfs-portmap.socket", "nfs-portmap.service")
# Debian's units of the same daemons, and what nfs-common brings for a client of NFS.
MASKED = (
    "nfs-server.service",
    "nfs-kernel-server.service",
    "nfs-mountd.service",
    "nfs-idmapd.service",
    "nfsdcld.service",
    "fsidd.service",
    "nfs-ganesha.service",
    "nfs-ganesha-lock.service",
    "nfs-ganesha-config.service",
    "rpcbind.service",
    "rpcbind.socket",
    "rpc-statd.service",
    "rpc-statd-notify.service",
    "nfs-blkmap.service",
    "nfs-client.target",
)


def rights(site: Site) -> tuple[Grant, ...]:
    """What is served to whom by NFS."""
    return tuple(grant for grant in grants(site) if grant.server == "nfs")


def version(site: Site, device: str) -> int:
    """The version that a device uses."""
    profile = profile_of(site, device)
    return (profile and nfs_version(profile)) or 4


def versions(site: Site) -> tuple[int, ...]:
    """The versions that somebody needs."""
    return tuple(sorted({version(site, grant.device) for grant in rights(site)}))


def flows(site: Site) -> Iterator[Flow]:
    """A device's services; their reason is the first share entry that gave it a right."""
    for each in clients(site, "nfs"):
        old = ("portmap", "nfs-mount") if version(site, each.grant.device) == 3 else ()
        for service in ("nfs", *old):
            reason = each.grant.reason
            yield Flow(each.device, each.box, SERVICES[service], reason, "nfs", each.note)


def configuration(site: Site) -> dict[str, Any]:
    """The values of its templates."""
    mine = rights(site)
    used = {site.devices[grant.device].network for grant in mine}
    own = [str(net.address.ip) for name, net in site.networks.items() if name in used]
    return {
        "addresses": own,
        # One address or all: the firewall says who comes to which.
        "bind": own[0] if len(own) == 1 else "0.0.0.0",  # noqa: S104
        "versions": versions(site),
        "root": ROOT,
        "options": ",".join(OPTIONS),
        "shares": [
            {
                "number": number,
                "name": name,
                "path": folder(name),
                "written": any(grant.share == name and grant.writes for grant in mine),
                "clients": [_client(site, grant) for grant in mine if grant.share == name],
            }
            for number, name in enumerate(sorted({grant.share for grant in mine}), start=1)
        ],
    }


def _client(site: Site, grant: Grant) -> dict[str, Any]:
    group = writers_group if grant.writes else readers_group
    return {
        "device": grant.device,
        "address": str(site.devices[grant.device].address),
        "access": "RW" if grant.writes else "RO",
        "version": version(site, grant.device),
        "group": group(grant.share),
    }


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """Its configuration and units. A restart: mounts would keep rights taken away."""
    if not rights(site):
        return
    values = configuration(site)
    for path in (
        CONFIG,
        EXPORTS,
        KERNEL,
        *(f"/etc/systemd/system/{unit}" for unit in (MOUNT, *units(site))),
    ):
        content = fill(f"{path[1:]}.j2", **values)
        yield RenderedFile(path, content, "nfs", reload=_reload(path.rpartition("/")[2]))


def _reload(name: str) -> tuple[str, ...]:
    """What takes a file into use. The server registers with the portmapper when it starts."""
    if name == PORTMAP[0]:
        # Stopped only, and started with all that does not run: in one restart, a process that
        # systemd is about to start may still hold the old socket (EADDRINUSE, one time in some).
        return ("/usr/bin/systemctl", "stop", *PORTMAP, SERVER)
    also = {PORTMAP[1]: (PORTMAP[1], SERVER), RIGHTS: (RIGHTS,)}
    return ("/usr/bin/systemctl", "try-restart", *also.get(name, (SERVER,)))


def units(site: Site) -> tuple[str, ...]:
    """The server, for version 3 the portmapper before it, and who widens what is made."""
    if not rights(site):
        return ()
    widens = (RIGHTS,) if any(grant.writes for grant in rights(site)) else ()
    return (*PORTMAP, SERVER, *widens) if 3 in versions(site) else (SERVER, *widens)


FEATURE = Feature(
    "nfs",
    flows=flows,
    files=files,
    packages=lambda site: PACKAGES if rights(site) else (),
    units=units,
    folders=lambda site: (FOLDER,) if rights(site) else (),
    masked=lambda site: MASKED if rights(site) else (),
)
