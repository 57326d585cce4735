"""The policy as data: what the box judges conversations by, from the same flows as the firewall."""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path

import pytest
from box_kit import BoxInAFolder, file

from gateway import features
from gateway.box import conntrack
from gateway.box.files import Paths
from gateway.box.policy import NUMBERS, PATH, Conversation, Policy, parse
from gateway.box.process import Failed
from gateway.features import policy_file
from gateway.load import load
from gateway.render import RenderedFile

SITES = sorted(Path(__file__).parent.parent.parent.glob("inventory/*/site.yml"))
KAOHSIUNG = next(each for each in SITES if each.parent.name == "kaohsiung")


def policy_of(path: Path) -> Policy:
    loaded = load(path)
    flows = features.policy(loaded.site, loaded.source.line)
    return parse(policy_file.text(loaded.site, flows))


def talk(source: str, destination: str, protocol: str = "tcp", port: int = 0) -> Conversation:
    return Conversation(ip_address(source), ip_address(destination), NUMBERS[protocol], port)


@pytest.mark.parametrize("path", SITES, ids=lambda path: path.parent.name)
def test_the_corners_of_every_permit_may_begin(path: Path) -> None:
    told = policy_of(path)
    corners = 0
    for flow in told.flows:
        for permit in flow.permits:
            ends = (permit.source.network_address, permit.destination.network_address)
            for port in (permit.low, permit.high):
                assert told.permits(Conversation(*ends, NUMBERS[permit.protocol], port)), flow
                corners += 1
    assert corners > 10


def small() -> Policy:
    def flow(name: str, *permits: list[object], helper: str = "") -> dict[str, object]:
        words = dict.fromkeys(("source", "destination", "service", "reason", "feature"), name)
        told = {**words, "ports": "", "note": "", "permits": list(permits)}
        return {**told, "helper": helper} if helper else told

    networks = {
        "hospital": {"inside": False, "prefixes": ["192.0.2.0/24"], "own": ["192.0.2.10"]},
        "cameras": {"inside": True, "prefixes": ["10.1.1.0/24"], "own": ["10.1.1.1"]},
        "office": {"inside": True, "prefixes": ["10.1.2.0/24"], "own": ["10.1.2.1"]},
    }
    told = {
        "format": 1,
        "networks": networks,
        "flows": [
            flow("in", ["hospital", "cameras", "0.0.0.0/0", "10.1.1.9/32", "tcp", 104, 104]),
            flow("dns", ["office", "box", "10.1.2.0/24", "10.1.2.1/32", "udp", 53, 53]),
            flow("dhcp", ["office", "box", "0.0.0.0/32", "255.255.255.255/32", "udp", 67, 67]),
            flow("names", ["office", "box", "10.1.2.0/24", "10.1.2.255/32", "udp", 137, 138]),
            flow("out", ["box", "office", "10.1.2.1/32", "10.1.2.255/32", "udp", 137, 138]),
            flow("ping", ["office", "cameras", "10.1.2.5/32", "10.1.1.9/32", "icmp", 8, 8]),
            flow("fax", ["office", "box", "10.1.2.0/24", "10.1.2.1/32", "tcp", 4559, 4559],
                 helper="ftp"),
        ],
    }  # fmt: skip
    return parse(json.dumps(told).encode())


