"""Who talks DICOM with the archive and what each may do, as Orthanc's configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any, Literal

from gateway.imaging import Archive
from gateway.policy import End, Reason, device_end, outside_host
from gateway.site import Site

Role = Literal["writer", "reader", "copies"]
HTTP_PORT = 8042
FOLDER = "/srv/gateway/archive"
INDEX = f"{FOLDER}/index"
LIBRARY = "/usr/lib/gateway/orthanc"
PLUGINS = "/usr/share/orthanc/plugins"
REST_USERS = ("admin", "store", "read")
"""Programs on the box, by what they may (gateway/box/orthanc/rights.py)."""


@dataclass(frozen=True)
class Partner:
    """A DICOM node the archive knows; ``copies`` only gets what is stored."""

    name: str
    ae_title: str
    end: End
    port: int
    role: Role
    reason: Reason

    @property
    def address(self) -> str:
        """The address it calls from and is called at."""
        return str(self.end.addresses[0].network_address)


def partners(site: Site) -> Iterator[Partner]:
    """Everyone once, by the entry that gives most: as a writer, then as a reader."""
    archive = site.archive
    if archive is None:
        return
    seen: set[str] = set()
    lists: tuple[tuple[Role, str], ...] = (("writer", "writers"), ("reader", "readers"))
    for role, key in (*lists, ("copies", "forward")):
        entries = enumerate(getattr(archive, key))
        for index, who in sorted(entries, key=lambda entry: entry[1] in site.networks):
            reason = Reason(("archive", key, index))
            for name in (who,) if who in site.peers else site.members(who):
                partner = partner_of(site, name, role, reason)
                if partner and name not in seen:
                    seen.add(name)
                    yield partner


def copied(site: Site) -> list[Partner]:
    """Those that get a copy of everything, whatever else they may."""
    forward = site.archive.forward if site.archive else ()
    return [each for each in partners(site) if each.name in forward]


def partner_of(site: Site, name: str, role: Role, reason: Reason) -> Partner | None:
    """A peer, or a device that has all that DICOM needs."""
    if name in site.peers:
        peer = site.peers[name]
        end = replace(outside_host(site, str(peer.address)), name=name)
        return Partner(name, peer.ae_title, end, peer.port, role, reason)
    device = site.devices[name]
    if not (device.ae_title and device.network and device.address):
        return None
    # Orthanc compares the caller's IPv4 address with the one it knows (DicomCheckModalityHost).
    end = replace(device_end(site, name), addresses=(ip_network(device.address),))
    return Partner(name, device.ae_title, end, device.dicom_port, role, reason)


def configuration(site: Site, archive: Archive) -> dict[str, Any]:
    """The whole of it: what is left to Orthanc's defaults was looked at (1.13)."""
    return {
        "Name": site.name,
        "StorageDirectory": f"{FOLDER}/objects",
        "IndexDirectory": INDEX,
        **_keeping(),
        **_web(),
        **_dicom(archive),
        "DicomModalities": {
            **{each.name: _modality(each) for each in partners(site)},
            **_by_title(site),
        },
        "DicomModalitiesInDatabase": False,
        "Plugins": [f"{PLUGINS}/libOrthancDicomWeb.so", f"{PLUGINS}/libOrthancPython.so"],
        "PythonScript": f"{LIBRARY}/plugin.py",
        "PythonVerbose": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False, "Ssl": False},
        "Gateway": {
            "Wal": f"{INDEX}/index-wal",
            "Objects": f"{FOLDER}/objects",
            "RestPort": HTTP_PORT,
            "ForwardTo": list(archive.forward),
            "ForwardState": f"{FOLDER}/forward",
        },
    }


def _by_title(site: Site) -> dict[str, Any]:
    """Devices that get images as files: whoever may move any, may move them there.

    They are on the box itself (gateway/features/intake.py). No name of a site has capitals.
    """
    intake = site.intake
    if intake is None:
        return {}
    return {
        f"FILES-{name}": {
            "AET": each.ae_title,
            "Host": "127.0.0.1",
            "Port": intake.port,
            **dict.fromkeys(_RIGHTS, False),
        }
        for name, each in intake.devices.items()
        if each.ae_title
    }


def _keeping() -> dict[str, Any]:
    """Nothing is ever removed or replaced by itself: a full disk refuses (the default recycles)."""
    return {
        "StorageCompression": False,
        "SyncStorageArea": True,
        "StoreMD5ForAttachments": True,
        "MaximumStorageSize": 0,
        "MaximumPatientCount": 0,
        "MaximumStorageMode": "Reject",
        "OverwriteInstances": "Never",
        "SaveJobs": False,
        "JobsHistorySize": 20,
        # Moves, commitments and copies are jobs. Of two at a time (the default), a peer that does
        # not even refuse holds one for ten seconds.
        "ConcurrentJobs": 8,
        "LuaScripts": [],
        "ExecuteLuaEnabled": False,
        "RestApiWriteToFileSystemEnabled": False,
        # Read by the service's user alone; no time is spent on an English locale.
        "Locale": "C.UTF-8",
    }


def _web() -> dict[str, Any]:
    """REST and DICOMweb for programs on the box that know the password, and nobody else."""
    return {
        "HttpServerEnabled": True,
        "HttpPort": HTTP_PORT,
        "HttpBindAddresses": ["127.0.0.1"],
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        # Each variable is filled in on the box (gateway/box/orthanc/password.py).
        "RegisteredUsers": {user: f"${{GATEWAY_ARCHIVE_{user.upper()}}}" for user in REST_USERS},
        "WebDavEnabled": False,
        "OrthancExplorerEnabled": False,
        "OrthancPeers": {},
    }


def _dicom(archive: Archive) -> dict[str, Any]:
    """Known callers only, by title and address, each with its own rights."""
    verbs = ("Echo", "Find", "FindWorklist", "Get", "Move", "Store")
    return {
        "DicomServerEnabled": True,
        "DicomAet": archive.ae_title,
        "DicomPort": archive.port,
        "DicomCheckCalledAet": True,
        "DicomCheckModalityHost": True,
        **{f"DicomAlwaysAllow{verb}": False for verb in verbs},
        # Old cameras store in private classes (GE's NM, say): an archive keeps them as they are.
        "UnknownSopClassAccepted": True,
        "DicomScpTimeout": 30,
        "DicomScuTimeout": 10,
        "DicomTlsEnabled": False,
    }


_RIGHTS = (
    "AllowEcho",
    "AllowFind",
    "AllowFindWorklist",
    "AllowGet",
    "AllowMove",
    "AllowStore",
    "AllowStorageCommitment",
    "AllowNEventReport",
    "AllowTranscoding",
)


def _modality(partner: Partner) -> dict[str, Any]:
    writes, reads = partner.role == "writer", partner.role in ("writer", "reader")
    return {
        "AET": partner.ae_title,
        "Host": partner.address,
        "Port": partner.port,
        "AllowEcho": reads,
        "AllowFind": reads,
        "AllowFindWorklist": False,
        "AllowGet": reads,
        "AllowMove": reads,
        "AllowStore": writes,
        "AllowStorageCommitment": writes,
        "AllowNEventReport": False,
        "AllowTranscoding": False,
    }
