"""The packet that shows a difference is one that a person can picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.answer import Path as Way
from gateway.audit.fields import IPV4, NUMBER
from gateway.audit.packets import Known, Words, example
from gateway.audit.universe import one
from gateway.load import load

ROOT = Path(__file__).parent.parent.parent
SITE = load(ROOT / "inventory/kaohsiung").site
KNOWN = Known.of(SITE)


def shown(way: Way, **fields: str) -> str:
    none = {"input": ("oif",), "output": ("iif",), "forward": ()}[way]
    box = {NUMBER["family"]: one(IPV4), **{NUMBER[each]: one(0) for each in none}}
    box |= {NUMBER[name]: one(card(network)) for name, network in fields.items()}
    return Words(KNOWN).packet(example(way, box, KNOWN))


def card(network: str) -> int:
    return next(number for number, name in KNOWN.cards.items() if name == network)


@pytest.mark.parametrize("source", SITE.networks)
@pytest.mark.parametrize("target", SITE.networks)
def test_it_goes_from_one_side_to_the_other(source: str, target: str) -> None:
    if source == target:
        pytest.skip("the box never sees it")
    found = shown("forward", iif=source, oif=target)
    ends = found.split(": ")[1].split(" tcp")[0].split(" → ")
    for end, side in zip(ends, (source, target), strict=True):
        network = SITE.networks[side]
        known = [str(each.address) for each in SITE.devices_on(side).values()]
        assert end in known or (not network.inside and end == "198.51.100.7"), found


def test_nobody_talks_to_himself() -> None:
    assert shown("forward").split(": ")[1].split(" tcp")[0] == "198.51.100.7 → 10.1.1.11"


def test_the_box_has_its_address_of_that_side() -> None:
    for name, network in SITE.inside.items():
        assert f"→ {network.address.ip} " in shown("input", iif=name)
        assert f": {network.address.ip} →" in shown("output", oif=name)
