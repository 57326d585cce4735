"""What a raw profile says, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from intake.raw.dates import Form
from intake.raw.targets import Target
from intake.study import Kind


@dataclass(frozen=True)
class Located:
    """A value in the header: where, how it is stored, how it is read."""

    at: int
    length: int
    stored: str
    """``text`` or a type of numbers."""
    order: str = "big"
    times: float = 1.0
    split: str = ""
    """What stands between family and given name."""
    form: Form | None = None
    words: tuple[tuple[str, str], ...] = ()
    """What the camera writes, and what that means."""
    line: int = 0


Count = int | Located


@dataclass(frozen=True)
class Value:
    """A name of the model with what the profile says of it: a constant, or a place."""

    name: str
    target: Target
    source: str | Located
    line: int


@dataclass(frozen=True)
class Layout:
    """How the pixels lie."""

    kind: Kind
    frames: Count
    rows: Count
    columns: Count
    type: str
    order: str
    gap: int
    loops: tuple[tuple[str, Count], ...]
    """What the images count, slowest first; none: one image."""


@dataclass(frozen=True)
class Approval:
    """Who answers for a profile, and what they compared."""

    by: str
    on: date
    seen: str


@dataclass(frozen=True)
class Lies:
    """What lies around the images: lengths in bytes, bytes that must be there, what is kept."""

    charset: str
    header: int
    trailer: int
    expect: tuple[tuple[int, bytes], ...]
    kept: tuple[tuple[str, Located], ...]


@dataclass(frozen=True)
class Profile:
    """A whole profile. ``sha256`` is that of its text, so that an image names what read it."""

    file: str
    sha256: str
    title: str
    approval: Approval
    lies: Lies
    layout: Layout
    values: tuple[Value, ...]
