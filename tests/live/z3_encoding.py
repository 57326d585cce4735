"""A ruleset and the permissions as formulas: a second opinion that shares no engine with the first.

Rules are followed one after another as the kernel does, with conditions in the place of values; a
change is an ``If`` around the field. Nothing of diagrams or outcomes is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import z3

from gateway.audit.answer import Path
from gateway.audit.fields import BITS, FIELDS, INVALID, IPV4, IPV6, KEYS, NEW, RELATED
from gateway.audit.meaning import HOOKS, base_chains, is_early
from gateway.audit.rules import (
    Assign,
    Element,
    Match,
    Rule,
    Ruleset,
    Table,
    Translate,
    Values,
    Verdict,
    VerdictMap,
)

Fields = dict[str, z3.BitVecRef]


def among(value: z3.BitVecRef, values: Values) -> z3.BoolRef:
    size = value.size()
    return z3.Or([
        value == low if low == high
        else z3.And(z3.UGE(value, z3.BitVecVal(low, size)), z3.ULE(value, z3.BitVecVal(high, size)))
        for low, high in values
    ])  # fmt: skip


def packet() -> Fields:
    return {name: z3.BitVec(name, BITS[name]) for name in FIELDS}


def boxes(fields: Mapping[str, z3.BitVecRef], chosen: Iterable[Mapping[str, Values]]) -> z3.BoolRef:
    return z3.Or([
        z3.And([among(fields[name], values) for name, values in box.items()]) for box in chosen
    ])  # fmt: skip


class Encoding:
    """What one path accepts."""

    def __init__(self, ruleset: Ruleset, path: Path) -> None:
        self.ruleset, self.path = ruleset, path
        self.start = packet()
        self.fields = dict(self.start)
        self.early = False
        self.untracked = z3.BoolVal(False)
        self.live = z3.BoolVal(True)
        for hook in HOOKS[path]:
            if hook == path == "forward":
                self.fields["ttl"] = self.fields["ttl"] - 1
            for table, chain in base_chains(ruleset, hook):
                self._base(table, chain.name, hook)

    def _base(self, table: Table, name: str, hook: str) -> None:
        chain = table.chains[name]
        asked = self.live
        if table.family != "inet":
            asked = z3.And(asked, self.fields["family"] == (IPV4 if table.family == "ip" else IPV6))
        if chain.kind == "nat":
            state = self.fields["state"]
            begins = z3.Or(state == NEW, z3.And(state == RELATED, self.fields["helper"] != 0))
            done = "dnat" if hook in ("prerouting", "output") else "snat"
            asked = z3.And(asked, begins, self.fields[done] == 0)
        kept = {"oif": self.fields["oif"], "state": self.fields["state"]}
        self.early = is_early(chain)
        if hook == "prerouting":
            self.fields["oif"] = z3.BitVecVal(0, 128)
        if self.early:
            shown = z3.BitVecVal(INVALID, 8)
            self.fields["state"] = z3.If(self.untracked, kept["state"], shown)
        accepted, dropped, rest = self._chain(table, name, asked)
        if self.early:
            kept["state"] = z3.If(self.untracked, self.fields["state"], kept["state"])
        self.fields |= kept
        through = z3.Or(accepted, rest) if chain.policy == "accept" else accepted
        self.live = z3.simplify(z3.Or(z3.And(self.live, z3.Not(asked)), through))
        del dropped

    def _chain(
        self, table: Table, name: str, here: z3.BoolRef
    ) -> tuple[z3.BoolRef, z3.BoolRef, z3.BoolRef]:
        """Under which conditions a packet that comes is accepted, dropped, or comes back."""
        accepted, dropped, returned = [], [], []
        for rule in table.chains[name].rules:
            a, d, r, here = self._rule(table, rule, here)
            accepted.append(a)
            dropped.append(d)
            returned.append(r)
        return z3.Or(accepted), z3.Or(dropped), z3.Or([*returned, here])

    def _rule(
        self, table: Table, rule: Rule, here: z3.BoolRef
    ) -> tuple[z3.BoolRef, z3.BoolRef, z3.BoolRef, z3.BoolRef]:
        nothing = z3.BoolVal(False)
        going = here
        for statement in rule.statements:
            match statement:
                case Match():
                    going = z3.And(going, self._match(table, statement))
                case Assign():
                    self._assign(statement, going)
                case Verdict():
                    return self._verdict(table, statement, here, going)
                case VerdictMap():
                    return self._map(table, statement, here, going)
                case Translate():
                    going = self._translate(statement, going)
                    return going, nothing, nothing, z3.And(here, z3.Not(going))
        return nothing, nothing, nothing, here

    def _verdict(
        self, table: Table, verdict: Verdict, here: z3.BoolRef, going: z3.BoolRef
    ) -> tuple[z3.BoolRef, z3.BoolRef, z3.BoolRef, z3.BoolRef]:
        nothing, rest = z3.BoolVal(False), z3.And(here, z3.Not(going))
        if verdict.kind == "accept":
            return going, nothing, nothing, rest
        if verdict.kind == "drop":
            return nothing, going, nothing, rest
        if verdict.kind == "return":
            return nothing, nothing, going, rest
        if verdict.kind == "continue":
            return nothing, nothing, nothing, here
        a, d, back = self._chain(table, verdict.chain, going)
        if verdict.kind == "goto":
            return a, d, back, rest
        return a, d, nothing, z3.Or(rest, back)

    def _map(
        self, table: Table, what: VerdictMap, here: z3.BoolRef, going: z3.BoolRef
    ) -> tuple[z3.BoolRef, z3.BoolRef, z3.BoolRef, z3.BoolRef]:
        held = table.sets[what.named].elements if what.named else what.elements
        readable = self._readable(what.keys)
        found = [self._in(what.keys, each) for each in held if each.parts]
        hit = z3.Or(found)
        accepted, dropped, returned = [], [], []
        missed = z3.And(here, z3.Not(z3.And(going, readable)))
        passing = [missed]
        rest = [z3.Not(hit)]
        for each in held:
            mine = self._in(what.keys, each) if each.parts else z3.Not(hit)
            if not each.parts:
                rest = [z3.BoolVal(False)]
            now = z3.And(going, readable, mine)
            assert each.verdict
            a, d, r, through = self._verdict(table, each.verdict, now, now)
            accepted.append(a)
            dropped.append(d)
            returned.append(r)
            passing.append(through)
        passing.append(z3.And(going, readable, *rest))
        return z3.Or(accepted), z3.Or(dropped), z3.Or(returned), z3.Or(passing)

    def _readable(self, keys: tuple[str, ...]) -> z3.BoolRef:
        return z3.And([
            among(self.fields[name], values) for key in keys for name, values in KEYS[key].needs
        ])  # fmt: skip

    def _in(self, keys: tuple[str, ...], element: Element) -> z3.BoolRef:
        return z3.And([
            among(self.fields[KEYS[key].field], KEYS[key].place(part))
            for key, part in zip(keys, element.parts, strict=True)
        ])  # fmt: skip

    def _match(self, table: Table, match: Match) -> z3.BoolRef:
        held = table.sets[match.named].elements if match.named else match.elements
        found = z3.Or([self._in(match.keys, each) for each in held])
        return z3.And(self._readable(match.keys), z3.Not(found) if match.negated else found)

    def _assign(self, what: Assign, going: z3.BoolRef) -> None:
        if what.field not in self.fields:
            return
        if self.early != (what.field == "state") and what.field in ("state", "ctmark"):
            return
        only = z3.And([going, *(among(self.fields[name], v) for name, v in what.only)])
        old = self.fields[what.field]
        self.fields[what.field] = z3.If(only, z3.BitVecVal(what.value, old.size()), old)
        if what.field == "state":
            self.untracked = z3.Or(self.untracked, only)

    def _translate(self, what: Translate, going: z3.BoolRef) -> z3.BoolRef:
        assert not what.keys, "maps are not encoded here"
        if what.family is not None:
            going = z3.And(going, self.fields["family"] == what.family)
        status = "snat" if what.kind in ("snat", "masquerade") else "dnat"
        for name, value in (*what.sets, (status, 1)):
            old = self.fields[name]
            new = z3.FreshConst(old.sort()) if value is None else z3.BitVecVal(value, old.size())
            self.fields[name] = z3.If(going, new, old)
        return going
