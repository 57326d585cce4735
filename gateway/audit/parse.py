"""A listing of nft as a Ruleset, and whether its JSON says what its text says.

``nft -j`` alone cannot be trusted (facts: 94 of 424 rulesets came back otherwise): its JSON is
taken only where, loaded into a scratch namespace, it lists as the text does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from gateway.audit import fields, scratch
from gateway.audit.listed import FAMILIES, Text, doubtful, read_text
from gateway.audit.rules import Chain, NamedSet, Rule, Ruleset, Strange, Table, UnknownEffect
from gateway.audit.scratch import Listing
from gateway.audit.statements import Helper, statements
from gateway.audit.values import Json, NotUnderstood, elements
from gateway.problems import Failed

KNOWN_TABLE_FLAGS = {"dormant", "owner", "persist"}
KNOWN_KEYS = {
    "table": {"family", "name", "handle", "flags", "comment"},
    "chain": {"family", "table", "name", "handle", "type", "hook", "prio", "policy", "comment"},
    "ct helper": {"family", "table", "name", "handle", "type", "protocol", "l3proto", "comment"},
    "set": {"family", "table", "name", "handle", "type", "flags", "elem", "size", "policy"}
    | {"timeout", "gc-interval", "auto-merge", "comment", "map", "stmt"},
}
"""What nft may say of each; anything else may be something new."""
KNOWN_SET_FLAGS = {"constant", "interval", "dynamic", "timeout"}
TYPES: dict[str, tuple[int, bool]] = {
    "ipv4_addr": (32, False),
    "ipv6_addr": (128, False),
    "inet_proto": (8, False),
    "inet_service": (16, False),
    "ifname": (128, True),
    "mark": (32, False),
    "icmp_type": (8, False),
    "icmp_code": (8, False),
    "icmpv6_type": (8, False),
    "ct_state": (8, False),
    "nf_proto": (8, False),
    "pkt_type": (3, False),
    "tcp_flag": (8, False),
}
"""nft's data types: bits, and whether it is a name."""


@dataclass
class _Reading:
    """What has been read so far."""

    tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    rules: dict[tuple[str, str, str], list[Rule]] = field(default_factory=dict)
    helpers: dict[str, dict[str, Helper]] = field(default_factory=dict)
    strange: list[Strange] = field(default_factory=list)
    apart: list[Strange] = field(default_factory=list)


def parse(listing: Listing, *, nft: str = "nft", on: Sequence[str] = ()) -> Ruleset:
    """The ruleset; whatever is doubtful in it stands in ``strange``.

    Raises Failed if the listing is no listing. ``on`` is a command that runs another on the
    machine whose nft made the listing; without it the one here checks it.
    """
    objects = _objects(listing.json)
    text = read_text(listing.text)
    ruleset = _ruleset(objects, text, read_text(listing.readable or listing.text))
    doubts = [Strange("nft", line) for line in listing.errors.splitlines() if line.strip()]
    doubts += doubtful(objects, listing, text, nft=nft, on=on)
    return replace(ruleset, strange=(*ruleset.strange, *doubts), text=listing.text)


def load_text(text: str, *, nft: str = "nft") -> Ruleset:
    """A ruleset from its text, as ``nft list ruleset`` prints it or as a file for ``nft -f``.

    Raises Failed with nft's own words if it does not load.
    """
    return parse(scratch.load(text, nft=nft), nft=nft)


_TABLE_FLAGS = re.compile(
    r'(\{"table": \{"family": "\w+", "name": "[^"]*", "handle": \d+), "flags": .*?\}\}'
    r'(?=, \{"|\]\})',
    re.DOTALL,
)


def _objects(text: str) -> list[Json]:
    # nft 1.0.6 prints whatever is in memory there, line breaks included; the text has them right.
    text = _TABLE_FLAGS.sub(r"\1}}", text)
    try:
        objects = json.loads(text)["nftables"]
    except (ValueError, KeyError, TypeError) as why:
        raise Failed(f"this is not what `nft -j list ruleset` prints ({why})") from None
    if not objects or "metainfo" not in objects[0]:
        raise Failed("this is not what `nft -j list ruleset` prints: its first entry is missing")
    return list(objects)


def _ruleset(objects: list[Json], text: Text, readable: Text) -> Ruleset:
    reading = _Reading()
    for each in sorted(objects, key=_rank):
        try:
            ((kind, body),) = each.items()
            _object(kind, body, reading, text, readable)
        except (NotUnderstood, KeyError, TypeError, ValueError, AttributeError) as why:
            reading.strange.append(Strange("listing", f"{why}: {json.dumps(each)[:160]}"))
    for key, rules in reading.rules.items():
        family, table, chain = key
        chains = cast("dict[str, Chain]", reading.tables[family, table].chains)
        chains[chain] = replace(chains[chain], rules=tuple(rules))
    for rule in (rule for rules in reading.rules.values() for rule in rules):
        for each in rule.statements:
            if isinstance(each, UnknownEffect):
                where = f"{rule.table} {rule.chain} handle {rule.handle}"
                reading.strange.append(Strange(where, each.what))
    return Ruleset(tuple(reading.tables.values()), tuple(reading.strange), tuple(reading.apart))


