"""What a ruleset lets through: for each path, the packets it may accept and those it must.

A packet meets the base chains of the hooks on its path, by priority and across tables. ``accept``
leads on to the next base chain, ``drop`` is final (nft(8), chains).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain as chained
from itertools import pairwise

from gateway.audit import fields, universe
from gateway.audit.answer import Path
from gateway.audit.chains import Chains
from gateway.audit.diagram import Diagram
from gateway.audit.fields import FIELDS, INVALID, IPV4, IPV6, LIMITS, NEW, NUMBER, RELATED
from gateway.audit.outcome import HOP, NONE, Changes, Outcomes, Way
from gateway.audit.rules import (
    Assign,
    Chain,
    Match,
    Rule,
    Ruleset,
    Statement,
    Strange,
    Table,
    Translate,
    UnknownTruth,
    Values,
    VerdictMap,
)

PATHS: tuple[Path, ...] = ("input", "forward", "output")
HOOKS: Mapping[Path, tuple[str, ...]] = {
    "input": ("prerouting", "input"),
    "forward": ("prerouting", "forward", "postrouting"),
    "output": ("output", "postrouting"),
}
TRACKING = -200
"""The priority of connection tracking (NF_IP_PRI_CONNTRACK)."""
JOINING = -400
"""That at which fragments are joined (NF_IP_PRI_CONNTRACK_DEFRAG)."""
NAT_PRIORITY = {"prerouting": -100, "output": -100, "postrouting": 100, "input": 100}
"""Where nat chains are asked, whatever their own priority; that only orders them among themselves
(nf_nat_core.c, nf_nat_register_fn)."""


@dataclass(frozen=True)
class Meaning:
    """For each path the packets that may be accepted, that must be, and how they were changed."""

    ruleset: Ruleset
    diagram: Diagram
    may: Mapping[Path, int]
    must: Mapping[Path, int]
    changed: Mapping[Path, Mapping[Changes, int]]
    """What may be accepted, by what it is changed to on its way."""
    everything: Mapping[Path, int]
    """The packets that there can be at all."""
    strange: tuple[Strange, ...]
    unknown: Mapping[int, Rule]
    """The rules whose truth is not known, by their variable in the diagram."""


def base_chains(ruleset: Ruleset, hook: str) -> list[tuple[Table, Chain]]:
    """The base chains of a hook in the order in which they are asked."""
    found = [
        (table, chain)
        for table in ruleset.tables
        if not table.dormant
        for chain in table.chains.values()
        if chain.hook == hook
    ]
    return sorted(found, key=lambda each: (priority(each[1]), each[1].priority))


def priority(chain: Chain) -> int:
    """The priority at which a base chain is asked."""
    if chain.kind == "nat" and chain.hook in NAT_PRIORITY:
        return NAT_PRIORITY[chain.hook]
    return chain.priority


def routed(path: Path, hook: str) -> bool:
    """Whether the packet has lost a hop."""
    return path == "forward" and hook != "prerouting"


def is_early(chain: Chain) -> bool:
    """Whether a base chain is asked before connection tracking."""
    return chain.hook in ("prerouting", "output") and priority(chain) < TRACKING


def meaning(ruleset: Ruleset, diagram: Diagram | None = None) -> Meaning:
    """Everything that a ruleset lets through; in a diagram that may hold others already."""
    return _Work(ruleset, diagram or Diagram(LIMITS)).meaning()


class _Work:
    def __init__(self, ruleset: Ruleset, diagram: Diagram) -> None:
        self.ruleset = ruleset
        self.diagram = diagram
        self.outcomes = Outcomes(self.diagram)
        self.chains = {table.name: Chains(table, self.outcomes) for table in ruleset.tables}
        self.tracked = tracked_families(ruleset)
        self.helpers = assigned_helpers(ruleset)

    def meaning(self) -> Meaning:
        everything, found = {}, {}
        for path in PATHS:
            boxes = universe.packets(path, tracked=self.tracked, helpers=self.helpers)
            everything[path] = self.diagram.union(list(boxes))
            found[path] = self._path(path, everything[path])
        whole = {path: self.diagram.any_of(list(found[path].values())) for path in PATHS}
        first = len(FIELDS)
        return Meaning(
            self.ruleset,
            self.diagram,
            {path: self.diagram.without(whole[path], first, every=False) for path in PATHS},
            {path: self.diagram.without(whole[path], first, every=True) for path in PATHS},
            {path: self._forgotten(found[path]) for path in PATHS},
            everything,
            tuple(self._strange()),
            {k: v for each in self.chains.values() for k, v in each.unknown.items()},
        )

    def _forgotten(self, parts: Mapping[Changes, int]) -> dict[Changes, int]:
        first = len(FIELDS)
        return {
            changes: self.diagram.without(node, first, every=False)
            for changes, node in parts.items()
        }

    def _strange(self) -> Iterable[Strange]:
        yield from self.ruleset.strange
        for each in self.chains.values():
            yield from each.strange
        for name in sorted(self.outcomes.vague):
            yield Strange(
                "translation", f"{name} is asked after it became a value not known before"
            )
        for hook in ("prerouting", "input", "forward", "output", "postrouting"):
            yield from _doubtful_order(base_chains(self.ruleset, hook))

    def _path(self, path: Path, everything: int) -> dict[Changes, int]:
        cases: dict[Changes, int] = {NONE: everything}
        for hook in HOOKS[path]:
            for table, chain in base_chains(self.ruleset, hook):
                after: dict[Way, int] = {}
                for changes, node in cases.items():
                    self._base(table, chain, (changes, node), after, routed=routed(path, hook))
                cases = {way[1]: node for way, node in after.items()}
        return cases

    def _base(
        self,
        table: Table,
        chain: Chain,
        case: tuple[Changes, int],
        after: dict[Way, int],
        *,
        routed: bool,
    ) -> None:
        """What of one case a base chain accepts, added to ``after``."""
        changes, node = case
        context = dict(changes)
        if chain.hook == "prerouting":
            context["oif"] = 0  # not known before routing
        if is_early(chain):
            context.setdefault("state", INVALID)  # as nft_ct.c shows what has none yet
        if routed:
            context[HOP] = 1
        seen = tuple(sorted(context.items()))
        asked = self.diagram.both(node, self.outcomes.after(self._asked(table, chain), changes))
        self.outcomes.put(after, {("accept", changes): self.diagram.less(node, asked)})
        outcome = self.chains[table.name].outcome(chain.name, early=is_early(chain))
        ways = self.outcomes.continued(asked, seen, outcome)
        for (kind, more), where in ways.items():
            if (chain.policy if kind in ("through", "return") else kind) == "accept":
                kept = _kept(changes, seen, more)
                self.outcomes.put(after, {("accept", kept): where})

    def _asked(self, table: Table, chain: Chain) -> int:
        """The packets that come to a base chain at all."""
        box: dict[str, Values] = {}
        if table.family != "inet":
            family = IPV4 if table.family == "ip" else IPV6
            box["family"] = universe.one(family)
        if chain.kind != "nat":
            return self.diagram.box({NUMBER[name]: values for name, values in box.items()})
        # Only what begins a conversation, and nothing that was translated that way already.
        done = "dnat" if chain.hook in ("prerouting", "output") else "snat"
        box[done] = universe.one(0)
        begins: list[dict[str, Values]] = [
            {**box, "state": universe.one(NEW)},
            {
                **box,
                "state": universe.one(RELATED),
                "helper": universe.but("helper", universe.one(0)),
            },
        ]
        return self.diagram.union(
            [{NUMBER[name]: values for name, values in each.items()} for each in begins]
        )


def _kept(before: Changes, seen: Changes, after: Changes) -> Changes:
    """The changes that a packet takes along: not the context it was seen in for a while."""
    given = {name: value for name, value in seen if (name, value) not in before}
    # `untracked` was put in the place of the state that was shown early.
    kept = {name: value for name, value in after if given.get(name, -1) != value}
    return tuple(sorted(kept.items()))


def _doubtful_order(chains: list[tuple[Table, Chain]]) -> Iterable[Strange]:
    for (table, one), (_, other) in pairwise(chains):
        same = (priority(one), one.priority) == (priority(other), other.priority)
        # Among nat chains the first that translates is the last that is asked.
        if same and (one.kind == "nat" or any(_writes(each) for each in (one, other))):
            yield Strange(
                f"{table.name} {one.name}",
                f"it has the priority of {other.table} {other.name}: which comes first is not "
                "shown, and it matters",
            )
    for table, chain in chains:
        if chain.kind == "route" and _writes(chain):
            yield Strange(f"{table.name} {chain.name}", "what it changes may change the route")
        if chain.hook in ("prerouting", "output") and priority(chain) == TRACKING:
            yield Strange(
                f"{table.name} {chain.name}", "it has the priority of connection tracking"
            )
        if chain.hook in ("prerouting", "output") and priority(chain) <= JOINING:
            yield Strange(f"{table.name} {chain.name}", "it sees fragments before they are joined")


def _writes(chain: Chain) -> bool:
    return any(isinstance(each, Assign) for rule in chain.rules for each in rule.statements)


def statements(ruleset: Ruleset) -> Iterable[tuple[Table, Statement]]:
    """All statements of the tables that are awake."""
    for table in ruleset.tables:
        if not table.dormant:
            for chain in table.chains.values():
                for each in chained.from_iterable(rule.statements for rule in chain.rules):
                    yield table, each


def tracked_families(ruleset: Ruleset) -> frozenset[int]:
    """The families whose conversations are tracked: where a rule asks for it (nf_ct_netns_get)."""
    found: set[int] = set()
    both = {"ip": {IPV4}, "ip6": {IPV6}, "inet": {IPV4, IPV6}}
    for table, each in statements(ruleset):
        if _tracks(each):
            found |= both[table.family]
    for table in ruleset.tables:
        if not table.dormant and any(each.kind == "nat" for each in table.chains.values()):
            found |= both[table.family]
    return frozenset(found)


def _tracks(statement: Statement) -> bool:
    match statement:
        case Match() | VerdictMap():
            return any(key.startswith("ct ") for key in statement.keys)
        case Assign():
            return statement.field in ("state", "ctmark", "assigned")
        case Translate():
            return True
        case UnknownTruth():
            return '"ct' in statement.what
    return False


def assigned_helpers(ruleset: Ruleset) -> tuple[str, ...]:
    """The helpers that some rule gives to a conversation."""
    found = {
        fields.value_name(each.value)
        for _, each in statements(ruleset)
        if isinstance(each, Assign) and each.field == "assigned"
    }
    return tuple(sorted(found))
