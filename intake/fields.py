"""The account of a translation: each field of the source, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Fate(Enum):
    """What became of a field of the source."""

    MAPPED = "mapped"
    """Its meaning is in the model, under the names in ``to``."""
    CHECKED = "checked"
    """It repeats what the file says elsewhere (a total, the largest pixel), and agrees."""
    KEPT = "kept"
    """No place in the model: it goes, as it stood, into the private block or a comment."""
    LOST = "lost"
    """It cannot be kept; ``why`` says the reason."""


@dataclass(frozen=True)
class Field:
    """One field of the source as it stood there, and what became of it."""

    key: str
    raw: str
    fate: Fate = Fate.KEPT
    to: tuple[str, ...] = ()
    """Places in the model (``windows[0].lower``)."""
    why: str = ""
    keep: bool = False
    """Mapped, but not to the letter (rounded, say): it is kept as it stood as well."""
    line: int = 0
    """Counts from 1; 0: the source has no lines."""
    offset: int = -1
    """In bytes from the file's start; -1: unknown."""

    def mapped(self, *to: str, why: str = "", keep: bool = False) -> Field:
        """This field, with its meaning at these places of the model too."""
        return Field(
            self.key,
            self.raw,
            Fate.MAPPED,
            tuple(dict.fromkeys((*self.to, *to))) if self.to else to,
            why or self.why,
            keep or self.keep,
            self.line,
            self.offset,
        )

    @property
    def kept(self) -> bool:
        """Whether it goes, as it stood, into the private block or a comment."""
        return self.keep or self.fate is Fate.KEPT


@dataclass(frozen=True)
class Derived:
    """A value that no field states: a documented default, or computed; ``how`` says which."""

    to: str
    value: str
    how: str


@dataclass(frozen=True)
class Original:
    """A file that was read. ``name`` is without a folder."""

    name: str
    size: int
    sha256: str