def _rank(each: Json) -> int:
    """Tables before what is in them, helpers and chains before rules."""
    order = {"metainfo": 0, "table": 1, "ct helper": 2, "chain": 3, "rule": 5}
    return order.get(next(iter(each), ""), 4) if isinstance(each, dict) else 6


def _object(kind: str, body: Json, to: _Reading, text: Text, readable: Text) -> None:
    if kind == "metainfo":
        return
    family = body["family"]
    where = f"{family} {body.get('table') or body['name']}"
    if family not in FAMILIES:
        if kind == "table":
            to.strange.append(Strange(where, f"a table of the family {family} is not looked into"))
        return
    known = KNOWN_KEYS.get("set" if kind == "map" else kind)
    if known and (extra := set(body) - known):
        to.strange.append(Strange(where, f"{', '.join(sorted(extra))} of a {kind}"))
    _place(kind, body, where, to, (text, readable))


def _place(kind: str, body: Json, where: str, to: _Reading, texts: tuple[Text, Text]) -> None:
    family, (text, readable) = body["family"], texts
    if kind == "table":
        _table(family, body["name"], to, text)
    elif kind == "chain":
        chains = cast("dict[str, Chain]", to.tables[family, body["table"]].chains)
        chains[body["name"]] = _chain(body, where)
    elif kind == "rule":
        rule = _rule(body, where, to.helpers.get(where, {}), readable)
        to.rules.setdefault((family, body["table"], body["chain"]), []).append(rule)
    elif kind in ("set", "map"):
        sets = cast("dict[str, NamedSet]", to.tables[family, body["table"]].sets)
        flags = text.flags.get((where, body["name"]), ())
        sets[body["name"]] = _named_set(body, where, flags)
    elif kind == "ct helper":
        to.helpers.setdefault(where, {})[body["name"]] = _helper(body)
        to.apart.append(Strange(where, f"a conntrack helper for {body['type']}: {body['name']}"))
    elif kind not in ("counter", "limit", "quota"):
        to.strange.append(Strange(where, f"a {kind} named {body['name']}"))


def _table(family: str, name: str, to: _Reading, text: Text) -> None:
    full = f"{family} {name}"
    flags = set(text.flags.get((full,), ()))
    if unknown := flags - KNOWN_TABLE_FLAGS:
        to.strange.append(Strange(full, f"the flag {', '.join(sorted(unknown))}"))
    to.tables[family, name] = Table(family, full, {}, {}, dormant="dormant" in flags)


def _chain(body: Json, where: str) -> Chain:
    hook = body.get("hook")
    if hook not in (None, "prerouting", "input", "forward", "output", "postrouting"):
        raise NotUnderstood(f"the hook {hook}")
    if body.get("type", "filter") not in ("filter", "nat", "route"):
        raise NotUnderstood(f"a chain of the type {body['type']}")
    policy = cast('Literal["accept", "drop"]', body.get("policy", "accept"))
    kind, priority = body.get("type", ""), int(body.get("prio", 0))
    return Chain(where, body["name"], body["handle"], (), kind, hook, priority, policy)


def _rule(body: Json, where: str, helpers: dict[str, Helper], text: Text) -> Rule:
    known = {"family", "table", "chain", "handle", "comment", "expr", "index"}
    found = [each for raw in body.get("expr", ()) for each in statements(raw, helpers)]
    found += [UnknownEffect(f"{key} of a rule") for key in sorted(set(body) - known)]
    wording = text.rules.get((where, body["chain"], body["handle"]), "")
    comment = body.get("comment", "")
    return Rule(where, body["chain"], body["handle"], tuple(found), comment, wording)


def _named_set(body: Json, where: str, flags: tuple[str, ...]) -> NamedSet:
    types = body["type"] if isinstance(body["type"], list) else [body["type"]]
    doubt = ""
    if moving := {"dynamic", "timeout"} & {*flags, *body.get("flags", ())}:
        doubt = f"its elements come and go ({', '.join(sorted(moving))})"
    found: tuple[Any, ...] = ()
    try:
        if unknown := [each for each in types if each not in TYPES]:
            raise NotUnderstood(f"the type {unknown[0]}")
        if extra := {*flags, *body.get("flags", ())} - KNOWN_SET_FLAGS:
            raise NotUnderstood(f"the flag {', '.join(sorted(extra))}")
        found = tuple(elements(body.get("elem", []), [TYPES[each] for each in types], 2))
    except NotUnderstood as why:
        doubt = doubt or str(why)
    return NamedSet(where, body["name"], body["handle"], found, doubt)


def _helper(body: Json) -> Helper:
    protocols = {"tcp": fields.TCP, "udp": fields.UDP, 6: fields.TCP, 17: fields.UDP}
    families = {"ip": fields.IPV4, "ip6": fields.IPV6}
    protocol = protocols[body["protocol"]]
    only = [("protocol", ((protocol, protocol),))]
    if body.get("l3proto") in families:
        family = families[body["l3proto"]]
        only.append(("family", ((family, family),)))
    return Helper(body["type"], tuple(only))
