"""``gateway lab``: up, exec, status, down. Thin verbs over ``lab``."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

import lab
from gateway.problems import Failed
from gateway.written import BOX

app = typer.Typer(
    help="A department on this machine: a booted box, simulated devices, a hospital.",
    no_args_is_help=True,
)
COLUMNS = ("who", "network", "addresses", "processes")
_err = Console(stderr=True, highlight=False, markup=False)

SiteFile = Annotated[Path, typer.Argument(help="A site description, or the folder of one.")]
OptionalName = Annotated[
    str, typer.Argument(help="The lab's name; may be left out when there is one lab.")
]
LabOption = Annotated[str, typer.Option("--lab", help="Which lab, when there are several.")]


@app.command()
def up(
    site: SiteFile,
    name: Annotated[str, typer.Option(help="Another name than the site's, for a second lab.")] = "",
) -> None:
    """Boot a bare box on the site's networks, with its devices and a hospital around it."""
    began = time.monotonic()
    made = lab.up(site, name or None, lambda line: _err.print(line))
    _err.print(f"lab {made.name} is up after {time.monotonic() - began:.1f} s. Look around:")
    for line in hints(made):
        _err.print(f"  {line}")


def hints(made: lab.Lab) -> list[str]:
    """Commands that show what one can do in a lab."""
    option = "" if lab.labs() == [made.name] else f"--lab {made.name} "
    device = next((who for who, each in made.site.devices.items() if each.network), BOX)
    return [
        f"gateway lab exec {option}box -- systemctl status",
        f"gateway lab exec {option}{device} -- sh",
        f"ssh -F {made.ssh_config} box",
        f"gateway lab status {made.name}",
        f"gateway lab down {made.name}",
    ]


@app.command("exec", context_settings={"ignore_unknown_options": True})
def execute(
    who: Annotated[str, typer.Argument(help="A device, box, hospital, outsider, guest@NETWORK.")],
    command: Annotated[list[str], typer.Argument(help="-- and the command with its words.")],
    which: LabOption = "",
) -> None:
    """Run a command at a place of the lab, with this terminal."""
    words = _the_lab(which).command(who, command)
    sys.stdout.flush()
    os.execvp(words[0], words)  # noqa: S606 - we become it: its terminal, its exit code


@app.command()
def status(
    name: OptionalName = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Who is there: network, addresses, processes, and how to enter."""
    found = [lab.find(each) for each in ([name] if name else _with_state())]
    rows = [row for each in found for row in _rows(each)]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        typer.echo("no lab is up: `gateway lab up SITE` makes one")
    for each in found:
        table = Table(*COLUMNS, title=f"lab {each.name}", title_justify="left")
        for row in rows:
            if row["lab"] == each.name:
                table.add_row(*(str(row[column]) for column in COLUMNS))
        console = Console(highlight=False)
        console.print(table)
        for line in hints(each):
            console.print(f"  {line}", soft_wrap=True)


@app.command()
def down(name: OptionalName = "") -> None:
    """End a lab and leave nothing of it: no process, namespace, mount or file."""
    name = name or _only()
    if not lab.down(name):
        raise Failed(f"there is nothing of a lab {name}")
    _err.print(f"lab {name} is down")


def _rows(one: lab.Lab) -> list[dict[str, Any]]:
    several = len(lab.labs()) > 1
    option = f"--lab {one.name} " if several else ""
    return [
        {
            "lab": one.name,
            "who": place.who,
            "network": place.network or "all",
            "addresses": " ".join(place.addresses),
            "processes": one.processes(place),
            "enter": f"gateway lab exec {option}{place.who} -- sh",
        }
        for place in one.plan.places.values()
    ]


def _with_state() -> list[str]:
    return [name for name in lab.labs() if lab.Remains(name).state.is_dir()]


def _only() -> str:
    names = lab.labs()
    if len(names) != 1:
        there = ", ".join(names) or "none"
        raise Failed(f"which lab? there is: {there}")
    return names[0]


def _the_lab(name: str) -> lab.Lab:
    return lab.find(name or _only())
