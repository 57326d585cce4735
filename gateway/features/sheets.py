"""The technicians' sheets on the report site: rendered here, handed out by it to who is logged in.

Without passwords: a description has none, and whoever prints sheets has them from the vault.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.render import TEMPLATES, RenderedFile
from gateway.sharing import profile_of
from gateway.site import Site

FOLDER = "/usr/share/gateway/sheets"
STYLE = "static/sheet.css"
"""Among the site's own: its pages may have no style in themselves (reports/headers.py)."""


def titles(site: Site) -> dict[str, str]:
    """Each device, and what it is: only what is named here is handed out."""
    known = {device: profile_of(site, device) for device in site.devices}
    return {device: profile.title for device, profile in known.items() if profile}


def files(site: Site, code: str) -> Iterator[RenderedFile]:
    """A page for each device and language, called as Django calls that; and their style."""
    # Here, as jinja2 in render.py is: `gateway check` needs the features and prints no sheet.
    from gateway.cards.card import cards
    from gateway.cards.sheet import as_html
    from gateway.cards.text import LANGUAGES

    style = (TEMPLATES / "cards" / "sheet.css").read_bytes()
    yield RenderedFile(f"{code}/{STYLE}", style, "reports")
    for language in LANGUAGES:
        for card in cards(site, language, None):
            path = f"{FOLDER}/{card.device}.{language.lower()}.html"
            yield RenderedFile(path, as_html(site, card, style=f"/{STYLE}").encode(), "reports")
