"""What is wrong with a site description, where, and how to mend it."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict, dataclass, field
from typing import Any

Path = tuple[str | int, ...]
"""Where a value stands in the description: ``("shares", "images", "writers", 0)``."""


def show_path(path: Path) -> str:
    """``("shares", "images", "writers", 0)`` as ``shares.images.writers[0]``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


@dataclass(frozen=True)
class Fault:
    """Something wrong at a path of the tree; ``load`` knows which line that is.

    ``on_key`` points at the key (an unknown one, say) instead of its value.
    """

    path: Path
    message: str
    mend: str = ""
    on_key: bool = False


def _cells(char: str) -> int:
    """How many cells of a terminal a character takes: 核 two, a combining accent none."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


@dataclass(frozen=True, order=True)
class Problem:
    """A fault with its place in the file. ``line`` and ``column`` count from 1; 0: no place."""

    file: str
    line: int
    column: int
    message: str
    path: str = ""
    mend: str = ""
    source: str = field(default="", compare=False)

    def show(self) -> str:
        """``FILE:LINE:COL: message``, the source line, a caret, and how to mend it."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        lines = [f"{place}: {self.message}"]
        if self.line and self.source.strip():
            # A tab stays a tab in the caret's line, or the caret would stand elsewhere.
            before = self.source[: self.column - 1]
            pad = "".join("\t" if char == "\t" else " " * _cells(char) for char in before)
            lines += [f"    {self.source}", f"    {pad}^"]
        if self.mend:
            lines.append(f"    mend: {self.mend}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``: file, line, column, path, message, mend."""
        values = asdict(self)
        del values["source"]
        return values


class Refused(Exception):  # noqa: N818 - it reads as what happened
    """A description that cannot be used, with every problem found in it."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(problem.show() for problem in self.problems))


class Failed(Exception):  # noqa: N818 - it reads as what happened
    """Something outside the description went wrong: one clear message, with the way out."""