@pytest.mark.parametrize(
    ("said", "conversation", "may"),
    [
        ("outside to the camera", talk("203.0.113.9", "10.1.1.9", port=104), True),
        ("anywhere is not every side", talk("10.1.2.5", "10.1.1.9", port=104), False),
        ("nor the box itself", talk("192.0.2.10", "10.1.1.9", port=104), False),
        ("another port", talk("203.0.113.9", "10.1.1.9", port=105), False),
        ("another protocol", talk("203.0.113.9", "10.1.1.9", "udp", 104), False),
        ("the box's address there", talk("10.1.2.5", "10.1.2.1", "udp", 53), True),
        ("the box's address elsewhere", talk("10.1.2.5", "10.1.1.1", "udp", 53), False),
        ("without an address yet", talk("0.0.0.0", "255.255.255.255", "udp", 67), True),  # noqa: S104
        ("to all on the wire", talk("10.1.2.5", "10.1.2.255", "udp", 138), True),
        ("the box to all on the wire", talk("10.1.2.1", "10.1.2.255", "udp", 137), True),
        ("to all on another wire", talk("10.1.1.5", "10.1.1.255", "udp", 138), False),
        ("an echo request", talk("10.1.2.5", "10.1.1.9", "icmp", 8), True),
        ("a timestamp request", talk("10.1.2.5", "10.1.1.9", "icmp", 13), False),
        ("the box with itself", talk("10.1.1.1", "10.1.2.1", port=22), True),
        ("loopback", talk("127.0.0.1", "127.0.0.1", port=8042), True),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_conversation_is_judged_by_its_sides(
    said: str, conversation: Conversation, may: bool
) -> None:
    assert small().permits(conversation) is may, said


def test_an_announced_conversation_follows_the_one_that_announced_it() -> None:
    def child(port: int) -> Conversation:
        ends = (ip_address("10.1.2.5"), ip_address("10.1.2.1"))
        return Conversation(*ends, 6, 40000, Conversation(*ends, 6, port))

    assert small().permits(child(4559))
    assert not small().permits(child(53))
    assert not small().permits(talk("10.1.2.5", "10.1.2.1", port=40000))


def test_what_is_no_policy_is_refused() -> None:
    for text in ("", "{}", '{"format": 9}', '{"format": 1, "networks": {}, "flows": [{}]}'):
        with pytest.raises(Failed):
            parse(text.encode())


def attribute(kind: int, value: bytes, *, nested: bool = False) -> bytes:
    head = (4 + len(value)).to_bytes(2, "little") + (kind | nested << 15).to_bytes(2, "little")
    return head + value + bytes(-len(value) % 4)


def packed(source: str, destination: str, port: int, kind: int) -> bytes:
    ends = attribute(1, ip_address(source).packed) + attribute(2, ip_address(destination).packed)
    protocol = attribute(1, b"\x06") + attribute(2, b"\x0f\xa0") + attribute(3, port.to_bytes(2))
    both = attribute(1, ends, nested=True) + attribute(2, protocol, nested=True)
    return attribute(kind, both, nested=True)


def test_an_entry_of_the_kernel_is_read_with_its_master_and_named_by_its_id() -> None:
    original = packed("10.1.2.5", "10.1.2.1", 40000, 1)
    number = attribute(12, b"\x01\x02\x03\x04")
    body = b"\x02\x00\x00\x00" + original + packed("10.1.2.5", "10.1.2.1", 4559, 14) + number
    entry = conntrack.read_entry(body)
    assert entry
    assert str(entry) == "tcp 10.1.2.5 → 10.1.2.1 port 40000"
    assert entry.conversation.master == talk("10.1.2.5", "10.1.2.1", port=4559)
    assert entry.name == original + number
    assert conntrack.read_entry(b"\x02\x00\x00\x00") is None


def test_conversations_are_judged_after_a_switch_and_after_a_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[bytes] = []

    def judge(_paths: Paths, told: bytes) -> list[str]:
        judged.append(told)
        return []

    monkeypatch.setattr(conntrack, "after", judge)
    box = BoxInAFolder(tmp_path)

    def tree(name: str, *more: RenderedFile) -> tuple[RenderedFile, ...]:
        return (file(PATH, name), *more)

    box.apply(*tree("one"))
    box.apply(*tree("two"))
    assert judged == [b"one", b"two"]
    with pytest.raises(Failed):
        box.apply(*tree("three", file("/etc/bad", reload=("false",))))
    assert judged == [b"one", b"two", b"two"], "the one that failed never came so far"
    # A tree of an older program tells no policy: nothing is judged by it.
    box.apply(file("/etc/x"))
    assert judged == [b"one", b"two", b"two"]
