"""How the box was when a generation was taken into use: what no manifest says.

Debian's packages beside those we name, with their versions, and the files that were in our
folders though they are not ours (an installer's, a package's). What differs later is drift.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from .files import Paths, make_folder, write
from .process import run

_FORM = "${db:Status-Want} ${db:Status-Status} ${Package} ${Version}\n"


@dataclass(frozen=True)
class Package:
    """An installed package; ``want`` is ``hold`` where somebody held it (dpkg(1))."""

    version: str
    want: str = "install"


@dataclass(frozen=True)
class Baseline:
    """What was there."""

    packages: dict[str, Package] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    """Files in our folders that are not ours, each with its SHA-256."""


def note(paths: Paths, ours: Iterable[str], folders: Sequence[str]) -> None:
    """Write down how the box is now."""
    found = {
        "packages": {name: asdict(each) for name, each in packages().items()},
        "others": others(paths, ours, folders),
    }
    make_folder(paths.memory, 0o700)
    write(paths.memory / "baseline.json", json.dumps(found, sort_keys=True).encode())


def read(paths: Paths) -> Baseline | None:
    """What was written down; None where an older program wrote nothing."""
    file = paths.memory / "baseline.json"
    try:
        known = json.loads(file.read_bytes())
        noted = {name: Package(**each) for name, each in known["packages"].items()}
        return Baseline(noted, dict(known["others"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def packages() -> dict[str, Package]:
    """Every package that is installed now."""
    words = (line.split(" ", 3) for line in run(["dpkg-query", "-W", "-f", _FORM]).out.splitlines())
    return {
        each[2]: Package(version=each[3], want=each[0])
        for each in words
        if len(each) == 4 and each[1] == "installed"
    }


def others(paths: Paths, ours: Iterable[str], folders: Sequence[str]) -> dict[str, str]:
    """The files in these folders, and in the folders below them, that are not ours.

    Links are what ``systemctl`` makes of units; those are looked at as units.
    """
    known = {paths.on_box(each) for each in ours} | {paths.secrets}
    found: dict[str, str] = {}
    places = [paths.on_box(folder) for folder in folders]
    for each in sorted({file for place in places for file in (place, *place.rglob("*"))}):
        unfinished = each.name.startswith(".") and each.name.endswith(".gateway-new")
        if each not in known and not unfinished and _is_plain(each):
            found["/" + str(each.relative_to(paths.root))] = sha256(each.read_bytes()).hexdigest()
    return found


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False
