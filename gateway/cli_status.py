"""``gateway status``: a thin verb over ``status``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import lab
from gateway.problems import Failed
from gateway.ready import ready
from gateway.site import Site
from gateway.status import Line, fetch, lines

NOT_WELL = 1


def status_verb(  # noqa: PLR0913 - each is an option of the command line
    site: Annotated[Path, typer.Argument(metavar="SITE", help="A site.yml, or its folder.")],
    *,
    name: Annotated[str, typer.Option("--lab", help="A lab's box.")] = "",
    host: Annotated[str, typer.Option(help="A real box.")] = "",
    user: Annotated[str, typer.Option(help="Who to log in as there.")] = "root",
    port: Annotated[int, typer.Option(help="Its ssh port.")] = 22,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Ask the box how it is doing. Exit 1 if something is not as it should be."""
    described = ready(site).site
    told = fetch(ssh_to(described, name, host, user, port))
    rows = list(lines(told))
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        Console(highlight=False).print(_table(described, rows))
    if any(row.good is False for row in rows):
        raise typer.Exit(NOT_WELL)


def ssh_to(site: Site, name: str, host: str, user: str, port: int) -> list[str]:
    """The words that reach a box by ssh, without a command: always by a new connection.

    Whatever ssh_config shares between commands: a confirmation is worth what it proves.
    """
    ssh = ["ssh", "-o", "ControlMaster=no", "-o", "ControlPath=none"]
    if host:
        words = [*ssh, "-o", "BatchMode=yes", "-p", str(port), "--", f"{user}@{host}"]
        return words if user == "root" else [*words, "sudo", "-n"]
    wanted = name or site.name
    if wanted not in lab.labs():
        raise Failed(f"no lab {wanted} is up: give --lab NAME, or --host for a real box")
    return [*ssh, *lab.find(wanted).ssh_options(), "box"]


def _table(site: Site, rows: list[Line]) -> Table:
    table = Table(title=f"{site.name}: {site.box.name}", title_justify="left")
    for column in ("What", "Name", "State"):
        table.add_column(column, overflow="fold")
    table.add_column("")
    last = ""
    for row in rows:
        if last and row.part != last:
            table.add_section()
        mark = {True: Text("✓", "green"), False: Text("✗", "bold red"), None: Text("")}[row.good]
        table.add_row(row.part if row.part != last else "", Text(row.name), Text(row.state), mark)
        last = row.part
    return table
