"""One thing of the rendered ruleset removed, added or changed: it is found, with a right packet.

What is not found must let through exactly what the rendered ruleset does, or differ only where the
description leaves it open.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest
from live_kit import ROOT, described, needs_nft, rendered
from mutants import ALL, Mutant

from gateway.audit.answer import Difference
from gateway.audit.meaning import PATHS
from gateway.audit.parse import load_text
from gateway.audit.prove import Prover
from gateway.audit.rules import Ruleset
from gateway.audit.trace import trace
from gateway.policy import Flow
from gateway.site import Site

pytestmark = needs_nft
LEFT_OPEN = ("icmpv6 type", "the box hears its own broadcast")
"""Rules that a site without IPv6 hardly needs, and one whose packets never are answered."""


@pytest.fixture(scope="module")
def kaohsiung() -> tuple[Site, tuple[Flow, ...], Ruleset]:
    site, flows = described(ROOT / "inventory/kaohsiung")
    return site, flows, load_text(rendered(site, flows))


def mutants(ruleset: Ruleset) -> Iterator[Mutant]:
    return (mutant for make in ALL for mutant in make(ruleset))


def shows_it(difference: Difference, before: Ruleset, after: Ruleset) -> bool:
    """Whether the packet fares otherwise in the changed ruleset, in the way that is said."""
    was, now = (trace(each, difference.packet) for each in (before, after))
    if difference.kind in ("opened", "closed"):
        return was.accepted != now.accepted and now.accepted == (difference.kind == "opened")
    return dict(was.fields) != dict(now.fields)


def lets_through_the_same(one: Prover, other: Prover) -> bool:
    def again(path: str) -> int:
        return one.diagram.union(list(other.diagram.boxes(other.meaning.may[path])))  # type: ignore[index]

    return all(again(path) == one.meaning.may[path] for path in PATHS)


def judge(kaohsiung: tuple[Site, tuple[Flow, ...], Ruleset], chosen: Iterator[Mutant]) -> int:
    site, flows, ruleset = kaohsiung
    original, found = Prover(ruleset, site, flows), 0
    assert original.proof().answer == "PROVED"
    for mutant in chosen:
        prover = Prover(mutant.ruleset, site, flows)
        proof = prover.proof()
        if proof.answer == "DIFFERENT":
            found += 1
            assert proof.differences
            assert all(shows_it(each, ruleset, mutant.ruleset) for each in proof.differences), (
                mutant.what
            )
        else:
            assert proof.answer == "PROVED", mutant.what
            left_open = mutant.rule and any(word in mutant.rule.text for word in LEFT_OPEN)
            assert left_open or lets_through_the_same(original, prover), mutant.what
    return found


def test_a_change_is_found(kaohsiung: tuple[Site, tuple[Flow, ...], Ruleset]) -> None:
    every = 12
    assert judge(kaohsiung, islice(mutants(kaohsiung[2]), 0, None, every)) > 30


@pytest.mark.lab
@pytest.mark.timeout(900)
def test_every_change_is_found(kaohsiung: tuple[Site, tuple[Flow, ...], Ruleset]) -> None:
    assert judge(kaohsiung, mutants(kaohsiung[2])) > 450
