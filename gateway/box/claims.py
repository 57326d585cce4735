"""What is ours on the box, and how it was before, so that it can be given back.

A path, a unit or a mask becomes ours by a *claim*: what was there is kept and written down,
durably, before anything is touched. So whatever happens later, the way back is known.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import services
from .files import Paths, make_folder, sync_folder, unfinished, write
from .manifest import Entry
from .process import Failed

_PACKAGED = "/usr/lib/systemd/system"
"""Where packages put their units."""


class Claims:
    """The ledger, ``claims.json``, and the files that ours replaced."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._file = paths.memory / "claims.json"
        self._kept = paths.memory / "replaced"
        known: dict[str, Any] = {"paths": {}, "folders": [], "units": {}, "masked": {}}
        self._saved = b""
        if self._file.exists():
            self._saved = self._file.read_bytes()
            known = json.loads(self._saved)
        self._was: dict[str, dict[str, Any]] = known["paths"]
        self._folders: set[str] = set(known["folders"])
        self._units: dict[str, bool] = known["units"]  # whether it ran before it was ours
        self._masked: dict[str, bool] = known["masked"]

    def take(self, entries: Iterable[Entry]) -> None:
        """Claim paths: keep what is there, write it down, make their folders."""
        for entry in entries:
            if entry.path not in self._was:
                self._was[entry.path] = self._keep(entry.path)
                parents = self._paths.on_box(entry.path).parents
                self._folders.update(self._name(each) for each in parents if not each.exists())
            self._was[entry.path]["reload"] = list(entry.reload)
        self._save()
        for path in self._was:
            target = self._paths.on_box(path)
            make_folder(target.parent)
            if unfinished(target).exists():  # whoever wrote it was interrupted
                unfinished(target).unlink()

    def unwanted(self, wanted: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The paths of ours that are not wanted any more, each with its service's command."""
        left = sorted(self._was.keys() - set(wanted))
        return {path: tuple(self._was[path]["reload"]) for path in left}

    def was(self, path: str) -> str:
        """What was at a path of ours before: ``absent``, ``file`` or ``link``."""
        return str(self._was[path]["kind"])

    def give_back(self, path: str) -> None:
        """Make a path what it was before we claimed it. Safe to repeat."""
        was, target = self._was[path], self._paths.on_box(path)
        if was["kind"] == "file":
            content = self._kept_file(path).read_bytes()
            write(target, content, mode=was["mode"], uid=was["uid"], gid=was["gid"])
        elif was["kind"] == "link":
            fresh = target.with_name(f".{target.name}.gateway-new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(was["to"])
            fresh.rename(target)
            sync_folder(target.parent)
        else:
            target.unlink(missing_ok=True)
            self._remove_folders(target.parent)
        del self._was[path]
        self._save()
        self._kept_file(path).unlink(missing_ok=True)

    def left(self, wanted: Iterable[str]) -> set[str]:
        """Our units that are not wanted any more."""
        return self._units.keys() - set(wanted)

    def stop_unwanted(self, wanted: Iterable[str]) -> list[str]:
        """Stop our units that are not wanted any more; says which.

        One that ran before it was ours keeps running: ssh and the network belong to whoever
        set the box up, and going back must not lock him out.
        """
        left = self.left(wanted)
        stopped = services.stop(self.to_stop(wanted))
        self._units = {unit: ran for unit, ran in self._units.items() if unit not in left}
        self._save()
        return stopped

    def to_stop(self, wanted: Iterable[str]) -> list[str]:
        """Those that ``stop_unwanted`` would stop."""
        return sorted(unit for unit in self.left(wanted) if not self._units[unit])

    def take_units(self, wanted: Iterable[str]) -> None:
        """Claim units that are to run."""
        fresh = [unit for unit in wanted if unit not in self._units]
        self._units |= {each.name: each.active == "active" for each in services.units(fresh)}
        self._save()

    def mask(self, wanted: Iterable[str]) -> list[str]:
        """Stop units and keep them from starting; says which were not masked before."""
        free = [unit for unit in services.units(sorted(set(wanted))) if unit.file != "masked"]
        self._masked |= {unit.name: unit.active == "active" for unit in free}
        self._save()
        services.mask([unit.name for unit in free])
        return [unit.name for unit in free]

    def unmask_unwanted(self, wanted: Iterable[str], units: Iterable[str] = ()) -> dict[str, bool]:
        """Let units that we masked start again; says of each whether it ran before.

        One that never ran here stays masked while its package is installed: else the next boot
        would start what a feature has left behind, as the distribution has it. ``units`` are
        those that are to run now.
        """
        left = {unit: ran for unit, ran in self._masked.items() if unit not in set(wanted)}
        asked = set(units)
        left = {
            unit: ran
            for unit, ran in left.items()
            if ran or unit in asked or not self._paths.on_box(f"{_PACKAGED}/{unit}").exists()
        }
        services.unmask(sorted(left))
        self._masked = {unit: ran for unit, ran in self._masked.items() if unit not in left}
        self._save()
        return left

    def _keep(self, path: str) -> dict[str, Any]:
        target = self._paths.on_box(path)
        try:
            found = target.lstat()
        except FileNotFoundError:
            return {"kind": "absent"}
        if stat.S_ISLNK(found.st_mode):
            return {"kind": "link", "to": str(target.readlink())}
        if not stat.S_ISREG(found.st_mode):
            raise Failed(f"{path} is neither a file nor a link on the box")
        make_folder(self._kept_file(path).parent, 0o700)
        write(self._kept_file(path), target.read_bytes())
        mode = stat.S_IMODE(found.st_mode)
        return {"kind": "file", "mode": mode, "uid": found.st_uid, "gid": found.st_gid}

    def _kept_file(self, path: str) -> Path:
        return self._kept / path.lstrip("/")

    def _name(self, folder: Path) -> str:
        return "/" + os.path.relpath(folder, self._paths.root)

    def _remove_folders(self, folder: Path) -> None:
        """Remove folders that we made and that nothing is left in."""
        while self._name(folder) in self._folders and folder.exists() and not any(folder.iterdir()):
            folder.rmdir()
            self._folders.discard(self._name(folder))
            folder = folder.parent

    def _save(self) -> None:
        make_folder(self._file.parent, 0o700)
        known = {
            "paths": self._was,
            "folders": sorted(self._folders),
            "units": self._units,
            "masked": self._masked,
        }
        text = json.dumps(known, indent=1, sort_keys=True).encode()
        if text != self._saved:  # most switches claim nothing new, and each sync takes its time
            write(self._file, text)
            self._saved = text
