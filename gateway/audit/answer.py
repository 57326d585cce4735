"""What a proof answers, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gateway.audit.finding import Weight
from gateway.audit.rules import Rule, Strange, Values
from gateway.flow import Flow

Answer = Literal["PROVED", "DIFFERENT", "UNDECIDED"]
Path = Literal["input", "forward", "output"]
EXIT = {"PROVED": 0, "DIFFERENT": 1, "UNDECIDED": 2}


@dataclass(frozen=True)
class Region:
    """Packets: all whose value of each field is among those given. A field left out is free."""

    path: Path
    fields: tuple[tuple[str, Values], ...]

    def __getitem__(self, name: str) -> Values:
        return dict(self.fields)[name]


@dataclass(frozen=True)
class Packet:
    """One concrete packet, by the fields of ``fields.FIELDS``."""

    path: Path
    fields: tuple[tuple[str, int], ...]

    def __getitem__(self, name: str) -> int:
        return dict(self.fields)[name]


@dataclass(frozen=True)
class Difference:
    """What the ruleset does otherwise than the description says.

    ``opened``: it lets through what nobody asked for. ``closed``: it stops what was asked for.
    ``translation``: it is let through with another address than it should have.
    ``certain``: whatever the things that the verifier does not know may be.
    """

    kind: Literal["opened", "closed", "translation", "helper"]
    certain: bool
    packet: Packet
    regions: tuple[Region, ...]
    rule: Rule | None
    """The rule that decides the packet; None: the policy of a chain, which ``decided`` names."""
    decided: str
    flows: tuple[Flow, ...]
    """The flows that it concerns, each with its line."""
    sentence: str
    """For somebody who is no programmer."""


@dataclass(frozen=True)
class Proof:
    """The whole answer."""

    answer: Answer
    differences: tuple[Difference, ...]
    strange: tuple[Strange, ...]
    apart: tuple[Strange, ...]
    axioms: tuple[str, ...]


def together(proved: Answer, beside: Iterable[Weight]) -> Answer:
    """The answer about a box: of its rules, and of what was found beside them."""
    weights = set(beside)
    if proved == "DIFFERENT" or "differs" in weights:
        return "DIFFERENT"
    return "UNDECIDED" if proved == "UNDECIDED" or "undecided" in weights else "PROVED"
