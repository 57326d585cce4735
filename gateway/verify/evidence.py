"""What verification found, row by row."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal

Result = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Row:
    """One thing that was tried. ``why`` is the reason where it did not pass."""

    device: str
    protocol: str
    done: str
    result: Result
    why: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Placed:
    """A row, and the place of its check among all: they are found in any order."""

    place: int
    row: Row


@dataclass
class Evidence:
    """The rows of a run, in the order of the checks."""

    rows: list[Row] = field(default_factory=list)

    @property
    def failed(self) -> list[Row]:
        """What did not hold."""
        return [row for row in self.rows if row.result == "failed"]

    def count(self, result: Result) -> int:
        """How many rows ended so."""
        return sum(row.result == result for row in self.rows)

    def as_list(self) -> list[dict[str, object]]:
        """For ``--json``."""
        return [asdict(row) for row in self.rows]
