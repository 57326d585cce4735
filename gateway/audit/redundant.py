"""Rules that could go: never reached, without effect, never hit, or with nobody who asked for them.

A chain is halved again and again. Of what comes before and after a half only that part is handed
down which its own rules are about, so ten thousand rules cost not much more than a set of as many.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.audit import say
from gateway.audit.allowed import beginnings
from gateway.audit.chains import Chains
from gateway.audit.diagram import FALSE, Diagram
from gateway.audit.fields import FIELDS, LIMITS, NEW, NUMBER, name_value
from gateway.audit.meaning import PATHS, base_chains
from gateway.audit.outcome import NONE, Outcome, Outcomes, Way
from gateway.audit.prove import Prover
from gateway.audit.rules import Chain, Element, Match, Rule, Table, Verdict, VerdictMap
from gateway.audit.senders import Sides
from gateway.audit.universe import one
from gateway.flow import Flow

Kind = Literal["impossible", "shadowed", "redundant", "never hit", "no reason", "no rule"]
MOST_NAMED = 3
"""So many of the rules before it are named that take a shadowed rule's packets."""


@dataclass(frozen=True)
class Finding:
    """One rule that could go, or a flow that has none; ``what`` is for people."""

    kind: Kind
    what: str
    rule: Rule | None = None
    flow: Flow | None = None
    by: tuple[Rule, ...] = ()


def findings(prover: Prover, since: str = "") -> tuple[Finding, ...]:
    """All of them. ``since``: from when on the rules' counters count, for people."""
    return (
        *in_chains(prover.ruleset.tables),
        *never_hit(prover.ruleset.rules, since),
        *without_reason(prover),
        *without_rule(prover),
    )


def in_chains(tables: Iterable[Table]) -> Iterator[Finding]:
    """Rules that other rules of their chain leave nothing to do."""
    for table in tables:
        for chain in table.chains.values():
            yield from in_chain(table, chain)


def in_chain(table: Table, chain: Chain) -> Iterator[Finding]:
    """The same for one chain."""
    diagram = Diagram(LIMITS)
    chains = Chains(table, Outcomes(diagram))
    outcomes = [chains.rule(rule, early=False) for rule in chain.rules]
    if any(changes for each in outcomes for _, changes in each.parts):
        return  # what a later rule sees depends on what an earlier one changed
    yield from _Halves(chains, chain, outcomes).findings()


class _Halves:
    def __init__(self, chains: Chains, chain: Chain, outcomes: Sequence[Outcome]) -> None:
        self.chain, self.outcomes = chain, outcomes
        self.work, self.diagram = chains.outcomes, chains.diagram
        self.joined: dict[tuple[int, int], Outcome] = {}

    def findings(self) -> Iterator[Finding]:
        """Every rule's, in order."""
        if self.outcomes:
            whole = self._join(0, len(self.outcomes))
            policy = "through"
            if self.chain.hook:
                policy = self.chain.policy
            end = {(policy, NONE): whole.decided}
            yield from self._half(0, len(self.outcomes), whole.decided, end)

    def _join(self, start: int, stop: int) -> Outcome:
        """The outcome of some rules, one after another."""
        found = self.joined.get((start, stop))
        if found is None:
            if stop - start == 1:
                found = self._seen(self.outcomes[start])
            else:
                middle = (start + stop) // 2
                found = self.work.then(self._join(start, middle), self._join(middle, stop))
            self.joined[start, stop] = found
        return found

    def _seen(self, outcome: Outcome) -> Outcome:
        # Returning from a base chain leads to its policy, as falling off its end does.
        if not self.chain.hook:
            return outcome
        parts: dict[Way, int] = {}
        for (kind, changes), node in outcome.parts.items():
            policy = self.chain.policy if kind == "return" else kind
            self.work.put(parts, {(policy, changes): node})
        return self.work.of(parts)

    def _half(
        self, start: int, stop: int, live: int, after: Mapping[Way, int]
    ) -> Iterator[Finding]:
        """``live``: what of these rules' packets comes to them. ``after``: what becomes of it."""
        if stop - start == 1:
            yield from self._one(start, live, after)
            return
        middle = (start + stop) // 2
        left, right = self._join(start, middle), self._join(middle, stop)
        both, less = self.diagram.both, self.diagram.less
        behind: dict[Way, int] = {}
        for way, node in right.parts.items():
            self.work.put(behind, {way: both(node, left.decided)})
        for way, node in after.items():
            rest = less(both(node, left.decided), right.decided)
            self.work.put(behind, {way: rest})
        yield from self._half(start, middle, both(live, left.decided), behind)
        further = {way: both(node, right.decided) for way, node in after.items()}
        left_over = less(both(live, right.decided), left.decided)
        yield from self._half(middle, stop, left_over, further)

    def _one(self, place: int, live: int, after: Mapping[Way, int]) -> Iterator[Finding]:
        rule, outcome = self.chain.rules[place], self._join(place, place + 1)
        decides = any(isinstance(each, Verdict | VerdictMap) for each in rule.statements)
        asked = max(self.diagram.asks(outcome.decided), default=0)
        if not decides or asked >= len(FIELDS):  # it changes something, or nobody can tell
            return
        if outcome.decided == FALSE:
            if not _goes_on(rule):
                yield Finding("impossible", "no packet is like this", rule)
        elif self.diagram.both(live, outcome.decided) == FALSE:
            yield Finding("shadowed", "the rules before it take all its packets", rule,
                          by=tuple(self._before(place)))  # fmt: skip
        # A drop before a policy that drops is there to count, or to be seen.
        elif any(way[0] == "accept" for way in outcome.parts) and all(
            self.diagram.less(self.diagram.both(live, node), after.get(way, FALSE)) == FALSE
            for way, node in outcome.parts.items()
        ):
            yield Finding("redundant", "without it its packets fare the same", rule)

    def _before(self, place: int) -> Iterator[Rule]:
        left = self._join(place, place + 1).decided
        named = 0
        for rule, outcome in zip(self.chain.rules[:place], self.outcomes, strict=False):
            if self.diagram.both(outcome.decided, left) != FALSE:
                left = self.diagram.less(left, outcome.decided)
                named += 1
                yield rule
            if left == FALSE or named == MOST_NAMED:
                return


