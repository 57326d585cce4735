"""What the site description says about the report site (gateway/features/reports.py)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

PLACE = "/etc/gateway/reports.json"


@dataclass(frozen=True)
class Config:
    """The file's keys; what is not named has a default that opens nothing."""

    site: str
    hosts: tuple[str, ...]
    """The names and addresses it is asked for by."""
    origin: str
    """Its own address as a browser writes it: ``https://192.0.2.10``."""
    database_socket: str
    """The folder of PostgreSQL's socket."""
    secret_key_file: str
    archive: str = ""
    """The archive's credentials for reading (JSON of url, user, password)."""
    archive_store: str = ""
    """Those for adding objects; without them nothing goes back into the archive."""
    devices: dict[str, str] = field(default_factory=dict)
    """AE title or station name → the name of the device in the description."""
    languages: tuple[str, ...] = ("zh-hant", "en")
    time_zone: str = "Etc/UTC"
    ldap: dict[str, str] = field(default_factory=dict)
    fax_host: str = ""
    """Where hfaxd is (``host:port``), or nothing."""
    status: str = ""
    """A file with the box's state for the front page, or nothing."""
    sheets: dict[str, str] = field(default_factory=dict)
    """Each device that has a sheet for technicians → what it is."""
    sheets_folder: str = ""
    """Where they are: ``DEVICE.LANGUAGE.html``."""
    cache: str = "/var/cache/gateway-reports"
    secure: bool = True
    """Off in tests without TLS only."""


def read(path: Path) -> Config:
    """The configuration in a file. Raises ValueError with the key that is wrong."""
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if unknown := told.keys() - {each.name for each in fields(Config)}:
        raise ValueError(f"{path}: there is no key {', '.join(sorted(unknown))}")
    tuples = {key: tuple(value) for key, value in told.items() if isinstance(value, list)}
    return Config(**{**told, **tuples})


def load() -> Config:
    """That of this box, or the one that GATEWAY_REPORTS names."""
    return read(Path(os.environ.get("GATEWAY_REPORTS", PLACE)))
