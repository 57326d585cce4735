"""``gateway cards``: a thin verb over ``cards``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.apply import VAULT
from gateway.cards import pdf, sheet
from gateway.cards.text import LANGUAGES, Language
from gateway.options import OutFolder, SitePath, VaultPasswordFile
from gateway.ready import ready
from gateway.secrets import stored


class Choice(StrEnum):
    """Which language the sheets are in."""

    EN = "en"
    ZH_HANT = "zh-Hant"
    BOTH = "both"


def cards_verb(  # noqa: PLR0913 - each is an option of the command line
    site: SitePath,
    *,
    out: OutFolder,
    language: Annotated[Choice, typer.Option(help="English, Traditional Chinese, both.")] = (
        Choice.BOTH
    ),
    with_passwords: Annotated[
        bool, typer.Option("--with-passwords", help="Print the devices' passwords too.")
    ] = False,
    fingerprint: Annotated[
        str, typer.Option(help="Of the report site's authority, as `gateway status` shows it.")
    ] = "",
    vault_password_file: VaultPasswordFile = None,
    as_pdf: Annotated[
        bool | None, typer.Option("--pdf/--no-pdf", help="PDF too (if it can be made here).")
    ] = None,
) -> None:
    """Write a sheet for every device, for the technician who connects it; and an index."""
    loaded = ready(site)
    chosen = tuple(each for each in LANGUAGES if language in (Choice.BOTH, each))
    passwords = None
    if with_passwords:
        vault = Path(loaded.source.file).parent / VAULT
        passwords = stored(loaded.site, vault, vault_password_file)
    made = sheet.pages(loaded.site, chosen, passwords, fingerprint)
    files = sheet.write(out, made, secret=with_passwords)
    print(f"{out}: {len(files)} HTML files; begin with {files[0].name}")
    if as_pdf or (as_pdf is None and pdf.is_there()):
        for each in chosen:
            mine = [file for file in files if file.stem.endswith(f".{each}")]
            _print_pdf(out, mine, each, secret=with_passwords)
    elif as_pdf is None:
        print(f"no PDF: WeasyPrint is missing ({pdf.INSTALL})", file=sys.stderr)


def _print_pdf(out: Path, files: list[Path], language: Language, *, secret: bool) -> None:
    target = out / f"sheets.{language}.pdf"
    pages = pdf.make(files, target, secret=secret)
    print(f"{target}: {sum(pages.values())} pages, one a device")
    for file, count in pages.items():
        if count > 1 and not file.name.startswith("index."):
            print(f"{file}: {count} pages; shorten its comment or shares", file=sys.stderr)
