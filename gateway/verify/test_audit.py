"""The proof, on the booted box: its rules let begin what is described, and nothing else."""

from __future__ import annotations

import pytest

from gateway.audit import examine
from gateway.audit.answer import Proof
from gateway.audit.finding import Finding
from gateway.audit.surroundings import findings
from gateway.verify.context import Context
from gateway.verify.plugin import Note
from lab import Lab

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
