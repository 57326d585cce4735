"""``gateway status``: a thin verb over ``status``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import lab
from gateway import hosts
from gateway.load import Loaded
from gateway.options import AsJson, Host, LabName, Port, SitePath, User
from gateway.problems import Failed
from gateway.ready import ready
from gateway.site import Site
from gateway.status import Line, fetch, lines

NOT_WELL = 1


def status_verb(  # noqa: PLR0913 - each is an option of the command line
    site: SitePath,
    *,
    name: LabName = "",
    host: Host = "",
    user: User = "root",
    port: Port = 22,
    as_json: AsJson = False,
) -> None:
    """Ask the box how it is doing. Exit 1 if something is not as it should be."""
    loaded = ready(site)
    told = fetch(ssh_to(loaded, name, host, user, port))
    rows = list(lines(told))
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        Console(highlight=False).print(_table(loaded.site, rows))
    if any(row.good is False for row in rows):
        raise typer.Exit(NOT_WELL)


def ssh_to(loaded: Loaded, name: str, host: str, user: str, port: int) -> list[str]:
    """The words that reach a box by ssh, without a command: always by a new connection.

    Whatever ssh_config shares between commands: a confirmation is worth what it proves. Without
    a lab and a host: the lab that is called as the site, if it is up, else as ``hosts.yml`` says.
    """
    ssh = ["ssh", "-o", "ControlMaster=no", "-o", "ControlPath=none"]
    if host:
        words = [*ssh, "-o", "BatchMode=yes", "-p", str(port), "--", f"{user}@{host}"]
        return words if user == "root" else [*words, "sudo", "-n"]
    wanted = name or loaded.site.name
    if wanted in lab.labs():
        if not name:
            print(f"(the lab {wanted}; --host for a real box)", file=sys.stderr)
        return [*ssh, *lab.find(wanted).ssh_options(), "box"]
    inventory = Path(loaded.source.file).parent / hosts.FILE
    if not name and inventory.exists():
        return [*ssh, *hosts.ssh_words(inventory)]
    raise Failed(f"no lab {wanted} is up: give --lab NAME, or --host for a real box")


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
