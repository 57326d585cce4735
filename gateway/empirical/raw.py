"""Packets as bytes: whole ones with right checksums, each with a mark in its payload to find it by.

RFC 791 and 768, 9293, 792, 8200, 4443.
"""

from __future__ import annotations

import struct

from gateway.audit.answer import Packet
from gateway.audit.fields import ICMP, ICMPV6, IPV4, TCP, UDP

MARK = b"gwmark"


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def addresses(get: dict[str, int]) -> tuple[bytes, bytes]:
    """Source and destination as they stand in the header."""
    size = 4 if get["family"] == IPV4 else 16
    return get["source"].to_bytes(size, "big"), get["destination"].to_bytes(size, "big")


def transport(get: dict[str, int], payload: bytes) -> bytes:
    """The transport header and what follows it."""
    source, destination = addresses(get)
    protocol = get["protocol"]
    if protocol == TCP:
        body = struct.pack("!HHIIBBHHH", get["sport"], get["dport"], 1, 0, 5 << 4, get["flags"],
                           1024, 0, 0) + payload  # fmt: skip
        at = 16
    elif protocol == UDP:
        body = struct.pack("!HHHH", get["sport"], get["dport"], 8 + len(payload), 0) + payload
        at = 6
    elif protocol in (ICMP, ICMPV6):
        body = struct.pack("!HHHH", get["sport"], 0, get.get("id", 1), 1) + payload
        at = 2
    else:
        return struct.pack("!HH", get["sport"], get["dport"]) + payload
    pseudo = b""
    if protocol != ICMP:
        shape = "!BBH" if get["family"] == IPV4 else "!I3xB"
        last = (0, protocol, len(body)) if get["family"] == IPV4 else (len(body), protocol)
        pseudo = source + destination + struct.pack(shape, *last)
    found = checksum(pseudo + body) or 0xFFFF
    return body[:at] + struct.pack("!H", found) + body[at + 2 :]


def ip(get: dict[str, int], body: bytes, ident: int, fragment: int = 0) -> bytes:
    """The network header and its body; ``fragment``: flags and offset as IPv4 writes them."""
    source, destination = addresses(get)
    if get["family"] == IPV4:
        head = struct.pack("!BBHHHBBH4s4s", 0x45, get.get("dscp", 0) << 2, 20 + len(body),
                           ident & 0xFFFF, fragment, get.get("ttl", 64), get["protocol"], 0,
                           source, destination)  # fmt: skip
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body
    first = 6 << 28 | get.get("dscp", 0) << 22
    return struct.pack("!IHBB16s16s", first, len(body), get["protocol"], get.get("ttl", 64),
                       source, destination) + body  # fmt: skip


def packet(what: Packet, number: int) -> bytes:
    """A packet of the model as bytes, its number in the payload."""
    get = {**dict(what.fields), "id": number & 0xFFFF}
    payload = MARK + struct.pack("!I", number)
    if get["fragment"]:
        # A later one: only data, from its 64th eight bytes on, and the last.
        return ip(get, payload + b"\0" * 6, number, fragment=64)
    return ip(get, transport(get, payload), number)


def number_in(data: bytes) -> int | None:
    """The number of the packet that these bytes are; not of one that an ICMP error quotes."""
    at = data.find(MARK)
    furthest = 40 if data[:1] and data[0] >> 4 == 4 else 60
    if not 0 <= at <= furthest or len(data) < at + len(MARK) + 4:
        return None
    return int(struct.unpack_from("!I", data, at + len(MARK))[0])
