"""The generations for people: which there are, what became of each, how two differ."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from .manifest import Entry
from .process import Failed
from .store import Generation, Store

READABLE = 0o004
"""A file that not everybody may read is not shown, only that it differs."""


def listing(store: Store) -> list[dict[str, Any]]:
    """The generations that are kept, oldest first."""
    return [_row(store, number) for number in store.numbers()]


def _row(store: Store, number: int) -> dict[str, Any]:
    state = store.state()
    place = {"active": number == state.active, "confirmed": number == state.confirmed}
    row: dict[str, Any] = {"generation": number, **place}
    try:
        generation = store.generation(number)
    except Failed:
        return {**row, "state": "damaged", "manifest": "", "files": 0, "events": []}
    return {
        **row,
        "manifest": generation.manifest.digest,
        "files": len(generation.manifest.files),
        "state": generation.record.state,
        "events": [asdict(event) for event in generation.record.events],
    }


def list_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each: its number, its state, since when and by whom; a star at the active one."""
    for row in rows:
        mark = "*" if row["active"] else " "
        last = row["events"][-1] if row["events"] else {"when": "", "by": ""}
        why = f": {last['why']}" if last.get("why") else ""
        yield f"{mark} {row['generation']:>4}  {row['state']:11}  {last['when']}  {last['by']}{why}"


def show(store: Store, number: int | None) -> dict[str, Any]:
    """One generation whole: what became of it, its files, packages and units."""
    generation = store.generation(number)
    manifest, record = generation.manifest, generation.record
    return {
        "generation": generation.number,
        "state": record.state,
        "site": record.site,
        "manifest": manifest.digest,
        "damaged": generation.damage(),
        "events": [asdict(event) for event in record.events],
        "files": [f"{each.path} {_how(each)}" for each in manifest.files],
        "packages": list(manifest.packages),
        "units": list(manifest.units),
        "masked": list(manifest.masked),
    }


def show_lines(told: dict[str, Any]) -> Iterator[str]:
    """The same as lines."""
    yield f"generation {told['generation']} is {told['state']}"
    yield f"manifest  {told['manifest']}"
    if told["site"]:
        yield f"site      {told['site']}"
    for event in told["events"]:
        why = f": {event['why']}" if event["why"] else ""
        yield f"{event['when']}  {event['what']} by {event['by']}{why}"
    yield from (f"damaged   {path}" for path in told["damaged"])
    for kind in ("files", "packages", "units", "masked"):
        yield f"{kind} ({len(told[kind])})"
        yield from (f"  {each}" for each in told[kind])


def diff(old: Generation, new: Generation) -> Iterator[str]:
    """How the second differs from the first: a unified diff for each file, and the rest by name."""
    for kind in ("packages", "units", "masked"):
        before, after = set(getattr(old.manifest, kind)), set(getattr(new.manifest, kind))
        yield from (f"- {kind}: {each}" for each in sorted(before - after))
        yield from (f"+ {kind}: {each}" for each in sorted(after - before))
    olds = {entry.path: entry for entry in old.manifest.files}
    news = {entry.path: entry for entry in new.manifest.files}
    for path in sorted(olds.keys() | news.keys()):
        a, b = olds.get(path), news.get(path)
        if a is None or b is None:
            yield f"{'-' if a else '+'} file: {path}"
            continue
        if (_how(a)) != (_how(b)):
            yield f"~ {path}: {_how(a)} becomes {_how(b)}"
        if a.sha256 != b.sha256:
            yield from _file_diff(old, new, a, b)


def _how(entry: Entry) -> str:
    return f"{entry.mode:04o} {entry.owner}:{entry.group}"


def _file_diff(old: Generation, new: Generation, a: Entry, b: Entry) -> Iterator[str]:
    if not a.mode & b.mode & READABLE:
        yield f"~ {a.path}: its content differs (not shown: not everybody may read it)"
        return
    before, after = (
        each.staged(a.path).read_text("utf-8", errors="replace").splitlines() for each in (old, new)
    )
    names = (f"{old.number}{a.path}", f"{new.number}{a.path}")
    yield from difflib.unified_diff(before, after, *names, lineterm="")
