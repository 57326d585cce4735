"""Every example's rendered ruleset is proved; one that was changed is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from live_kit import ROOT, described, needs_nft, proof, rendered

from gateway.audit.fields import value_name
from gateway.audit.parse import load_text
from gateway.audit.prove import prove
from gateway.audit.rules import Strange
from gateway.policy import Flow
from gateway.site import Site

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


@pytest.fixture(scope="module")
def kaohsiung() -> tuple[Site, tuple[Flow, ...], str]:
    site, flows = described(ROOT / "inventory/kaohsiung")
    return site, flows, rendered(site, flows)


def with_rule(text: str, chain: str, rule: str) -> str:
    head = f"\tchain {chain} {{\n"
    assert head in text
    return text.replace(head, f"{head}\t\t{rule}\n")


def test_what_hangs_on_a_limit_is_undecided(kaohsiung: tuple[Site, tuple[Flow, ...], str]) -> None:
    site, flows, text = kaohsiung
    rule = "tcp dport 2222 limit rate 1/second accept"
    found = proof(site, flows, with_rule(text, "in_office", rule))
    assert found.answer == "UNDECIDED"
    (difference,) = found.differences
    assert (difference.kind, difference.certain) == ("opened", False)
    assert difference.packet["dport"] == 2222
    assert difference.rule
    assert difference.rule.text.startswith("tcp dport 2222 limit")
    certain = proof(site, flows, with_rule(text, "in_office", "tcp dport 2222 accept"))
    assert certain.answer == "DIFFERENT"
    assert [each.certain for each in certain.differences] == [True]


def test_a_limit_that_decides_nothing_is_no_matter(
    kaohsiung: tuple[Site, tuple[Flow, ...], str],
) -> None:
    site, flows, text = kaohsiung
    rule = "tcp dport 2222 limit rate 1/second drop"  # it is dropped in any case
    assert proof(site, flows, with_rule(text, "in_office", rule)).answer == "PROVED"
    asked = "tcp dport 53 limit rate 1/second drop"
    found = proof(site, flows, with_rule(text, "in_office", asked))
    assert found.answer == "UNDECIDED"
    assert {each.kind for each in found.differences} == {"closed"}


def test_what_is_not_understood_is_never_proved(
    kaohsiung: tuple[Site, tuple[Flow, ...], str],
) -> None:
    site, flows, text = kaohsiung
    for more in ("table netdev n {\n}\n", "table bridge b {\n}\n"):
        found = proof(site, flows, text + more)
        assert found.answer == "UNDECIDED"
        assert len(found.strange) == 1
    ruleset = load_text(text)
    assert prove(ruleset, site, flows).answer == "PROVED"
    legacy = (Strange("iptables", "legacy rules"),)
    assert prove(ruleset, site, flows, legacy).answer == "UNDECIDED"


def test_translation_inward_is_found(kaohsiung: tuple[Site, tuple[Flow, ...], str]) -> None:
    site, flows, text = kaohsiung
    inward = (
        "table ip n {\n\tchain p {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
        '\t\tiifname "office0" tcp dport 445 dnat to 10.1.2.77\n\t}\n}\n'
    )
    found = proof(site, flows, text + inward)
    assert found.answer == "DIFFERENT"
    assert {"closed"} <= {each.kind for each in found.differences}
    quiet = inward.replace("tcp dport 445 dnat to 10.1.2.77", "ip daddr 10.9.9.9 counter")
    assert proof(site, flows, text + quiet).answer == "PROVED"


def test_who_borrows_an_address_is_found(kaohsiung: tuple[Site, tuple[Flow, ...], str]) -> None:
    site, flows, text = kaohsiung
    found = proof(site, flows, with_rule(text, "from_cameras", "ip saddr 10.1.2.0/24 accept"))
    assert found.answer == "DIFFERENT"
    assert {each.kind for each in found.differences} == {"opened"}
    assert all(value_name(each.packet["iif"]) == "cam0" for each in found.differences)
    assert all(each.packet["source"] >> 8 == 0x0A0102 for each in found.differences)


def test_a_helper_nobody_asked_for_is_found(kaohsiung: tuple[Site, tuple[Flow, ...], str]) -> None:
    site, flows, text = kaohsiung
    assert "conntrack helper for ftp" in str(proof(site, flows, text).apart[0])
    head = "\t\ttype filter hook prerouting priority filter; policy accept;\n"
    assert text.count(head) == 1
    more = f'{head}\t\ttcp dport 445 ct helper set "ftp-helper"\n'
    found = proof(site, flows, text.replace(head, more))
    assert found.answer == "DIFFERENT"
    assert {each.kind for each in found.differences} == {"helper"}
    assert found.differences[0].packet["dport"] == 445
