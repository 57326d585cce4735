"""The proof against z3: one says PROVED exactly if the other finds no packet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest
from live_kit import ROOT, described, needs_nft, rendered
from mutants import ALL

from gateway.audit import universe
from gateway.audit.answer import Packet
from gateway.audit.fields import FIELDS
from gateway.audit.meaning import PATHS, assigned_helpers, tracked_families
from gateway.audit.parse import load_text
from gateway.audit.prove import Prover
from gateway.audit.rules import Ruleset
from gateway.audit.trace import trace
from gateway.policy import Flow
from gateway.site import Site

z3 = pytest.importorskip("z3", reason="z3-solver is for who doubts the diagrams: pip install it")
from z3_encoding import Encoding, boxes  # noqa: E402 - it needs z3

sys.path.insert(0, str(Path(__file__).parent.parent / "bench"))
sys.path.insert(0, str(Path(__file__).parent.parent / "lab"))

pytestmark = [needs_nft, pytest.mark.timeout(280)]


@dataclass(frozen=True)
class Witness:
    """A packet that z3 found, and whether it should have been stopped."""

    packet: Packet
    opened: bool


def witnesses(ruleset: Ruleset, prover: Prover) -> Iterator[Witness]:
    """A packet for each path and direction in which the two sides differ."""
    known = {"tracked": tracked_families(ruleset), "helpers": assigned_helpers(ruleset)}
    for path in PATHS:
        encoding = Encoding(ruleset, path)
        fields = encoding.start
        there = boxes(
            fields,
            ({FIELDS[n]: v for n, v in box.items()} for box in universe.packets(path, **known)),  # type: ignore[arg-type]
        )
        mine = [each for each in prover.permissions if each.path == path]
        permitted = boxes(fields, (each.box for each in mine))
        required = boxes(fields, (each.box for each in mine if each.must))
        for opened, wrong in (
            (True, z3.And(encoding.live, z3.Not(permitted))),
            (False, z3.And(required, z3.Not(encoding.live))),
        ):
            solver = z3.SolverFor("QF_BV")
            solver.add(there, wrong)
            answer = solver.check()
            assert answer != z3.unknown
            if answer == z3.sat:
                model = solver.model()
                values = {
                    name: model.eval(fields[name], model_completion=True).as_long()
                    for name in FIELDS
                }
                yield Witness(Packet(path, tuple(values.items())), opened)


def agreed(site: Site, flows: tuple[Flow, ...], ruleset: Ruleset) -> bool:
    """Whether nothing differs, as both say."""
    prover = Prover(ruleset, site, flows)
    differences = prover.proof().differences
    mine = {(d.packet.path, d.kind == "opened") for d in differences
            if d.kind in ("opened", "closed")}  # fmt: skip
    found = list(witnesses(ruleset, prover))
    assert {(each.packet.path, each.opened) for each in found} == mine
    for each in found:
        assert trace(ruleset, each.packet).accepted == each.opened
    return not found


@pytest.mark.parametrize("name", ["inventory/kaohsiung", "tests/sites/20-vlans-ipv6-mirror"])
def test_both_prove_the_examples(name: str) -> None:
    site, flows = described(ROOT / name)
    ruleset = load_text(rendered(site, flows))
    assert agreed(site, flows, ruleset)
    assert not agreed(site, flows[1:], ruleset)


def test_both_find_the_same_changes() -> None:
    site, flows = described(ROOT / "inventory/smallest")
    ruleset = load_text(rendered(site, flows))
    chosen = islice((m for make in ALL for m in make(ruleset)), 0, None, 25)
    answers = [agreed(site, flows, mutant.ruleset) for mutant in chosen]
    assert True in answers
    assert answers.count(False) > len(answers) / 6


@pytest.mark.lab
def test_a_thousand_flows() -> None:
    from firewall import flows, site_with

    site, policy = site_with(), flows(1_000)
    assert agreed(site, policy, load_text(rendered(site, policy)))