def _goes_on(rule: Rule) -> bool:
    """Whether a verdict of it is no decision: continue, or a chain that may decide nothing."""
    return any(
        isinstance(each, VerdictMap)
        or (isinstance(each, Verdict) and each.kind in ("continue", "jump"))
        for each in rule.statements
    )


def never_hit(rules: Iterable[Rule], since: str) -> Iterator[Finding]:
    """Rules whose counter says that no packet came."""
    for rule in rules:
        if rule.counter and not rule.counter.packets:
            yield Finding("never hit", f"no packet since {since or 'its counter began'}", rule)


def without_reason(prover: Prover) -> Iterator[Finding]:
    """Rules and elements that let conversations begin, and name no reason of the description."""
    reasons = _reasons(prover.flows)
    for table, name in _filtering(prover):
        for rule in table.chains[name].rules:
            if _lets_begin(rule):
                yield from _unnamed(table, rule, reasons)


def _reasons(flows: Iterable[Flow]) -> frozenset[str]:
    return frozenset(say.path_of(flow) for flow in flows)


def _filtering(prover: Prover) -> Iterator[tuple[Table, str]]:
    """The chains that decide on the three paths, and those that they lead to."""
    for path in PATHS:
        for table, base in base_chains(prover.ruleset, path):
            seen: dict[str, None] = {}
            waiting = [base.name]
            while waiting:
                name = waiting.pop()
                if name not in seen:
                    seen[name] = None
                    waiting += [to for rule in table.chains[name].rules for to in _leads(rule)]
            yield from ((table, name) for name in seen)


def _leads(rule: Rule) -> Iterator[str]:
    for each in rule.statements:
        verdicts = [each] if isinstance(each, Verdict) else []
        if isinstance(each, VerdictMap):
            verdicts = [element.verdict for element in each.elements if element.verdict]
        yield from (verdict.chain for verdict in verdicts if verdict.chain)


def _lets_begin(rule: Rule) -> bool:
    """Whether it accepts what begins a conversation with another machine."""
    accepts = any(isinstance(each, Verdict) and each.kind == "accept" for each in rule.statements)
    return accepts and not any(
        isinstance(each, Match) and _is_not_new(each) for each in rule.statements
    )


def _is_not_new(match: Match) -> bool:
    """Only established or related, only over lo, or only errors and neighbours."""
    lo = name_value("lo")
    for place, key in enumerate(match.keys):
        values = [each.parts[place] for each in match.elements if each.parts]
        if not values or match.named:
            continue
        if match.negated:  # `ct state established` is: not one of those without that bit
            if match.keys == ("ct state",) and any(_has(part, NEW) for part in values):
                return True
            continue
        if key == "ct state" and not any(_has(part, NEW) for part in values):
            return True
        if key == "ct helper":  # only what another conversation announced has one
            return True
        if key in ("meta iifname", "meta oifname") and all(part == one(lo) for part in values):
            return True
        if key in ("icmp type", "icmpv6 type") and not any(
            _has(part, 8 if key == "icmp type" else 128) for part in values
        ):
            return True
    return False


def _has(values: tuple[tuple[int, int], ...], value: int) -> bool:
    return any(low <= value <= high for low, high in values)


def _unnamed(table: Table, rule: Rule, reasons: frozenset[str]) -> Iterator[Finding]:
    held: list[Element] = []
    for each in rule.statements:
        if isinstance(each, Match) and each.named in table.sets:
            held += table.sets[each.named].elements
    comments = [(each.comment, f"an element of @{_named(rule)}") for each in held]
    for comment, what in comments or [(rule.comment, "it")]:
        if not say.paths_in(comment) & reasons:
            told = f"{what} names {comment!r}" if comment else f"{what} names no reason"
            yield Finding("no reason", f"{told}: the description has none such", rule)


def _named(rule: Rule) -> str:
    return next((e.named for e in rule.statements if isinstance(e, Match) and e.named), "")


def without_rule(prover: Prover) -> Iterator[Finding]:
    """Flows of which nothing may begin."""
    sides = Sides(prover.site)
    for flow in prover.flows:
        begins = list(beginnings(sides, flow))
        if begins and not any(
            prover.diagram.both(
                prover.meaning.may[each.path],
                prover.diagram.box({NUMBER[name]: v for name, v in each.box.items()}),
            )
            for each in begins
        ):
            yield Finding("no rule", f"nothing lets it through: {say.flow(flow)}", flow=flow)
