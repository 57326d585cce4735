"""Conversations that the kernel tracks, and the end of those that may not go on.

Taking a rule away stops no conversation that is established: the kernel lets it pass for as
long as it remembers it. So what a switch has made unpermitted is forgotten, entry by entry, and
the next packet of it meets the rules. Whatever is still permitted is not touched.

ctnetlink itself instead of Debian's ``conntrack``: each entry is deleted by its own tuple and
id, so that a new conversation with the same ends cannot be meant, and no package is needed
before there is a firewall. The numbers are those of linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address

from .files import Paths
from .policy import Conversation, Policy, parse
from .process import Failed

NETLINK_NETFILTER = 12
_NEW, _GET, _DELETE = (1 << 8 | kind for kind in (0, 1, 2))  # subsystem 1: ctnetlink
_ERROR, _DONE = 2, 3
_REQUEST, _ACK, _DUMP = 1, 4, 0x300
_TUPLE_ORIG, _PROTOCOL_INFO, _ID, _TUPLE_MASTER, _ZONE = 1, 4, 12, 14, 18
_LIBERAL = 8
"""IP_CT_TCP_FLAG_BE_LIBERAL: what the kernel gives a TCP conversation that it met in its middle
(net/netfilter/nf_conntrack_proto_tcp.c, tcp_new). Under our rules there is no new one: they want
a SYN."""
_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
ROUNDS = 3
"""A dump of a table that changes meanwhile may miss an entry."""

Attributes = dict[int, bytes]


@dataclass(frozen=True)
class Entry:
    """A tracked conversation, and the attributes that name it to the kernel."""

    conversation: Conversation
    family: int
    name: bytes

    def __str__(self) -> str:
        """For people: ``tcp 10.1.2.5 → 192.0.2.25 port 80``."""
        one = self.conversation
        protocol = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmpv6"}.get(one.protocol)
        where = f" port {one.port}" if one.protocol in (6, 17) else ""
        return f"{protocol or f'protocol {one.protocol}'} {one.source} → {one.destination}{where}"


class Table:
    """The kernel's table of this network namespace."""

    def __init__(self) -> None:
        self._link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self._link.settimeout(10)
        self._link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *_: object) -> None:
        self._link.close()

    def entries(self) -> list[Entry]:
        """Everything that is tracked now."""
        self._send(_GET, _REQUEST | _DUMP, socket.AF_UNSPEC)
        return [entry for body in self._answers() if (entry := read_entry(body))]

    def forget(self, entry: Entry) -> bool:
        """Delete one entry; False when it had gone by itself."""
        self._send(_DELETE, _REQUEST | _ACK, entry.family, entry.name)
        try:
            list(self._answers())
        except OSError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
        return True

    def _send(self, kind: int, flags: int, family: int, attributes: bytes = b"") -> None:
        body = struct.pack("=BBH", family, 0, 0) + attributes
        self._link.send(struct.pack("=LHHLL", 16 + len(body), kind, flags, 1, 0) + body)

    def _answers(self) -> Iterator[bytes]:
        """The bodies of the kernel's messages up to its last one."""
        while True:
            data = self._link.recv(1 << 20)
            while data:
                length, kind = struct.unpack_from("=LH", data)
                body, data = data[16:length], data[(length + 3) & ~3 :]
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    code = -struct.unpack_from("=l", body)[0]
                    if code:
                        raise OSError(code, f"connection tracking: {os.strerror(code)}")
                    return
                if kind == _NEW:
                    yield body


def attributes(data: bytes) -> Attributes:
    """The netlink attributes in a row of them (netlink(7))."""
    found: Attributes = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind & _TYPE_MASK] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def read_entry(body: bytes) -> Entry | None:
    """The entry that a message is of; None for one that has no addresses."""
    given = attributes(body[4:])
    original = given.get(_TUPLE_ORIG, b"")
    conversation = _conversation(original)
    if conversation is None:
        return None
    conversation = replace(
        conversation,
        master=_conversation(given.get(_TUPLE_MASTER, b"")),
        turned=_turned(original) if _met_in_its_middle(given) else None,
    )
    named = (kind for kind in (_TUPLE_ORIG, _ID, _ZONE) if kind in given)
    return Entry(conversation, body[0], b"".join(_packed(kind, given[kind]) for kind in named))


def _packed(kind: int, value: bytes) -> bytes:
    nested = 0x8000 if kind == _TUPLE_ORIG else 0
    padding = -len(value) % 4
    return struct.pack("=HH", 4 + len(value), kind | nested) + value + bytes(padding)


def _met_in_its_middle(given: Attributes) -> bool:
    """CTA_PROTOINFO_TCP is 1, its CTA_PROTOINFO_TCP_FLAGS_ORIGINAL 4: flags and their mask."""
    tcp = attributes(attributes(given.get(_PROTOCOL_INFO, b"")).get(1, b""))
    return bool(tcp.get(4, b"\0")[0] & _LIBERAL)


def _ends(packed: bytes) -> tuple[bytes, bytes, Attributes]:
    """Both addresses of a CTA_TUPLE, and what stands in its CTA_TUPLE_PROTO."""
    both = attributes(packed)
    ends = attributes(both.get(1, b""))
    return (
        ends.get(1) or ends.get(3, b""),
        ends.get(2) or ends.get(4, b""),
        attributes(both.get(2, b"")),
    )


def _conversation(packed: bytes) -> Conversation | None:
    source, destination, protocol = _ends(packed)
    if not source or not destination or not protocol.get(1):
        return None
    number = protocol[1][0]
    # CTA_PROTO_DST_PORT, CTA_PROTO_ICMP_TYPE, CTA_PROTO_ICMPV6_TYPE
    where = protocol.get({1: 5, 58: 8}.get(number, 3), b"")
    port = int.from_bytes(where, "big") if where else -1
    return Conversation(ip_address(source), ip_address(destination), number, port)


def _turned(packed: bytes) -> Conversation | None:
    source, destination, protocol = _ends(packed)
    port = int.from_bytes(protocol.get(2, b""), "big")  # CTA_PROTO_SRC_PORT
    return Conversation(ip_address(destination), ip_address(source), protocol[1][0], port)


def forget_unpermitted(policy: Policy) -> list[str]:
    """Delete what a policy does not permit; says what. Raises Failed where it cannot."""
    gone: dict[str, None] = {}
    try:
        with Table() as table:
            for _ in range(ROUNDS):
                found = [each for each in table.entries() if not policy.permits(each.conversation)]
                if not found:
                    break
                gone |= {str(entry): None for entry in found if table.forget(entry)}
    except OSError as error:
        raise Failed(f"conversations that are no longer permitted go on: {error}") from None
    return sorted(gone)


def unpermitted(policy: Policy) -> list[str]:
    """What a policy would end of what goes on now; nothing where the kernel cannot be asked."""
    try:
        with Table() as table:
            entries = table.entries()
    except OSError:
        return []
    return sorted({str(each) for each in entries if not policy.permits(each.conversation)})


def after(paths: Paths, policy: bytes) -> list[str]:
    """What is to be done after every switch, by the policy of its tree."""
    permitted = parse(policy)
    # In a test's folder the kernel is not the box's.
    return forget_unpermitted(permitted) if str(paths.root) == "/" else []
