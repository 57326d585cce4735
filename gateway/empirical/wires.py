"""A box between its networks, in namespaces: a ruleset is loaded into it, packets sent through it.

What is received is what passed: by a raw socket behind the input hook, or on the other side's wire.
"""

from __future__ import annotations

import ctypes
import os
import select
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path

from gateway.audit.answer import Packet
from gateway.audit.fields import ICMP, ICMPV6, IPV4, TCP, UDP, value_name
from gateway.empirical import raw
from gateway.problems import Failed
from gateway.run import run

Sides = Mapping[str, tuple[IPv4Interface | IPv6Interface, ...]]
"""The box's cards, and its own addresses there."""
CLONE_NEWNET = 0x40000000
ETH_ALL = 3
QUIET = 0.08
"""Seconds without another packet after which none is waited for: they take under 1 ms."""
BATCH = 64
"""So many are sent before what came is read: a veth's queue holds 1,000."""
LISTENED = (
    (socket.AF_INET, (TCP, UDP, ICMP, 132)),
    (socket.AF_INET6, (TCP, UDP, ICMPV6, 132)),
)


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread's new sockets, and its /proc/self/net, belong to that namespace (setns(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    there = Path("/run/netns", namespace)
    with Path("/proc/thread-self/ns/net").open() as here, there.open() as ns:
        if libc.setns(ns.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(here.fileno(), CLONE_NEWNET)


class Wires:
    """The namespaces, and the sockets in them. ``default``: the card that unknown addresses are
    behind."""

    def __init__(self, sides: Sides, default: str, prefix: str = "gwem") -> None:
        if os.geteuid() != 0:
            raise Failed("network namespaces need root: use sudo")
        self.sides, self.default = sides, default
        self.prefix = f"{prefix}{os.getpid()}"
        self._names = {card: f"{self.prefix}n{number}" for number, card in enumerate(sides)}
        self._names["box"] = f"{self.prefix}box"
        self._open: list[socket.socket] = []
        self._seen: set[int] = set()
        self.number = 0
        try:
            self._build()
            self._sockets()
        except BaseException:
            self.close()
            raise

    def name(self, side: str) -> str:
        """The namespace of ``box``, or of what a card leads to."""
        return self._names[side]

    def _ip(self, *words: str) -> str:
        return run(["ip", *words]).stdout

    def _build(self) -> None:
        box = self.name("box")
        self._ip("netns", "add", box)
        with self.inside("box"):
            _settings()
        self._ip("-n", box, "link", "set", "lo", "up")
        for card, addresses in self.sides.items():
            self._ip("netns", "add", self.name(card))
            self._ip("-n", box, "link", "add", card, "type", "veth",
                     "peer", "name", "e0", "netns", self.name(card))  # fmt: skip
            # No neighbour is ever asked for: the frames are ours.
            for where, link in ((box, card), (self.name(card), "e0")):
                self._ip("-n", where, "link", "set", link, "arp", "off", "up")
            for each in addresses:
                nodad = ["nodad"] if each.version == 6 else ["brd", "+"]
                self._ip("-n", box, "addr", "add", str(each), "dev", card, *nodad)
        for version in ("-4", "-6"):
            self._ip("-n", box, version, "route", "add", "default", "dev", self.default)

    def _sockets(self) -> None:
        self.wire: dict[str, socket.socket] = {}
        self.mac: dict[str, bytes] = {}
        with self.inside("box"):
            for card in self.sides:
                self.mac[card] = bytes.fromhex(self._mac(card))
            self.heard = [
                self._socket(family, socket.SOCK_RAW, protocol)
                for family, protocols in LISTENED
                for protocol in protocols
            ]
            self.own = self._socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self.own.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self.own6 = self._socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
            netlink = int(getattr(socket, "AF_NETLINK", 16))
            self.netlink = self._socket(netlink, socket.SOCK_RAW, 12)
        for card in self.sides:
            with self.inside(card):
                made = self._socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
                made.bind(("e0", ETH_ALL))
            self.wire[card] = made
        for each in (*self.heard, *self.wire.values()):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            each.setblocking(False)

    def _socket(self, family: int, kind: int, protocol: int) -> socket.socket:
        made = socket.socket(family, kind, protocol)
        self._open.append(made)
        return made

    def _mac(self, card: str) -> str:
        words = self._ip("-n", self.name("box"), "-o", "link", "show", card).split()
        return words[words.index("link/ether") + 1].replace(":", "")

    def inside(self, side: str) -> AbstractContextManager[None]:
        """This thread's new sockets and its /proc/sys/net belong to that namespace."""
        return inside(self.name(side))

    def nft(self, *words: str, stdin: str | None = None) -> str:
        """What nft says in the box's namespace."""
        return run(["ip", "netns", "exec", self.name("box"), "nft", *words], stdin=stdin).stdout

    def load(self, text: str) -> None:
        """A ruleset in place of the one before, and no conversation known any more."""
        self.nft("-f", "-", stdin=f"flush ruleset\n{text}\n")
        self.forget()

    def forget(self) -> None:
        """Delete all conversations (nfnetlink_conntrack.h, IPCTNL_MSG_CT_DELETE)."""
        kind, flags = 1 << 8 | 2, 1 | 4  # NLM_F_REQUEST | NLM_F_ACK
        self.netlink.send(struct.pack("=IHHII4B", 20, kind, flags, 1, 0, 0, 0, 0, 0)[:20])
        self.netlink.recv(4096)

    def passes(self, packets: Sequence[Packet]) -> list[bool]:
        """Which packets come through, each sent once."""
        self._collect(0)
        self._seen = set()
        first = self.number
        for packet in packets:
            self._send(packet, self.number)
            self.number += 1
            if self.number % BATCH == 0:
                self._collect(0)
        seen = self._collect(QUIET)
        return [number in seen for number in range(first, self.number)]

    def passes_one(self, packet: Packet) -> bool:
        """Whether one packet comes through."""
        return self.passes([packet])[0]

    def crosses(self, data: bytes, cards: tuple[str, str]) -> bool:
        """Whether a packet that is no counted one comes from one card's side to the other's."""
        self._collect(0)
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

    def _collect(self, quiet: float) -> set[int]:
        sockets = (*self.heard, *self.wire.values())
        until = time.monotonic() + 2
        while time.monotonic() < until:
            ready, _, _ = select.select(sockets, [], [], quiet)
            if not ready:
                break
            for each in ready:
                self._read(each)
        return self._seen

    def _read(self, each: socket.socket) -> None:
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
                self._seen.add(number)

    def close(self) -> None:
        """Leave nothing."""
        for each in self._open:
            each.close()
        for name in self._names.values():
            run(["ip", "netns", "del", name], check=False)


def _settings() -> None:
    """Set before a card is there, so that every card has it."""
    ipv4, ipv6 = Path("/proc/sys/net/ipv4"), Path("/proc/sys/net/ipv6")
    for scope in ("all", "default"):
        # The kernel's own check of senders is off: what is dropped the rules dropped.
        (ipv4 / f"conf/{scope}/rp_filter").write_text("0")
        if ipv6.exists():
            (ipv6 / f"conf/{scope}/accept_dad").write_text("0")
            (ipv6 / f"conf/{scope}/forwarding").write_text("1")
    (ipv4 / "ip_forward").write_text("1")
    (ipv4 / "icmp_ratelimit").write_text("0")
