"""The rendered ruleset against conversations: those that go on, and those that never began."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterator

import pytest
from packet_wires import BOX, CAMERA, DENIED, OTHER, PC, SERVER, Wires, flows_of, site_with

from gateway.box import tracking
from gateway.features import firewall

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="needs root and nft"),
]


@pytest.fixture
def wires() -> Iterator[Wires]:
    made = Wires()
    yield made
    made.close()


def test_a_conversation_outlives_a_reload(wires: Wires) -> None:
    site = site_with()
    server = wires.listen("hospital", SERVER, 80)
    wires.load(site, flows_of(site))
    client = wires.connect("office", OTHER, (SERVER, 80))
    assert client
    peer = server.accept()[0]
    wires.load(site, flows_of(site))
    client.sendall(b"still here")
    assert peer.recv(64) == b"still here"
    peer.sendall(b"so am I")
    assert client.recv(64) == b"so am I"
    wires.load(site, ())
    assert not wires.opens("office", OTHER, (SERVER, 80)), "but no new one without its flow"


@pytest.mark.parametrize("tracked", [True, False])
def test_a_connection_older_than_the_firewall_lives_if_it_was_tracked(
    wires: Wires, tracked: bool
) -> None:
    # The administrator's ssh, over which the very first ruleset arrives. With nothing that asks
    # for connection tracking the kernel does not track, and the connection would hang.
    site = site_with()
    server = wires.listen("box", BOX, 22)
    client = wires.connect("office", PC, (BOX, 22))
    assert client
    peer = server.accept()[0]
    peer.settimeout(DENIED)
    if tracked:
        wires.nft("-f", "-", stdin=tracking.RULESET)
        client.sendall(b"a word")  # each ssh round trip is one
        assert peer.recv(64) == b"a word"
    wires.load(site, flows_of(site))
    peer.sendall(b"done")
    if tracked:
        assert client.recv(64) == b"done"
    else:
        with pytest.raises(TimeoutError):
            client.recv(64)


def test_a_conversation_begins_with_a_syn(wires: Wires) -> None:
    # tcp_loose would take a bare ACK for the middle of a conversation that it never saw.
    site = site_with()
    listener = wires.listen("cameras", CAMERA, 104)
    wires.load(site, flows_of(site))
    client = wires.connect("office", PC, (CAMERA, 104))
    assert client
    peer = listener.accept()[0]
    peer.settimeout(DENIED)
    _forget_conversations(wires)
    client.sendall(b"out of nowhere")
    with pytest.raises(TimeoutError):
        peer.recv(64)
    text = firewall.ruleset(site, flows_of(site)).decode()
    wires.nft("-f", "-", stdin=text.replace("!= syn goto stray", "!= syn counter"))
    client.sendall(b" again")
    deadline = time.monotonic() + 3  # the first one is sent again after a growing time
    peer.settimeout(3)
    assert peer.recv(64).startswith(b"out of nowhere")
    assert time.monotonic() < deadline


def _forget_conversations(wires: Wires) -> None:
    """Every conntrack entry of the box's namespace: IPCTNL_MSG_CT_DELETE without a tuple."""
    with wires.inside("box"):
        link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
    body = bytes([socket.AF_UNSPEC, 0, 0, 0])
    kind, flags = (1 << 8) | 2, 1 | 4  # subsystem ctnetlink, delete; request, acknowledge
    head = (16 + len(body)).to_bytes(4, "little") + kind.to_bytes(2, "little")
    link.send(head + flags.to_bytes(2, "little") + bytes(8) + body)
    answer = link.recv(4096)
    link.close()
    assert answer[16:20] == bytes(4), "the kernel refused"
