"""One packet's way through a ruleset, rule by rule: which rule decides, and what became of it.

Written apart from the diagrams, and much plainer: tests hold one against the other and both against
the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.audit.answer import Packet
from gateway.audit.fields import INVALID, IPV4, IPV6, KEYS, NEW, RELATED
from gateway.audit.meaning import HOOKS, base_chains, is_early
from gateway.audit.rules import (
    Assign,
    Chain,
    Element,
    Match,
    Rule,
    Ruleset,
    Statement,
    Table,
    Translate,
    UnknownEffect,
    UnknownTruth,
    Values,
    Verdict,
    VerdictMap,
)

UNKNOWN = (UnknownTruth, UnknownEffect)


@dataclass(frozen=True)
class Trace:
    """What became of a packet; ``unknown``: the rules whose truth had to be assumed."""

    accepted: bool
    rule: Rule | None
    """The last rule that gave a verdict; None: a chain's policy did."""
    decided: str
    """The rule or policy, for people."""
    comment: str
    """Of the element or rule that decided, or of the last element that was looked up."""
    rules: tuple[Rule, ...]
    """Every rule that matched and sent it on or decided."""
    unknown: tuple[Rule, ...]
    fields: tuple[tuple[str, int | None], ...]
    """Its fields at the end."""


@dataclass(frozen=True)
class _Decision:
    """What one base chain made of the packet; no rule: its policy did."""

    table: Table
    chain: Chain
    rule: Rule | None
    comment: str


@dataclass
class _Walk:
    packet: dict[str, int | None]
    truth: bool
    early: bool = False
    rules: list[Rule] = field(default_factory=list)
    unknown: list[Rule] = field(default_factory=list)
    comment: str = ""
    last: Rule | None = None


def trace(ruleset: Ruleset, packet: Packet, *, truth: bool = False) -> Trace:
    """The way of a packet, if everything whose truth is not known is as ``truth`` says."""
    walk = _Walk({**dict(packet.fields), "assigned": 0}, truth)
    decisions: list[_Decision] = []
    for hook in HOOKS[packet.path]:
        if hook == packet.path == "forward":
            walk.packet["ttl"] = (walk.packet["ttl"] or 1) - 1
        for table, chain in base_chains(ruleset, hook):
            if _asked(walk, table, chain):
                passes = _passes(walk, table, chain)
                decisions.append(_Decision(table, chain, walk.last, walk.comment))
                if not passes:
                    return _result(walk, decisions[-1], accepted=False)
    return _result(walk, _decisive(packet, decisions), accepted=True)


def _decisive(packet: Packet, decisions: list[_Decision]) -> _Decision | None:
    """Which of those that accepted is to be named: a rule of the path's own hook, or its policy."""
    own = [each for each in decisions if each.chain.hook == packet.path]
    by_rule = [each for each in own if each.rule]
    named = by_rule or own
    return named[-1] if named else None


def _result(walk: _Walk, by: _Decision | None, *, accepted: bool) -> Trace:
    if by is None:
        decided = "no chain looks at it"
    elif by.rule:
        decided = str(by.rule)
    else:
        decided = f"{by.table.name} {by.chain.name}: policy {by.chain.policy}"
    return Trace(
        accepted,
        by.rule if by else None,
        decided,
        (by.comment or (by.rule.comment if by.rule else "")) if by else "",
        tuple(walk.rules),
        tuple(walk.unknown),
        tuple(walk.packet.items()),
    )


def _asked(walk: _Walk, table: Table, chain: Chain) -> bool:
    family = walk.packet["family"]
    if table.family != "inet" and family != (IPV4 if table.family == "ip" else IPV6):
        return False
    if chain.kind != "nat":
        return True
    state, helper = walk.packet["state"], walk.packet["helper"]
    begins = state == NEW or (state == RELATED and helper != 0)
    done = "dnat" if chain.hook in ("prerouting", "output") else "snat"
    return begins and walk.packet[done] == 0


def _passes(walk: _Walk, table: Table, chain: Chain) -> bool:
    """Whether a base chain accepts."""
    walk.early = is_early(chain)
    walk.last, walk.comment = None, ""
    oif, state = walk.packet["oif"], walk.packet["state"]
    if chain.hook == "prerouting":
        walk.packet["oif"] = 0
    if walk.early and "notrack" not in walk.packet:
        walk.packet["state"] = INVALID
    verdict = _chain(walk, table, chain)
    walk.packet["oif"] = oif
    if walk.early and "notrack" not in walk.packet:
        walk.packet["state"] = state
    if verdict in ("return", "through"):
        walk.last, walk.comment = None, ""
        return chain.policy == "accept"
    return verdict == "accept"


