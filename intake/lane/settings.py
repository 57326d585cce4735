"""What the lane is told by its configuration (JSON, written by the site's description)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intake.options import Options
from intake.refused import Refused

CONFIG = Path("/etc/gateway/intake.json")


@dataclass(frozen=True)
class Archive:
    """Where objects are stored: Orthanc's REST interface."""

    url: str
    user: str = ""
    password_file: str = ""


@dataclass(frozen=True)
class Settings:
    """Folders, times and limits."""

    root: Path
    """Holds a folder a device, each with incoming, done, quarantine."""
    state: Path
    """The ledger and the spool, on the same file system as nothing else."""
    archive: Archive
    devices: dict[str, Options] = field(default_factory=dict)
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


def read(path: Path = CONFIG) -> Settings:
    """The settings of a file; Refused with the key that is wrong."""
    try:
        told: dict[str, Any] = json.loads(path.read_text("utf-8"))
        devices = {name: Options(**values) for name, values in told.pop("devices").items()}
        archive = Archive(**told.pop("archive"))
        root, state = Path(told.pop("root")), Path(told.pop("state"))
        return Settings(root, state, archive, devices, **told)
    except (OSError, ValueError, TypeError, KeyError) as fault:
        raise Refused(f"{path}: {fault}") from None
