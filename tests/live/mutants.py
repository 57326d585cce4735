"""A ruleset with one thing removed, added or changed, for every thing in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from gateway.audit.fields import KEYS
from gateway.audit.rules import (
    Element,
    Match,
    NamedSet,
    Rule,
    Ruleset,
    Statement,
    Table,
    Values,
    Verdict,
    VerdictMap,
)


@dataclass(frozen=True)
class Mutant:
    """A changed ruleset, and what was changed; ``rule`` is where, if in a rule."""

    what: str
    ruleset: Ruleset
    rule: Rule | None = None


def with_table(ruleset: Ruleset, table: Table) -> Ruleset:
    tables = tuple(table if each.name == table.name else each for each in ruleset.tables)
    return replace(ruleset, tables=tables, text="")


def with_rules(ruleset: Ruleset, table: Table, name: str, rules: tuple[Rule, ...]) -> Ruleset:
    chain = replace(table.chains[name], rules=rules)
    return with_table(ruleset, replace(table, chains={**table.chains, name: chain}))


def with_set(ruleset: Ruleset, table: Table, changed: NamedSet) -> Ruleset:
    return with_table(ruleset, replace(table, sets={**table.sets, changed.name: changed}))


def shifted(values: Values, bits: int) -> Values:
    """Other values: of a single one its neighbour, of a range one more at its end, or one less."""
    low, high = values[-1]
    top = (1 << bits) - 1
    if low == high:
        low = high = low + 1 if high < top else low - 1
    elif high < top:
        high += 1
    else:
        low += 1
    return (*values[:-1], (low, high))


def elsewhere(element: Element, keys: tuple[str, ...], place: int) -> Element:
    parts = list(element.parts)
    parts[place] = shifted(parts[place], KEYS[keys[place]].bits)
    return replace(element, parts=tuple(parts))


def removed_rules(ruleset: Ruleset) -> Iterator[Mutant]:
    for table in ruleset.tables:
        for name, chain in table.chains.items():
            for place, rule in enumerate(chain.rules):
                rest = (*chain.rules[:place], *chain.rules[place + 1 :])
                yield Mutant(f"without {rule}", with_rules(ruleset, table, name, rest), rule)


def changed_verdicts(ruleset: Ruleset) -> Iterator[Mutant]:
    """accept for drop and the other way round, and every rule once without its matches."""
    turned = {"accept": Verdict("drop"), "drop": Verdict("accept")}
    for table in ruleset.tables:
        for name, chain in table.chains.items():
            for place, rule in enumerate(chain.rules):
                for what, statements in _other(rule, turned):
                    other = replace(rule, statements=statements)
                    rules = (*chain.rules[:place], other, *chain.rules[place + 1 :])
                    yield Mutant(f"{what} {rule}", with_rules(ruleset, table, name, rules), rule)


def _other(
    rule: Rule, turned: Mapping[str, Verdict]
) -> Iterator[tuple[str, tuple[Statement, ...]]]:
    if any(isinstance(each, Verdict) and each.kind in turned for each in rule.statements):
        yield (
            "the other verdict in",
            tuple(
                turned.get(each.kind, each) if isinstance(each, Verdict) else each
                for each in rule.statements
            ),
        )
    matches = [place for place, each in enumerate(rule.statements) if isinstance(each, Match)]
    for place in matches:
        rest = (*rule.statements[:place], *rule.statements[place + 1 :])
        yield f"without match {place} of", rest


def added_rules(ruleset: Ruleset) -> Iterator[Mutant]:
    """A rule in front that accepts one port, and one that drops it, in every chain."""
    for table in ruleset.tables:
        for name, chain in table.chains.items():
            for kind in ("accept", "drop"):
                port = Match(("tcp dport",), (Element((((445, 445),),)),))
                rule = Rule(table.name, name, 9999, (port, Verdict(kind)), text="(added)")  # type: ignore[arg-type]
                rules = (rule, *chain.rules)
                yield Mutant(
                    f"{kind} added to {name}", with_rules(ruleset, table, name, rules), rule
                )


def set_mutants(ruleset: Ruleset, keys: Mapping[str, tuple[str, ...]]) -> Iterator[Mutant]:
    """Each element of each named set: removed, changed in one field, and another one added."""
    for table in ruleset.tables:
        for held in table.sets.values():
            for place, element in enumerate(held.elements):
                rest = (*held.elements[:place], *held.elements[place + 1 :])
                yield Mutant(f"{held.name} without {element}",
                             with_set(ruleset, table, replace(held, elements=rest)))  # fmt: skip
                field = place % len(element.parts)
                other = elsewhere(element, keys[held.name], field)
                changed = replace(held, elements=(*rest, other))
                yield Mutant(f"{held.name} {other} for {element}",
                             with_set(ruleset, table, changed))  # fmt: skip
                more = replace(held, elements=(*held.elements, other))
                yield Mutant(f"{held.name} with {other}", with_set(ruleset, table, more))


def keys_of_sets(ruleset: Ruleset) -> dict[str, tuple[str, ...]]:
    return {
        each.named: each.keys
        for rule in ruleset.rules
        for each in rule.statements
        if isinstance(each, Match) and each.named
    }


def element_mutants(ruleset: Ruleset) -> Iterator[Mutant]:
    """Each element of each set that stands in a rule, removed."""
    for table in ruleset.tables:
        for name, chain in table.chains.items():
            for place, rule in enumerate(chain.rules):
                for statements, what in _fewer(rule):
                    other = replace(rule, statements=statements)
                    rules = (*chain.rules[:place], other, *chain.rules[place + 1 :])
                    yield Mutant(
                        f"{rule} without {what}", with_rules(ruleset, table, name, rules), rule
                    )


def _fewer(rule: Rule) -> Iterator[tuple[tuple[Statement, ...], str]]:
    for at, each in enumerate(rule.statements):
        if not isinstance(each, Match | VerdictMap) or each.named:
            continue
        pieces = _pieces(each)
        if len(pieces) < 2:
            continue
        for left, what in pieces:
            other = replace(each, elements=left)
            yield (*rule.statements[:at], other, *rule.statements[at + 1 :]), what


def _pieces(match: Match | VerdictMap) -> list[tuple[tuple[Element, ...], str]]:
    """The elements, each time one less; an interval of a single key counts as an element."""
    held = match.elements
    found = [((*held[:at], *held[at + 1 :]), str(held[at])) for at in range(len(held))]
    if len(held) == 1 and len(held[0].parts) == 1:
        part = held[0].parts[0]
        found = [
            ((replace(held[0], parts=((*part[:at], *part[at + 1 :]),)),), str(part[at]))
            for at in range(len(part))
        ]
    return found


ALL: tuple[Callable[[Ruleset], Iterator[Mutant]], ...] = (
    removed_rules,
    element_mutants,
    changed_verdicts,
    added_rules,
    lambda ruleset: set_mutants(ruleset, keys_of_sets(ruleset)),
)
