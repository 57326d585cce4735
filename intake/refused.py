"""A file that cannot be translated without loss or guessing, in words a technician understands."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818 - it is an outcome (quarantine), not a programming error
    """The file goes to quarantine with this reason; ``line`` counts from 1, 0: no line."""

    def __init__(self, reason: str, line: int = 0, mend: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.mend = mend

    def show(self, file: str = "") -> str:
        """``FILE:LINE: reason`` and how to mend it."""
        place = f"{file}:{self.line}: " if file and self.line else f"{file}: " if file else ""
        if self.line and not file:
            place = f"line {self.line}: "
        return f"{place}{self.reason}" + (f"\n  {self.mend}" if self.mend else "")
