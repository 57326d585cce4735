"""A kernel that really has what the audit must notice, in a network namespace of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import features
from gateway.audit.collect import collect
from gateway.audit.finding import Finding
from gateway.audit.snapshot import Snapshot
from gateway.audit.surroundings import findings
from gateway.features import firewall, proof
from gateway.run import run
from gateway.site import Site

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="needs root and nft"),
]
NAME = f"gwsur{os.getpid()}"
SITE = Site.model_validate(
    {
        "name": "surroundings",
        "networks": {
            "hospital": {"side": "outside", "nic": "hosp0", "address": "192.0.2.10/24"},
            "office": {"nic": "office0", "address": "10.1.2.1/24"},
        },
        "administration": {"from": ["office"]},
    }
)
SETUP = """link set lo up
link add hosp0 type veth peer name hospp
link add office0 type veth peer name officep
addr add 192.0.2.10/24 dev hosp0
addr add 10.1.2.1/24 dev office0
link set hosp0 up
link set office0 up
link set hospp up
link set officep up
"""


def inside(*words: str, stdin: str | None = None) -> str:
    return run(["ip", "netns", "exec", NAME, *words], stdin=stdin).stdout


@pytest.fixture
def box() -> Iterator[None]:
    run(["ip", "netns", "add", NAME])
    try:
        run(["ip", "-n", NAME, "-batch", "-"], stdin=SETUP)
        inside("sysctl", "-qw", "net.ipv4.ip_forward=1")
        yield
    finally:
        run(["ip", "netns", "del", NAME], check=False)


def snapshot() -> Snapshot:
    return collect(["ip", "netns", "exec", NAME])


def heavy() -> dict[str, Finding]:
    return {f.what: f for f in findings(snapshot(), SITE, ()) if f.weight != "note"}


def test_an_empty_box_has_nothing(box: None) -> None:
    assert heavy() == {}


def test_the_kernels_number_of_the_ruleset_rises(box: None) -> None:
    before = snapshot().generations
    inside("nft", "add", "table", "inet", "more")
    after = snapshot().generations
    assert before[0] == before[1] != after[0]


def test_ipsec_is_seen(box: None) -> None:
    inside("ip", "xfrm", "policy", "add", "src", "10.1.2.0/24", "dst", "198.51.100.0/24",
           "dir", "out")  # fmt: skip
    assert "198.51.100.0/24" in heavy()["IPsec"].fact


def test_a_shared_card_a_bridge_and_a_lost_address_are_seen(box: None) -> None:
    inside("ip", "link", "add", "mv0", "link", "office0", "type", "macvlan")
    assert "mv0" in heavy()["interface"].fact
    inside("ip", "link", "del", "mv0")
    inside("ip", "link", "add", "br0", "type", "bridge")
    inside("ip", "link", "set", "office0", "master", "br0")
    assert heavy()["card"].fact == "office0 master br0"
    inside("ip", "link", "set", "office0", "nomaster")
    inside("ip", "addr", "flush", "dev", "office0")
    assert heavy()["address"].weight == "differs"


FILTERS = ("matchall", "u32 match u32 0 0", "flower", "basic", "cgroup")


def test_traffic_control_is_seen(box: None) -> None:
    tc = ["ip", "netns", "exec", NAME, "tc"]
    if run([*tc, "qdisc", "add", "dev", "office0", "clsact"], check=False).returncode:
        pytest.skip("this kernel has no clsact")
    assert "tc" not in heavy(), "a place for filters without any"
    add = [*tc, "filter", "add", "dev", "office0", "ingress", "protocol", "ip"]
    kinds = [kind for kind in FILTERS if not run([*add, *kind.split()], check=False).returncode]
    if not kinds:
        pytest.skip("this kernel has no classifier")
    assert kinds[0].split()[0] in heavy()["tc"].fact


def test_a_conversation_outside_the_policy_is_seen(box: None) -> None:
    inside("nft", "-f", "-", stdin="table inet t { chain c { type filter hook input priority 0;"
           " ct state established accept; }\n}\n")  # fmt: skip
    run(["ip", "netns", "add", f"{NAME}p"])
    try:
        run(["ip", "-n", NAME, "link", "set", "officep", "netns", f"{NAME}p"])
        run(["ip", "-n", f"{NAME}p", "addr", "add", "10.1.2.9/24", "dev", "officep"])
        run(["ip", "-n", f"{NAME}p", "link", "set", "officep", "up"])
        send = "import socket; s=socket.socket(2,2); s.sendto(b'x', ('10.1.2.1', 999))"
        run(["ip", "netns", "exec", f"{NAME}p", "python3", "-c", send])
        assert heavy()["conversation"].fact == "10.1.2.9 to 10.1.2.1 udp/999"
    finally:
        run(["ip", "netns", "del", f"{NAME}p"], check=False)


def test_what_it_reads_is_json_of_a_known_form(box: None) -> None:
    seen = snapshot()
    assert json.loads(seen.commands["nft_json"].out)["nftables"]
    assert {each.name for each in seen.links} >= {"lo", "hosp0", "office0"}


UNIT = Path(__file__).parent.parent.parent / "templates/etc/systemd/system/gateway-audit.service.j2"


@pytest.fixture
def carried(tmp_path: Path) -> list[str]:
    """The box's own audit, with no more rights than its unit gives it."""
    for each in features.tree_of(SITE, lambda _path: 0).files:
        if each.path.startswith((f"{proof.PROGRAM}/", proof.DESCRIPTION)):
            target = tmp_path / each.path[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(each.content)
    granted = re.search(r"^CapabilityBoundingSet=(.+)$", UNIT.read_text(), re.MULTILINE)
    assert granted
    rights = "".join(f",+{each.removeprefix('CAP_').lower()}" for each in granted[1].split())
    words = ["setpriv", "--bounding-set", f"-all{rights}", "--inh-caps", f"-all{rights}"]
    return [*words, "/usr/bin/python3", "-ISB", str(tmp_path / proof.PROGRAM[1:])]


def test_the_box_proves_itself(box: None, carried: list[str]) -> None:
    def answer() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(inside(*carried))
        return found

    flows = features.policy(SITE, lambda _path: 0)
    assert answer()["answer"] == "DIFFERENT", "there are no rules yet"
    inside("nft", "-f", "-", stdin=firewall.ruleset(SITE, flows).decode())
    told = answer()
    assert (told["answer"], told["fails"], told["lines"]) == ("PROVED", False, [])
    inside("nft", "insert", "rule", "inet", "gateway", "input", "udp", "dport", "9", "accept")
    told = answer()
    assert (told["answer"], told["fails"]) == ("DIFFERENT", True)
    assert "opened: A new conversation (udp/9)" in told["lines"][0]
    inside("nft", "-f", "-", stdin=firewall.ruleset(SITE, flows).decode())
    inside("sysctl", "-qw", "net.ipv4.ip_forward=0")
    assert "forwards nothing" in answer()["lines"][0]
