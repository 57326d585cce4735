"""Folders, and the accounts and groups that may work in them. Their servers are other features.

Rights hang on the folder's groups and ACL, so that they hold whatever daemon a file came through.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gateway.features.shape import Feature, Taken
from gateway.policy import Flow
from gateway.problems import Fault, Path
from gateway.profiles import Nfs
from gateway.render import RenderedFile, fill
from gateway.sharing import (
    OFFERED,
    Grant,
    afp_method,
    grants,
    lanman_login,
    needs_zone,
    profile_of,
    server_of,
    why_none,
)
from gateway.site import Site

ROOT = "/srv/gateway/shares"
ACCOUNTS = "/etc/gateway/accounts.json"
FOLDERS = "/etc/tmpfiles.d/gateway-shares.conf"
DEVICES_GROUP = "gateway-devices"
"""Primary group of every device's account: it marks them as ours. Its one right is to look into
Samba's run folders, by name (see smbd-common.j2)."""

# Users of base-passwd and of packages a box can have: a device's account would be theirs.
_BASE = "root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc nobody"
_PACKAGES = (
    "messagebus sshd polkitd dnsmasq tss uuidd postfix postgres statd ganesha orthanc tftp ftp "
    "avahi dhcpcd faxmaster"
)
DEBIAN_USERS = frozenset((*_BASE.split(), *_PACKAGES.split(), "systemd-network"))


def folder(share: str) -> str:
    """Where a share's files are."""
    return f"{ROOT}/{share}"


def writers_group(share: str) -> str:
    """The group whose members may write; the prefix keeps it apart from Debian's own groups."""
    return f"share-{share}-rw"


def readers_group(share: str) -> str:
    """The group whose members may only read."""
    return f"share-{share}-ro"


def problems(site: Site) -> Iterator[Fault]:
    """Shares that nobody could use as they are described."""
    for share, described in site.shares.items():
        if "%" in described.comment or described.comment.endswith("\\"):
            yield Fault(
                ("shares", share, "comment"),
                "Samba would change this comment: it has a % in it, or a \\ at its end",
                "write it without",
            )
        for role, names in (("writers", described.writers), ("readers", described.readers)):
            for index, who in enumerate(names):
                yield from _unusable(site, share, who, ("shares", share, role, index))
    for device in sorted(DEBIAN_USERS & {grant.device for grant in grants(site)}):
        yield Fault(
            ("devices", device),
            f"Debian has a user `{device}` of its own, so the device cannot have that account",
            "give the device another name",
            on_key=True,
        )


def _unusable(site: Site, share: str, who: str, path: Path) -> Iterator[Fault]:
    """A device named directly must be served; of a network, at least one device must be.

    An entry for a network says "whoever there can", so the camera among its PCs that cannot is
    no error; an entry that gives nobody anything is one.
    """
    if who in site.devices and server_of(site, who) is None:
        mend = f"take {who} out of {share}; {instead(site, who)}"
        if site.devices[who].network is None:
            mend = f"give {who} a network, or take it out of {share}"
        elif needs_zone(site, who):
            mend = f"add `zone: …` to networks.{site.devices[who].network}, or take {who} out"
        reason = f"{who} cannot use {share}: it {why_none(site, who)}; the box offers {OFFERED}"
        yield Fault(path, reason, mend)
    if who in site.networks:
        members = site.members(who)
        if any(server_of(site, device) for device in members):
            return
        each = "; ".join(f"{device} {why_none(site, device)}" for device in members)
        message = f"nobody on {who} can use {share}: {each or 'no device is described there'}"
        yield Fault(path, message, f"describe a device on {who} that can, or take {who} out")


def taken(site: Site) -> Iterator[Taken]:
    """The groups of its accounts."""
    yield Taken(DEVICES_GROUP, "the file server", group=True)
    for share in site.shares:
        for name in (writers_group(share), readers_group(share)):
            yield Taken(name, f"share {share}", group=True)


def instead(site: Site, who: str) -> str:
    """By which way the files of a device can come that no server can serve."""
    profile = profile_of(site, who)
    if profile and any(isinstance(each, Nfs) for each in profile.protocols):
        return "let it send by DICOM, or let a neighbour with NFS 3 fetch its files"
    return "its files can come by another way, such as DICOM"


def accounts(site: Site) -> dict[str, Any]:
    """What ``gateway-box accounts`` makes the box equal to. No secrets: they come by Ansible."""
    rights = tuple(grants(site))
    groups: dict[str, list[str]] = {}
    for share in site.shares:
        mine = [grant for grant in rights if grant.share == share]
        groups[writers_group(share)] = sorted(grant.device for grant in mine if grant.writes)
        groups[readers_group(share)] = sorted(grant.device for grant in mine if not grant.writes)
    users = {each.device: _account(site, each) for each in rights}
    servers = {
        server: {
            "config": f"/etc/samba/{server}.conf",
            "private": f"/var/lib/samba/{server}/private",
            "runtime": f"/run/samba/{server}",
        }
        for server in ("legacy", "modern")
        if any(grant.server == server for grant in rights)
    }
    return {"primary_group": DEVICES_GROUP, "groups": groups, "users": users, "servers": servers}


def _account(site: Site, grant: Grant) -> dict[str, Any]:
    """How an account is let in: by a Samba server's database, a Mac's password, or an address."""
    profile = profile_of(site, grant.device)
    lanman = grant.server == "legacy" and profile is not None and lanman_login(profile)
    login = afp_method(profile) if grant.server == "afp" and profile else ""
    return {"server": grant.server, "lanman": lanman, "login": login}


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """The accounts (always: a site without shares takes them away), then the folders."""
    text = json.dumps(accounts(site), indent=1, sort_keys=True) + "\n"
    command = ("/usr/sbin/gateway-box", "accounts")
    yield RenderedFile(ACCOUNTS, text.encode(), "shares", reload=command)
    if site.shares:
        folders = [
            {"path": folder(name), "writers": writers_group(name), "readers": readers_group(name)}
            for name in sorted(site.shares)
        ]
        content = fill(f"{FOLDERS[1:]}.j2", root=ROOT, folders=folders)
        reload = ("/usr/bin/systemd-tmpfiles", "--create", FOLDERS)
        yield RenderedFile(FOLDERS, content, "shares", reload=reload)


def packages(site: Site) -> tuple[str, ...]:
    """``getfacl`` for whoever wants to look."""
    return ("acl",) if site.shares else ()


FEATURE = Feature(
    "shares",
    problems=problems,
    files=files,
    packages=packages,
    folders=lambda _site: ("/etc/tmpfiles.d",),
    data=lambda site: ((folder(name), f"the files of share {name}") for name in site.shares),
    taken=taken,
)
