"""Who uses which share through which server: what folders, accounts, daemons and secrets share.

Two Samba servers stand side by side, because one daemon cannot tell a weak client from a strong
one by itself: ``modern`` speaks only encrypted SMB 3.1.1, ``legacy`` only LANMAN 1 to NT 1.
``afp`` is for Macs before SMB, ``nfs`` for UNIX systems; both only inside, as nothing they carry
is encrypted. A device uses the first protocol of its profile that some server here can speak.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gateway.policy import End, Reason, box_end, device_end
from gateway.profiles import Afp, Nfs, Profile, Protocol, Smb, SmbDialect
from gateway.site import Site

ServerName = Literal["modern", "legacy", "afp", "nfs"]
LEGACY_DIALECTS: tuple[SmbDialect, ...] = ("LANMAN1", "LANMAN2", "NT1")
"""What the legacy server can speak, oldest first. Samba never got CORE to work with passwords."""
NFS_VERSIONS: tuple[Literal[3, 4], ...] = (4, 3)
"""What the NFS server can speak, the best first. NFS 2 exists nowhere in Debian 13."""
RANDNUM_PASSWORD = 8
"""The longest password that AFP's random number exchange holds."""
OFFERED = (
    "SMB 3.1.1 and, on inside networks, SMB from LANMAN1 to NT1, AFP over TCP (and over AppleTalk "
    "on the network with a `zone`) and NFS 3 and 4"
)


@dataclass(frozen=True)
class Grant:
    """A device may use a share, through a server, because an entry of the share says so."""

    device: str
    share: str
    role: Literal["writers", "readers"]
    reason: Reason
    server: ServerName

    @property
    def writes(self) -> bool:
        """Whether it may also write, rename and delete."""
        return self.role == "writers"


def grants(site: Site) -> Iterator[Grant]:
    """Every right to a share that is served, in the order of the description.

    A network stands for the devices that are described on it. One of them that can speak
    nothing we offer is left out here; ``features/shares.py`` says when that is an error.
    """
    for share in site.shares:
        for device, role, index in site.users_of(share):
            server = server_of(site, device)
            if server:
                yield Grant(device, share, role, Reason(("shares", share, role, index)), server)


@dataclass(frozen=True)
class Client:
    """A device that a server serves: both ends of its flows, and why they are open.

    ``grant`` is the first that gave it a right; ``note`` names all its shares there.
    """

    grant: Grant
    note: str
    device: End
    box: End


def clients(site: Site, *servers: ServerName) -> Iterator[Client]:
    """Each device that these servers serve, once, in the order of the description."""
    mine: dict[str, list[Grant]] = {}
    for grant in grants(site):
        if grant.server in servers:
            mine.setdefault(grant.device, []).append(grant)
    for device, own in mine.items():
        network = site.devices[device].network
        if network is not None:
            note = f"shares: {', '.join(grant.share for grant in own)}"
            yield Client(own[0], note, device_end(site, device), box_end(site, network))


def server_of(site: Site, device: str) -> ServerName | None:
    """The server that a device uses, or None when there is none for it (see ``why_none``)."""
    network = site.devices[device].network
    profile = profile_of(site, device)
    if network is None or profile is None:
        return None
    inside, zone = site.networks[network].inside, bool(site.networks[network].zone)
    found = (_server(profile, each, zone=zone) for each in profile.protocols)
    return next((each for each in found if each and (inside or each == "modern")), None)


def _server(profile: Profile, protocol: Protocol, *, zone: bool) -> ServerName | None:
    """The server that speaks a protocol of a profile; ``zone``: AppleTalk is there."""
    match protocol:
        case Smb():
            if "SMB3" in protocol.dialects:
                return "modern"
            return "legacy" if legacy_dialect(profile) else None
        case Afp():
            return "afp" if zone or "tcp" in protocol.over else None
        case Nfs():
            return "nfs" if set(protocol.versions) & set(NFS_VERSIONS) else None


def nfs_version(profile: Profile) -> Literal[3, 4] | None:
    """The best version that a device has in common with the NFS server."""
    spoken = {
        version for each in profile.protocols if isinstance(each, Nfs) for version in each.versions
    }
    return next((each for each in NFS_VERSIONS if each in spoken), None)


def afp_method(profile: Profile) -> Literal["dhx", "randnum"]:
    """How a Mac logs in: its password is never sent as it is.

    A client that holds 8 letters knows nothing better than DES on a random number; one that
    holds more has DHCAST128 or DHX2 (AppleShare client 3.8 and later).
    """
    return "dhx" if profile.limits.password > RANDNUM_PASSWORD else "randnum"


def by_tcp(profile: Profile) -> bool:
    """Whether a Mac has AFP over TCP."""
    return any(isinstance(each, Afp) and "tcp" in each.over for each in profile.protocols)


def by_appletalk(site: Site, device: str) -> bool:
    """Whether a Mac comes to its shares by AppleTalk: it would rather, and its network has it."""
    network, profile = site.devices[device].network, profile_of(site, device)
    if network is None or profile is None or server_of(site, device) != "afp":
        return False
    over = next(each.over for each in profile.protocols if isinstance(each, Afp))
    return over[0] == "appletalk" and bool(site.networks[network].zone)


def needs_zone(site: Site, device: str) -> bool:
    """Whether all that a device lacks to be served is an AppleTalk zone on its network."""
    network, profile = site.devices[device].network, profile_of(site, device)
    if network is None or profile is None or not site.networks[network].inside:
        return False
    found = any(_server(profile, each, zone=True) for each in profile.protocols)
    return found and server_of(site, device) is None


def why_none(site: Site, device: str) -> str:
    """Why no server can serve a device, to follow its name in a sentence."""
    network, profile = site.devices[device].network, profile_of(site, device)
    if network is None:
        return "has no network"
    spoken = ", ".join(_in_words(each) for each in profile.protocols) if profile else ""
    if needs_zone(site, device):
        return f"speaks {spoken} only, and {network} has no zone for it"
    if profile and any(_server(profile, each, zone=True) for each in profile.protocols):
        return f"speaks {spoken}, which is too weak for the hospital's network"
    if profile and profile.protocols and all(isinstance(each, Nfs) for each in profile.protocols):
        return f"speaks {spoken}, which no server in Debian 13 does any more"
    return f"speaks {spoken}" if spoken else "cannot reach files on a server"


def profile_of(site: Site, device: str) -> Profile | None:
    """The profile of a device; None for an unknown one, which checks.py reports."""
    return site.profiles.get(site.devices[device].profile)


def legacy_dialect(profile: Profile) -> SmbDialect | None:
    """The best dialect that a device has in common with the legacy server."""
    spoken = profile.smb.dialects if profile.smb else ()
    return next((each for each in reversed(LEGACY_DIALECTS) if each in spoken), None)


def lanman_login(profile: Profile) -> bool:
    """Whether it can log in by LANMAN's response only.

    Not the same as the dialect: Windows 95 speaks NT1 but folds passwords to capitals.
    """
    folds = profile.limits.password_case == "upper"  # noqa: S105 - a kind, not a password
    return folds or legacy_dialect(profile) in ("LANMAN1", "LANMAN2")


def _in_words(protocol: Protocol) -> str:
    match protocol:
        case Smb():
            return f"SMB ({', '.join(protocol.dialects)})"
        case Afp():
            names = {"tcp": "TCP", "appletalk": "AppleTalk"}
            return f"AFP over {' and '.join(names[each] for each in protocol.over)}"
        case Nfs():
            return f"NFS {', '.join(str(version) for version in protocol.versions)}"
