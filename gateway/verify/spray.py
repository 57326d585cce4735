"""Run on a simulated machine: open every TCP and UDP port of an address (standard library only).

``python3 - ADDRESS [PORT...]``. Nothing is waited for: what passed the firewall is counted on
the box itself. Bounded: each port of each protocol is tried ROUNDS times and no more.
"""

from __future__ import annotations

import socket
import sys

ROUNDS = 2  # a veth drops a packet now and then when its queue is full
BATCH = 500


def main() -> None:
    """One SYN and one datagram for each port."""
    address = sys.argv[1]
    ports = [int(each) for each in sys.argv[2:]] or range(1, 65536)
    for _ in range(ROUNDS):
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened: list[socket.socket] = []
        for port in ports:
            try:
                datagrams.sendto(b"\0", (address, port))
            except OSError:  # an ICMP error for an earlier one: that one was answered, go on
                datagrams.sendto(b"\0", (address, port))
            stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            stream.setblocking(False)
            stream.connect_ex((address, port))
            opened.append(stream)
            if len(opened) >= BATCH:
                _close(opened)
        _close(opened)


def _close(opened: list[socket.socket]) -> None:
    for each in opened:
        each.close()
    opened.clear()


main()
