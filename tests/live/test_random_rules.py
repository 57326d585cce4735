"""Rulesets by chance: the diagram, the walk along the rules and the kernel agree on every packet.

Thousands: ``python tests/live/random_rules.py 1000``; docs/audit.md has the last figures.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from live_kit import needs_nft
from live_wires import Wires
from random_rules import Ruleset, mismatches

from gateway.problems import Failed

pytestmark = [
    needs_nft,
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]


@pytest.fixture(scope="module")
def wires() -> Iterator[Wires]:
    made = Wires()
    yield made
    made.close()


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_diagram_walk_and_kernel_agree(wires: Wires, seed: int) -> None:
    text = Ruleset(random.Random(seed)).text()  # noqa: S311 - rules, not secrets
    try:
        found = mismatches(wires, text, seed, count=40)
    except Failed:
        assume(False)
    assert found == []


def test_a_kernel_that_does_otherwise_is_seen(
    wires: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        "table inet t {\n\tchain f {\n\t\ttype filter hook forward priority 0; policy drop;\n\t}\n}"
    )
    assert mismatches(wires, text, 1) == []
    real = wires.load
    monkeypatch.setattr(wires, "load", lambda text: real(text.replace("drop", "accept")))
    assert mismatches(wires, text, 1)
