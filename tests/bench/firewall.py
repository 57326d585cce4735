"""What the ruleset costs: to render, to load, and for the first packet of a conversation.

    sudo .venv/bin/python tests/bench/firewall.py

Ratios are to the same packets between the same namespaces without a ruleset, in this run; they
should not fall with the number of flows, because exact flows are looked up in hash sets.
"""

from __future__ import annotations

import socket
import sys
import time
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent / "lab"))

from packet_wires import OTHER, SERVER, Wires, site_with

from gateway.features import firewall
from gateway.policy import End, Flow, PortRange, Reason, Service

SOCKETS, PORTS = 500, range(5000, 5020)
ROUNDS = 5


def flows(count: int) -> tuple[Flow, ...]:
    """So many exact flows from the office to the hospital; those that are measured among them."""
    made = [_flow(SERVER, port, port) for port in PORTS]
    for index in range(count - len(made)):
        host = str(IPv4Address("198.18.0.0") + index // 40)
        made.append(_flow(host, 6000 + index % 40, index))
    return tuple(made)


def _flow(host: str, port: int, index: int) -> Flow:
    source = End("pc", "office", (ip_network(OTHER),))
    service = Service(f"udp/{port}", (PortRange("udp", port, port),))
    reason = Reason(("access", index), index + 1)
    return Flow(source, End(host, "hospital", (ip_network(host),)), service, reason, "bench")


def packets_a_second(wires: Wires) -> float:
    """First packets: every one from a pair of ports that the kernel has not seen."""
    sinks = [wires.socket("hospital", socket.SOCK_DGRAM, (SERVER, port)) for port in PORTS]
    rates = []
    for _ in range(ROUNDS):
        senders = [wires.socket("office", socket.SOCK_DGRAM, (OTHER, 0)) for _ in range(SOCKETS)]
        senders[0].sendto(b"arp", (SERVER, PORTS[0]))
        begin = time.perf_counter()
        for port in PORTS[1:]:
            for sender in senders:
                sender.sendto(b"x", (SERVER, port))
        rates.append(SOCKETS * len(PORTS[1:]) / (time.perf_counter() - begin))
        for sender in senders:
            sender.close()
    came = sinks[-1].recv(16)
    assert came == b"x", "they were denied, so this measured nothing"
    for sink in sinks:
        sink.close()
    return median(rates)


def main() -> None:
    """Print a line for each size."""
    site = site_with()
    wires = Wires()
    try:
        bare = packets_a_second(wires)
        print(f"no ruleset: {bare:,.0f} first packets a second")
        print(f"{'flows':>7}  {'render s':>8}  {'load s':>7}  {'ratio':>6}")
        for count in (20, 100, 1_000, 10_000):
            policy = flows(count)
            begin = time.perf_counter()
            text = firewall.ruleset(site, policy).decode()
            rendered = time.perf_counter()
            wires.nft("-f", "-", stdin=text)
            loaded = time.perf_counter()
            ratio = packets_a_second(wires) / bare
            print(f"{count:7,}  {rendered - begin:8.3f}  {loaded - rendered:7.3f}  {ratio:6.2f}")
    finally:
        wires.close()


if __name__ == "__main__":
    main()
