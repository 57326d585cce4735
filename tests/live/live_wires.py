"""A box between two sides, in namespaces: rulesets are loaded into it, packets sent through it.

What is received is what passed: by a raw socket behind the input hook, or on the other side's wire.
"""

from __future__ import annotations

import ctypes
import os
import select
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import raw

from gateway.audit.answer import Packet
from gateway.audit.fields import ICMP, ICMPV6, IPV4, TCP, UDP, value_name

CLONE_NEWNET = 0x40000000
ETH_ALL = 3
SIDES = {"ca0": ("10.1.1.", "fd00:1::"), "cb0": ("10.1.2.", "fd00:2::")}
"""The box's cards, and the beginning of the addresses there; the box is .1 on both."""
QUIET = 0.08
"""Seconds without another packet after which none is waited for: they take under 1 ms."""


class Wires:
    """The namespaces, and the sockets in them."""

    def __init__(self) -> None:
        self.prefix = f"gwlw{os.getpid()}"
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.number = 0
        try:
            self._build()
            self._sockets()
        except BaseException:
            self.close()
            raise

    def _run(self, *words: str, stdin: str | None = None) -> str:
        done = subprocess.run(words, input=stdin, text=True, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
        return done.stdout

    def name(self, side: str) -> str:
        return f"{self.prefix}{side}"

    def _build(self) -> None:
        box = self.name("box")
        self._run("ip", "netns", "add", box)
        with self.inside("box"):
            # Set before a card is there, so that every card has it.
            ipv4, ipv6 = Path("/proc/sys/net/ipv4"), Path("/proc/sys/net/ipv6")
            for scope in ("all", "default"):
                (ipv4 / f"conf/{scope}/rp_filter").write_text("0")
                (ipv6 / f"conf/{scope}/accept_dad").write_text("0")
                (ipv6 / f"conf/{scope}/forwarding").write_text("1")
            (ipv4 / "ip_forward").write_text("1")
            (ipv4 / "icmp_ratelimit").write_text("0")
        self._run("ip", "-n", box, "link", "set", "lo", "up")
        for card, (v4, v6) in SIDES.items():
            self._run("ip", "netns", "add", self.name(card))
            self._run("ip", "-n", box, "link", "add", card, "type", "veth",
                      "peer", "name", "e0", "netns", self.name(card))  # fmt: skip
            # No neighbour is ever asked for: the frames are ours.
            for where, link in ((box, card), (self.name(card), "e0")):
                self._run("ip", "-n", where, "link", "set", link, "arp", "off", "up")
            self._run("ip", "-n", box, "addr", "add", f"{v4}1/24", "dev", card)
            self._run("ip", "-n", box, "addr", "add", f"{v6}1/64", "dev", card, "nodad")
        self._run("ip", "-n", box, "route", "add", "default", "dev", "cb0")
        self._run("ip", "-n", box, "-6", "route", "add", "default", "dev", "cb0")

    def _sockets(self) -> None:
        self.wire, self.mac = {}, {}
        with self.inside("box"):
            for card in SIDES:
                self.mac[card] = bytes.fromhex(self._mac(card))
            self.heard = [
                socket.socket(family, socket.SOCK_RAW, protocol)
                for family, protocols in (
                    (socket.AF_INET, (TCP, UDP, ICMP, 132)),
                    (socket.AF_INET6, (TCP, UDP, ICMPV6, 132)),
                )
                for protocol in protocols
            ]
            self.own = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self.own6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self.netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        for card in SIDES:
            with self.inside(card):
                made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
                made.bind(("e0", ETH_ALL))
            self.wire[card] = made
        for each in (*self.heard, *self.wire.values()):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            each.setblocking(False)

    def _mac(self, card: str) -> str:
        words = self._run("ip", "-n", self.name("box"), "-o", "link", "show", card).split()
        return words[words.index("link/ether") + 1].replace(":", "")

    @contextmanager
    def inside(self, side: str) -> Iterator[None]:
        """This thread's new sockets and its /proc/sys/net belong to that namespace."""
        there = Path("/run/netns", self.name(side))
        with Path("/proc/thread-self/ns/net").open() as here, there.open() as ns:
            if self._libc.setns(ns.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                self._libc.setns(here.fileno(), CLONE_NEWNET)

    def nft(self, *words: str, stdin: str | None = None) -> str:
        return self._run("ip", "netns", "exec", self.name("box"), "nft", *words, stdin=stdin)

    def load(self, text: str) -> None:
        """A ruleset in place of the one before, and no conversation known any more."""
        self.nft("-f", "-", stdin=f"flush ruleset\n{text}")
        self.forget()

    def forget(self) -> None:
        """Delete all conversations (nfnetlink_conntrack.h, IPCTNL_MSG_CT_DELETE)."""
        kind, flags = 1 << 8 | 2, 1 | 4  # NLM_F_REQUEST | NLM_F_ACK
        self.netlink.send(struct.pack("=IHHII4B", 20, kind, flags, 1, 0, 0, 0, 0, 0)[:20])
        self.netlink.recv(4096)

    def passes(self, packets: Sequence[Packet]) -> list[bool]:
        """Which packets come through, each sent once."""
        self._drain()
        first = self.number
        for packet in packets:
            self._send(packet, self.number)
            self.number += 1
            if self.number % 64 == 0:
                self._collect(0)
        seen = self._collect(QUIET)
        return [number in seen for number in range(first, self.number)]

    def passes_one(self, packet: Packet) -> bool:
        return self.passes([packet])[0]

    def crosses(self, data: bytes, cards: tuple[str, str]) -> bool:
        """Whether a packet that is no counted one comes from one card's side to the other's."""
        self._drain()
        self.send_raw(cards[0], data)
        other = self.wire[cards[1]]
        while select.select([other], [], [], QUIET)[0]:
            if data[20:] in other.recv(2048):
                return True
        return False

    def send_raw(self, card: str, data: bytes) -> None:
        """A frame onto the wire of one side."""
        kind = 0x0800 if data[0] >> 4 == 4 else 0x86DD
        frame = self.mac[card] + b"\x02\0\0\0\0\x09" + struct.pack("!H", kind) + data
        self.wire[card].send(frame)

    def _send(self, packet: Packet, number: int) -> None:
        get = dict(packet.fields)
        data = raw.packet(packet, number)
        if packet.path != "output":
            self.send_raw(value_name(get["iif"]), data)
            return
        card = value_name(get["oif"]).encode()
        ipv4 = get["family"] == IPV4
        sender = self.own if ipv4 else self.own6
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, card + b"\0")
        to = socket.inet_ntop(socket.AF_INET if ipv4 else socket.AF_INET6, raw.addresses(get)[1])
        with suppress(PermissionError):  # dropped in the output hook
            sender.sendto(data, (to, 0))

    def _drain(self) -> None:
        self._collect(0)
        self._seen: set[int] = set()

    def _collect(self, quiet: float) -> set[int]:
        seen = getattr(self, "_seen", set())
        sockets = (*self.heard, *self.wire.values())
        until = time.monotonic() + 2
        while time.monotonic() < until:
            ready, _, _ = select.select(sockets, [], [], quiet)
            if not ready:
                break
            for each in ready:
                self._read(each, seen)
        return seen

    def _read(self, each: socket.socket, seen: set[int]) -> None:
        while True:
            try:
                data, origin = each.recvfrom(2048)
            except BlockingIOError:
                return
            # On a wire only what goes to that side counts (PACKET_OUTGOING is what we sent).
            on_wire = each.family == socket.AF_PACKET
            if on_wire and origin[2] == 4:
                continue
            six = each.family == socket.AF_INET6
            number = raw.number_in(data[14:] if on_wire else bytes(40) + data if six else data)
            if number is not None:
                seen.add(number)

    def close(self) -> None:
        for side in ("box", *SIDES):
            subprocess.run(["ip", "netns", "del", self.name(side)], check=False,
                           capture_output=True)  # fmt: skip
