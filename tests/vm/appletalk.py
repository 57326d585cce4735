"""A node of AppleTalk by a packet socket, on a simulated device: its host's kernel needs none.

After Inside AppleTalk, 2nd edition: AARP (2), DDP (4), AEP (6), NBP (7), ZIP (8) and ATP (9).
"""

import socket
import struct
import time
from dataclasses import dataclass

CARD = "eth0"
EVERYONE = bytes.fromhex("090007ffffff")
DDP, AARP = bytes.fromhex("aaaa03080007809b"), bytes.fromhex("aaaa0300000080f3")
ASK, TELL, PROBE = 1, 2, 3
NBP, ATP, AEP, ZIP = 2, 3, 4, 6  # DDP's types; the sockets of NBP, AEP and ZIP have the same
NAMES, ECHO, ZONES = 2, 4, 6
SOCKET = 250
"""Ours, for everything: dynamically assigned ones begin at 128."""
NODE = 77
BEGINNER = (0xFF00, NODE)
"""From the range for those that do not know their network yet."""
REQUEST, RESPONSE, RELEASE = 0x40, 0x80, 0xC0
ONCE, LAST = 0x20, 0x10
PART = 578
NETWORK_IS, ECHOED, FOUND = range(6, 7), range(2, 3), range(0x30, 0x40)
"""What answers of ZIP, AEP and NBP begin with."""
TRIES, PATIENCE = 4, 2
CONTINUE, ATTENTION = 7, 8
"""What a server asks its client for, in ASP (11)."""


@dataclass(frozen=True)
class Datagram:
    """What DDP brought us: from whom, of what type, and its content."""

    network: int
    node: int
    socket: int
    kind: int
    content: bytes

    @property
    def sender(self) -> tuple[int, int, int]:
        """Whom to answer."""
        return self.network, self.node, self.socket


