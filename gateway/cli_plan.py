"""``gateway plan``: a thin verb over ``apply``'s dry run and ``plan``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from gateway import plan
from gateway.apply import Connection, Order, Summary, apply
from gateway.ready import ready

_err = Console(stderr=True, highlight=False, markup=False)


def plan_verb(  # noqa: PLR0913 - each is an option of the command line
    site: Annotated[Path, typer.Argument(metavar="SITE", help="A site.yml, or its folder.")],
    *,
    host: Annotated[str, typer.Option(help="The box, if not as hosts.yml says.")] = "",
    user: Annotated[str, typer.Option(help="Who to log in as.")] = "root",
    port: Annotated[int, typer.Option(help="Its ssh port.")] = 22,
    ssh_args: Annotated[str, typer.Option(help="More for ssh, in one word.")] = "",
    local: Annotated[bool, typer.Option("--local", help="This machine is the box.")] = False,
    vault: Annotated[
        Path | None, typer.Option(help="The passwords, if not vault.yml beside the site.")
    ] = None,
    vault_password_file: Annotated[
        Path | None,
        typer.Option(envvar="ANSIBLE_VAULT_PASSWORD_FILE", help="It opens vault.yml."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="The text of new and removed files too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what an apply would do to the box: flows, packages, services, files. Changes nothing."""
    loaded = ready(site)
    path = site / "site.yml" if site.is_dir() else site
    connection = Connection(host, user, port, ssh_args, local)
    order = Order(path, connection, vault, vault_password_file, dry_run=True)
    with _err.status("begins") as shown:
        summary = apply(loaded, order, lambda step: shown.update(Text(f"{step} …")))
    show(summary, whole=whole, as_json=as_json)


def show(summary: Summary, *, whole: bool, as_json: bool) -> None:
    """Print what a dry run found; a pipe gets plain text."""
    if as_json:
        told = {"generation": summary.generation, "changed": False, **summary.plan}
        told["passwords"] = summary.passwords
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if not summary.plan:
        console.print("\n".join(summary.lines()))
    for line in plan.show(summary.plan, whole=whole) if summary.plan else ():
        console.print(line)
    if summary.passwords:
        console.print(f"\nA new password for {', '.join(summary.passwords)} would be made.")
