"""How the box is, compared with what it should be. Nothing here changes anything."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from . import services, session
from .drift import findings, may_be_refused
from .drifting import refusal
from .files import secrets_digest
from .lock import holder
from .state import State
from .store import Store
from .switch import view

_UNSETTLED = {
    "bare": "the box has no generation yet",
    "half": "the box has only its firewall and its package sources yet",
    "interrupted": "a switch was interrupted",
    "unconfirmed": "its generation is not confirmed yet",
}


def status(store: Store) -> dict[str, Any]:
    """The active generation, since when, and the drift from it."""
    state = store.state()
    told: dict[str, Any] = asdict(state)
    for inner in ("secrets", "confirmed_secrets", "boot", "switched", "deadline"):
        del told[inner]
    told["seconds_left"] = seconds_left(state)
    told |= {"manifest": "", "drift": [], "noted": [], "refusal": "", "warnings": []}
    told["state"] = "bare"
    if state.active is not None:
        current = view(store.generation(state.active), state.only_first)
        told["manifest"] = current.manifest.digest
        found = findings(store)
        told["drift"] = [str(each) for each in found if each.fate != "left"]
        told["noted"] = [str(each) for each in found if each.fate == "left"]
        told["refusal"] = refusal(store.paths, found) if may_be_refused(state) else ""
        told["warnings"] = services.lacking(services.units(current.manifest.units))
        told["state"] = "half" if state.only_first else "active"
        if not state.settled:
            told["state"] = "unconfirmed"
    at_work = holder(store.paths.lock)
    told["holder"] = str(at_work) if at_work else ""
    if state.pending is not None:
        told["state"] = "interrupted"
    return told


def seconds_left(state: State) -> int | None:
    """Until the box goes back by itself; None where nothing watches."""
    if not state.deadline or state.settled or state.boot != session.boot_id():
        return None
    return max(0, round(state.deadline - session.boottime()))


def status_lines(told: dict[str, Any]) -> Iterator[str]:
    """The same for people."""
    yield f"{told['state']}: generation {told['active']} since {told['since']}"
    if told["state"] == "unconfirmed":
        left = told["seconds_left"]
        back = f"the box goes back in {left} s" if left is not None else "nothing watches it"
        yield f"to be confirmed (`gateway-box confirm`, from a new connection); {back}"
    yield f"confirmed: generation {told['confirmed']}, before that {told['before']}"
    if told["returned"]:
        yield f"returned by itself: {told['returned']}"
    if told["holder"]:
        yield f"at work: {told['holder']}"
    yield from (f"drift: {line}" for line in told["drift"])
    yield from (f"noted: {line}" for line in told["noted"])


def compare(store: Store, digest: str, secrets: str) -> dict[str, Any]:
    """Whether the box is what a manifest's digest and a secrets' digest stand for, else why not."""
    told = status(store)
    reasons = list(told["drift"])
    if told["state"] != "active":
        reasons.append(_UNSETTLED[told["state"]])
    elif told["manifest"] != digest:
        reasons.append("the description has changed")
    same = secrets == store.state().secrets == secrets_digest(store.paths)
    if not same:
        reasons.append("the passwords have changed")
    answer = {"current": not reasons, "generation": told["active"], "reasons": reasons}
    answer |= {"passwords": same, "system": _system()}
    return answer | {key: told[key] for key in ("warnings", "noted", "refusal")}


def _system() -> str:
    """``debian 13``: what os-release(5) says."""
    said = platform.freedesktop_os_release()
    return f"{said['ID']} {said.get('VERSION_ID', '')}"


def as_text(told: Any) -> str:
    """One line of JSON, for whoever reads the last line."""
    return json.dumps(told, ensure_ascii=False, sort_keys=True)
