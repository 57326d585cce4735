"""``gateway-box drift``: what is otherwise, for people and for the daily timer's letter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from . import journal, letters
from .drift import Finding, findings, with_who
from .files import Paths
from .store import Store

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


def write_home(store: Store, send: letters.Send = journal.mail) -> dict[str, Any]:
    """The timer's work: a letter when there is drift that was not written about yet."""
    told = drift(store)
    found = [each["line"] for each in told["drift"]]
    letter = f"not as described ({len(found)})", "\n".join(told["text"])
    letters.when_new(store.paths, store.paths.memory / "drift.json", found, letter, send)
    return {"drift": len(found), "lines": told["lines"]}