class Node:
    """A Macintosh on the wire."""

    def __init__(self) -> None:
        self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.wire.bind((CARD, 0))
        # Promiscuous (packet(7)): what is for AppleTalk's multicast addresses is for us, too.
        member = struct.pack("iHH8s", socket.if_nametoindex(CARD), 1, 0, b"")
        self.wire.setsockopt(263, 1, member)
        self.mac = self.wire.getsockname()[4]
        self.address = BEGINNER
        self.known: dict[tuple[int, int], bytes] = {}
        self.number = 0
        self.to_write = b""

    def frame(self, to: bytes, kind: bytes, content: bytes) -> None:
        """Send one frame of 802.3, which says how long it is, and SNAP."""
        body = kind + content
        self.wire.send((to + self.mac + struct.pack(">H", len(body)) + body).ljust(60, b"\0"))

    def aarp(self, what: int, to: bytes, whose: bytes, address: tuple[int, int]) -> None:
        """Ask for the card of an address, or tell ours."""
        head = struct.pack(">HHBBH", 1, 0x809B, 6, 4, what)
        own = address if what == PROBE else self.address
        self.frame(
            to,
            AARP,
            head
            + self.mac
            + struct.pack(">BHB", 0, *own)
            + whose
            + struct.pack(">BHB", 0, *address),
        )

    def heard(self, seconds: float) -> Datagram | None:
        """The next datagram for us, or None when there was none in that time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.wire.settimeout(left)
            try:
                frame = self.wire.recv(2048)
            except TimeoutError:
                return None
            kind, content = frame[14:22], frame[22:]
            if frame[6:12] == self.mac:
                continue
            if kind == AARP:
                self.on_aarp(content)
            elif kind == DDP and (found := self.on_ddp(content)):
                return found
        return None

    def on_aarp(self, content: bytes) -> None:
        """Learn who is where, and tell who asks for us."""
        what = struct.unpack(">H", content[6:8])[0]
        theirs, target = (
            struct.unpack(">xHB", content[14:18]),
            struct.unpack(">xHB", content[24:28]),
        )
        if what == TELL:
            self.known[theirs] = content[8:14]
        elif target == self.address:
            self.aarp(TELL, content[8:14], content[8:14], theirs)

    def on_ddp(self, content: bytes) -> Datagram | None:
        """A datagram, if it is to us or to everyone."""
        length, _, to_net, from_net, to_node, from_node, _, port, kind = struct.unpack(
            ">HHHHBBBBB", content[:13]
        )
        if to_node not in (self.address[1], 255) or to_net not in (self.address[0], 0):
            return None
        return Datagram(from_net, from_node, port, kind, content[13 : length & 0x3FF])

    def send(self, to: tuple[int, int, int], kind: int, content: bytes) -> None:
        """Send a datagram: to one, or (node 255) to everyone on the wire."""
        head = struct.pack(
            ">HHHHBBBBB", 13 + len(content), 0, to[0], self.address[0], to[1], self.address[1],
            to[2], SOCKET, kind,
        )  # fmt: skip
        self.frame(EVERYONE if to[1] == 255 else self.card(to[:2]), DDP, head + content)

    def card(self, address: tuple[int, int]) -> bytes:
        """The MAC address of a node."""
        for _ in range(5):
            if address in self.known:
                return self.known[address]
            self.aarp(ASK, EVERYONE, bytes(6), address)
            self.heard(1)
        raise TimeoutError(f"nobody has the AppleTalk address {address[0]}.{address[1]}")

    def exchange(
        self, to: tuple[int, int, int], kind: int, content: bytes, answers: range
    ) -> Datagram:
        """Ask, and ask again, until there is an answer, which its first byte shows."""
        for _ in range(TRIES):
            self.send(to, kind, content)
            deadline = time.monotonic() + PATIENCE
            while (left := deadline - time.monotonic()) > 0:
                found = self.heard(left)
                if found and found.kind == kind and found.content[0] in answers:
                    return found
        raise TimeoutError(f"no answer of type {kind} from {to}")

    def join(self) -> dict[str, object]:
        """Learn the network and its zone from the router, and take an address on it."""
        asked = self.exchange((0, 255, ZONES), ZIP, bytes([5, 0, 0, 0, 0, 0, 0]), NETWORK_IS)
        _, flags, first, last = struct.unpack(">BBHH", asked.content[:6])
        zone, rest = pascal(asked.content[6:])
        if flags & 0x80:  # ours is none: the default comes behind the multicast address
            zone, _ = pascal(rest[1 + rest[0] :])
        for _ in range(3):
            self.aarp(PROBE, EVERYONE, bytes(6), (first, NODE))
            self.heard(0.2)
        self.address = (first, NODE)
        return {"range": [first, last], "zone": zone, "router": asked.sender[:2]}

    def zones(self, router: tuple[int, int]) -> list[str]:
        """Every zone that the router knows."""
        _, data = self.transact((*router, ZONES), bytes([8, 0, 0, 1]), parts=1, once=0)
        found = []
        while data:
            zone, data = pascal(data)
            found.append(zone)
        return found

    def echo(self, to: tuple[int, int]) -> str:
        """What comes back from a node that is sent something."""
        return self.exchange((*to, ECHO), AEP, b"\1hello", ECHOED).content[1:].decode()

    def look(
        self, router: tuple[int, int], kind: str, zone: str
    ) -> dict[str, tuple[int, int, int]]:
        """The names of a kind in a zone, and where each is."""
        own = struct.pack(">HBBB", *self.address, SOCKET, 0)
        asked = b"\x11\1" + own + counted("=") + counted(kind) + counted(zone)
        found, rest = {}, self.exchange((*router, NAMES), NBP, asked, FOUND).content
        count, rest = rest[0] & 15, rest[2:]
        for _ in range(count):
            network, node, port = struct.unpack(">HBB", rest[:4])
            name, rest = pascal(rest[5:])
            for _ in range(2):
                _, rest = pascal(rest)
            found[name] = (network, node, port)
        return found

    def transact(
        self,
        to: tuple[int, int, int],
        user: bytes,
        data: bytes = b"",
        parts: int = 8,
        once: int = ONCE,
    ) -> tuple[bytes, bytes]:
        """An ATP transaction: the user bytes and the data of its answer.

        With ``once`` the other side does it no more than once, though we ask again.
        """
        self.number += 1
        got: dict[int, bytes] = {}
        wanted = (1 << parts) - 1
        deadline, again = time.monotonic() + 60, 0.0
        while wanted:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer to an ATP request from {to}")
            if time.monotonic() > again:
                again = time.monotonic() + 3
                head = struct.pack(">BBH", REQUEST | once, wanted, self.number)
                self.send(to, ATP, head + user + data)
            found = self.heard(0.5)
            if not found or found.kind != ATP:
                continue
            control, part, number = struct.unpack(">BBH", found.content[:4])
            if control & 0xC0 == REQUEST:
                self.serve(found)
            elif control & 0xC0 == RESPONSE and number == self.number:
                got[part] = found.content[4:]
                wanted &= ~(1 << part)
                if control & LAST:
                    wanted &= (1 << part) - 1
        if once:
            self.send(to, ATP, struct.pack(">BBH", RELEASE, 0, self.number) + bytes(4))
        return got[0][:4], b"".join(got[part][4:] for part in sorted(got))

    def serve(self, asked: Datagram) -> None:
        """The server asks for what is to be written, or for attention; tickles want no answer."""
        _, wanted, number, verb = struct.unpack(">BBHB", asked.content[:5])
        if verb not in (CONTINUE, ATTENTION):
            return
        whole = self.to_write if verb == CONTINUE else b""
        parts = [whole[i : i + PART] for i in range(0, len(whole), PART)] or [b""]
        for index, part in enumerate(parts):
            if wanted >> index & 1:
                control = RESPONSE | (LAST if index == len(parts) - 1 else 0)
                head = struct.pack(">BBH", control, index, number) + bytes(4)
                self.send(asked.sender, ATP, head + part)


def pascal(text: bytes) -> tuple[str, bytes]:
    """A counted string, and what is behind it."""
    return text[1 : 1 + text[0]].decode("mac_roman"), text[1 + text[0] :]


def counted(text: str) -> bytes:
    """A counted string."""
    return bytes([len(text.encode("mac_roman"))]) + text.encode("mac_roman")
