"""A ruleset as typed values: what nft lists, before anybody asks what it means.

Every value is a whole number and every test an interval of them, names of cards included
(``fields.name_value``), so that one kind of match covers ==, !=, <, masks, prefixes, ranges,
sets and concatenations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Interval = tuple[int, int]
"""Both ends included."""
Values = tuple[Interval, ...]
"""Intervals in rising order that do not touch."""


@dataclass(frozen=True)
class Verdict:
    """What happens to the packet; ``chain`` is where a jump or goto leads."""

    kind: Literal["accept", "drop", "continue", "return", "jump", "goto"]
    chain: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.chain}".rstrip()


@dataclass(frozen=True)
class Element:
    """One element of a set or map: values for each key, in the keys' order.

    ``parts`` empty: the catch-all ``*``. ``verdict`` is a verdict map's, ``value`` another map's.
    """

    parts: tuple[Values, ...]
    comment: str = ""
    verdict: Verdict | None = None
    value: tuple[Values, ...] = ()


@dataclass(frozen=True)
class NamedSet:
    """A named set or map. ``unknown`` says why its contents are not for certain, if so."""

    table: str
    name: str
    handle: int
    elements: tuple[Element, ...]
    unknown: str = ""

    @cached_property
    def exact(self) -> Mapping[tuple[int | None, ...], Element]:
        """The elements with one value for each key, by those: found at once among thousands."""
        return {
            tuple(values[0][0] for values in each.parts): each
            for each in self.elements
            if _is_exact(each)
        }

    @cached_property
    def wide(self) -> tuple[Element, ...]:
        """The others, in their order. In nft no two elements of a set overlap."""
        return tuple(each for each in self.elements if not _is_exact(each))


def _is_exact(element: Element) -> bool:
    one = all(len(each) == 1 and each[0][0] == each[0][1] for each in element.parts)
    return one and bool(element.parts)


@dataclass(frozen=True)
class Match:
    """Goes on with the rule if the keys' values are in the set (``negated``: are not).

    ``keys`` are named as nft names them: ``ip saddr``, ``meta iifname``, ``ct state``. The set is
    ``named`` or written in the rule itself.
    """

    keys: tuple[str, ...]
    elements: tuple[Element, ...] = ()
    named: str = ""
    negated: bool = False


@dataclass(frozen=True)
class VerdictMap:
    """Takes the verdict of the element that the keys' values are in; goes on if there is none."""

    keys: tuple[str, ...]
    elements: tuple[Element, ...] = ()
    named: str = ""


@dataclass(frozen=True)
class Assign:
    """Changes what later rules see: a mark, the state ``untracked``, the helper that reads along.

    Only for packets whose fields have the values in ``only``; others it leaves as they are.
    """

    field: str
    value: int
    only: tuple[tuple[str, Values], ...] = ()


@dataclass(frozen=True)
class Translate:
    """Network address translation, and with it ``accept``.

    ``sets`` says what becomes of which field: a number, or None for a value that is chosen when it
    happens (masquerade, a range). With ``keys`` it is a map: each element's ``value`` are the
    numbers, in the order of ``sets``.
    """

    kind: Literal["snat", "dnat", "masquerade", "redirect"]
    family: int | None = None
    sets: tuple[tuple[str, int | None], ...] = ()
    keys: tuple[str, ...] = ()
    elements: tuple[Element, ...] = ()
    named: str = ""


@dataclass(frozen=True)
class Counter:
    """How often the rule came so far."""

    packets: int
    bytes: int


@dataclass(frozen=True)
class Neutral:
    """Without effect on any verdict: log."""

    what: str


@dataclass(frozen=True)
class UnknownTruth:
    """A match whose truth does not follow from the packet (limit, fib, time, a dynamic set)."""

    what: str


@dataclass(frozen=True)
class UnknownEffect:
    """Something that may do anything to the packet (queue, dup, what this program never met)."""

    what: str


Statement = (
    Match
    | VerdictMap
    | Verdict
    | Assign
    | Translate
    | Counter
    | Neutral
    | UnknownTruth
    | UnknownEffect
)


@dataclass(frozen=True)
class Rule:
    """One rule; ``text`` is nft's own wording, ``handle`` what nft knows it by."""

    table: str
    chain: str
    handle: int
    statements: tuple[Statement, ...]
    comment: str = ""
    text: str = ""

    @property
    def counter(self) -> Counter | None:
        """Its counter, if it has one."""
        return next((each for each in self.statements if isinstance(each, Counter)), None)

    def __str__(self) -> str:
        return f"{self.table} {self.chain} handle {self.handle}: {self.text}"


@dataclass(frozen=True)
class Chain:
    """A chain; ``hook`` None: it is only jumped to."""

    table: str
    name: str
    handle: int
    rules: tuple[Rule, ...]
    kind: str = ""
    hook: str | None = None
    priority: int = 0
    policy: Literal["accept", "drop"] = "accept"


@dataclass(frozen=True)
class Table:
    """A table: its chains and sets by name. ``name`` has the family: ``inet gateway``."""

    family: str
    name: str
    chains: Mapping[str, Chain]
    sets: Mapping[str, NamedSet]
    dormant: bool = False


@dataclass(frozen=True)
class Strange:
    """Something that the verifier does not understand: where it stands, and what it is."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Ruleset:
    """Everything that ``nft list ruleset`` shows."""

    tables: tuple[Table, ...] = ()
    strange: tuple[Strange, ...] = ()
    """What is not understood, whatever packet comes: the answer is UNDECIDED at best."""
    apart: tuple[Strange, ...] = ()
    """What is understood, but not as a filter: helpers, flowtables, tables of other families."""
    text: str = field(default="", repr=False)
    """As nft prints it, with handles."""

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, in the order of the listing."""
        return tuple(
            rule for table in self.tables for chain in table.chains.values() for rule in chain.rules
        )
