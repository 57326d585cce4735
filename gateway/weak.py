"""Which weak protocols a department uses, for which device, and where each is confined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.profiles import Profile
from gateway.sharing import by_appletalk, by_tcp, grants, lanman_login, legacy_dialect, profile_of
from gateway.site import Site

AFP_CLEAR_PASSWORD = 8
"""Longest password of AFP's clear text and random number logins; a longer one means DHX."""


@dataclass(frozen=True)
class Weakness:
    """A protocol that protects nothing, or little. ``share`` is empty for DICOM and faxes."""

    device: str
    share: str
    what: str
    confined: str

    def __str__(self) -> str:
        return f"weak: {self.device}: {self.what}; {self.confined}"


def weaknesses(site: Site) -> Iterator[Weakness]:
    """One a device and kind of protocol, in the order of the description."""
    shares: dict[tuple[str, str], list[str]] = {}
    for grant in grants(site):
        shares.setdefault((grant.device, grant.server), []).append(grant.share)
    for (device, server), names in shares.items():
        profile = profile_of(site, device)
        what = _weak_files(profile, server) if profile else ""
        if what:
            place = f"{_whom(site, device)}, for {', '.join(names)}"
            yield Weakness(device, names[0], what, place)
    for device in _dicom(site):
        what = "plain DICOM: unencrypted, a node is known by its address and AE title"
        yield Weakness(device, "", what, f"open to {_place(site, device)} only, for the archive")
    for device in _fax(site):
        what = "fax: clear text, a sender is known by its address"
        yield Weakness(device, "", what, f"open to {_place(site, device)} only, on tcp/4559")


def cautions(site: Site) -> Iterator[str]:
    """What the description cannot know of the box: a kernel with AppleTalk."""
    for device, without in without_appletalk(site).items():
        yield (
            f"caution: {device}: AppleTalk needs a kernel that has it: Debian 13's does, "
            f"a container's and Linux 7.2 do not; {without}"
        )


def without_appletalk(site: Site) -> dict[str, str]:
    """What becomes of each device that comes by AppleTalk on a box whose kernel has none."""
    found: dict[str, list[str]] = {}
    for grant in grants(site):
        if grant.server == "afp" and by_appletalk(site, grant.device):
            found.setdefault(grant.device, []).append(grant.share)
    told = {}
    for device, shares in found.items():
        profile = profile_of(site, device)
        instead = f"without it {device} comes by AFP over TCP"
        lost = f"without it {device} loses {', '.join(shares)}"
        told[device] = instead if profile and by_tcp(profile) else lost
    return told


def kind_of(server: str) -> str:
    """``smb``, ``afp`` or ``nfs``: the protocol of a file server of ours."""
    if server in ("modern", "legacy"):
        return "smb"
    return "nfs" if server.startswith("nfs") else "afp"


def _weak_files(profile: Profile, server: str) -> str:
    if server == "modern":
        return ""
    if kind_of(server) == "smb":
        login = "the LANMAN login" if lanman_login(profile) else "the NTLM login of version 1"
        return f"SMB 1 ({legacy_dialect(profile)}): unencrypted, {login}"
    if kind_of(server) == "nfs":
        return "NFS without Kerberos: unencrypted, a client is known by its address"
    if profile.limits.password <= AFP_CLEAR_PASSWORD:
        return "AFP: unencrypted, passwords of 8 characters at most"
    return "AFP: unencrypted but for the login"


def _dicom(site: Site) -> Iterator[str]:
    if site.archive is None:
        return
    senders = site.intake.senders if site.intake else ()
    users = (*site.archive.writers, *site.archive.readers, *senders)
    members = dict.fromkeys(device for who in users for device in site.members(who))
    yield from (name for name in members if site.devices[name].ae_title)


def _fax(site: Site) -> Iterator[str]:
    """The devices that may send faxes: hfaxd(8) neither encrypts nor asks for a password here."""
    members = (
        device for who in (site.fax.senders if site.fax else ()) for device in site.members(who)
    )
    yield from (
        name for name in dict.fromkeys(members) if site.devices[name].network in site.inside
    )


def _whom(site: Site, device: str) -> str:
    """Whom the firewall lets in for a device. It does not see AppleTalk, which knows no host."""
    if not by_appletalk(site, device):
        return f"open to {_place(site, device)} only"
    card = f"AppleTalk open to every machine on {site.devices[device].network}, by its password"
    profile = profile_of(site, device)
    return f"{card}; TCP to {_place(site, device)} only" if profile and by_tcp(profile) else card


def _place(site: Site, device: str) -> str:
    described = site.devices[device]
    return f"{described.address} on {described.network}"
