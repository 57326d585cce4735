"""PROVED, DIFFERENT or UNDECIDED: what may and must pass against what the description permits.

PROVED: whatever the unknowns are, nothing passes that is not permitted, and all passes that must.
DIFFERENT: some packet fares otherwise than described, whatever the unknowns are. UNDECIDED: neither
can be said, or there is something that the verifier does not understand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, NamedTuple

from gateway.audit import packets, say
from gateway.audit.allowed import AXIOMS, permissions
from gateway.audit.answer import Answer, Difference, Packet, Path, Proof
from gateway.audit.diagram import FALSE, Diagram
from gateway.audit.fields import INVALID, IPV4, NEW, NUMBER, SYN, SYN_OF, TCP, name_value
from gateway.audit.meaning import PATHS, Meaning, meaning
from gateway.audit.outcome import Changes
from gateway.audit.packets import MOST_BOXES
from gateway.audit.rules import Ruleset, Strange, Values
from gateway.audit.trace import Trace, trace
from gateway.audit.universe import Named, one
from gateway.flow import Flow
from gateway.ground import Ground

Kind = Literal["opened", "closed", "translation", "helper"]


@dataclass(frozen=True)
class Wrong:
    """Packets that fare otherwise than described."""

    kind: Kind
    path: Path
    node: int
    certain: bool


class _Found(NamedTuple):
    """A box of packets that fare wrongly, an example of them, its way, and whose they are."""

    box: dict[int, Values]
    packet: Packet
    way: Trace
    flows: tuple[Flow, ...]


def prove(
    ruleset: Ruleset, site: Ground, flows: Iterable[Flow], strange: Iterable[Strange] = ()
) -> Proof:
    """Whether a ruleset permits exactly the flows; ``strange``: what else is not understood."""
    return Prover(ruleset, site, tuple(flows), tuple(strange)).proof()


class Prover:
    """The diagrams of both sides, for a proof and for questions.

    Those of rulesets that are much alike are made sooner in one ``diagram``.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        site: Ground,
        flows: tuple[Flow, ...],
        strange: tuple[Strange, ...] = (),
        diagram: Diagram | None = None,
    ) -> None:
        self.ruleset, self.site, self.flows = ruleset, site, flows
        self.meaning: Meaning = meaning(ruleset, diagram)
        self.diagram = self.meaning.diagram
        self.strange = (*self.meaning.strange, *strange)
        self.permissions = tuple(permissions(site, flows))
        self.known = packets.Known.of(site)
        self.words = packets.Words(self.known)

    def proof(self) -> Proof:
        """The whole answer."""
        wrong = tuple(each for path in PATHS for each in self._wrong(path))
        found = sorted((d for each in wrong for d in self._differences(each)), key=_order)
        answer: Answer = "PROVED"
        if self.strange or wrong:
            answer = "UNDECIDED"
        if any(each.certain for each in wrong) and not self.strange:
            answer = "DIFFERENT"
        return Proof(answer, tuple(found), self.strange, self.ruleset.apart, AXIOMS)

    def region(self, chosen: Iterable[Named]) -> int:
        """Boxes by the names of their fields, as a diagram."""
        boxes = [{NUMBER[name]: v for name, v in box.items()} for box in chosen]
        return self.diagram.union(boxes)

    def _of(self, path: Path, *, must: bool) -> int:
        """What must, or what may pass. All that follows a beginning may: one box says it."""
        found = [
            each.box
            for each in self.permissions
            if each.path == path
            and (each.must if must else not (each.must and each.kind == "later"))
        ]
        return self.diagram.both(self.region(found), self.meaning.everything[path])

    def _wrong(self, path: Path) -> Iterator[Wrong]:
        may, must = self.meaning.may[path], self.meaning.must[path]
        permitted, required = self._of(path, must=False), self._of(path, must=True)
        less = self.diagram.less
        yield from self._split("opened", path, less(must, permitted), less(may, permitted))
        yield from self._split("closed", path, less(required, may), less(required, must))
        yield from self._translated(path, permitted)
        yield from self._helped(path, permitted)

    def _split(self, kind: Kind, path: Path, sure: int, whole: int) -> Iterator[Wrong]:
        if sure != FALSE:
            yield Wrong(kind, path, sure, certain=True)
        if (rest := self.diagram.less(whole, sure)) != FALSE:
            yield Wrong(kind, path, rest, certain=False)

    def _translated(self, path: Path, permitted: int) -> Iterator[Wrong]:
        """What leaves outside has the box's address; nothing else is translated, inward least."""
        begins = self.diagram.both(permitted, self.region([{"state": one(NEW)}]))
        node = FALSE
        goal = self.region(self._leaving()) if path == "forward" else FALSE
        for changes, where in self.meaning.changed[path].items():
            here = self.diagram.both(where, begins)
            node = self.diagram.either(node, self._mistaken(dict(changes), here, goal))
        if node != FALSE:
            yield Wrong("translation", path, node, certain=self._settled(path, node))

    def _mistaken(self, changes: dict[str, int | None], here: int, goal: int) -> int:
        own = int(self.site.outside.address.ip)
        if changes.get("dnat"):
            return here
        if not changes.get("snat"):
            return self.diagram.both(here, goal)
        if changes.get("source", own) not in (None, own):
            return here
        return self.diagram.less(here, goal)

    def _leaving(self) -> Iterator[Named]:
        outside = one(name_value(self.site.outside.nic.interface))
        for network in self.site.inside.values():
            net = network.network
            source = ((int(net.network_address), int(net.broadcast_address)),)
            yield {"oif": outside, "family": one(IPV4), "source": source}

    def _helped(self, path: Path, permitted: int) -> Iterator[Wrong]:
        """The conversations that a helper reads are exactly those whose flow asks for it."""
        lo = one(name_value("lo"))
        begins = self.diagram.both(permitted, self.region([{"state": one(NEW)}]))
        begins = self.diagram.less(begins, self.region([{"iif": lo}, {"oif": lo}]))
        begins = self.diagram.both(begins, self.meaning.may[path])
        asked = {name_value(flow.service.helper) for flow in self.flows if flow.service.helper}
        given = {dict(changes).get("assigned") for changes in self.meaning.changed[path]}
        node = FALSE
        for helper in asked | {each for each in given if each}:
            want = self.region(
                p.box
                for p in self.permissions
                if p.path == path
                and p.kind == "begin"
                and p.flow
                and p.flow.service.helper
                and name_value(p.flow.service.helper) == helper
            )
            have = self.diagram.any_of(
                [n for c, n in self.meaning.changed[path].items() if _assigned(c) == helper]
            )
            want, have = self.diagram.both(want, begins), self.diagram.both(have, begins)
            both = self.diagram.either(self.diagram.less(want, have), self.diagram.less(have, want))
            node = self.diagram.either(node, both)
        if node != FALSE:
            yield Wrong("helper", path, node, certain=self._settled(path, node))

    def _settled(self, path: Path, node: int) -> bool:
        """Whether for some of these packets nothing unknown is involved."""
        return self.diagram.both(node, self.meaning.must[path]) != FALSE

    def _differences(self, wrong: Wrong) -> Iterator[Difference]:
        groups: dict[tuple[object, ...], list[_Found]] = {}
        for box in packets.merged(list(islice(self.diagram.boxes(wrong.node), MOST_BOXES))):
            packet = packets.example(wrong.path, box, self.known)
            way = self._trace(wrong, packet)
            flows = tuple(self._concerned(wrong, packet, way))
            key = (_several(packet),) if _several(packet) else (way.decided, packet["state"], flows)
            groups.setdefault(key, []).append(_Found(box, packet, way, flows))
        for members in groups.values():
            members.sort(key=lambda each: packets.size(each.box))
            yield self._difference(wrong, members)

    def _difference(self, wrong: Wrong, members: list[_Found]) -> Difference:
        first = members[0]
        return Difference(
            wrong.kind,
            wrong.certain and not self.strange,
            first.packet,
            tuple(packets.region(wrong.path, each.box) for each in members),
            first.way.rule,
            first.way.decided,
            first.flows,
            say.sentence(wrong.kind, first.packet, first.flows, first.way, self.words),
        )

    def _trace(self, wrong: Wrong, packet: Packet) -> Trace:
        """Its way, the unknowns taken so that the packet fares as it should not."""
        found = trace(self.ruleset, packet)
        if found.accepted != (wrong.kind != "closed") and found.unknown:
            return trace(self.ruleset, packet, truth=True)
        return found

    def _concerned(self, wrong: Wrong, packet: Packet, way: Trace) -> Iterator[Flow]:
        """The flows that ask for the packet; for one nobody asks for, those its rule names."""
        values = dict(packet.fields)
        seen: set[Flow] = set()
        for each in self.permissions:
            if each.path != packet.path or not each.flow or each.flow in seen:
                continue
            if all(_among(values[name], v) for name, v in each.box.items()):
                seen.add(each.flow)
                yield each.flow
        if wrong.kind == "opened" and way.comment:
            for flow in self.flows:
                if flow not in seen and say.names(way.comment, flow):
                    seen.add(flow)
                    yield flow


def _among(value: int, values: Values) -> bool:
    return any(low <= value <= high for low, high in values)


def _assigned(changes: Changes) -> int | None:
    return dict(changes).get("assigned")


def _several(packet: Packet) -> str:
    """Packets of no conversation differ in every rule for one cause: they are told together."""
    get = dict(packet.fields)
    if get["state"] == INVALID:
        return "invalid"
    stray = get["state"] == NEW and get["protocol"] == TCP and not get["fragment"]
    return "stray" if stray and get["flags"] & SYN_OF != SYN else ""


def _order(each: Difference) -> tuple[object, ...]:
    boxes = [{NUMBER[name]: v for name, v in r.fields} for r in each.regions]
    return (not each.certain, sum(map(packets.size, boxes)), each.decided)
