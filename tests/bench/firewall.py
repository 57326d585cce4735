"""What the ruleset costs: to render, to load, and for the first packet of a conversation.

    sudo .venv/bin/python tests/bench/firewall.py

Ratios are to the same packets between the same namespaces without a ruleset, in this run; they
should not fall with the number of flows, because exact flows are looked up in hash sets. Then what
is lost of one flow while the ruleset is loaded over and over (goal 0), and, as a control, with
verdict maps in it: the kernel takes their elements away before it unhooks the chains that ask them.
"""

from __future__ import annotations

import re
import socket
import subprocess
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
RATE, SECONDS = 10_000, 6
SO_RCVBUFFORCE = 33  # socket(7); not in Python's socket before 3.14
SENDS = """
import socket, sys, time
own, to, port, rate, seconds = *sys.argv[1:3], *map(int, sys.argv[3:])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.bind((own, 0))
sender.connect((to, port))
begun = time.monotonic()
for number in range(rate * seconds):
    while time.monotonic() < begun + number / rate:
        pass
    sender.send(b"x")
"""


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


def with_maps(text: str) -> str:
    """The same ruleset, deciding by a verdict map where a packet comes in."""
    cards = re.findall(r'^\t\tiifname ("\S+") goto (from_\w+)\n', text, re.MULTILINE)
    pairs = ", ".join(f"{card} : goto {chain}" for card, chain in cards)
    lines = re.sub(r'^\t\tiifname "\S+" goto from_\w+\n', "", text, flags=re.MULTILINE)
    found, replaced = f'iifname "lo" accept\n\t\tiifname vmap {{ {pairs} }}', 'iifname "lo" accept'
    return lines.replace(replaced, found, 1)


def lost(wires: Wires, text: str, *, again: bool) -> tuple[int, int]:
    """Packets of one flow that do not arrive while the ruleset is loaded, and how often it was."""
    wires.nft("-f", "-", stdin=text)
    sink = wires.socket("hospital", socket.SOCK_DGRAM, (SERVER, PORTS[0]))
    sink.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
    words = [sys.executable, "-c", SENDS, OTHER, SERVER, *map(str, (PORTS[0], RATE, SECONDS))]
    sender = subprocess.Popen(["ip", "netns", "exec", wires.name("office"), *words])
    loads = 0
    while sender.poll() is None:
        if again:
            wires.nft("-f", "-", stdin=text)
            loads += 1
        else:
            time.sleep(0.1)
    came = 0
    try:
        while sink.recv(16):
            came += 1
    except TimeoutError:
        sink.close()
    return RATE * SECONDS - came, loads


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
        text = firewall.ruleset(site, flows(100)).decode()
        for what, rules, again in (
            ("never loaded", text, False),
            ("loaded", text, True),
            ("with verdict maps (control)", with_maps(text), True),
        ):
            gone, loads = lost(wires, rules, again=again)
            print(f"{RATE * SECONDS:,} packets at {RATE:,}/s, {what}: {gone} lost, {loads} loads")
    finally:
        wires.close()


if __name__ == "__main__":
    main()
