"""A lab's booted box itself: every TCP and UDP port of it, from every network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

import lab
from gateway.audit.allowed import SYN_ONLY
from gateway.audit.diagram import FALSE
from gateway.audit.fields import IPV4, NEW, NUMBER, TCP, UDP, name_value
from gateway.audit.finding import Finding
from gateway.audit.prove import Prover
from gateway.audit.rules import Values
from gateway.audit.universe import Named, one
from gateway.verify.passing import Passed, passed

PROTOCOLS = {TCP: "tcp", UDP: "udp"}
SOURCE_PORT = 40000
GUEST = "guest@"


@dataclass(frozen=True)
class Sprayed:
    """One machine's 131,070 packets to the box, and what of them passed."""

    sender: str
    address: str
    box: str
    passed: Passed
    expected: Passed

    def findings(self) -> Iterator[Finding]:
        """For the answer."""
        fact = f"{self.sender} ({self.address}) to {self.box}"
        for protocol, port in sorted(self.passed - self.expected):
            said = f"{protocol}/{port} passes on the booted box, and is stopped by the diagram"
            yield Finding("undecided", "ports", said, fact)
        for protocol, port in sorted(self.expected - self.passed):
            said = f"{protocol}/{port} is stopped on the booted box, and passes by the diagram"
            yield Finding("undecided", "ports", said, fact)
        if self.passed == self.expected:
            said = (
                "all 65,535 TCP and UDP ports of the booted box were tried:"
                f" {len(self.passed)} let packets through, the same as in the diagram"
            )
            yield Finding("note", "ports", said, fact)


def sprayed(prover: Prover, at: lab.Lab) -> Iterator[Sprayed]:
    """From a machine that nobody described on each network, and one outside.

    Only a lab has such machines: a real box cannot be meant.
    """
    for name, network in prover.site.networks.items():
        sender = f"{GUEST}{name}" if network.inside else "outsider"
        address, box = at.plan.place(sender).addresses[0], str(network.address.ip)
        found = passed(at, sender, address, box)
        card = name_value(network.nic.interface)
        expected = frozenset(_expected(prover, card, address, box))
        yield Sprayed(sender, address, box, found, expected)


def _expected(prover: Prover, card: int, address: str, box: str) -> Iterator[tuple[str, int]]:
    base: Named = {
        "iif": one(card),
        "family": one(IPV4),
        "state": one(NEW),
        "source": one(int(IPv4Address(address))),
        "destination": one(int(IPv4Address(box))),
    }
    for number, protocol in PROTOCOLS.items():
        more: Named = {"protocol": one(number)}
        if number == TCP:
            more |= {"flags": SYN_ONLY, "sport": one(SOURCE_PORT)}
        asked = prover.region([{**base, **more}])
        open_to = prover.diagram.both(asked, prover.meaning.may["input"])
        if open_to == FALSE:
            continue
        for each in prover.diagram.boxes(open_to):
            ports: Values = each.get(NUMBER["dport"], ((0, 65535),))
            yield from ((protocol, p) for low, high in ports for p in range(max(low, 1), high + 1))
