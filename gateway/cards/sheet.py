"""Cards as HTML files: one a device and language, and an index. Nothing outside is needed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gateway.cards.card import Card, cards
from gateway.cards.text import Language, words
from gateway.problems import Failed
from gateway.render import fill_page
from gateway.site import Site


def as_html(site: Site, card: Card, *, secret: bool = False, style: str = "") -> str:
    """One sheet. ``secret``: its password is a real one, to be set large.

    ``style``: the address of its style, where a page may have none in itself.
    """
    return fill_page("cards/card.html.j2", site=site, card=card, secret=secret, style=style)


def pages(
    site: Site,
    languages: Iterable[Language],
    passwords: Mapping[str, str] | None,
    fingerprint: str = "",
) -> Iterator[tuple[str, str]]:
    """Every file by name, with its content."""
    for language in languages:
        made = cards(site, language, passwords, fingerprint)
        told = words(language)["words"]
        yield (
            f"index.{language}.html",
            fill_page("cards/index.html.j2", site=site, cards=made, language=language, w=told),
        )
        for each in made:
            html = as_html(site, each, secret=passwords is not None)
            yield f"{each.device}.{language}.html", html


def write(folder: Path, files: Iterable[tuple[str, str]], *, secret: bool) -> list[Path]:
    """Write the files, each whole; with passwords in them, for their owner only."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700 if secret else 0o755)
        for name, text in files:
            handle, fresh = tempfile.mkstemp(prefix=".gateway-", dir=folder)  # it is 0600
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            if not secret:
                Path(fresh).chmod(0o644)
            written.append(Path(fresh).rename(folder / name))
    except OSError as error:
        raise Failed(f"cannot write to {folder}: {error.strerror}") from None
    return written
