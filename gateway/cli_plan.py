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
from gateway.load import Loaded
from gateway.options import (
    AsJson,
    Host,
    Local,
    Port,
    SitePath,
    SshArgs,
    User,
    Vault,
    VaultPasswordFile,
)
from gateway.ready import ready

_err = Console(stderr=True, highlight=False, markup=False)


def plan_verb(  # noqa: PLR0913 - each is an option of the command line
    site: SitePath,
    *,
    host: Host = "",
    user: User = "root",
    port: Port = 22,
    ssh_args: SshArgs = "",
    local: Local = False,
    vault: Vault = None,
    vault_password_file: VaultPasswordFile = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="The text of new and removed files too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what an apply would do to the box: flows, packages, services, files. Changes nothing."""
    connection = Connection(host, user, port, ssh_args, local)
    order = Order(site_file(site), connection, vault, vault_password_file, dry_run=True)
    show(applied(ready(site), order), whole=whole, as_json=as_json)


def site_file(site: Path) -> Path:
    """A site.yml may be named by its folder."""
    return site / "site.yml" if site.is_dir() else site


def applied(loaded: Loaded, order: Order) -> Summary:
    """Apply, and show meanwhile which step it is at."""
    with _err.status("begins") as shown:
        return apply(loaded, order, lambda step: shown.update(Text(f"{step} …")))


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
