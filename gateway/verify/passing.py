"""Which ports of the box let packets pass, counted behind the firewall on the box itself.

An accepted packet goes on to the next base chain of its hook (nft(8), "verdict statements"), so
a second table at a later priority sees exactly what the first one let through, whether or not
a program listens there. For the lab only: never on a production box.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from importlib.resources import files
from typing import Any

from gateway.problems import Failed
from lab import Lab

COUNTERS = """
table inet gateway_verify {
  counter tcp_arrived { }
  counter udp_arrived { }
  set tcp_passed { type inet_service; flags dynamic; size 65535; }
  set udp_passed { type inet_service; flags dynamic; size 65535; }
  chain arrived {
    type filter hook prerouting priority -400; policy accept;
    ip saddr SOURCE ip daddr BOX tcp flags syn counter name tcp_arrived
    ip saddr SOURCE ip daddr BOX meta l4proto udp counter name udp_arrived
  }
  chain passed {
    type filter hook input priority 100; policy accept;
    ip saddr SOURCE ct state new tcp dport 1-65535 add @tcp_passed { tcp dport }
    ip saddr SOURCE udp dport 1-65535 add @udp_passed { udp dport }
  }
}
"""
ALL_PORTS = 65535
ROUNDS = 3
Passed = frozenset[tuple[str, int]]


def passed(lab: Lab, sender: str, source: str, box: str) -> Passed:
    """Spray every TCP and UDP port of the address ``box``; what passed the box's firewall.

    ``sender`` is the place that sends, ``source`` the address it sends from. Raises Failed
    unless as many packets arrived as there are ports: a lost one would look like a closed port.
    """
    script = files("gateway.verify").joinpath("spray.py").read_text("utf-8")
    found: set[tuple[str, int]] = set()
    for _ in range(ROUNDS):
        with _counting(lab, source, box):
            _must(lab, sender, ["python3", "-", source, box], script)
            found |= {
                (protocol, port) for protocol in ("tcp", "udp") for port in _ports(lab, protocol)
            }
            if all(_arrived(lab, protocol) >= ALL_PORTS for protocol in ("tcp", "udp")):
                return frozenset(found)
    raise Failed(f"{sender}: packets to {box} were lost in each of {ROUNDS} rounds")


@contextmanager
def _counting(lab: Lab, source: str, box: str) -> Iterator[None]:
    counters = COUNTERS.replace("SOURCE", source).replace("BOX", box)
    with _one_at_a_time(lab):
        _must(lab, "box", ["nft", "-f", "-"], counters)
        try:
            yield
        finally:
            _must(lab, "box", ["nft", "delete", "table", "inet", "gateway_verify"])


@contextmanager
def _one_at_a_time(lab: Lab) -> Iterator[None]:
    """Checks run beside each other; two sprays would fill each other's queues and lose packets."""
    with (lab.state_dir / "spray.lock").open("w") as held:
        flock(held, LOCK_EX)
        yield


def _ports(lab: Lab, protocol: str) -> Iterator[int]:
    for element in _listed(lab, "set", f"{protocol}_passed").get("elem", []):
        low, high = element["range"] if isinstance(element, dict) else (element, element)
        yield from range(low, high + 1)


def _arrived(lab: Lab, protocol: str) -> int:
    return int(_listed(lab, "counter", f"{protocol}_arrived")["packets"])


def _listed(lab: Lab, kind: str, name: str) -> dict[str, Any]:
    text = _must(lab, "box", ["nft", "-j", "list", kind, "inet", "gateway_verify", name])
    found: dict[str, Any] = next(
        each[kind] for each in json.loads(text)["nftables"] if kind in each
    )
    return found


def _must(lab: Lab, who: str, command: list[str], stdin: str | None = None) -> str:
    done = lab.exec(who, command, stdin=stdin, timeout=120)
    if done.returncode:
        raise Failed(f"{who}: {' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
