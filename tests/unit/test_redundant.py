"""Rules that could go, against counting it out port by port."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.redundant import in_chain, never_hit
from gateway.audit.rules import (
    Assign,
    Chain,
    Counter,
    Element,
    Match,
    Rule,
    Statement,
    Table,
    UnknownTruth,
    Verdict,
)

TOP = 12


def ports(low: int, high: int) -> Match:
    return Match(("th dport",), (Element((((low, high),),)),))


def rule(number: int, *statements: Statement) -> Rule:
    return Rule("inet t", "c", number, statements)


def chain_of(rules: list[Rule], hook: str | None = "input") -> Chain:
    return Chain("inet t", "c", 1, tuple(rules), "filter" if hook else "", hook, 0, "drop")


def found(chain: Chain) -> dict[int, str]:
    table = Table("inet", "inet t", {"c": chain}, {})
    return {each.rule.handle: each.kind for each in in_chain(table, chain) if each.rule}


def interval(each: Rule) -> tuple[int, int]:
    match = each.statements[0]
    assert isinstance(match, Match)
    return match.elements[0].parts[0][0]


def verdict(each: Rule) -> str:
    last = each.statements[-1]
    assert isinstance(last, Verdict)
    return "drop" if last.kind == "return" else last.kind  # the policy


def fate(rules: list[Rule], port: int) -> str:
    return next((verdict(r) for r in rules if interval(r)[0] <= port <= interval(r)[1]), "drop")


pair = st.tuples(st.integers(0, TOP), st.integers(0, TOP)).map(sorted)
kinds = st.sampled_from(["accept", "accept", "drop", "return"])


@settings(max_examples=60)
@given(st.lists(st.tuples(pair, kinds), min_size=1, max_size=9))
def test_as_counted_out(drawn: list[tuple[list[int], str]]) -> None:
    rules = [
        rule(number, ports(low, high), Verdict(kind))  # type: ignore[arg-type]
        for number, ((low, high), kind) in enumerate(drawn)
    ]
    expected = {}
    for number, each in enumerate(rules):
        low, high = interval(each)
        before, after = rules[:number], rules[number + 1 :]
        own = range(low, high + 1)
        if all(any(interval(r)[0] <= port <= interval(r)[1] for r in before) for port in own):
            expected[number] = "shadowed"
        elif verdict(each) == "accept" and all(
            fate(rules, port) == fate([*before, *after], port) for port in own
        ):
            expected[number] = "redundant"
    assert found(chain_of(rules)) == expected


def test_who_takes_its_packets_is_named() -> None:
    rules = [rule(1, ports(1, 5), Verdict("accept")), rule(2, ports(6, 9), Verdict("drop")),
             rule(3, ports(4, 7), Verdict("accept"))]  # fmt: skip
    table = Table("inet", "inet t", {"c": chain_of(rules)}, {})
    (finding,) = in_chain(table, table.chains["c"])
    assert (finding.kind, [each.handle for each in finding.by]) == ("shadowed", [1, 2])


@pytest.mark.parametrize(
    "first",
    [UnknownTruth("limit"), Assign("mark", 1)],
    ids=["nobody can tell", "it changes something"],
)
def test_a_rule_that_does_more_is_not_called_redundant(first: Statement) -> None:
    rules = [
        rule(1, first, ports(1, 5), Verdict("accept")),
        rule(2, ports(1, 9), Verdict("accept")),
    ]
    assert found(chain_of(rules)) == {}
    plain = [replace(rules[0], statements=rules[0].statements[1:]), rules[1]]
    assert found(chain_of(plain)) == {1: "redundant"}


def test_a_rule_for_no_packet_is_impossible() -> None:
    both = rule(1, ports(1, 2), ports(3, 4), Verdict("accept"))
    assert found(chain_of([both])) == {1: "impossible"}


def test_a_counter_at_nothing_is_told_with_since_when() -> None:
    idle, busy = rule(1, Counter(0, 0), Verdict("drop")), rule(2, Counter(3, 180), Verdict("drop"))
    (finding,) = never_hit([idle, busy], "boot, 2 days ago")
    assert finding.rule == idle
    assert finding.what == "no packet since boot, 2 days ago"
