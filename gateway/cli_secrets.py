"""``gateway secrets``: rotate and show. Thin verbs over ``secrets``."""

from __future__ import annotations

import sys
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from gateway import secrets
from gateway.apply import VAULT
from gateway.options import SitePath, VaultPasswordFile
from gateway.problems import Failed
from gateway.ready import ready

app = typer.Typer(help="The devices' passwords, in vault.yml beside SITE.", no_args_is_help=True)

Device = Annotated[str, typer.Argument(metavar="DEVICE", help="Whose password.")]


@app.command()
def rotate(site: SitePath, device: Device, vault_password_file: VaultPasswordFile = None) -> None:
    """Make a new password for a device. The box takes it with the next apply."""
    loaded = ready(site)
    vault = Path(loaded.source.file).parent / VAULT
    secrets.rotate(loaded.site, device, vault, vault_password_file)
    print(f"{vault}: {device} has a new password. The old one works until `gateway apply {site}`;")
    print(f"then type the new one at {device}: `gateway secrets show {site} {device}`")


@app.command("web-proxy")
def web_proxy(site: SitePath, vault_password_file: VaultPasswordFile = None) -> None:
    """Keep the password of the hospital's web proxy: asked for, or the first line of a pipe."""
    loaded = ready(site)
    vault = Path(loaded.source.file).parent / VAULT
    if sys.stdin.isatty():
        password = getpass("The web proxy's password: ")
    else:
        password = sys.stdin.readline().rstrip("\n")
    secrets.keep_proxy(loaded.site, password, vault, vault_password_file)
    print(f"{vault}: kept. The box has it after `gateway apply {site}`")


@app.command()
def certificate(site: SitePath, vault_password_file: VaultPasswordFile = None) -> None:
    """Keep the key of the report site's certificate: PEM, from a pipe."""
    loaded = ready(site)
    vault = Path(loaded.source.file).parent / VAULT
    if sys.stdin.isatty():
        raise Failed(f"give the key by a pipe: `gateway secrets certificate {site} < KEY.pem`")
    secrets.keep_key(loaded.site, sys.stdin.read(), vault, vault_password_file)
    print(f"{vault}: kept. The box has it after `gateway apply {site}`")


@app.command()
def check(site: SitePath, vault_password_file: VaultPasswordFile = None) -> None:
    """Look whether every device can type its password; where not, FILE:LINE:COL when decrypted."""
    loaded = ready(site)
    found = secrets.check(loaded.site, Path(loaded.source.file).parent / VAULT, vault_password_file)
    print("\n".join(each.show() for each in found) or "every device can type its password")
    raise typer.Exit(1 if found else 0)


@app.command()
def show(site: SitePath, device: Device, vault_password_file: VaultPasswordFile = None) -> None:
    """Print the password of a device."""
    loaded = ready(site)
    vault = Path(loaded.source.file).parent / VAULT
    print(secrets.show(loaded.site, device, vault, vault_password_file))
