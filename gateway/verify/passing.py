"""Which ports of the box let packets pass, counted behind the firewall on the box itself.

An accepted packet goes on to the next base chain of its hook (nft(8), "verdict statements"), so
a second table at a later priority sees exactly what the first one let through, whether or not
a program listens there. For the lab only: never on a production box.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

from gateway.problems import Failed
from lab import Lab

COUNTERS = """
table inet gateway_verify {
  set tcp_passed { type inet_service; flags dynamic; size 65535; }
  set udp_passed { type inet_service; flags dynamic; size 65535; }
  chain input {
    type filter hook input priority 100; policy accept;
    ip saddr SOURCE ct state new tcp dport 1-65535 add @tcp_passed { tcp dport }
    ip saddr SOURCE udp dport 1-65535 add @udp_passed { udp dport }
  }
}
"""
Passed = frozenset[tuple[str, int]]


def passed(lab: Lab, source: str, address: str, destination: str) -> Passed:
    """Spray every port of ``destination`` from ``source``; what passed the box's firewall.

    ``source`` is who sends, ``address`` the address it sends from.
    """
    with _counting(lab, address):
        script = files("gateway.verify").joinpath("spray.py").read_text("utf-8")
        _must(lab, source, ["python3", "-", destination], script)
        return frozenset(
            (protocol, port) for protocol in ("tcp", "udp") for port in _elements(lab, protocol)
        )


@contextmanager
def _counting(lab: Lab, address: str) -> Iterator[None]:
    _must(lab, "box", ["nft", "-f", "-"], COUNTERS.replace("SOURCE", address))
    try:
        yield
    finally:
        _must(lab, "box", ["nft", "delete", "table", "inet", "gateway_verify"])


def _elements(lab: Lab, protocol: str) -> list[int]:
    listed = _must(
        lab, "box", ["nft", "-j", "list", "set", "inet", "gateway_verify", f"{protocol}_passed"]
    )
    found = next(each["set"] for each in json.loads(listed)["nftables"] if "set" in each)
    ports: list[int] = []
    for element in found.get("elem", []):
        low, high = element["range"] if isinstance(element, dict) else (element, element)
        ports.extend(range(low, high + 1))
    return ports


def _must(lab: Lab, who: str, command: list[str], stdin: str | None = None) -> str:
    done = lab.exec(who, command, stdin=stdin, timeout=120)
    if done.returncode:
        raise Failed(f"{who}: {' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
