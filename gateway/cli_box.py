"""``gateway confirm``, ``gateway rollback``, ``gateway drift``: thin verbs over the box's own."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from gateway.cli_status import words_to
from gateway.options import AsJson, Host, LabName, Local, Port, SitePath, SshArgs, User
from gateway.reach import Target
from gateway.ready import ready
from gateway.status import ask


def confirm_verb(  # noqa: PLR0913 - each is an option of the command line
    site: SitePath,
    *,
    name: LabName = "",
    host: Host = "",
    user: User = "",
    port: Port = 0,
    ssh_args: SshArgs = "",
    local: Local = False,
) -> None:
    """Keep the active generation: this new connection shows that the box can be reached."""
    box = words_to(ready(site), Target(host, user, port, ssh_args, local, name))
    told = ask(box, "confirm")
    print(f"generation {told['generation']}: {told['by']}")


def rollback_verb(  # noqa: PLR0913 - each is an option of the command line
    site: SitePath,
    number: Annotated[int | None, typer.Argument(metavar="[N]", help="To this one.")] = None,
    *,
    name: LabName = "",
    host: Host = "",
    user: User = "",
    port: Port = 0,
    ssh_args: SshArgs = "",
    local: Local = False,
    confirm_within: Annotated[int, typer.Option(help="Seconds, then the box is as it was.")] = 120,
) -> None:
    """Leave what is not confirmed; else go to the generation confirmed before, or to N.

    It is confirmed like any other: by a new connection, or the box goes back.
    """
    box = words_to(ready(site), Target(host, user, port, ssh_args, local, name))
    which = [] if number is None else [str(number)]
    told = ask(box, "rollback", *which, "--confirm-within", str(confirm_within))
    confirmed = ask(box, "confirm", str(told["generation"]))
    print(f"generation {told['generation']} is active: {confirmed['by']}")


def drift_verb(  # noqa: PLR0913 - each is an option of the command line
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
    """Show what was changed on the box by hand, by whom and when. Exit 1 if something was."""
    box = words_to(ready(site), Target(host, user, port, ssh_args, local, name))
    told = ask(box, "drift")
    print(json.dumps(told["drift"], indent=2) if as_json else "\n".join(told["text"]))
    if any(each["fate"] != "left" for each in told["drift"]):
        raise typer.Exit(1)
