"""Questions to a ruleset: may this one open that to whom, and why; who can reach a device.

Answered from the diagrams of the ruleset itself, never from the description; that is named only
to say which of its lines asked for what was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_network
from itertools import islice
from typing import Literal

from gateway.audit import packets
from gateway.audit.allowed import SYN_ONLY, Permission, beginnings
from gateway.audit.answer import Path
from gateway.audit.diagram import FALSE
from gateway.audit.fields import IPV4, IPV6, NUMBER, TCP, UDP, show
from gateway.audit.prove import Prover
from gateway.audit.rules import Interval, Values
from gateway.audit.senders import Sides, valid_sources
from gateway.audit.trace import trace
from gateway.audit.universe import Named, but, one
from gateway.ground import Ground
from gateway.policy import End, Flow, Reason, Service, end, network_end, outside_end
from gateway.problems import Failed
from gateway.written import BOX

Verdict = Literal["yes", "no", "partly", "unknown"]
Box = Mapping[int, Values]
MOST = 2_000
"""So many boxes of an answer are looked at."""
_Way = tuple[Path, Values, Values, Values]
_ANY = Service("anything", ping=True)


@dataclass(frozen=True)
class Opening:
    """Conversations that the ruleset lets begin, and why."""

    source: str
    destination: str
    service: str
    certain: bool
    """False: only if something is so that the verifier does not know."""
    flows: tuple[Flow, ...]
    """Of the description; none: nobody asked for it."""
    rules: tuple[str, ...]
    """What decides, with handle and text."""

    def __str__(self) -> str:
        perhaps = "" if self.certain else " (perhaps: it hangs on something that is not known)"
        return f"{self.source} → {self.destination}: {self.service}{perhaps}"


@dataclass(frozen=True)
class Reply:
    """``partly``: some of what was asked passes. ``unknown``: it hangs on what is not known."""

    verdict: Verdict
    openings: tuple[Opening, ...]
    stopped: str = ""
    """What stops the rest, with handle and text."""
    example: str = ""
    """A packet of the rest."""


def who(site: Ground, name: str) -> End:
    """The end that a word names: a device, a network, an address, ``outside`` or ``box``."""
    if name == BOX:
        own = [each for card in site.networks.values() for each in (card.address, card.address6)]
        return End(BOX, None, tuple(ip_network(each.ip) for each in own if each))
    if name in site.devices and site.devices[name].network is None:
        raise Failed(f"`{name}` has no network: nothing reaches it, and it reaches nothing")
    found = end(site, name)
    if found is None:
        known = ", ".join((*site.networks, "outside", BOX, *site.devices))
        raise Failed(f"there is no `{name}`: give an address, or one of {known}")
    if found.network is not None and len(found.addresses) == 1:
        own_box = who(site, BOX)
        if found.addresses[0] in own_box.addresses:
            return replace(own_box, addresses=found.addresses)
    return found


class Asker:
    """Answers about one ruleset."""

    def __init__(self, prover: Prover) -> None:
        self.prover, self.site = prover, prover.site
        self.diagram, self.meaning = prover.diagram, prover.meaning
        self.sides = Sides(prover.site)

    @cached_property
    def _begin(self) -> Mapping[_Way, list[Permission]]:
        """What the description lets begin, by path, cards and a destination of one address."""
        found: dict[_Way, list[Permission]] = {}
        for each in self.prover.permissions:
            if each.kind == "begin":
                goal = each.box.get("destination", ())
                only = goal if len(goal) == 1 and goal[0][0] == goal[0][1] else ()
                key = (each.path, each.box.get("iif", ()), each.box.get("oif", ()), only)
                found.setdefault(key, []).append(each)
        return found

    def _permissions(self, path: Path, box: Box) -> Iterator[Permission]:
        """Those that may have to do with a box: of its cards, of its one destination."""
        iif = box.get(NUMBER["iif"], ()) if path != "output" else ()
        oif = box.get(NUMBER["oif"], ()) if path != "input" else ()
        goal = box.get(NUMBER["destination"], ())
        if len(goal) == 1 and goal[0][0] == goal[0][1]:
            yield from self._begin.get((path, iif, oif, goal), ())
            yield from self._begin.get((path, iif, oif, ()), ())
            return
        for (way, come, go, _), listed in self._begin.items():
            if (way, come, go) == (path, iif, oif):
                yield from listed

    def ask(self, source: End, destination: End, service: Service | None) -> Reply:
        """Whether ``source`` may open ``service`` (None: anything) to ``destination``."""
        if source.network == destination.network:
            if source.is_box:
                raise Failed("the box talks to itself over lo, which every site lets it")
            raise Failed(
                f"{source.name} and {destination.name} are both on {source.network}: they talk"
                " directly, and the box never sees it"
            )
        boxes = [(p.path, p.box) for p in self._asked(source, destination, service)]
        if not boxes:
            raise Failed(f"{source.name} and {destination.name} have no IP version in common")
        path = boxes[0][0]
        everything = self.meaning.everything[path]
        asked = self.diagram.both(self.prover.region(box for _, box in boxes), everything)
        may = self.diagram.both(asked, self.meaning.may[path])
        must = self.diagram.both(asked, self.meaning.must[path])
        openings = tuple(self._openings(path, may, must))
        return self._reply(path, (asked, may, must), openings, any_of_it=service is None)

    def _reply(
        self,
        path: Path,
        found: tuple[int, int, int],
        openings: tuple[Opening, ...],
        *,
        any_of_it: bool,
    ) -> Reply:
        asked, may, must = found
        rest = self.diagram.less(asked, must)
        if rest == FALSE:
            return Reply("yes", openings)
        packet = packets.example(path, next(self.diagram.boxes(rest)), self.prover.known)
        way = trace(self.prover.ruleset, packet)
        shown = self.prover.words.packet(packet)
        verdict: Verdict = "partly"
        if may == FALSE:
            verdict = "no"
        elif must == FALSE:
            verdict = "unknown"
        elif any_of_it:
            verdict = "yes"
        return Reply(verdict, openings, "" if way.accepted else way.decided, shown)

    def _asked(self, source: End, to: End, service: Service | None) -> Iterator[Permission]:
        flow = Flow(source, to, service or _ANY, Reason(()), "asked")
        for each in beginnings(self.sides, flow):
            if service is not None:
                yield each
                continue
            base = {name: v for name, v in each.box.items() if name not in ("protocol", "sport")}
            yield replace(each, box={**base, "protocol": one(TCP), "flags": SYN_ONLY})
            yield replace(each, box={**base, "protocol": but("protocol", one(TCP))})

    def reaching(self, destination: End) -> tuple[Opening, ...]:
        """Everything that may begin a conversation with one end, from wherever."""
        sources = [
            network_end(self.site, name) if network.inside else outside_end(self.site)
            for name, network in self.site.networks.items()
        ]
        if not destination.is_box:
            sources.append(who(self.site, BOX))
        replies = [
            self.ask(each, destination, None)
            for each in sources
            if each.network != destination.network
        ]
        return tuple(opening for reply in replies for opening in reply.openings)

    def _openings(self, path: Path, may: int, must: int) -> Iterator[Opening]:
        """Grouped by the flows that asked for them: a box may be several flows'."""
        groups: dict[tuple[tuple[Flow, ...], tuple[str, ...], bool], list[Box]] = {}
        parts = ((must, True), (self.diagram.less(may, must), False))
        for node, certain in parts:
            for box in islice(self.diagram.boxes(node), MOST):
                for flows, rules, piece in self._why(path, box):
                    groups.setdefault((flows, rules, certain), []).append(piece)
        for (flows, rules, certain), pieces in groups.items():
            for box in packets.merged(pieces):
                yield Opening(*self._ends(path, box), certain, flows, rules)

    def _why(self, path: Path, box: Box) -> Iterator[tuple[tuple[Flow, ...], tuple[str, ...], Box]]:
        """A box cut along the flows that permit it; what is left of it nobody asked for."""
        rest = self.diagram.box({k: box[k] for k in sorted(box)})
        by_piece: dict[tuple[tuple[int, Values], ...], list[Flow]] = {}
        for permission in self._permissions(path, box):
            piece = _common(box, permission.box)
            if piece is not None and permission.flow:
                by_piece.setdefault(tuple(sorted(piece.items())), []).append(permission.flow)
                rest = self.diagram.less(rest, self.diagram.box(piece))
        for fields, flows in by_piece.items():
            yield tuple(dict.fromkeys(flows)), self._rules(path, dict(fields)), dict(fields)
        for left in islice(self.diagram.boxes(rest), MOST):
            yield (), self._rules(path, left), left

    def _rules(self, path: Path, box: Box) -> tuple[str, ...]:
        way = trace(self.prover.ruleset, packets.example(path, box, self.prover.known))
        if not way.accepted and way.unknown:
            packet = packets.example(path, box, self.prover.known)
            way = trace(self.prover.ruleset, packet, truth=True)
        comment = f' (element "{way.comment}")' if way.comment and way.rule else ""
        return (f"{way.decided}{comment}",)

    def _ends(self, path: Path, box: Box) -> tuple[str, str, str]:
        family = box.get(NUMBER["family"], one(IPV4))[0][0]
        source = BOX if path == "output" else self._address(box, "source", family)
        to = self._address(box, "destination", family)
        return source, f"{BOX} ({to})" if path == "input" else to, _service(box)

    def _address(self, box: Box, name: str, family: int) -> str:
        everything = ((0, (1 << (32 if family == IPV4 else 128)) - 1),)
        values = box.get(NUMBER[name], everything)
        if values == everything:
            return "anywhere"
        if known := self._sides.get((family, values)):
            return known
        shown = [self._named(each, family) for each in values[:8]]
        return ", ".join(shown) + (f" and {len(values) - 8} more" if len(values) > 8 else "")

    @cached_property
    def _sides(self) -> Mapping[tuple[int, Values], str]:
        """All machines of a network, as one name."""
        found: dict[tuple[int, Values], str] = {}
        for name, network in self.site.networks.items():
            for family, own in ((IPV4, network.address), (IPV6, network.address6)):
                if own:
                    net = own.network
                    where = f"{name} ({net})" if network.inside else "outside"
                    found[family, valid_sources(self.site, name, family)] = where
                    whole = (int(net.network_address), int(net.broadcast_address))
                    found[family, (whole,)] = f"{name} ({net})"
        return found

    def _named(self, interval: Interval, family: int) -> str:
        low, high = interval
        if low == high:
            return self.prover.words.who(low, family)
        first, last = (show("source", each, family) for each in interval)
        # A prefix, if the two differ in their last bits only, and in all of those.
        bits = (low ^ high).bit_length()
        if low & ((1 << bits) - 1) == 0 and high == low | ((1 << bits) - 1):
            return f"{first}/{(32 if family == IPV4 else 128) - bits}"
        return f"{first}-{last}"


