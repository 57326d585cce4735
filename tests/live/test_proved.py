"""Every example's rendered ruleset is proved; one that was changed is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from live_kit import ROOT, described, needs_nft, proof, rendered

pytestmark = needs_nft
SITES = sorted((*ROOT.glob("inventory/*/"), *ROOT.glob("tests/sites/*/")))


@pytest.mark.parametrize("site", SITES, ids=lambda each: each.name)
def test_what_is_rendered_is_what_is_described(site: Path) -> None:
    described_site, flows = described(site)
    text = rendered(described_site, flows)
    found = proof(described_site, flows, text)
    assert (found.answer, found.differences, found.strange) == ("PROVED", (), ())
    # Without any flow, the same ruleset lets through too much.
    without = proof(described_site, (), text)
    assert without.answer == "DIFFERENT"
    assert {each.kind for each in without.differences} >= {"opened"}


def test_a_port_that_moved_is_closed_and_opened() -> None:
    site, flows = described(ROOT / "inventory/kaohsiung")
    old, new = "10.1.1.11 . 10.1.1.1 . tcp . 548", "10.1.1.13 . 10.1.1.1 . tcp . 549"
    found = proof(site, flows, rendered(site, flows).replace(old, new))
    assert found.answer == "DIFFERENT"
    closed, opened = sorted(found.differences, key=lambda each: each.kind)
    assert (closed.kind, closed.packet["dport"], closed.packet["protocol"]) == ("closed", 548, 6)
    assert (opened.kind, opened.packet["dport"], opened.packet["protocol"]) == ("opened", 549, 6)
    assert opened.rule is not None
    assert "@in_cameras_ip_exact" in opened.rule.text
    (asked,) = (str(flow.reason) for flow in flows if flow.service.name == "afp"
                and flow.source.name == "icon")  # fmt: skip
    assert [str(flow.reason) for flow in closed.flows] == [asked]
    assert "icon (10.1.1.11) → box (10.1.1.1)" in closed.sentence
    assert asked.startswith("shares.images.writers[0]:")
    assert asked in closed.sentence
    assert asked in opened.sentence
