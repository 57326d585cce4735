"""Run on a simulated machine: send to every TCP and UDP port of an address (standard library).

``python3 - SOURCE ADDRESS``: one bare SYN (RFC 9293) and one datagram for each port, and no
more. Nothing is waited for: what arrived and what passed is counted on the box itself.
"""

from __future__ import annotations

import socket
import struct
import sys
import time

SOURCE_PORT = 40000
SYN, OFFSET, WINDOW = 0x02, 5 << 4, 1024
BURST = 400  # a veth's queue holds 1000 packets; the receiver is given its turn in between


def main() -> None:
    """Spray."""
    source, address = sys.argv[1], sys.argv[2]
    with (
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as streams,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        base = checksum_base(source, address)
        for port in range(1, 65536):
            streams.sendto(syn(port, base), (address, 0))
            try:
                datagrams.sendto(b"\0", (address, port))
            except OSError:  # the error that an earlier one met is told here; this one was not sent
                datagrams.sendto(b"\0", (address, port))
            if port % BURST == 0:
                time.sleep(0.002)


def checksum_base(source: str, address: str) -> int:
    """The sum of what is the same in every SYN, with the pseudo-header (RFC 9293, 3.1)."""
    fixed = socket.inet_aton(source) + socket.inet_aton(address)
    fixed += struct.pack("!BBHHHIIBBHHH", 0, 6, 20, SOURCE_PORT, 0, 1, 0, OFFSET, SYN, WINDOW, 0, 0)
    return sum(struct.unpack(f"!{len(fixed) // 2}H", fixed))


def syn(port: int, base: int) -> bytes:
    """A SYN to a port."""
    total = base + port
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~total & 0xFFFF
    return struct.pack("!HHIIBBHHH", SOURCE_PORT, port, 1, 0, OFFSET, SYN, WINDOW, checksum, 0)


main()
