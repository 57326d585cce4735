"""``gateway-box drift``: what is otherwise, for people and for the daily timer's letter."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import journal
from .drift import Finding, findings, with_who
from .files import Paths, make_folder, write
from .process import Done, Failed
from .store import Store

AGAIN_SECONDS = 7 * 86400
"""The same drift is written about once a week."""

_KINDS = {
    "file": "files that were changed",
    "added": "files that nobody asked for",
    "unit": "units",
    "package": "packages",
    "rules": "rules of the firewall",
    "accounts": "accounts and passwords",
}


def drift(store: Store) -> dict[str, Any]:
    """Everything, with who and when."""
    found = with_who(findings(store), store.paths)
    text = list(lines(found))
    return {"drift": [each.told() for each in found], "text": text, "lines": text}


def lines(found: Sequence[Finding]) -> Iterator[str]:
    """For people: a block a kind, and below each finding when and who."""
    if not found:
        yield "no drift: the box is as its generation says"
    for kind, title in _KINDS.items():
        mine = [each for each in found if each.kind == kind]
        if mine:
            yield f"{title}:"
        for each in mine:
            yield f"  {each}"
            if known := ", ".join(word for word in (each.when, each.who) if word):
                yield f"      {known}"


def refusal(paths: Paths, found: Sequence[Finding]) -> str:
    """Why an apply would be wrong now; nothing where it would undo nobody's work."""
    blocking = with_who([each for each in found if each.fate == "undone"], paths)
    if not blocking:
        return ""
    return "\n".join(
        [
            "the box was changed by hand; an apply would undo this:",
            *(f"  {line}" for line in lines(blocking)),
            "take it over into the description, or apply with --overwrite-drift"
            " (files are kept in /var/lib/gateway/aside)",
        ]
    )


def write_home(
    store: Store, send: Callable[[Paths, str, str], Done | None] = journal.mail
) -> dict[str, Any]:
    """The timer's work: a letter when there is drift that was not written about yet."""
    told = drift(store)
    found = sorted(each["line"] for each in told["drift"])
    file = store.paths.memory / "drift.json"
    try:
        last = json.loads(file.read_bytes())
    except (OSError, ValueError):
        last = {"drift": [], "written": 0}
    is_new = found != last["drift"] or time.time() - last["written"] >= AGAIN_SECONDS
    if found and is_new:
        done = send(store.paths, f"not as described ({len(found)})", "\n".join(told["text"]))
        if done and not done.ok:
            raise Failed(f"there is drift, and nobody could be told: {done.blame()}")
    if found != last["drift"] or (found and is_new):
        make_folder(file.parent, 0o700)
        write(file, json.dumps({"drift": found, "written": time.time()}).encode())
    return {"drift": len(found), "lines": told["lines"]}
