"""Drift and a switch: refused over it, or told to undo it. Then nothing of anybody's work is lost:

what he edited is copied, what he added is moved, to ``/var/lib/gateway/aside``.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from . import baseline, drift, orphans, services
from .drift import UNIT_FOLDERS, Finding
from .drifting import refusal
from .files import Paths, make_folder, sync_folder
from .manifest import Manifest
from .process import Failed
from .store import Store

KEEP = 20
FOLDER = "aside"


class Undoing:
    """What a switch does about drift: it looks before anything is armed, and acts after."""

    def __init__(self, store: Store, wanted: Manifest, *, told_to: bool) -> None:
        self.afresh: set[str] = set()
        """The paths whose services must look again though the file is the same."""
        self.aside: list[str] = []
        """What was put aside, and where."""
        self._store, self._wanted, self._told_to = store, wanted, told_to
        self._found: list[Finding] = []

    def look(self) -> None:
        """See what there is; changes nothing. Raises Failed where it would be undone untold.

        A generation that is not whole, or a switch that was interrupted, has no drift, only
        work that is left.
        """
        if not drift.may_be_refused(self._store.state()):
            return
        self._found = drift.findings(self._store)
        if not self._told_to and (why := refusal(self._store.paths, self._found)):
            raise Failed(why)
        self.afresh = drift.afresh(self._found, self._wanted)

    def put_aside(self) -> None:
        """The first change of a switch: by then something leads back."""
        self.aside = put_aside(self._store.paths, self._found)


def finish(store: Store, before: Manifest, wanted: Manifest) -> list[str]:
    """After a switch: what the box is like now is what later drift is told by; what stays."""
    if not store.state().only_first:
        baseline.note(store.paths, wanted.paths, drift.watched(wanted))
    return orphans.kept(store.paths, before, wanted)


def put_aside(paths: Paths, found: Sequence[Finding]) -> list[str]:
    """Keep copies of edited files, take added ones away; says where they are.

    Units that were masked may start again; everything else the switch mends by itself.
    """
    ours = [each.name for each in found if each.kind in ("file", "added")]
    there = [name for name in ours if paths.on_box(name).is_file()]
    services.unmask([each.name for each in found if each.kind == "unit" and each.what == "masked"])
    if not there:
        return []
    folder = paths.memory / FOLDER / datetime.now(UTC).strftime("%Y-%m-%dT%H.%M.%S.%f")
    added = {each.name for each in found if each.kind == "added"}
    for name in there:
        source, target = paths.on_box(name), folder / name.lstrip("/")
        make_folder(target.parent, 0o700)
        shutil.copy2(source, target, follow_symlinks=False)
        sync_folder(target.parent)
        if name in added:
            source.unlink()
            sync_folder(source.parent)
    if str(paths.root) == "/" and any(name.startswith(UNIT_FOLDERS) for name in added):
        services.reload_units()
    _prune(folder)
    return [f"{name}: put aside in {folder}" for name in there]


def _prune(newest: Path) -> None:
    """The oldest go, by their names; never the newest, whatever the clock says."""
    kept = sorted(each for each in newest.parent.iterdir() if each.is_dir() and each != newest)
    for old in kept[: max(0, len(kept) + 1 - KEEP)]:
        shutil.rmtree(old)
