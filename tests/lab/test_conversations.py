"""Conversations after a change of the policy: what is not permitted any more ends, the rest lives.

The rendered ruleset and the kernel's own connection tracking, between namespaces.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from packet_wires import BOX, CAMERA, DENIED, OTHER, PC, SERVER, Wires, flows_of, hears, site_with

from gateway.box import conntrack, policy, tracking
from gateway.features import policy_file
from gateway.site import Site

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="needs root and nft"),
]

WITHOUT_WEB: dict[str, Any] = {
    "access": [{"from": "pc", "to": "picker", "services": ["dicom", "ping", "udp/5000"]}]
}


@pytest.fixture
def wires() -> Iterator[Wires]:
    made = Wires()
    yield made
    made.close()


def end_unpermitted(wires: Wires, site: Site) -> list[str]:
    told = policy.parse(policy_file.text(site, flows_of(site)))
    with wires.inside("box"):
        return conntrack.forget_unpermitted(told)


def passes(one: socket.socket, other: socket.socket, word: bytes) -> bool:
    """Whether a word arrives within the time in which nothing denied would."""
    one.sendall(word)
    try:
        return other.recv(64) == word
    except TimeoutError:
        return False


def test_a_conversation_whose_flow_is_gone_ends_and_the_others_live_on(wires: Wires) -> None:
    before, after = site_with(), site_with(**WITHOUT_WEB)
    listeners = {
        "web": wires.listen("hospital", SERVER, 80),
        "dicom": wires.listen("cameras", CAMERA, 104),
        "ssh": wires.listen("box", BOX, 22),
    }
    wires.load(before, flows_of(before))
    clients = {
        "web": wires.connect("office", PC, (SERVER, 80)),
        "dicom": wires.connect("office", PC, (CAMERA, 104)),
        "ssh": wires.connect("office", PC, (BOX, 22)),
    }
    ends = {name: (clients[name], listener.accept()[0]) for name, listener in listeners.items()}
    for _, peer in ends.values():
        peer.settimeout(DENIED)
    # The same policy again ends nothing.
    assert end_unpermitted(wires, before) == []
    wires.load(after, flows_of(after))
    for client, peer in ends.values():
        assert client
        assert passes(client, peer, b"taking a rule away ends nothing by itself")
    assert end_unpermitted(wires, after) == [f"tcp {PC} → {SERVER} port 80"]
    for name, (client, peer) in ends.items():
        assert client
        assert passes(client, peer, b"and now") == (name != "web")
        assert passes(peer, client, b"back") == (name != "web")
    assert end_unpermitted(wires, after) == []


def test_datagrams_and_echoes_too(wires: Wires) -> None:
    before = site_with(
        access=[{"from": "pc", "to": "picker", "services": ["ping", "udp/5000", "udp/5001"]}]
    )
    after = site_with(access=[{"from": "pc", "to": "picker", "services": ["udp/5001"]}])
    wires.load(before, flows_of(before))
    sender = wires.socket("office", socket.SOCK_DGRAM, (PC, 4000))
    receivers = [wires.socket("cameras", socket.SOCK_DGRAM, (CAMERA, n)) for n in (5000, 5001)]
    for receiver in receivers:
        sender.sendto(b"first", receiver.getsockname())
        assert hears(receiver)
        receiver.sendto(b"reply", (PC, 4000))
        assert hears(sender)
    assert wires.pings("office", PC, CAMERA)
    wires.load(after, flows_of(after))
    for receiver in receivers:
        sender.sendto(b"both still pass", receiver.getsockname())
        assert hears(receiver)
    ended = end_unpermitted(wires, after)
    assert f"udp {PC} → {CAMERA} port 5000" in ended
    assert f"icmp {PC} → {CAMERA}" in ended
    assert len(ended) == 2
    for receiver, lives in zip(receivers, (False, True), strict=True):
        sender.sendto(b"again", receiver.getsockname())
        assert bool(hears(receiver)) == lives
    assert not wires.pings("office", PC, CAMERA)


def test_what_is_translated_is_judged_by_who_began_it(wires: Wires) -> None:
    site = site_with()
    listener = wires.listen("hospital", SERVER, 80)
    wires.load(site, flows_of(site))
    client = wires.connect("office", OTHER, (SERVER, 80))
    assert client
    peer, seen = listener.accept()
    assert seen[0] == "192.0.2.10", "masqueraded"
    peer.settimeout(DENIED)
    assert end_unpermitted(wires, site) == []
    assert passes(client, peer, b"still here")
    only_pc = site_with(access=[{"from": "pc", "to": "outside", "services": ["web"]}])
    wires.load(only_pc, flows_of(only_pc))
    assert end_unpermitted(wires, only_pc) == [f"tcp {OTHER} → {SERVER} port 80"]
    assert not passes(client, peer, b"gone")


@pytest.mark.parametrize("first", ["client", "box"])
@pytest.mark.parametrize("allowed", [True, False])
def test_one_that_is_older_than_the_firewall_is_judged_from_either_end(
    wires: Wires, first: str, allowed: bool
) -> None:
    # The administrator's ssh, over which the first ruleset comes: whoever spoke first after the
    # kernel began to track is the one that it takes for the beginner.
    site = site_with(administration={"from": ["pc" if allowed else "192.0.2.50"]})
    server = wires.listen("box", BOX, 22)
    client = wires.connect("office", PC, (BOX, 22))
    assert client
    peer = server.accept()[0]
    peer.settimeout(DENIED)
    wires.nft("-f", "-", stdin=tracking.RULESET)
    one, other = (client, peer) if first == "client" else (peer, client)
    assert passes(one, other, b"a word")
    assert passes(other, one, b"a word")
    wires.load(site, flows_of(site))
    assert bool(end_unpermitted(wires, site)) != allowed
    assert passes(client, peer, b"and now") == allowed
    assert passes(peer, client, b"back") == allowed
