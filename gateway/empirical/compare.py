"""What the kernel does with the chosen packets, against what the diagram says."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from gateway.audit.answer import Packet
from gateway.audit.diagram import TRUE
from gateway.audit.finding import Finding
from gateway.audit.prove import Prover
from gateway.empirical.corners import chosen
from gateway.empirical.wires import Sides, Wires
from gateway.ground import Ground
from gateway.problems import Failed

BATCH = 4_000
"""After so many, the kernel forgets all conversations: each packet is to begin one."""
SHOWN = 5


@dataclass(frozen=True)
class Mismatch:
    """A packet that fares otherwise in the kernel than in the diagram."""

    packet: Packet
    said: str
    passed: bool

    def __str__(self) -> str:
        kernel, diagram = ("passes", "is stopped") if self.passed else ("is stopped", "passes")
        return f"{self.said} {kernel} in the kernel and {diagram} in the diagram"


@dataclass(frozen=True)
class Compared:
    """How it went."""

    sent: int
    passed: int
    skipped: int
    """Packets whose fate hangs on something that is not known (a limit, say)."""
    mismatches: tuple[Mismatch, ...]
    seconds: float

    def findings(self) -> Iterator[Finding]:
        """For the answer: a kernel that does otherwise makes it UNDECIDED."""
        for each in self.mismatches[:SHOWN]:
            said = "a packet fares otherwise in the kernel than by the rules as they are understood"
            yield Finding("undecided", "packets", said, str(each))
        if len(self.mismatches) > SHOWN:
            more = f"and {len(self.mismatches) - SHOWN} packets more"
            yield Finding("undecided", "packets", more)
        if not self.mismatches:
            said = (
                f"{self.sent} packets, at the edges of every flow and in the gaps between, sent"
                f" through a clone of the rules: {self.passed} came through, each as the proof says"
            )
            yield Finding("note", "packets", said, f"{self.seconds:.1f} s")


def sides(site: Ground) -> Sides:
    """A site's cards and the box's addresses."""
    return {
        network.nic.interface: tuple(each for each in (network.address, network.address6) if each)
        for network in site.networks.values()
    }


def compare(prover: Prover) -> Compared:
    """Clone the ruleset into namespaces here, and send. Raises Failed where that cannot be done."""
    began = time.perf_counter()
    site = prover.site
    wires = Wires(sides(site), site.outside.nic.interface)
    try:
        try:
            wires.load(prover.ruleset.text)
        except Failed as failed:
            raise Failed(f"the rules do not load into a clone here: {failed}") from None
        return _send(prover, wires, began)
    finally:
        wires.close()


def _send(prover: Prover, wires: Wires, began: float) -> Compared:
    sent = came = skipped = 0
    wrong: list[Mismatch] = []
    packets, expected = chosen(prover), _Expected(prover)
    while batch := list(islice(packets, BATCH)):
        fates = [(packet, expected(packet)) for packet in batch]
        known = [(packet, fate) for packet, fate in fates if fate is not None]
        skipped += len(fates) - len(known)
        wires.forget()
        results = wires.passes([packet for packet, _ in known])
        sent, came = sent + len(known), came + sum(results)
        unlike = [
            packet for (packet, fate), result in zip(known, results, strict=True) if fate != result
        ]
        wrong += _again(prover, wires, expected, unlike)
    seconds = time.perf_counter() - began
    return Compared(sent, came, skipped, tuple(wrong), seconds)


class _Expected:
    """What the diagram says of a packet; None: its fate is not known, or there is no such one."""

    def __init__(self, prover: Prover) -> None:
        self.diagram, self.meaning = prover.diagram, prover.meaning
        self.highs: dict[int, list[int]] = {}
        """Of a node, the highest value of each edge: found by bisection among thousands."""

    def __call__(self, packet: Packet) -> bool | None:
        values = [value for _, value in packet.fields]
        may, must = self.meaning.may[packet.path], self.meaning.must[packet.path]
        if not self._has(self.meaning.everything[packet.path], values):
            return None
        found = self._has(may, values)
        return found if must == may or found == self._has(must, values) else None

    def _has(self, node: int, values: Sequence[int]) -> bool:
        while node > TRUE:
            edges = self.diagram.edges[node]
            highs = self.highs.get(node)
            if highs is None:
                highs = self.highs[node] = [high for high, _ in edges]
            node = edges[bisect_left(highs, values[self.diagram.variable[node]])][1]
        return node == TRUE


def _again(
    prover: Prover, wires: Wires, expected: _Expected, unlike: Sequence[Packet]
) -> Iterator[Mismatch]:
    """Each by itself: a lost packet, or one that met another's conversation, is no mismatch."""
    for packet in unlike:
        wires.forget()
        passed = wires.passes_one(packet)
        if passed != expected(packet):
            yield Mismatch(packet, prover.words.packet(packet), passed)
