"""What the ruleset costs those who pass it: new conversations, and one that goes on.

    sudo .venv/bin/python tests/bench/throughput.py

Ratios are to the same packets between the same namespaces without any ruleset, in this run and in
turn; they should not fall with the number of devices, because exact flows are looked up in hash
sets. It counts by processor time, in which the kernel's work on a veth is contained; a ratio is the
median of the rounds' own, so that what the machine does meanwhile falls on both. Exits with 1 where
TCP is below 0.9 of no rules, or new conversations with 10,000 devices below 0.8 of those with 10.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from dataclasses import replace
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from statistics import median

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "lab")]

from firewall import PORTS, SOCKETS, flows  # noqa: E402 - it stands beside
from packet_wires import OTHER, SERVER, Wires, site_with  # noqa: E402

from gateway.features.firewall import ruleset  # noqa: E402
from gateway.policy import End, Flow, PortRange, Service  # noqa: E402

ROUNDS = 9
SIZES = (10, 1_000, 10_000)
TCP_PORT, TCP_SECONDS = 5201, 0.7
LEAST_TCP, LEAST_NEW = 0.9, 0.8


def devices(count: int) -> tuple[Flow, ...]:
    """So many devices with a flow each, and what is measured."""
    made = list(flows(len(PORTS)))
    tcp = Service("tcp/5201", (PortRange("tcp", TCP_PORT, TCP_PORT),))
    made.append(replace(made[0], service=tcp))
    for index in range(count - 1):
        address = str(IPv4Address("198.18.0.0") + index)
        made.append(replace(made[0], source=End(address, "office", (ip_network(address),))))
    return tuple(made)


def new_a_second(wires: Wires) -> float:
    """New conversations a processor second: each packet from ports not seen before."""
    sinks = [wires.socket("hospital", socket.SOCK_DGRAM, (SERVER, port)) for port in PORTS]
    senders = [wires.socket("office", socket.SOCK_DGRAM, (OTHER, 0)) for _ in range(SOCKETS)]
    senders[0].sendto(b"arp", (SERVER, PORTS[0]))
    begin = time.process_time()
    for port in PORTS[1:]:
        for sender in senders:
            sender.sendto(b"x", (SERVER, port))
    rate = SOCKETS * len(PORTS[1:]) / (time.process_time() - begin)
    assert sinks[-1].recv(16) == b"x", "they were denied, so this measured nothing"
    for each in (*sinks, *senders):
        each.close()
    return rate


def tcp_a_second(wires: Wires) -> float:
    """Bytes a processor second of one conversation that goes on."""
    listening = wires.listen("hospital", SERVER, TCP_PORT)
    client = wires.connect("office", OTHER, (SERVER, TCP_PORT))
    assert client, "it was denied, so this measured nothing"
    server = listening.accept()[0]
    client.settimeout(10)
    server.settimeout(10)
    got = 0

    def take() -> None:
        nonlocal got
        room = bytearray(1 << 20)
        while count := server.recv_into(room):
            got += count

    taker = threading.Thread(target=take)
    taker.start()
    data, begin = bytes(1 << 20), time.process_time()
    end = time.monotonic() + TCP_SECONDS
    while time.monotonic() < end:
        client.sendall(data)
    client.shutdown(socket.SHUT_WR)
    taker.join()
    seconds = time.process_time() - begin
    for each in (listening, client, server):
        each.close()
    return got / seconds


def measured(wires: Wires, texts: dict[int, str]) -> dict[int, tuple[list[float], list[float]]]:
    """New conversations and bytes a second by size, in turn; 0 is without a ruleset."""
    found: dict[int, tuple[list[float], list[float]]] = {size: ([], []) for size in texts}
    for _ in range(ROUNDS):
        for size, text in texts.items():
            wires.nft("-f", "-", stdin=text)
            time.sleep(0.2)  # what the loading left to be freed is freed
            found[size][0].append(new_a_second(wires))
            found[size][1].append(tcp_a_second(wires))
    return found


def ratio(some: list[float], others: list[float]) -> float:
    """The median of the rounds' ratios."""
    return median(a / b for a, b in zip(some, others, strict=True))


def main() -> int:
    """Print a line for each size; 1 if it is below what was promised."""
    site = site_with()
    texts, costs = {0: "flush ruleset\n"}, {}
    wires = Wires()
    try:
        for count in SIZES:
            begin = time.perf_counter()
            texts[count] = ruleset(site, devices(count)).decode()
            rendered = time.perf_counter()
            wires.nft("-f", "-", stdin=texts[count])
            costs[count] = rendered - begin, time.perf_counter() - rendered
        found = measured(wires, texts)
    finally:
        wires.close()
    bare_new, bare_tcp = (median(each) for each in found[0])
    gigabits = bare_tcp * 8 / 1e9
    print(f"no ruleset: {bare_new:,.0f} new conversations, {gigabits:.1f} Gbit a core second")
    print(f"{'devices':>7}  {'render s':>8}  {'load s':>7}  {'new':>6}  {'tcp':>6}")
    tcp = []
    for count, (render, load) in costs.items():
        new, tcp_ratio = (ratio(*pair) for pair in zip(found[count], found[0], strict=True))
        tcp.append(tcp_ratio)
        print(f"{count:7,}  {render:8.3f}  {load:7.3f}  {new:6.2f}  {tcp_ratio:6.2f}")
    flat, least = ratio(found[SIZES[-1]][0], found[SIZES[0]][0]), min(tcp)
    print(f"new, {SIZES[-1]:,} to {SIZES[0]} devices: {flat:.2f}; TCP at least {least:.2f}")
    return int(flat < LEAST_NEW or least < LEAST_TCP)


if __name__ == "__main__":
    sys.exit(main())