def _common(box: Box, other: Named) -> dict[int, Values] | None:
    """What two boxes share; None if nothing."""
    found = dict(box)
    for name, values in other.items():
        number = NUMBER[name]
        shared = _both(found[number], values) if number in found else values
        if not shared:
            return None
        found[number] = shared
    return found


def _both(a: Sequence[Interval], b: Sequence[Interval]) -> Values:
    pairs = ((max(x[0], y[0]), min(x[1], y[1])) for x in a for y in b)
    return tuple(sorted((low, high) for low, high in pairs if low <= high))


def _service(box: Box) -> str:
    protocols = box.get(NUMBER["protocol"], ((0, 255),))
    names = [
        packets.PROTOCOLS.get(low, f"protocol {low}") if low == high else f"protocols {low}-{high}"
        for low, high in protocols
    ]
    ports = box.get(NUMBER["dport"], ((0, 65535),))
    only_ports = all(low == high and low in (TCP, UDP) for low, high in protocols)
    if not only_ports:
        types = box.get(NUMBER["sport"])
        kinds = ", ".join(str(low >> 8) for low, _ in types) if types else ""
        return ", ".join(names) + (f" type {kinds}" if kinds else "")
    shown = [
        "all ports" if (a, b) == (0, 65535) else str(a) if a == b else f"{a}-{b}" for a, b in ports
    ]
    return ", ".join(f"{name}/{port}" for name in names for port in shown)
