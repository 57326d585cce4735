"""Who may talk to whom, as tables: for people, for spreadsheets, for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.policy import Flow
from gateway.site import Site
from gateway.written import BOX

COLUMNS = (
    "from",
    "from network",
    "from addresses",
    "to",
    "to network",
    "to addresses",
    "service",
    "ports",
    "reason",
    "line",
    "feature",
    "note",
    "owner",
    "expires",
    "expired",
)


def rows(flows: Iterable[Flow], today: date) -> list[dict[str, Any]]:
    """A row a flow, by the names of ``COLUMNS``."""
    return [_row(flow, today) for flow in flows]


def _row(flow: Flow, today: date) -> dict[str, Any]:
    values = (
        flow.source.name,
        flow.source.network or BOX,
        " ".join(map(str, flow.source.addresses)),
        flow.destination.name,
        flow.destination.network or BOX,
        " ".join(map(str, flow.destination.addresses)),
        flow.service.name,
        str(flow.service),
        str(flow.reason).rpartition(":")[0] if flow.reason.line else str(flow.reason),
        flow.reason.line,
        flow.feature,
        flow.note,
        flow.owner,
        str(flow.expires or ""),
        flow.expired(today),
    )
    return dict(zip(COLUMNS, values, strict=True))


def as_csv(listed: Sequence[dict[str, Any]]) -> str:
    """For spreadsheets (RFC 4180). A cell that a spreadsheet would take for a formula is quoted."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for row in listed:
        writer.writerow({key: _harmless(value) for key, value in row.items()})
    return out.getvalue()


def _harmless(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t")):
        return f"'{value}"
    return ("yes" if value else "") if isinstance(value, bool) else value


@dataclass(frozen=True)
class Cell:
    """What may begin on one side towards another: each service once, with how many flows."""

    services: tuple[tuple[str, int], ...]
    own_wire: bool = False


def matrix(
    site: Site, flows: Iterable[Flow]
) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[Cell, ...]], ...]]:
    """Networks by networks, the box among them: the columns' names, and the rows."""
    sides = (*site.networks, BOX)
    found: dict[tuple[str, str], dict[str, int]] = {}
    for flow in flows:
        pair = (flow.source.network or BOX, flow.destination.network or BOX)
        services = found.setdefault(pair, {})
        services[flow.service.name] = services.get(flow.service.name, 0) + 1
    table = tuple(
        (
            source,
            tuple(Cell(tuple(found.get((source, to), {}).items()), source == to) for to in sides),
        )
        for source in sides
    )
    return sides, table


@dataclass(frozen=True)
class Pair:
    """Everything from one end to another that was asked for by the same words."""

    source: str
    destination: str
    services: tuple[str, ...]
    reasons: tuple[str, ...]
    note: str
    owner: str
    expires: date | None
    expired: bool


def pairs(flows: Iterable[Flow], today: date) -> list[Pair]:
    """The flows, those together that differ in their service or line only."""
    groups: dict[tuple[Any, ...], list[Flow]] = {}
    for flow in flows:
        key = (flow.source.name, flow.destination.name, flow.note, flow.owner, flow.expires)
        groups.setdefault(key, []).append(flow)
    return [
        Pair(
            source,
            destination,
            tuple(dict.fromkeys(_named(flow) for flow in group)),
            tuple(dict.fromkeys(str(flow.reason) for flow in group)),
            note,
            owner,
            expires,
            any(flow.expired(today) for flow in group),
        )
        for (source, destination, note, owner, expires), group in groups.items()
    ]


def _named(flow: Flow) -> str:
    ports = str(flow.service)
    return flow.service.name if flow.service.name == ports else f"{flow.service.name} ({ports})"
