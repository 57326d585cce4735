"""What a verifier gets wrong easily: each folder a ruleset and packets with their fate.

The fate is asked of the proof's diagrams, of the walk along the rules, and of the kernel itself.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest
from live_kit import needs_nft
from live_wires import Wires

from gateway.audit.answer import Packet
from gateway.audit.fields import (
    FIELDS,
    INVALID,
    IPV4,
    IPV6,
    NEW,
    NUMBER,
    RELATED,
    TCP,
    UDP,
    name_value,
    value_name,
)
from gateway.audit.meaning import Meaning, meaning
from gateway.audit.parse import load_text
from gateway.audit.trace import trace
from gateway.empirical import raw

pytestmark = needs_nft
CASES = sorted(Path(__file__).parent.glob("[0-9]*-*/"))
PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmp": 1}
FLAGS = {"fin": 1, "syn": 2, "rst": 4, "ack": 16}


@dataclass(frozen=True)
class Asked:
    """A packet, what becomes of it, and the one that an ICMP error is about."""

    packet: Packet
    fate: str
    about: Packet | None = None


def spoken(text: str) -> tuple[Packet, Packet | None]:
    """``forward ca0 cb0 10.1.1.5 10.1.2.5 tcp/80 flags=ack`` as a packet."""
    path, *words = text.split()
    cards = {"input": ("iif",), "output": ("oif",), "forward": ("iif", "oif")}[path]
    get = dict.fromkeys(FIELDS, 0) | {"ttl": 64, "sport": 40000, "flags": 2}
    for card in cards:
        get[card] = name_value(words.pop(0))
    source, destination, service, *more = words
    get["source"], get["destination"] = int(ip_address(source)), int(ip_address(destination))
    get["family"] = IPV6 if ":" in source else IPV4
    protocol, _, port = service.partition("/")
    get["protocol"] = PROTOCOLS[protocol]
    get |= {"sport": int(port) << 8, "flags": 0} if protocol == "icmp" else {"dport": int(port)}
    about = None
    for word in more:
        name, _, value = word.partition("=")
        if name == "flags":
            get["flags"] = sum(FLAGS[each] for each in value.split(","))
        elif name == "about":
            about, _ = spoken(value.replace(",", " "))
        else:
            get[name] = 1
    return Packet(path, tuple(get.items())), about  # type: ignore[arg-type]


def asked(case: Path) -> Iterator[Asked]:
    for line in (case / "packets").read_text().splitlines():
        fate, _, text = line.partition(" ")
        packet, about = spoken(text)
        yield Asked(packet, fate, about)


def states(found: Meaning, what: Asked) -> Packet:
    """The packet with the state that tracking gives it."""
    get = dict(what.packet.fields)
    for state in (RELATED,) if what.about else (NEW, INVALID):
        get["state"] = state
        if found.diagram.has(
            found.everything[what.packet.path], {NUMBER[n]: v for n, v in get.items()}
        ):
            return Packet(what.packet.path, tuple(get.items()))
    raise AssertionError(what)


@pytest.mark.parametrize("case", CASES, ids=lambda each: each.name)
def test_the_proof_knows_it(case: Path) -> None:
    ruleset = load_text((case / "ruleset.nft").read_text())
    found = meaning(ruleset)
    assert found.strange == ()
    for each in asked(case):
        packet = states(found, each)
        point = {NUMBER[name]: value for name, value in packet.fields}
        may = found.diagram.has(found.may[packet.path], point)
        must = found.diagram.has(found.must[packet.path], point)
        fate = {(True, True): "accept", (False, False): "drop"}.get((may, must), "unknown")
        assert fate == each.fate, (case.name, packet)
        walked = {trace(ruleset, packet, truth=truth).accepted for truth in (False, True)}
        assert walked == {"accept": {True}, "drop": {False}}.get(fate, {False, True}), packet


@pytest.fixture(scope="module")
def wires() -> Iterator[Wires]:
    made = Wires()
    yield made
    made.close()


def error_about(packet: Packet, quoted: Packet) -> bytes:
    """An ICMP error that quotes the beginning of what it is about (RFC 792)."""
    get = dict(packet.fields)
    body = struct.pack("!HHI", get["sport"], 0, 0) + raw.packet(quoted, 0)[:28]
    body = body[:2] + struct.pack("!H", raw.checksum(body)) + body[4:]
    return raw.ip(get, body, 1)


@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("case", CASES, ids=lambda each: each.name)
def test_the_kernel_does_it(case: Path, wires: Wires) -> None:
    text = (case / "ruleset.nft").read_text()
    for each in asked(case):
        if each.fate == "unknown":
            continue
        wires.load("")
        assert each.about or wires.passes_one(each.packet), "without a ruleset everything passes"
        wires.load(text)
        if each.about:
            assert wires.passes_one(each.about)
            cards = value_name(each.packet["iif"]), value_name(each.packet["oif"])
            passed = wires.crosses(error_about(each.packet, each.about), cards)
        else:
            passed = wires.passes_one(each.packet)
        assert passed == (each.fate == "accept"), each.packet
