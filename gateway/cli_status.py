"""``gateway status``: a thin verb over ``status``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.load import Loaded
from gateway.options import AsJson, Host, LabName, Local, Port, SitePath, SshArgs, User
from gateway.reach import FRESH, Target, reach
from gateway.ready import ready
from gateway.site import Site
from gateway.status import Line, fetch, lines

NOT_WELL = 1


def status_verb(  # noqa: PLR0913 - each is an option of the command line
    site: SitePath,
    *,
    name: LabName = "",
    host: Host = "",
    user: User = "",
    port: Port = 0,
    ssh_args: SshArgs = "",
    local: Local = False,
    as_json: AsJson = False,
) -> None:
    """Ask the box how it is doing. Exit 1 if something is not as it should be."""
    loaded = ready(site)
    told = fetch(words_to(loaded, Target(host, user, port, ssh_args, local, name)))
    rows = list(lines(told))
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        Console(highlight=False).print(_table(loaded.site, rows))
    if any(row.good is False for row in rows):
        raise typer.Exit(NOT_WELL)


def words_to(loaded: Loaded, target: Target) -> tuple[str, ...]:
    """The words that make a command run on the box: always by a new connection.

    A confirmation is worth what it proves.
    """
    found = reach(loaded.site, Path(loaded.source.file), target, FRESH)
    if found.lab and not target.lab:
        print(f"(the lab {found.lab}; --host for a real box)", file=sys.stderr)
    return found.words


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
