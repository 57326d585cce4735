"""What a check found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any


class Level(Enum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"
    KNOWN = "known defect of dciodvfy"
    """It is told and does not count."""


@dataclass(frozen=True)
class Finding:
    """One thing found. ``by`` is who found it: ``dciodvfy`` or ``intake``."""

    level: Level
    by: str
    text: str
    why: str = ""
    """For a known defect: why it is one."""

    def show(self) -> str:
        """One line."""
        return f"{self.level.value}: {self.text} [{self.by}]" + (
            f" ({self.why})" if self.why else ""
        )


@dataclass(frozen=True)
class Report:
    """All that was found in a file. ``judged``: whether dciodvfy was there to be asked."""

    file: str
    findings: tuple[Finding, ...]
    judged: bool

    @property
    def errors(self) -> int:
        """Errors that count."""
        return sum(each.level is Level.ERROR for each in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        found = [{**asdict(each), "level": each.level.name.lower()} for each in self.findings]
        judge = "dciodvfy -new" if self.judged else "dciodvfy is not installed"
        return {"file": self.file, "errors": self.errors, "judge": judge, "findings": found}
