"""The manifest of a rendered tree, read with suspicion: it comes over a network."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import Any

from .process import Failed

FORMAT = 1
MAX_FILES = 10_000
MAX_FILE = 16 << 20
MAX_TREE = 64 << 20

# What is not configuration, or is the box's own memory: no tree may write there.
_FORBIDDEN = ("/dev/", "/proc/", "/sys/", "/run/", "/tmp/", "/var/lib/gateway/")  # noqa: S108 - refused, not used
_SECRETS = "/etc/gateway/secrets.json"  # comes by another way; a tree's modes are for all to read
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]+\.(service|socket|timer|target|mount|path)")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
FIREWALL = ("/etc/nftables.conf", "nftables.service")
"""The one file that is loaded before all others on a way back, and its unit."""
ACCOUNTS = "/etc/gateway/accounts.json"
"""The one file whose service also reads the secrets, so that new secrets are a change of it."""
BOOT_UNIT = "gateway-boot.service"
BOOT_FILE = f"/etc/systemd/system/{BOOT_UNIT}"
"""What leads back at the next start (boot.py)."""


@dataclass(frozen=True)
class Entry:
    """One file of the tree, as gateway/render.py means it."""

    path: str
    mode: int
    owner: str
    group: str
    sha256: str
    check: tuple[str, ...]
    reload: tuple[str, ...]
    first: bool


@dataclass(frozen=True)
class Data:
    """What a feature makes on the box and never takes away: ``what`` lies in ``path``."""

    path: str
    what: str


@dataclass(frozen=True)
class Probe:
    """A question that a service of the box answers when it serves (health.py)."""

    name: str
    protocol: str
    address: str
    port: int
    send: bytes
    expect: bytes

    def __str__(self) -> str:
        where = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.name} at {where}:{self.port}/{self.protocol}"


@dataclass(frozen=True)
class Manifest:
    """Everything that makes the box what the description says."""

    digest: str
    files: tuple[Entry, ...] = ()
    packages: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    """Those in which a file that is not ours is drift."""
    data: tuple[Data, ...] = ()
    probes: tuple[Probe, ...] = ()

    def only_first(self) -> Manifest:
        """The part that a bare box takes before any package is installed.

        The firewall's unit belongs to it: a box that is switched off half-way through its
        installation must come back with the firewall.
        """
        files = tuple(entry for entry in self.files if entry.first)
        path, unit = FIREWALL
        firewall = unit in self.units and any(entry.path == path for entry in files)
        units: tuple[str, ...] = (unit,) if firewall else ()
        units += (BOOT_UNIT,) if BOOT_UNIT in self.units else ()
        return replace(self, files=files, packages=(), units=units, data=(), probes=())

    @property
    def paths(self) -> frozenset[str]:
        """The paths it claims."""
        return frozenset(entry.path for entry in self.files)


NOTHING = Manifest("")
"""The manifest of a box that we have not touched."""


def parse(data: bytes) -> Manifest:
    """The manifest that these bytes are. Raises Failed when it is not one, or asks too much."""
    try:
        values = json.loads(data)
        if values["format"] != FORMAT:
            raise Failed(
                f"manifest.json has format {values['format']}, this program reads {FORMAT}"
            )
        manifest = Manifest(
            digest=sha256(data).hexdigest(),
            files=tuple(_entry(each) for each in values["files"]),
            packages=_words(values["packages"]),
            units=_words(values["units"]),
            masked=_words(values["masked"]),
            folders=_words(values.get("folders", [])),  # not in trees of older programs
            data=tuple(Data(each["path"], each["what"]) for each in values.get("data", [])),
            # A tree of an older controller has none.
            probes=tuple(_probe(each) for each in values.get("probes", [])),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Failed(f"manifest.json is not a manifest: {error!r}") from None
    if wrong := list(_wrong(manifest)):
        raise Failed("manifest.json is refused: " + "; ".join(wrong))
    return manifest


def _words(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(word, str) for word in values):
        raise TypeError("a list of words is wanted")
    return tuple(values)


def _entry(values: dict[str, Any]) -> Entry:
    return Entry(
        path=str(values["path"]),
        mode=int(values["mode"], 8),
        owner=str(values["owner"]),
        group=str(values["group"]),
        sha256=str(values["sha256"]),
        check=_words(values["check"]),
        reload=_words(values["reload"]),
        first=bool(values["first"]),
    )


def _probe(values: dict[str, Any]) -> Probe:
    protocol = str(values["protocol"])
    if protocol not in ("tcp", "udp"):
        raise ValueError(f"a probe by {protocol}")
    return Probe(
        name=str(values["name"]),
        protocol=protocol,
        address=str(ip_address(values["address"])),
        port=int(values["port"]),
        send=bytes.fromhex(values["send"]),
        expect=bytes.fromhex(values["expect"]),
    )


def _wrong(manifest: Manifest) -> Iterable[str]:
    if len(manifest.files) > MAX_FILES:
        yield f"{len(manifest.files)} files are more than {MAX_FILES}"
    seen: set[str] = set()
    for entry in manifest.files:
        if entry.path in seen:
            yield f"{entry.path} is there twice"
        seen.add(entry.path)
        if not safe_path(entry.path):
            yield f"{entry.path!r} is no place for a file of ours"
        if not 0 <= entry.mode <= 0o7777:
            yield f"{entry.path} has mode {entry.mode:o}"
        if not _NAME.fullmatch(entry.owner) or not _NAME.fullmatch(entry.group):
            yield f"{entry.path} has owner {entry.owner}:{entry.group}"
        if not re.fullmatch(r"[0-9a-f]{64}", entry.sha256):
            yield f"{entry.path} has no SHA-256"
    for path in seen:
        if seen.intersection(map(str, PurePosixPath(path).parents)):
            yield f"{path} lies under a file"
    folders = (*manifest.folders, *(each.path for each in manifest.data))
    yield from (f"{each!r} is no folder of ours" for each in folders if not safe_path(each))
    yield from (f"{unit!r} is no unit" for unit in bad(_UNIT, manifest.units + manifest.masked))
    yield from (f"{name!r} is no package" for name in bad(_PACKAGE, manifest.packages))
    yield from (f"{unit} is wanted and masked" for unit in {*manifest.units} & {*manifest.masked})


def bad(pattern: re.Pattern[str], words: Iterable[str]) -> Iterable[str]:
    """The words that are not wholly of the pattern."""
    return (word for word in words if not pattern.fullmatch(word))


def safe_path(path: str) -> bool:
    """Whether a path is absolute, without ``..`` or other detours, and not a forbidden place."""
    return (
        path.startswith("/")
        and not path.startswith("//")  # POSIX keeps two leading slashes apart; normpath too
        and posixpath.normpath(path) == path
        and path != "/"
        and not f"{path}/".startswith(_FORBIDDEN)
        and path != _SECRETS
        and all(char.isprintable() for char in path)
    )
