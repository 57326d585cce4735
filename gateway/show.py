"""Tables for people: what was tried, and what is open and why."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from gateway.policy import Flow
from gateway.verify.evidence import Evidence, Row

MARKS = {
    "passed": Text("✓ as it should be", "green"),
    "failed": Text("✗ FAILED", "bold red"),
    "skipped": Text("not tried", "dim"),
}


def evidence_table(evidence: Evidence, *, skipped: bool = False) -> Table:
    """Device, protocol, what was done, result; by device, in the order they were met."""
    table = Table(title="What was tried", title_justify="left", header_style="bold")
    table.add_column("Device", no_wrap=True)
    table.add_column("Protocol", no_wrap=True)
    table.add_column("What was done", overflow="fold")
    table.add_column("Result", no_wrap=True)
    last = ""
    for row in _by_device(evidence.rows):
        if row.result == "skipped" and not skipped:
            continue
        if row.device != last and last:
            table.add_section()
        name = row.device if row.device != last else ""
        table.add_row(name, row.protocol, Text(row.done), MARKS[row.result])
        last = row.device
    return table


def _by_device(rows: Iterable[Row]) -> list[Row]:
    """The rows of a device together; devices in the order of their first row."""
    order: dict[str, list[Row]] = {}
    for row in rows:
        order.setdefault(row.device, []).append(row)
    return [row for group in order.values() for row in group]


def open_table(flows: Iterable[Flow]) -> Table:
    """What is open and why; flows that differ only in their service or reason share a line."""
    table = Table(title="What is open, and why", title_justify="left", header_style="bold")
    table.add_column("From", no_wrap=True)
    table.add_column("To", no_wrap=True)
    table.add_column("Services", overflow="fold")
    table.add_column("Because of", overflow="fold")
    pairs: dict[tuple[str, str], list[Flow]] = {}
    for flow in flows:
        pairs.setdefault((flow.source.name, flow.destination.name), []).append(flow)
    for (source, destination), group in pairs.items():
        services = ", ".join(dict.fromkeys(flow.service.name for flow in group))
        reasons = ", ".join(dict.fromkeys(str(flow.reason) for flow in group))
        table.add_row(source, destination, services, Text(reasons))
    return table


def counts(evidence: Evidence) -> str:
    """``41 as they should be, 0 failed, 3 not tried`` for the last line."""
    words = (("passed", "as they should be"), ("failed", "failed"), ("skipped", "not tried"))
    return ", ".join(f"{evidence.count(result)} {said}" for result, said in words)  # type: ignore[arg-type]
