"""Tables for people: what was tried, and what is open and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.policy import Flow
from gateway.verify.evidence import Evidence, Row


def evidence_table(evidence: Evidence, *, each_row: bool = False) -> Table:
    """Device, protocol, what was done, result: a line for each protocol of a device.

    With ``each_row`` each check has its own line, and those that were not tried are shown too.
    """
    table = Table(title="What was tried", title_justify="left", header_style="bold")
    table.add_column("Device", no_wrap=True)
    table.add_column("Protocol", no_wrap=True)
    table.add_column("What was done", overflow="fold")
    table.add_column("Result", no_wrap=True)
    last = ""
    for group in _groups(evidence.rows, each_row=each_row):
        device = group[0].device
        if device != last and last:
            table.add_section()
        done = "; ".join(dict.fromkeys(row.done for row in group))
        name = device if device != last else ""
        table.add_row(name, group[0].protocol, Text(done), _mark(group))
        last = device
    return table


def _groups(rows: Iterable[Row], *, each_row: bool) -> Iterator[list[Row]]:
    """What shares a line: the rows of a device together, in the order of their first."""
    devices: dict[str, dict[object, list[Row]]] = {}
    for number, row in enumerate(rows):
        if each_row or row.result != "skipped":
            key = number if each_row else row.protocol
            devices.setdefault(row.device, {}).setdefault(key, []).append(row)
    for groups in devices.values():
        yield from groups.values()


def _mark(group: list[Row]) -> Text:
    failed = sum(row.result == "failed" for row in group)
    if failed:
        return Text(f"✗ {failed} of {len(group)} FAILED", "bold red")
    if group[0].result == "skipped":
        return Text("not tried", "dim")
    return Text("✓ as it should be", "green")


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


def picture(console: Console) -> str:
    """What a recording console has shown, as an SVG that asks nobody else for its fonts."""
    svg = console.export_svg(title="gateway try")
    return re.sub(r"@font-face \{.*?\}\n?", "", svg, flags=re.DOTALL)
