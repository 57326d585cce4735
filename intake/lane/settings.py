"""What the lane is told by its configuration (JSON, written by the site's description)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intake.dos.translator import Translator
from intake.options import Options
from intake.refused import Refused

CONFIG = Path("/etc/gateway/intake.json")


@dataclass(frozen=True)
class Archive:
    """Where objects are stored: Orthanc's REST interface.

    ``credentials`` is a file of the archive's that says all of it (JSON: url, user, password) and
    may come later than the lane, or change.
    """

    url: str = ""
    user: str = ""
    password_file: str = ""
    credentials: str = ""

    def __post_init__(self) -> None:
        """One of the two ways must be there."""
        if bool(self.url) == bool(self.credentials):
            raise ValueError("archive: a url or a file of credentials is needed")


@dataclass(frozen=True)
class Receive:
    """Who may send objects to a device's title (the way back)."""

    port: int
    addresses: tuple[str, ...]
    """Of the box, to listen on."""
    callers: dict[str, tuple[str, ...]]
    """Their AE titles, and the addresses each may call from."""


@dataclass(frozen=True)
class Settings:
    """Folders, times and limits."""

    root: Path
    """Holds a folder a device, each with incoming, outgoing, done, quarantine."""
    state: Path
    """The ledger and the spool, on the same file system as nothing else."""
    archive: Archive
    devices: dict[str, Options] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    """Of devices whose folder lies elsewhere than below the root."""
    titles: dict[str, str] = field(default_factory=dict)
    """AE titles of devices that get back what is sent to them, as Interfile in ``outgoing``."""
    dialects: dict[str, str] = field(default_factory=dict)
    """Of the Interfile that is written for a device; standard, where none is named."""
    raw: dict[str, Path] = field(default_factory=dict)
    """Raw profiles of devices whose files have no format."""
    dos: dict[str, Translator] = field(default_factory=dict)
    """DOS translators that a device's files go through first."""
    receive: Receive | None = None
    quiet: float = 10.0
    """Seconds that a file must have stood still."""
    patience: float = 600.0
    """Seconds that a header may wait for its data, or data for a header."""
    pause: float = 2.0
    """Seconds between two looks at the folders."""
    seconds: float = 120.0
    """That converting one file may take."""
    memory: int = 4 << 30
    """Bytes that converting one file may take."""
    reserve: int = 256 << 20
    """Bytes that stay free on the disk; below, nothing is taken in."""
    mail: str = ""
    """Who is told of a quarantined file."""

    def folder(self, device: str) -> Path:
        """Where a device's incoming, outgoing, done and quarantine are."""
        return self.folders.get(device, self.root / device)

    def returns(self, device: str) -> Path:
        """Where objects wait that were sent to a device's title."""
        return self.state / "returns" / device


def read(path: Path = CONFIG) -> Settings:
    """The settings of a file; Refused with the key that is wrong."""
    try:
        told: dict[str, Any] = json.loads(path.read_text("utf-8"))
        devices = {name: Options(**values) for name, values in told.pop("devices").items()}
        archive = Archive(**told.pop("archive"))
        root, state = Path(told.pop("root")), Path(told.pop("state"))
        folders = {name: Path(each) for name, each in told.pop("folders", {}).items()}
        told["receive"] = _receive(told.pop("receive", None))
        told["raw"] = {name: Path(each) for name, each in told.pop("raw", {}).items()}
        told["dos"] = {name: _translator(each) for name, each in told.pop("dos", {}).items()}
        if unknown := sorted({*told["raw"], *told["dos"]} - {*devices}):
            raise ValueError(f"{', '.join(unknown)}: no such device")
        return Settings(root, state, archive, devices, folders, **told)
    except (OSError, ValueError, TypeError, KeyError) as fault:
        raise Refused(f"{path}: {fault}") from None


def _translator(told: dict[str, Any]) -> Translator:
    """A DOS translator; each way to spell it wrongly is said before any file comes."""
    told |= {"program": Path(told["program"])}
    for name in ("commands", "parts"):
        if not isinstance(told.setdefault(name, []), list):
            raise TypeError(f"dos: {name} is no list")
        told[name] = tuple(str(each) for each in told[name])
    if not told["commands"]:
        raise ValueError("dos: commands are needed")
    return Translator(**told)


def _receive(told: dict[str, Any] | None) -> Receive | None:
    if told is None:
        return None
    callers = {title: tuple(each) for title, each in told["callers"].items()}
    return Receive(int(told["port"]), tuple(told["addresses"]), callers)
