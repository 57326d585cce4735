# ruff: noqa: RUF001 - the punctuation is Chinese
"""Plain text on a page: lines broken for both scripts, and no markup that a text could abuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reportlab.lib.colors import Color, black
from reportlab.platypus import Flowable

from reports.documents.fonts import BOLD, LATIN, runs, width

# A line breaks at spaces and around Han characters, but not before what closes or after what opens.
_CLOSES = "。，、；：？！）」』》〉】〕…—·%‰℃"
_OPENS = "（「『《〈【〔"
_TOKEN = re.compile(
    rf"[{_OPENS}]*(?:[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
    rf"|[^\s\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]+)[{_CLOSES}]*|\s+|."
)


@dataclass(frozen=True)
class Style:
    """How a text is set, in points."""

    size: float = 10
    font: str = LATIN
    lead: float = 1.5
    color: Color = black
    before: float = 0
    after: float = 0


def _chop(token: str, style: Style, room: float) -> Iterator[str]:
    """A word that is wider than the line, in pieces."""
    piece = ""
    for letter in token:
        if piece and width(piece + letter, style.font, style.size) > room:
            yield piece
            piece = ""
        piece += letter
    yield piece


def _line(text: str, style: Style, room: float) -> Iterator[str]:
    now, used = "", 0.0
    for token in _TOKEN.findall(text):
        wide = width(token, style.font, style.size)
        if used + wide <= room or token.isspace():
            now, used = now + token, used + wide
            continue
        if now.strip():
            yield now.rstrip()
        now, used = token, wide
        if wide > room:
            *whole, now = _chop(token, style, room)
            yield from whole
            used = width(now, style.font, style.size)
    yield now.rstrip()


def broken(text: str, style: Style, room: float) -> list[str]:
    """The text in lines that fit."""
    found: list[str] = []
    for line in text.expandtabs(4).split("\n"):
        found += _line(line, style, room)
    return found


class Text(Flowable):  # type: ignore[misc]
    """Lines of one style, which go on on the next page where they must."""

    def __init__(self, text: str, style: Style, lines: list[str] | None = None) -> None:
        super().__init__()
        self._text, self._style, self._lines = text, style, lines
        self._whole = lines is None

    def getSpaceBefore(self) -> float:  # noqa: N802 - ReportLab's name
        """Points above it."""
        return self._style.before

    def getSpaceAfter(self) -> float:  # noqa: N802 - ReportLab's name
        """Points under it."""
        return self._style.after

    def wrap(self, room: float, _height: float) -> tuple[float, float]:
        """Break it for that width; what it takes."""
        if self._whole:
            self._lines = broken(self._text, self._style, room)
        self.width = room
        self.height = len(self._lines or ()) * self._style.size * self._style.lead
        return room, self.height

    def split(self, room: float, height: float) -> list[Flowable]:
        """What fits, and the rest."""
        self.wrap(room, height)
        lines = self._lines or []
        fit = int(height // (self._style.size * self._style.lead))
        if fit < 1:
            return []
        parts = [lines[:fit], lines[fit:]]
        return [Text("", self._style, part) for part in parts if part]

    def draw(self) -> None:
        """Put it on the page."""
        style, canvas = self._style, self.canv
        canvas.setFillColor(style.color)
        canvas.setStrokeColor(style.color)
        canvas.setLineWidth(style.size * 0.035)
        at = self.height - style.size * (0.5 + style.lead / 2) + style.size * 0.15
        for line in self._lines or ():
            words = canvas.beginText(0, at)
            for font, piece in runs(line, style.font):
                words.setFont(font, style.size)
                # The Han font has no bold face: its outlines are drawn as well.
                words.setTextRenderMode(2 if style.font == BOLD and font != BOLD else 0)
                words.textOut(piece)
            canvas.drawText(words)
            at -= style.size * style.lead
