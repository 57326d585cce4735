"""``gateway confirm``, ``gateway rollback``, ``gateway drift``: thin verbs over the box's own."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from gateway.cli_status import ssh_to
from gateway.options import AsJson, Host, LabName, Port, SitePath, User
from gateway.ready import ready
from gateway.status import ask


def confirm_verb(
    site: SitePath,
    *,
    name: LabName = "",
    host: Host = "",
    user: User = "root",
    port: Port = 22,
) -> None:
    """Keep the active generation: this new connection shows that the box can be reached."""
    ssh = ssh_to(ready(site), name, host, user, port)
    told = ask(ssh, "confirm")
    print(f"generation {told['generation']}: {told['by']}")


def rollback_verb(  # noqa: PLR0913 - each is an option of the command line
    site: SitePath,
    number: Annotated[int | None, typer.Argument(metavar="[N]", help="To this one.")] = None,
    *,
    name: LabName = "",
    host: Host = "",
    user: User = "root",
    port: Port = 22,
    confirm_within: Annotated[int, typer.Option(help="Seconds, then the box is as it was.")] = 120,
) -> None:
    """Leave what is not confirmed; else go to the generation confirmed before, or to N.

    It is confirmed like any other: by a new connection, or the box goes back.
    """
    ssh = ssh_to(ready(site), name, host, user, port)
    which = [] if number is None else [str(number)]
    told = ask(ssh, "rollback", *which, "--confirm-within", str(confirm_within))
    confirmed = ask(ssh, "confirm", str(told["generation"]))
    print(f"generation {told['generation']} is active: {confirmed['by']}")


def drift_verb(  # noqa: PLR0913 - each is an option of the command line
    site: SitePath,
    *,
    name: LabName = "",
    host: Host = "",
    user: User = "root",
    port: Port = 22,
    as_json: AsJson = False,
) -> None:
    """Show what was changed on the box by hand, by whom and when. Exit 1 if something was."""
    told = ask(ssh_to(ready(site), name, host, user, port), "drift")
    print(json.dumps(told["drift"], indent=2) if as_json else "\n".join(told["text"]))
    if any(each["fate"] != "left" for each in told["drift"]):
        raise typer.Exit(1)
