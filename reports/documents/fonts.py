"""Fonts of a PDF: Latin and Han, both embedded, so that it reads alike on any machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

LATIN, BOLD = "Latin", "LatinBold"
DEJAVU = Path("/usr/share/fonts/truetype/dejavu")  # fonts-dejavu-core
# fonts-arphic-uming: the third face has the forms of Taiwan. ReportLab embeds TrueType outlines
# only, which Noto's CJK fonts do not have.
UMING, TAIWAN = Path("/usr/share/fonts/truetype/arphic/uming.ttc"), 2
NOT_EMBEDDED = "MSung-Light"
"""Where that font is missing: the reader's program brings its own."""
_HAN = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]+")


@cache
def han() -> str:
    """Register the fonts; the name of the Han one."""
    pdfmetrics.registerFont(TTFont(LATIN, DEJAVU / "DejaVuSans.ttf"))
    pdfmetrics.registerFont(TTFont(BOLD, DEJAVU / "DejaVuSans-Bold.ttf"))
    if UMING.exists():
        pdfmetrics.registerFont(TTFont("Han", UMING, subfontIndex=TAIWAN))
        return "Han"
    pdfmetrics.registerFont(UnicodeCIDFont(NOT_EMBEDDED))
    return NOT_EMBEDDED


def runs(text: str, latin: str) -> Iterator[tuple[str, str]]:
    """The text in pieces of one font each: (font, piece)."""
    at = 0
    for found in _HAN.finditer(text):
        if found.start() > at:
            yield latin, text[at : found.start()]
        yield han(), found.group()
        at = found.end()
    if at < len(text):
        yield latin, text[at:]


def width(text: str, latin: str, size: float) -> float:
    """How wide it gets, in points."""
    total: float = sum(
        pdfmetrics.stringWidth(piece, font, size) for font, piece in runs(text, latin)
    )
    return total
