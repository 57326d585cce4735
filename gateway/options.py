"""The options that several verbs share: named, told and typed once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SitePath = Annotated[Path, typer.Argument(metavar="SITE", help="A site.yml, or its folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
OutFolder = Annotated[Path, typer.Option(metavar="DIR", help="The folder to write to.")]

LabName = Annotated[str, typer.Option("--lab", help="A lab's box.")]
Host = Annotated[str, typer.Option(help="The box, if not as hosts.yml says.")]
User = Annotated[str, typer.Option(help="Who to log in as; sudo, if not root.")]
Port = Annotated[int, typer.Option(help="Its ssh port.")]
SshArgs = Annotated[str, typer.Option(help="More for ssh, in one word.")]
Local = Annotated[bool, typer.Option("--local", help="This machine is the box.")]
Vault = Annotated[
    Path | None, typer.Option(help="The passwords, if not vault.yml beside the site.")
]
VaultPasswordFile = Annotated[
    Path | None,
    typer.Option(envvar="ANSIBLE_VAULT_PASSWORD_FILE", help="It opens vault.yml."),
]
