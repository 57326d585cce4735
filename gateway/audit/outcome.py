"""What becomes of packets in a rule, in rules one after another, and in a chain.

An outcome says, for every packet at once, how it leaves. What a packet is changed to on its way (a
mark, a translated address) is noted beside, and put into whatever is asked afterwards. Outcomes of
neighbours are joined pair by pair: ten thousand rules cost about as much as a set of as many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.audit.diagram import FALSE, TRUE, Diagram
from gateway.audit.fields import NUMBER

Changes = tuple[tuple[str, int | None], ...]
"""Fields that were changed, sorted, with what to; None: to something only known when it happens."""
NONE: Changes = ()
HOP = "hop"
"""Not a field: 1 behind routing, which takes one off the time to live (ip_forward)."""
Way = tuple[str, Changes]
"""How a packet leaves: accept, drop, return or through (to what comes next), and changed how."""


def changed(before: Changes, after: Changes) -> Changes:
    """Both changes, one after the other."""
    return tuple(sorted({**dict(before), **dict(after)}.items())) if after else before


@dataclass(frozen=True)
class Outcome:
    """Packets by how they leave; those in none of the ``parts`` go through unchanged."""

    parts: Mapping[Way, int]
    decided: int
    """All parts together."""


NOTHING = Outcome({}, FALSE)


class Outcomes:
    """Outcomes over one diagram; ``vague`` collects the fields asked after a change to unknown."""

    def __init__(self, diagram: Diagram) -> None:
        self.diagram = diagram
        self.vague: set[str] = set()

    def of(self, parts: Mapping[Way, int]) -> Outcome:
        """An outcome from its parts, which do not overlap."""
        kept = {way: node for way, node in parts.items() if node != FALSE}
        kept.pop(("through", NONE), None)
        return Outcome(kept, self.diagram.any_of(list(kept.values())))

    def after(self, node: int, changes: Changes) -> int:
        """What a set of packets is for packets that were changed."""
        if not changes or node <= TRUE:
            return node
        known = {NUMBER[name]: v for name, v in changes if v is not None and name in NUMBER}
        unknown = {NUMBER[name]: name for name, v in changes if v is None and name in NUMBER}
        if unknown and (asked := unknown.keys() & self.diagram.asks(node)):
            self.vague |= {unknown[number] for number in asked}
        if (HOP, 1) in changes:
            node = self.diagram.lowered(node, NUMBER["ttl"])
        return self.diagram.fixed(node, known)

    def then(self, first: Outcome, second: Outcome) -> Outcome:
        """One and then, for what goes through it, the other."""
        if not second.parts:
            return first
        parts: dict[Way, int] = {}
        for way, node in first.parts.items():
            if way[0] == "through":
                self.put(parts, self.continued(node, way[1], second))
            else:
                self.put(parts, {way: node})
        for way, node in second.parts.items():
            # Where the first has but this way, what it decided need not be taken out.
            same = first.parts.get(way) == first.decided
            fresh = node if same else self.diagram.less(node, first.decided)
            self.put(parts, {way: fresh})
        return Outcome(parts, self.diagram.either(first.decided, second.decided))

    def continued(self, node: int, changes: Changes, outcome: Outcome) -> dict[Way, int]:
        """How packets leave that come to an outcome already changed."""
        parts: dict[Way, int] = {}
        for (kind, more), where in outcome.parts.items():
            now = self.diagram.both(node, self.after(where, changes))
            self.put(parts, {(kind, changed(changes, more)): now})
        rest = self.diagram.less(node, self.after(outcome.decided, changes))
        self.put(parts, {("through", changes): rest})
        return parts

    def put(self, parts: dict[Way, int], more: Mapping[Way, int]) -> None:
        """Add parts to parts."""
        for way, node in more.items():
            if node != FALSE:
                parts[way] = self.diagram.either(parts.get(way, FALSE), node)

    def chain(self, rules: Sequence[Outcome]) -> Outcome:
        """Rules one after another."""
        left = list(rules)
        while len(left) > 1:
            pairs = [self.then(a, b) for a, b in zip(left[::2], left[1::2], strict=False)]
            left = pairs + left[len(pairs) * 2 :]
        return left[0] if left else NOTHING
