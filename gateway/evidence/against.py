"""Two evidence packs compared: what opened, what closed, since when, by which generation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gateway.evidence import signature
from gateway.evidence.told import FORMAT
from gateway.problems import Failed

TOLD = "audit.json"
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Change:
    """A permission that one of two audits knows and the other does not, or that changed.

    ``since``: when and by which generation of the box, as far as the newer audit can tell.
    """

    kind: Literal["opened", "closed", "changed"]
    said: str
    reason: str
    since: str
    detail: str = ""

    def __str__(self) -> str:
        because = f" ({self.reason})" if self.reason else ""
        detail = f": {self.detail}" if self.detail else ""
        said = self.said.removesuffix(".")
        return f"{self.kind}: {said}{because}{detail}; {self.since}"


def read(folder: Path) -> dict[str, Any]:
    """What a pack tells. Raises Failed if it is none, or is not as it was written."""
    checked = signature.check(folder)
    if checked.wrong:
        raise Failed(f"{folder} was changed after it was written: {', '.join(checked.wrong)}")
    try:
        told: dict[str, Any] = json.loads((folder / TOLD).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Failed(f"{folder / TOLD} cannot be read: {error}") from None
    if told.get("format") != FORMAT:
        raise Failed(f"{folder / TOLD} has format {told.get('format')}, not {FORMAT}")
    return told


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """What is different in the newer one: permissions, and differences from the description."""
    if old["site"] != new["site"]:
        raise Failed(f"the other audit is of {old['site']}, not of {new['site']}")
    before, after = _permissions(old["flows"]), _permissions(new["flows"])
    found = [
        *_gone(before, after, new, "closed"),
        *_gone(after, before, new, "opened"),
        *_reworded(before, after, new),
        *_differences(old, new),
    ]
    order = ("opened", "closed", "changed")
    return tuple(sorted(found, key=lambda each: order.index(each.kind)))


def _permissions(flows: Iterable[Mapping[str, Any]]) -> dict[Key, Mapping[str, Any]]:
    """By meaning: addresses and ports, each port by itself."""
    found: dict[Key, Mapping[str, Any]] = {}
    for flow in flows:
        for ports in str(flow["ports"]).split(", "):
            for source in _ends(flow, "from"):
                for destination in _ends(flow, "to"):
                    found.setdefault((source, destination, ports), flow)
    return found


def _ends(flow: Mapping[str, Any], end: str) -> list[str]:
    side = flow[f"{end} network"]
    return [f"{side} {address}" for address in str(flow[f"{end} addresses"]).split()]


def _gone(
    one: Mapping[Key, Mapping[str, Any]],
    other: Mapping[Key, Mapping[str, Any]],
    new: Mapping[str, Any],
    kind: Literal["opened", "closed"],
) -> Iterator[Change]:
    """Each flow once, with the ports that the other one has not."""
    gone: dict[int, tuple[Mapping[str, Any], dict[str, None]]] = {}
    for key, flow in one.items():
        if key not in other:
            gone.setdefault(id(flow), (flow, {}))[1][key[2]] = None
    for flow, ports in gone.values():
        since = _since(flow, new, opened=kind == "opened")
        yield Change(kind, f"{flow['from']} to {flow['to']}, {', '.join(ports)}", _why(flow), since)


def _why(flow: Mapping[str, Any]) -> str:
    note = f", {flow['note']}" if flow["note"] else ""
    owner = f", owner {flow['owner']}" if flow["owner"] else ""
    return f"{flow['reason']}:{flow['line']}{note}{owner}"


def _since(flow: Mapping[str, Any], new: Mapping[str, Any], *, opened: bool) -> str:
    """The first generation of the box, up to the active one, that has it so and stayed so."""
    box = new["box"]
    active = box.get("generation", {}).get("number")
    wanted = [flow["from"], flow["to"], flow["ports"]]
    first = None
    for each in reversed(box.get("history", [])):
        if active is not None and each["number"] > active:
            continue
        if (wanted in each["flows"]) != opened:
            break
        first = each
    if first is not None:
        return f"since generation {first['number']}, staged {first['staged']}"
    if box.get("generation"):
        return f"in generation {active}, active since {box['generation']['since']}"
    return f"seen at {new['time']}"


def _reworded(
    before: Mapping[Key, Mapping[str, Any]],
    after: Mapping[Key, Mapping[str, Any]],
    new: Mapping[str, Any],
) -> Iterator[Change]:
    """The same permission with another reason, owner or last day."""
    seen: set[int] = set()
    for key, flow in after.items():
        old = before.get(key)
        if old is None or id(flow) in seen:
            continue
        detail = [
            f"{word} was {old[word] or 'none'}, is {flow[word] or 'none'}"
            for word in ("note", "owner", "expires")
            if old[word] != flow[word]
        ]
        if detail:
            seen.add(id(flow))
            what = f"{flow['from']} to {flow['to']}, {flow['ports']}"
            yield Change("changed", what, _why(flow), f"seen at {new['time']}", ", ".join(detail))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What the box did otherwise than described, in one of the two only."""
    known, now = _sentences(old), _sentences(new)
    for sentence in now:
        if sentence not in known:
            yield Change("changed", "a difference is new", "", f"seen at {new['time']}", sentence)
    for sentence in known:
        if sentence not in now:
            yield Change("changed", "a difference is gone", "", f"seen at {new['time']}", sentence)


def _sentences(told: Mapping[str, Any]) -> list[str]:
    heavy = [
        f"{each['said']} ({each['fact']})"
        for each in told["findings"]
        if each["weight"] == "differs"
    ]
    return list(dict.fromkeys([each["sentence"] for each in told["differences"]] + heavy))
