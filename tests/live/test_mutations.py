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
from gateway.audit.diagram import FALSE
from gateway.audit.fields import UNTRACKED
from gateway.audit.meaning import PATHS
from gateway.audit.parse import load_text
from gateway.audit.prove import Prover
from gateway.audit.rules import Ruleset
from gateway.audit.trace import trace
from gateway.policy import Flow
from gateway.site import Site

pytestmark = needs_nft
BATCH = 100
"""So many share a diagram: one grows with each."""
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
    """Both in one diagram; but for IPv6's neighbours, which this site without IPv6 may have."""
    less, neighbours = one.diagram.less, one.region([{"state": ((UNTRACKED, UNTRACKED),)}])
    pairs = [(one.meaning.may[path], other.meaning.may[path]) for path in PATHS]
    unlike = [less(a, b) for pair in pairs for a, b in (pair, pair[::-1])]
    return all(less(each, neighbours) == FALSE for each in unlike)


def judge(kaohsiung: tuple[Site, tuple[Flow, ...], Ruleset], chosen: Iterator[Mutant]) -> int:
    site, flows, ruleset = kaohsiung
    found = 0
    while batch := list(islice(chosen, BATCH)):
        original = Prover(ruleset, site, flows)
        assert original.proof().answer == "PROVED"
        found += sum(is_found(original, mutant) for mutant in batch)
    return found


def is_found(original: Prover, mutant: Mutant) -> bool:
    """Whether a change makes a difference; one that is not found must make none."""
    prover = Prover(mutant.ruleset, original.site, original.flows, diagram=original.diagram)
    proof = prover.proof()
    if proof.answer == "DIFFERENT":
        assert proof.differences
        for each in proof.differences:
            assert shows_it(each, original.ruleset, mutant.ruleset), mutant.what
        return True
    assert proof.answer == "PROVED", mutant.what
    left_open = mutant.rule and any(word in mutant.rule.text for word in LEFT_OPEN)
    assert left_open or lets_through_the_same(original, prover), mutant.what
    return False


def test_a_change_is_found(kaohsiung: tuple[Site, tuple[Flow, ...], Ruleset]) -> None:
    every = 12
    assert judge(kaohsiung, islice(mutants(kaohsiung[2]), 0, None, every)) > 30


@pytest.mark.lab
@pytest.mark.timeout(900)
def test_every_change_is_found(kaohsiung: tuple[Site, tuple[Flow, ...], Ruleset]) -> None:
    assert judge(kaohsiung, mutants(kaohsiung[2])) > 450
