"""``gateway apply`` and ``gateway pack``: thin verbs over ``apply``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from gateway import cli_plan
from gateway.apply import Connection, Order, packed
from gateway.options import (
    AsJson,
    Host,
    Local,
    OutFolder,
    Port,
    SitePath,
    SshArgs,
    User,
    Vault,
    VaultPasswordFile,
)
from gateway.ready import ready
from gateway.weak import weaknesses


def apply_verb(  # noqa: PLR0913 - each is an option of the command line
    site: SitePath,
    *,
    host: Host = "",
    user: User = "root",
    port: Port = 22,
    ssh_args: SshArgs = "",
    local: Local = False,
    vault: Vault = None,
    vault_password_file: VaultPasswordFile = None,
    confirm_within: Annotated[
        int,
        typer.Option(help="Seconds for a switch and its confirmation; then the box goes back."),
    ] = 120,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    overwrite_drift: Annotated[
        bool, typer.Option("--overwrite-drift", help="Undo what was changed by hand.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the box what the description says, or leave it as it was and say why."""
    loaded = ready(site)
    connection = Connection(host, user, port, ssh_args, local)
    order = Order(
        cli_plan.site_file(site),
        connection,
        vault,
        vault_password_file,
        dry_run,
        confirm_within,
        overwrite_drift=overwrite_drift,
    )
    summary = cli_plan.applied(loaded, order)
    if dry_run:
        cli_plan.show(summary, whole=False, as_json=as_json)
    elif as_json:
        print(json.dumps(asdict(summary), indent=2))
    else:
        print("\n".join([*summary.lines(), *map(str, weaknesses(loaded.site))]))


def pack_verb(
    site: SitePath,
    *,
    out: OutFolder,
) -> None:
    """Render the site and pack it for the box; prints JSON (the playbook's first step)."""
    print(json.dumps(packed(ready(site), out)))
