"""When a dropped file counts: it stands still, and all its parts are there.

A device writes over the network for seconds or minutes, in any order, and tells nobody when it
is done. So a file counts when neither its size nor its time changed for some seconds, and a
header when its data file does too. What waits in vain is handed on in the end, to be refused
with a reason, so that nothing lies in ``incoming`` for ever.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePath

from intake import formats
from intake.refused import Refused


@dataclass(frozen=True)
class Group:
    """Files that belong together; the first is the one to read."""

    names: tuple[str, ...]
    since: float
    """Time of the youngest, for the order."""


@dataclass(frozen=True)
class _Seen:
    size: int
    changed: int
    at: float
    plain: bool


class Settling:
    """Looks at one device's folder again and again."""

    def __init__(
        self,
        folder: Path,
        quiet: float,
        patience: float,
        parts: tuple[str, ...] | None = None,
    ) -> None:
        """``parts``: files of any format count, those of one name with these endings together."""
        self.parts = None if parts is None else tuple(each.casefold() for each in parts)
        self.folder = folder
        self.quiet = quiet
        self.patience = patience
        self._seen: dict[str, _Seen] = {}
        self._data_of: dict[str, tuple[int, str]] = {}

    def ready(self, now: float) -> list[Group]:
        """Groups that have settled, the oldest first."""
        self._look(now)
        still = {name: one for name, one in self._seen.items() if now - one.at >= self.quiet}
        groups: list[Group] = []
        taken = set[str]()
        waiting: set[str] = set()
        if self.parts is not None:
            groups, taken, waiting = self._any(still, now)
        for name in sorted(still) if self.parts is None else ():
            part = self._part(name)
            if part is None:
                continue
            present = self._find(part)
            if present not in still and now - still[name].at < self.patience:
                waiting.add(name)
                continue
            names = (name,) if present in {None, name} else (name, str(present))
            groups.append(Group(names, max(self._seen[each].changed / 1e9 for each in names)))
            taken |= set(names)
        groups += [
            Group((name,), still[name].changed / 1e9)
            for name in sorted(still.keys() - taken - waiting)
            if not still[name].plain or now - still[name].at >= self.patience
        ]
        return sorted(groups, key=lambda group: (group.since, group.names))

    def _any(self, still: dict[str, _Seen], now: float) -> tuple[list[Group], set[str], set[str]]:
        """Groups of files that only a raw profile or a DOS translator knows."""
        groups, taken, waiting = [], set[str](), set[str]()
        for name in sorted(still):
            if name in taken or not still[name].plain:
                continue
            names = self._siblings(name)
            if {*names} <= {*still}:
                since = max(still[each].changed / 1e9 for each in names)
                groups.append(Group(names, since))
                taken |= {*names}
            elif now - still[name].at < self.patience:
                waiting.add(name)
        return groups, taken, waiting

    def _siblings(self, name: str) -> tuple[str, ...]:
        """The names of the files that belong to this one, in the order of ``parts``."""
        ending = PurePath(name).suffix
        stem = name.removesuffix(ending)
        if not self.parts or ending.casefold() not in self.parts:
            return (name,)
        return tuple(
            name if part == ending.casefold() else self._find(stem + part) or stem + part
            for part in self.parts
        )

    def _look(self, now: float) -> None:
        found: dict[str, _Seen] = {}
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                try:
                    told = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                plain = stat.S_ISREG(told.st_mode)
                old = self._seen.get(entry.name)
                same = old and (old.size, old.changed) == (told.st_size, told.st_mtime_ns)
                at = old.at if old and same else now
                found[entry.name] = _Seen(told.st_size, told.st_mtime_ns, at, plain)
        self._seen = found

    def _part(self, name: str) -> str | None:
        """The data file a header names, the file's own name if it needs none; None: no header."""
        seen = self._seen[name]
        known = self._data_of.get(name)
        if known and known[0] == seen.changed:
            return known[1] or None
        part = ""
        if seen.plain:
            try:
                found = formats.recognise(self.folder / name)
                part = formats.names_data(self.folder / name) or name if found else ""
            except Refused:
                part = ""
        self._data_of[name] = (seen.changed, part)
        return part or None

    def _find(self, part: str) -> str | None:
        """The name as it stands in the folder, in whatever case."""
        if part in self._seen:
            return part
        alike = [name for name in self._seen if name.casefold() == part.casefold()]
        return alike[0] if len(alike) == 1 else None
