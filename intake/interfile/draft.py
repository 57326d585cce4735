"""An acquisition before its pixels are read: all that the header says of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from intake.interfile.blocks import Block
from intake.interfile.pixels import Matrix
from intake.refused import Refused
from intake.study import Detector, Gating, Kind, Phase, Place, Rotation, Slices


@dataclass(frozen=True)
class Check:
    """A stated largest pixel (or total) of some images of the file, counted from 0."""

    block: Block
    name: str
    start: int
    stop: int


@dataclass
class Draft:
    """``parts``: which of the file's parts hold its images."""

    kind: Kind
    parts: list[int]
    places: list[Place]
    detectors: tuple[Detector, ...] = (Detector(),)
    phases: tuple[Phase, ...] = ()
    rotations: tuple[Rotation, ...] = ()
    gating: Gating | None = None
    slices: Slices | None = None
    duration: float | None = None
    placement: tuple[bool | None, str] = (None, "")
    windows: tuple[int, ...] = ()
    """Which energy windows it has, from 0; empty: all."""
    start: Block | None = None
    """The image whose start time is the acquisition's."""
    made: frozenset[str] = frozenset()
    """Corrections stated in its own block."""
    unmade: frozenset[str] = frozenset()


@dataclass
class Plan:
    """All of a file: its parts in the file's order, and the acquisitions made of them."""

    parts: list[tuple[Matrix, int]] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    @property
    def images(self) -> int:
        """How many there are in all."""
        return sum(count for _, count in self.parts)


def check_count(root: Block, name: str, found: int, what: str) -> None:
    """A number the file states of itself must be the one that follows from the rest."""
    line = root.line(name)
    stated = root.whole(name, "pixels")
    if line and stated != found:
        raise Refused(f"{line.key!r} is {stated}, but {what} are {found}", line.number)
    if line:
        root.ledger.checked(line, f"{what} are that many")


def count_of(block: Block, name: str, most: int) -> int | None:
    """A count of at least 1, or None when it is not stated."""
    found = block.whole(name, "places")
    line = block.line(name)
    if line and found is not None and not 1 <= found <= most:
        raise Refused(f"{line.key!r} is {found}: between 1 and {most} are possible", line.number)
    return found


def spread(units: list[Block], outer: int, inner: int, what: str) -> list[list[Block]]:
    """The block of each inner thing (a head, a group) of each outer one (an energy window).

    Described for every one, or once for all windows, or once for everything.
    """
    if len(units) == outer * inner:
        return [units[row * inner : (row + 1) * inner] for row in range(outer)]
    if len(units) == inner:
        return [units] * outer
    if len(units) == outer:
        return [[unit] * inner for unit in units]
    if len(units) == 1:
        return [units * inner] * outer
    raise Refused(
        f"{inner} {what} in each of {outer} energy windows are stated, {len(units)} are described"
    )


def all_units(root: Block, openers: tuple[str, ...]) -> list[Block]:
    """Blocks that these keys opened, of all sections; else the sections, else the file."""
    sections = root.units or [root]
    found = [unit for section in sections for unit in section.units if unit.opener in openers]
    return found or sections
