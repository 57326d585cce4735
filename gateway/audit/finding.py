"""What was found beside the rules, and what it weighs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Weight = Literal["differs", "undecided", "note"]


@dataclass(frozen=True)
class Finding:
    """Something the kernel of the box offers, or lacks.

    ``differs``: it makes the box do otherwise than the description says. ``undecided``: it may,
    and this program cannot tell. ``note``: it changes nothing that the proof says.
    """

    weight: Weight
    what: str
    """A word or two: ``legacy iptables``."""
    said: str
    """A sentence for somebody who is no programmer."""
    fact: str = ""
    """What was read: the line of /proc, the setting and its value."""

    def __str__(self) -> str:
        return f"{self.what}: {self.said}" + (f" ({self.fact})" if self.fact else "")


def by_weight(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """The heaviest first, otherwise in their order."""
    order = get_args(Weight)
    return tuple(sorted(found, key=lambda each: order.index(each.weight)))
