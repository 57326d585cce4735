"""Cards get the names their .link files ask for, while they are up (root, a second)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.run import run

pytestmark = pytest.mark.lab

REPO = Path(__file__).parent.parent.parent
RENAME = """
import json, sys
from gateway.box import nics
from gateway.box.process import Failed
try:
    print(json.dumps(nics.rename(nics.asked(json.loads(sys.argv[1])))))
except Failed as failed:
    print(json.dumps(str(failed)))
"""


@pytest.fixture
def wire() -> Iterator[str]:
    """A namespace with two cards that are up, with addresses, and a third one."""
    name = f"gwnics{os.getpid()}"
    run(["ip", "netns", "add", name])
    try:
        for number in (1, 2, 3):
            mac = f"02:00:00:00:00:0{number}"
            pair = [f"ens{number}", "address", mac, "type", "veth", "peer", f"far{number}"]
            run(["ip", "-n", name, "link", "add", *pair])
            run(["ip", "-n", name, "addr", "add", f"10.0.{number}.1/24", "dev", f"ens{number}"])
            run(["ip", "-n", name, "link", "set", f"ens{number}", "up"])
        yield name
    finally:
        run(["ip", "netns", "del", name])


def link(mac: str, name: str, key: str = "MACAddress") -> str:
    return f"# comment\n[Match]\n{key}={mac}\n\n[Link]\nName={name}\n"


def rename(wire: str, *texts: str) -> object:
    # `ip netns exec` mounts a /sys of that namespace, where gateway-box looks.
    words = ["ip", "netns", "exec", wire, "/usr/bin/python3", "-c", RENAME, json.dumps(texts)]
    return json.loads(run(words, cwd=REPO).stdout)


def cards(wire: str) -> dict[str, str]:
    """Addresses by name."""
    told = json.loads(run(["ip", "-n", wire, "-j", "-4", "addr"]).stdout)
    return {each["ifname"]: each["addr_info"][0]["local"] for each in told}


def test_a_card_that_is_up_gets_its_name_and_keeps_its_address(wire: str) -> None:
    text = link("02:00:00:00:00:01", "cam0", "PermanentMACAddress")
    assert rename(wire, link("02:00:00:00:00:02", "hosp0"), text) == {
        "ens2": "hosp0",
        "ens1": "cam0",
    }
    assert cards(wire) == {"cam0": "10.0.1.1", "hosp0": "10.0.2.1", "ens3": "10.0.3.1"}
    assert rename(wire, link("02:00:00:00:00:02", "hosp0"), text) == {}


def test_two_cards_swap_their_names(wire: str) -> None:
    rename(wire, link("02:00:00:00:00:01", "ens2"), link("02:00:00:00:00:02", "ens1"))
    assert cards(wire) == {"ens2": "10.0.1.1", "ens1": "10.0.2.1", "ens3": "10.0.3.1"}


def test_a_name_that_another_card_keeps_is_refused(wire: str) -> None:
    before = cards(wire)
    assert "another card has that name" in str(rename(wire, link("02:00:00:00:00:01", "ens3")))
    assert rename(wire, link("02:00:00:00:00:09", "ens9")) == {}  # no such card
    assert cards(wire) == before
