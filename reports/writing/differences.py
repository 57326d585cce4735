"""What changed from one version to the next, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from reports.writing.models import Version

# A word with the space after it; of Chinese, which has none, a character.
_WORDS = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\s\u2e80-\u9fff]+\s*|\s+")
SLOW = 4_000
"""Words from which on two texts are compared by lines: the time grows with the square."""


@dataclass(frozen=True)
class Piece:
    """A run of text that both have, or one alone."""

    kind: str
    """``same``, ``gone`` or ``new``."""
    text: str


@dataclass(frozen=True)
class Change:
    """A section of two versions."""

    title: dict[str, str]
    pieces: tuple[Piece, ...]

    @property
    def same(self) -> bool:
        """Whether nothing changed."""
        return all(piece.kind == "same" for piece in self.pieces)


def _parts(text: str) -> list[str]:
    words = _WORDS.findall(text)
    return words if len(words) <= SLOW else text.splitlines(keepends=True)


def pieces(old: str, new: str) -> Iterator[Piece]:
    """The two texts as one, with what went and what came."""
    before, after = _parts(old), _parts(new)
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(before[a:b]))
            continue
        if b > a:
            yield Piece("gone", "".join(before[a:b]))
        if d > c:
            yield Piece("new", "".join(after[c:d]))


def changes(old: Version, new: Version) -> list[Change]:
    """Every section that either has."""
    before = {section["key"]: section for section in old.content["sections"]}
    after = {section["key"]: section for section in new.content["sections"]}
    found = []
    for key in [*before, *(key for key in after if key not in before)]:
        title = (after.get(key) or before[key])["title"]
        was = before.get(key, {}).get("text", "")
        is_now = after.get(key, {}).get("text", "")
        found.append(Change(title, tuple(pieces(was, is_now))))
    return found