def _chain(walk: _Walk, table: Table, chain: Chain) -> str:
    """accept, drop, or return: falling off the end and returning lead to the same place."""
    for rule in chain.rules:
        verdict = _rule(walk, table, rule)
        if verdict is None or verdict.kind == "continue":
            continue
        walk.rules.append(rule)
        if verdict.kind in ("accept", "drop"):
            walk.last = rule
            return verdict.kind
        if verdict.kind == "return":
            return "return"
        found = _chain(walk, table, table.chains[verdict.chain])
        if found != "return":
            return found
        if verdict.kind == "goto":
            return "return"
    return "return"


def _rule(walk: _Walk, table: Table, rule: Rule) -> Verdict | None:
    """The verdict of a rule, or None if the packet goes on to the next."""
    walk.comment = ""
    for statement in rule.statements:
        if isinstance(statement, UNKNOWN):
            if not _assumed(walk, rule):
                return None
            continue
        going, verdict = _statement(walk, table, rule, statement)
        if not going:
            return verdict
    return None


def _assumed(walk: _Walk, rule: Rule) -> bool:
    walk.unknown.append(rule)
    return walk.truth


def _statement(
    walk: _Walk, table: Table, rule: Rule, statement: Statement
) -> tuple[bool, Verdict | None]:
    """Whether the rule goes on, and its verdict if it does not."""
    match statement:
        case Verdict():
            return False, statement
        case Match():
            return _match(walk, table, rule, statement), None
        case VerdictMap():
            element = _find(walk, table, rule, statement)
            return False, element.verdict if element else None
        case Assign():
            _assign(walk, statement)
        case Translate():
            return False, _translate(walk, table, rule, statement)
    return True, None


def _match(walk: _Walk, table: Table, rule: Rule, match: Match) -> bool:
    if not _readable(walk, match.keys):
        return False
    held = table.sets.get(match.named)
    if match.named and (held is None or held.unknown):
        return _assumed(walk, rule)
    element = _find(walk, table, rule, match)
    if element and not match.negated:
        walk.comment = element.comment
    return (element is not None) != match.negated


def _find(
    walk: _Walk, table: Table, rule: Rule, what: Match | VerdictMap | Translate
) -> Element | None:
    """The element that the keys' values are in; the catch-all if there is no other."""
    if not _readable(walk, what.keys):
        return None
    held = table.sets.get(what.named)
    if what.named and (held is None or held.unknown):
        walk.unknown.append(rule)
        return None
    rest = None
    elements = what.elements
    if held:
        elements = held.elements
        if all(KEYS[key].plain for key in what.keys):
            values = tuple(walk.packet[KEYS[key].field] for key in what.keys)
            exact = held.exact.get(values)
            if exact:
                return exact
            elements = held.wide
    for element in elements:
        if not element.parts:
            rest = element
        elif all(_in(walk, key, part) for key, part in zip(what.keys, element.parts, strict=True)):
            return element
    return rest


def _readable(walk: _Walk, keys: tuple[str, ...]) -> bool:
    return all(
        _among(walk.packet[name], values) for key in keys for name, values in KEYS[key].needs
    )


def _in(walk: _Walk, key: str, part: Values) -> bool:
    return _among(walk.packet[KEYS[key].field], KEYS[key].place(part))


def _among(value: int | None, values: Values) -> bool:
    return value is not None and any(low <= value <= high for low, high in values)


def _assign(walk: _Walk, statement: Assign) -> None:
    if walk.early != (statement.field == "state") and statement.field in (
        "state",
        "ctmark",
        "assigned",
    ):
        return
    if all(_among(walk.packet[name], values) for name, values in statement.only):
        walk.packet[statement.field] = statement.value
        if statement.field == "state":
            walk.packet["notrack"] = 1


def _translate(walk: _Walk, table: Table, rule: Rule, what: Translate) -> Verdict | None:
    if what.family is not None and walk.packet["family"] != what.family:
        return None
    sets = dict(what.sets)
    if what.keys:
        element = _find(walk, table, rule, what)
        if element is None:
            return None
        values = (value[0][0] for value in element.value)
        sets = dict(zip((name for name, _ in what.sets), values, strict=False))
    walk.packet.update(sets)
    walk.packet["snat" if what.kind in ("snat", "masquerade") else "dnat"] = 1
    return Verdict("accept")
