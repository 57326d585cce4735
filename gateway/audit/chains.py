"""Rules and chains as outcomes: what each statement does to every packet at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gateway.audit import fields
from gateway.audit.diagram import FALSE, TRUE, Box, Diagram
from gateway.audit.fields import KEYS, LIMITS, NUMBER
from gateway.audit.outcome import NONE, Changes, Outcome, Outcomes, Way, changed
from gateway.audit.rules import (
    Assign,
    Element,
    Match,
    Rule,
    Statement,
    Strange,
    Table,
    Translate,
    UnknownEffect,
    UnknownTruth,
    Values,
    Verdict,
    VerdictMap,
)

Cases = list[tuple[Changes, int]]
"""Packets that are still in the rule, by how they were changed."""


def intersect(one: Mapping[int, Values], other: Iterable[tuple[str, Values]]) -> dict[int, Values]:
    """A box, narrowed."""
    result = dict(one)
    for name, values in other:
        number = NUMBER[name]
        result[number] = fields.common(result[number], values) if number in result else values
    return result


def needs(keys: Sequence[str]) -> Box:
    """The box in which the kernel can read all keys."""
    return intersect({}, [need for key in keys for need in KEYS[key].needs])


def element_box(keys: Sequence[str], element: Element, within: Box) -> Box:
    """The packets whose keys are in an element."""
    places = [(KEYS[key].field, KEYS[key].place(part)) for key, part in zip(keys, element.parts)]  # noqa: B905 - the catch-all has none
    return intersect(within, places)


class Chains:
    """The chains of one table; an outcome is worked out when it is first asked for."""

    def __init__(self, table: Table, outcomes: Outcomes) -> None:
        self.table, self.outcomes = table, outcomes
        self.diagram: Diagram = outcomes.diagram
        self.strange: list[Strange] = []
        self.unknown: dict[int, Rule] = {}
        """The rule that each variable stands in whose truth is not known."""
        self._done: dict[tuple[str, bool], Outcome] = {}
        self._sets: dict[tuple[tuple[str, ...], str], int] = {}
        self._rule: Rule | None = None

    def outcome(self, name: str, *, early: bool) -> Outcome:
        """A chain's; ``early``: before connection tracking has seen the packet."""
        found = self._done.get((name, early))
        if found is None:
            rules = [self.rule(rule, early=early) for rule in self.table.chains[name].rules]
            found = self.outcomes.chain(rules)
            # A limit may be exceeded at the second visit and not at the first, so what asks it
            # is worked out anew for every visit.
            nodes = [*found.parts.values()]
            if not any(max(self.diagram.asks(node), default=0) >= len(LIMITS) for node in nodes):
                self._done[name, early] = found
        return found

    def rule(self, rule: Rule, *, early: bool) -> Outcome:
        """A rule's: its statements one after another, until one does not match or decides."""
        parts: dict[Way, int] = {}
        cases: Cases = [(NONE, TRUE)]
        statements = list(rule.statements)
        while statements and cases:
            self._rule = rule
            if box := self._plain(statements):
                cases = self._keep(cases, self.diagram.box(box), parts)
                continue
            cases = self._statement(statements.pop(0), cases, parts, early=early)
        for changes, node in cases:
            self.outcomes.put(parts, {("through", changes): node})
        return self.outcomes.of(parts)

    def _plain(self, statements: list[Statement]) -> Box | None:
        """Takes the matches of one value each off the front, as one box."""
        box: Box | None = None
        while statements:
            first = statements[0]
            if not isinstance(first, Match) or first.negated or first.named:
                break
            if len(first.elements) != 1 or not first.elements[0].parts:
                break
            within = intersect(box or {}, [n for key in first.keys for n in KEYS[key].needs])
            box = element_box(first.keys, first.elements[0], within)
            statements.pop(0)
        return box

    def _keep(self, cases: Cases, node: int, parts: dict[Way, int]) -> Cases:
        """Those for whom a match holds; the others leave the rule, changed as they are."""
        kept: Cases = []
        for changes, here in cases:
            holds = self.outcomes.after(node, changes)
            self.outcomes.put(parts, {("through", changes): self.diagram.less(here, holds)})
            if (still := self.diagram.both(here, holds)) != FALSE:
                kept.append((changes, still))
        return kept

    def _statement(
        self, statement: Statement, cases: Cases, parts: dict[Way, int], *, early: bool
    ) -> Cases:
        match statement:
            case Match():
                return self._keep(cases, self.match(statement), parts)
            case UnknownTruth() | UnknownEffect():
                return self._keep(cases, self._fresh(), parts)
            case Assign():
                return self._assign(cases, statement, early=early)
            case Verdict() | VerdictMap() | Translate():
                return self._ending(statement, cases, parts, early=early)
        return cases

    def _ending(
        self,
        statement: Verdict | VerdictMap | Translate,
        cases: Cases,
        parts: dict[Way, int],
        *,
        early: bool,
    ) -> Cases:
        """Statements after which nothing of the rule is done any more, but for a map's misses."""
        match statement:
            case Verdict():
                self._decide(cases, TRUE, statement, parts, early=early)
                return []
            case VerdictMap():
                return self._map(cases, statement, parts, early=early)
            case Translate():
                return self._translate(cases, statement, parts)

    def _fresh(self) -> int:
        number = self.diagram.new_variable()
        if self._rule:
            self.unknown[number] = self._rule
        return self.diagram.values(number, ((1, 1),))

    def match(self, match: Match) -> int:
        """The packets that a match holds for."""
        found = self._lookup(match.keys, match.elements, match.named)
        if not match.negated:
            return found
        return self.diagram.less(self.diagram.box(needs(match.keys)), found)

    def _lookup(self, keys: tuple[str, ...], elements: tuple[Element, ...], named: str) -> int:
        within = needs(keys)
        if not named:
            return self.diagram.union([element_box(keys, each, within) for each in elements])
        held = self.table.sets.get(named)
        if held is None or held.unknown:
            return self.diagram.both(self.diagram.box(within), self._fresh())
        if (keys, named) not in self._sets:
            boxes = [element_box(keys, each, within) for each in held.elements]
            self._sets[keys, named] = self.diagram.union(boxes)
        return self._sets[keys, named]

    def _elements(self, what: VerdictMap | Translate) -> tuple[Element, ...] | None:
        if not what.named:
            return what.elements
        held = self.table.sets.get(what.named)
        if held is None or held.unknown:
            self._wonder(f"the map {what.named}: {held.unknown if held else 'it is not there'}")
            return None
        return held.elements

    def _wonder(self, what: str) -> None:
        rule = self._rule
        where = f"{rule.table} {rule.chain} handle {rule.handle}" if rule else self.table.name
        self.strange.append(Strange(where, what))

    def _decide(
        self, cases: Cases, node: int, verdict: Verdict, parts: dict[Way, int], *, early: bool
    ) -> None:
        for changes, here in cases:
            now = self.diagram.both(here, self.outcomes.after(node, changes))
            if verdict.kind == "continue":
                self.outcomes.put(parts, {("through", changes): now})
            elif verdict.kind in ("jump", "goto"):
                # Falling out of the other chain leads behind the jump; after a goto it leads to
                # where this chain was jumped to from (nft(8), verdict statements).
                back = "through" if verdict.kind == "jump" else "return"
                ways = self.outcomes.continued(
                    now, changes, self.outcome(verdict.chain, early=early)
                )
                for (kind, after), where in ways.items():
                    stays = kind in ("accept", "drop")
                    self.outcomes.put(parts, {(kind if stays else back, after): where})
            else:
                self.outcomes.put(parts, {(verdict.kind, changes): now})

    def _by_element(
        self, keys: tuple[str, ...], elements: tuple[Element, ...]
    ) -> list[tuple[Element, int]]:
        """The packets of each kind of element: those of one verdict or value together."""
        within = needs(keys)
        groups: dict[tuple[Verdict | None, tuple[Values, ...]], list[Element]] = {}
        for each in elements:
            if each.parts:
                groups.setdefault((each.verdict, each.value), []).append(each)
        found = [
            (group[0], self.diagram.union([element_box(keys, each, within) for each in group]))
            for group in groups.values()
        ]
        rest = self.diagram.less(
            self.diagram.box(within), self.diagram.any_of([node for _, node in found])
        )
        return [*found, *((each, rest) for each in elements if not each.parts)]

    def _map(self, cases: Cases, what: VerdictMap, parts: dict[Way, int], *, early: bool) -> Cases:
        elements = self._elements(what)
        if elements is None:
            return self._keep(cases, self._fresh(), parts)
        chosen = self._by_element(what.keys, elements)
        for element, node in chosen:
            if element.verdict:
                rule = self._rule
                self._decide(cases, node, element.verdict, parts, early=early)
                self._rule = rule
        self._keep(cases, self.diagram.any_of([node for _, node in chosen]), parts)
        return []

    def _assign(self, cases: Cases, what: Assign, *, early: bool) -> Cases:
        # Tracking has not begun: there is nothing to mark or to help. Later, it cannot be undone
        # (nft_notrack_eval).
        if early != (what.field == "state") and what.field in ("state", "ctmark", "assigned"):
            return cases
        only = self.diagram.box(intersect({}, what.only))
        result: Cases = []
        for changes, here in cases:
            where = self.outcomes.after(only, changes)
            result.append((changes, self.diagram.less(here, where)))
            done = changed(changes, ((what.field, what.value),))
            result.append((done, self.diagram.both(here, where)))
        return [(changes, node) for changes, node in result if node != FALSE]

    def _translate(self, cases: Cases, what: Translate, parts: dict[Way, int]) -> Cases:
        status = "snat" if what.kind in ("snat", "masquerade") else "dnat"
        family = () if what.family is None else (("family", ((what.family, what.family),)),)
        node = self.diagram.box(intersect({}, family))
        choices: list[tuple[tuple[tuple[str, int | None], ...], int]] = [(what.sets, node)]
        if what.keys:
            elements = self._elements(what)
            if elements is None:
                return self._keep(cases, self._fresh(), parts)
            choices = [
                (_numbers(what, each), self.diagram.both(node, where))
                for each, where in self._by_element(what.keys, elements)
            ]
        for sets, where in choices:
            for changes, here in cases:
                now = self.diagram.both(here, self.outcomes.after(where, changes))
                new = changed(changes, tuple(sorted({**dict(sets), status: 1}.items())))
                self.outcomes.put(parts, {("accept", new): now})
        self._keep(cases, self.diagram.any_of([where for _, where in choices]), parts)
        return []


def _numbers(what: Translate, element: Element) -> tuple[tuple[str, int | None], ...]:
    """What a map's element sets: its numbers in the order of the statement's fields."""
    return tuple((name, value[0][0]) for (name, _), value in zip(what.sets, element.value))  # noqa: B905 - a map may give an address alone
