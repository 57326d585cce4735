"""The proof, on the booted box: its rules let begin what is described, and nothing else."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from gateway.audit import examine
from gateway.audit.answer import Proof
from gateway.audit.finding import Finding
from gateway.audit.surroundings import findings
from gateway.features import drift, proof
from gateway.verify.context import Context
from gateway.verify.mailbox import arrived
from gateway.verify.plugin import Note
from lab import Lab

KEPT = "/var/lib/gateway/audit.json"
OPENED = ["nft", "insert", "rule", "inet", "gateway", "input", "udp", "dport", "9", "accept"]


def _audit(lab: Lab, context: Context) -> tuple[Proof, list[Finding]]:
    read = examine.from_box(("ssh", *lab.ssh_options(), "box"), "the lab")
    assert read.snapshot
    found = findings(read.snapshot, context.site, context.flows)
    # Other checks have opened ports by hand, and what came by them is still known to the kernel.
    heavy = [each for each in found if each.weight != "note" and each.what != "conversation"]
    return examine.prover(read, context.site, context.flows).proof(), heavy


@pytest.mark.alone  # the checks of all ports have a table of their own in the kernel
def test_the_live_rules_are_proved(lab: Lab, context: Context, note: Note) -> None:
    note("box", "nftables", "PROVED: the live rules let begin what is described, nothing else")
    proof, heavy = _audit(lab, context)
    assert (proof.answer, heavy) == ("PROVED", []), f"{proof.differences} {proof.strange}"


@pytest.mark.alone
def test_control_a_rule_added_by_hand_is_found(lab: Lab, context: Context, note: Note) -> None:
    note("box", "nftables", "control: a rule added by hand is DIFFERENT, with a packet")
    assert lab.exec("box", OPENED).returncode == 0
    try:
        proof, _ = _audit(lab, context)
    finally:
        assert lab.exec("box", ["nft", "-f", "/etc/nftables.conf"]).returncode == 0
    assert proof.answer == "DIFFERENT"
    assert {each.packet["dport"] for each in proof.differences} == {9}


@pytest.mark.alone
def test_the_box_audits_itself(lab: Lab, context: Context, note: Note) -> None:
    """And tells it: in the status, by mail. The control is the rule that is not there yet."""
    note("box", "nftables", "the box proves its own rules; one by hand is told in status and mail")
    # Other checks have opened ports by hand: what came by them is ended as after any switch.
    assert lab.exec("box", ["gateway-box", "activate", "--confirm-within", "0"]).returncode == 0
    before = _audited(lab)
    assert (before["answer"], before["fails"]) == ("PROVED", False), before["lines"]
    port = str(20000 + time.monotonic_ns() % 10000)  # a letter tells the same only once a week
    rule = [port if word == "9" else word for word in OPENED]
    assert lab.exec("box", rule).returncode == 0
    try:
        _audited(lab)
        told = json.loads(lab.exec("box", ["gateway-box", "report"]).stdout.splitlines()[-1])
    finally:
        assert lab.exec("box", ["nft", "-f", "/etc/nftables.conf"]).returncode == 0
    after = told["parts"]["audit"][0]
    assert (after["answer"], after["fails"]) == ("DIFFERENT", True)
    assert f"opened: A new conversation (udp/{port})" in after["said"]
    if drift.writes(context.site):
        letter = arrived(lab, f"udp/{port}", 30)
        assert letter is not None
        assert "firewall: DIFFERENT" in str(letter["Subject"])
    assert _audited(lab)["answer"] == "PROVED"


def _audited(lab: Lab) -> dict[str, Any]:
    """What the box says of its rules now, as it keeps it for its report."""
    done = lab.exec("box", ["systemctl", "restart", proof.SERVICE])
    assert done.returncode == 0, lab.exec("box", ["journalctl", "-n", "20", "-u", proof.SERVICE])
    kept: dict[str, Any] = json.loads(lab.exec("box", ["cat", KEPT]).stdout)
    return kept
