"""How the box is, compared with what it should be. Nothing here changes anything."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import packages, services
from .activate import secrets_digest
from .claims import Claims
from .files import Paths, differs
from .manifest import Manifest
from .store import Store, read_archive
from .switch import view

_UNSETTLED = {
    "bare": "the box has no generation yet",
    "half": "the box has only its firewall and its package sources yet",
    "interrupted": "a switch was interrupted",
}


def drift(paths: Paths, manifest: Manifest) -> list[str]:
    """Everything on the box that is not as a manifest says, one line each."""
    lines = [
        f"{entry.path}: {how} differs" if how != "absent" else f"{entry.path}: absent"
        for entry in manifest.files
        if (how := differs(paths, entry))
    ]
    lines += [f"{name}: not installed" for name in packages.missing(manifest.packages)]
    for unit in services.units(manifest.units):
        if not unit.runs:
            lines.append(f"{unit.name}: {unit.active}")
        elif unit.file == "disabled":
            lines.append(f"{unit.name}: will not start at boot")
    lines += [
        f"{unit.name}: not masked"
        for unit in services.units(manifest.masked)
        if unit.file != "masked"
    ]
    return lines


def status(store: Store) -> dict[str, Any]:
    """The active generation, since when, and the drift from it."""
    state = store.state()
    told: dict[str, Any] = asdict(state)
    del told["secrets"]
    told |= {"manifest": "", "drift": [], "warnings": [], "state": "bare"}
    if state.active is not None:
        current = view(store.generation(state.active), state.only_first)
        told["manifest"] = current.manifest.digest
        told["drift"] = drift(store.paths, current.manifest)
        told["warnings"] = services.lacking(current.manifest.units)
        told["state"] = "half" if state.only_first else "active"
    if state.pending is not None:
        told["state"] = "interrupted"
    return told


def compare(store: Store, digest: str, secrets: str) -> dict[str, Any]:
    """Whether the box is what a manifest's digest and a secrets' digest stand for, else why not."""
    told = status(store)
    reasons = list(told["drift"])
    if told["state"] != "active":
        reasons.append(_UNSETTLED[told["state"]])
    elif told["manifest"] != digest:
        reasons.append("the description has changed")
    if not secrets == store.state().secrets == secrets_digest(store.paths):
        reasons.append("the passwords have changed")
    answer = {"current": not reasons, "generation": told["active"], "reasons": reasons}
    return {**answer, "warnings": told["warnings"]}


def plan(store: Store, archive: Path) -> dict[str, Any]:
    """What taking an archive into use would do."""
    manifest, _contents = read_archive(archive)
    removed = sorted(Claims(store.paths).unwanted(manifest.paths))
    lines = drift(store.paths, manifest)
    return {"changed": bool(lines or removed), "would": lines, "removed": removed}


def listing(store: Store) -> list[dict[str, Any]]:
    """The generations that are kept, oldest first."""
    state = store.state()
    return [
        {
            "generation": number,
            "manifest": store.generation(number).manifest.digest,
            "files": len(store.generation(number).manifest.files),
            "active": number == state.active,
        }
        for number in store.numbers()
    ]


def as_text(told: Any) -> str:
    """One line of JSON, for whoever reads the last line."""
    return json.dumps(told, ensure_ascii=False, sort_keys=True)
