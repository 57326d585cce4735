"""The statements of a rule from nft's JSON (libnftables-json(5)).

What changes no verdict is ``Neutral``; a match whose truth cannot be told is ``UnknownTruth``; what
nobody here has heard of may do anything: ``UnknownEffect``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from gateway.audit import fields
from gateway.audit.fields import KEYS, STATUS
from gateway.audit.rules import (
    Assign,
    Counter,
    Element,
    Match,
    Neutral,
    Statement,
    Translate,
    UnknownEffect,
    UnknownTruth,
    Values,
    Verdict,
    VerdictMap,
)
from gateway.audit.values import Json, NotUnderstood, elements, masked, number, values, verdict


@dataclass(frozen=True)
class Helper:
    """A ``ct helper`` object: FTP's, say."""

    kind: str
    only: tuple[tuple[str, Values], ...]


NAMES = ("meta iif", "meta oif", "meta iifname", "meta oifname", "ct helper")
BY_INDEX = {"meta iif": "meta iifname", "meta oif": "meta oifname"}
"""A card by its index. nft shows its name as long as there is such a card, and then it is that."""
WITHOUT_EFFECT = {"meta priority", "meta nftrace", "tcp option maxseg"}
UNKNOWN_MATCHES = {"limit", "quota", "ct count", "set"}
"""``set`` adds an element, and ends the rule where the set is full (nft_dynset_eval)."""


def statements(raw: Json, helpers: Mapping[str, Helper]) -> tuple[Statement, ...]:
    """What one entry of a rule means: ``reject`` has a match that nft does not show."""
    found = statement(raw, helpers)
    if isinstance(raw, dict) and isinstance(raw.get("reject"), dict):
        kind = raw["reject"].get("type", "icmpx")
        if kind in _REJECTS:
            key, value = _REJECTS[kind]
            return Match((key,), (Element((((value, value),),)),)), found
        if kind != "icmpx":
            return (_strange(raw),)
    return (found,)


_REJECTS = {
    "icmp": ("meta nfproto", fields.IPV4),
    "icmpv6": ("meta nfproto", fields.IPV6),
    "tcp reset": ("meta l4proto", fields.TCP),
}
"""Only where such an answer can be given (seen in the kernel's instructions)."""


def statement(raw: Json, helpers: Mapping[str, Helper]) -> Statement:
    """One statement."""
    try:
        if found := verdict(raw):
            return found
        ((word, body),) = raw.items()
    except (AttributeError, ValueError):
        return _strange(raw)
    return _statement(raw, word, body, helpers)


def _statement(raw: Json, word: str, body: Json, helpers: Mapping[str, Helper]) -> Statement:
    try:
        if word in _READERS:
            return _READERS[word](body)
        if word in UNKNOWN_MATCHES:
            return UnknownTruth(_short(raw))
        if word == "ct helper" and body in helpers:
            helper = helpers[body]
            return Assign("assigned", fields.name_value(helper.kind), helper.only)
    except (NotUnderstood, KeyError, TypeError, ValueError, AttributeError) as why:
        return UnknownTruth(f"{why} in {_short(raw)}") if word == "match" else _strange(raw)
    return _strange(raw)


def _strange(raw: Json) -> UnknownEffect:
    return UnknownEffect(_short(raw))


def _short(raw: Json) -> str:
    text = json.dumps(raw)
    return text if len(text) < 160 else text[:157] + "..."


def key_name(raw: Json) -> str:
    """A key as nft writes it in a rule."""
    match raw:
        case {"payload": {"protocol": str(protocol), "field": str(name)}}:
            return f"{protocol} {name}"
        case {"meta": {"key": str(name)}}:
            return f"meta {name}"
        case {"ct": {"key": str(name), **rest}} if not rest:
            return f"ct {name}"
        case {"tcp option": {"name": str(name)}}:
            return f"tcp option {name}"
    raise NotUnderstood(_short(raw))


def _keys(raw: Json) -> tuple[str, ...]:
    parts = raw["concat"] if isinstance(raw, dict) and set(raw) == {"concat"} else [raw]
    found = tuple(BY_INDEX.get(name, name) for name in map(key_name, parts))
    if unknown := [name for name in found if name not in KEYS]:
        raise NotUnderstood(", ".join(unknown))
    return found


def shapes(keys: tuple[str, ...]) -> list[tuple[int, bool]]:
    """The bits of each key, and whether it is a name."""
    return [(KEYS[key].bits, key in NAMES) for key in keys]


def _match(body: Json) -> Statement:
    match body:
        case {"op": "in" | "!", "left": {"ct": {"key": "status"}}, "right": right}:
            return _status(body["op"], number(right, 32))
        case {"op": str(op), "left": {"&": [left, mask]}, "right": right}:
            return _masked(op, left, mask, right)
        case {"op": ("in" | "!") as op, "left": left, "right": right}:
            return _flags(op, left, right)
        case {"op": ("==" | "!=") as op, "left": left, "right": right}:
            return _equal(_keys(left), right, negated=op == "!=")
        case {"op": ("<" | ">" | "<=" | ">=") as op, "left": left, "right": right}:
            return _compare(op, _keys(left), right)
    raise NotUnderstood("this match")


def _one(keys: tuple[str, ...]) -> tuple[int, bool]:
    if len(keys) != 1:
        raise NotUnderstood("a comparison of several keys")
    return shapes(keys)[0]


def _status(op: str, mask: int) -> Statement:
    if mask not in STATUS:
        raise NotUnderstood(f"ct status {mask:#x}")
    return Match((f"ct status {STATUS[mask]}",), (Element((((1, 1),),)),), negated=op == "!")


def _masked(op: str, left: Json, mask: Json, right: Json) -> Statement:
    keys = _keys(left)
    bits, is_name = _one(keys)
    if is_name or op not in ("==", "!="):
        raise NotUnderstood(f"a mask with {op}")
    found = masked(number(mask, bits), values(right, bits, name=False), bits)
    return Match(keys, (Element((found,)),) if found else (), negated=op == "!=")


def _flags(op: str, left: Json, right: Json) -> Statement:
    keys = _keys(left)
    bits, is_name = _one(keys)
    if is_name or bits > 16:
        raise NotUnderstood(f"{op} with {keys[0]}")
    # "in": any of these bits is set; "!": none is.
    return Match(keys, (Element((masked(number(right, bits), ((0, 0),), bits),)),), "", op == "in")


def _equal(keys: tuple[str, ...], right: Json, *, negated: bool) -> Statement:
    if isinstance(right, str) and right.startswith("@"):
        return Match(keys, named=right[1:], negated=negated)
    if isinstance(right, dict) and set(right) == {"set"}:
        members = tuple(elements(right["set"], shapes(keys)))
    else:
        members = tuple(elements([right], shapes(keys)))
    return Match(keys, members, negated=negated)


def _compare(op: str, keys: tuple[str, ...], right: Json) -> Statement:
    bits, is_name = _one(keys)
    if is_name:
        raise NotUnderstood(f"{op} with a name")
    value, top = number(right, bits), (1 << bits) - 1
    below, above = value - (op == "<"), value + (op == ">")
    low, high = (0, below) if op in ("<", "<=") else (above, top)
    return Match(keys, (Element((((low, high),),)),) if low <= high else ())


def _verdict_map(body: Json) -> Statement:
    keys = _keys(body["key"])
    data = body["data"]
    if isinstance(data, str) and data.startswith("@"):
        return VerdictMap(keys, named=data[1:])
    found = tuple(elements(data["set"], shapes(keys)))
    if any(each.verdict is None for each in found):
        raise NotUnderstood("a map without verdicts")
    return VerdictMap(keys, found)


def _mangle(body: Json) -> Statement:
    key = key_name(body["key"])
    if key in WITHOUT_EFFECT:
        return Neutral(f"{key} set")
    if key in ("meta mark", "ct mark", "ip dscp", "ip6 dscp"):
        known = KEYS[key]
        return Assign(known.field, number(body["value"], known.bits), known.needs)
    raise NotUnderstood(f"{key} set")


def _translate(kind: Literal["snat", "dnat"]) -> Callable[[Json], Statement]:
    address_field, port_field = ("source", "sport") if kind == "snat" else ("destination", "dport")

    def read(body: Json) -> Statement:
        families: dict[object, int] = {"ip": fields.IPV4, "ip6": fields.IPV6}
        family = families.get(body.get("family"))
        if extra := set(body) - {"family", "addr", "port", "flags"}:
            raise NotUnderstood(", ".join(sorted(extra)))
        raw = body.get("addr")
        if isinstance(raw, dict) and set(raw) == {"map"}:
            names = (address_field, port_field)
            return _mapped(kind, family, names, raw["map"], body.get("port"))
        sets: list[tuple[str, int | None]] = []
        if raw is not None:
            bits = 128 if family == fields.IPV6 or ":" in str(raw) else 32
            sets.append((address_field, _single(raw, bits)))
        if "port" in body:
            sets.append((port_field, _single(body["port"], 16)))
        return Translate(kind, family, tuple(sets))

    return read


def _single(raw: Json, bits: int) -> int | None:
    ((low, high),) = values(raw, bits, name=False)
    return low if low == high else None


def _mapped(
    kind: Literal["snat", "dnat"],
    family: int | None,
    names: tuple[str, str],
    raw: Json,
    port: Json,
) -> Statement:
    if port is not None:
        raise NotUnderstood("a port beside a map")
    keys, data = _keys(raw["key"]), raw["data"]
    sets = cast("tuple[tuple[str, int | None], ...]", tuple((name, None) for name in names))
    if isinstance(data, str) and data.startswith("@"):
        return Translate(kind, family, sets, keys, named=data[1:])
    return Translate(kind, family, sets, keys, tuple(elements(data["set"], shapes(keys), 2)))


def _chosen(kind: Literal["masquerade", "redirect"]) -> Callable[[Json], Statement]:
    def read(body: Json) -> Statement:
        port = (body or {}).get("port")
        if extra := set(body or {}) - {"port", "flags"}:
            raise NotUnderstood(", ".join(sorted(extra)))
        if kind == "masquerade":
            return Translate(kind, sets=(("source", None), ("sport", None)))
        changed = (("dport", _single(port, 16)),) if port is not None else ()
        return Translate(kind, sets=(("destination", None), *changed))

    return read


def _counter(body: Json) -> Statement:
    if isinstance(body, dict):
        return Counter(int(body["packets"]), int(body["bytes"]))
    return Neutral(f"counter {body}")


_READERS: Mapping[str, Callable[[Json], Statement]] = {
    "match": _match,
    "vmap": _verdict_map,
    "mangle": _mangle,
    "snat": _translate("snat"),
    "dnat": _translate("dnat"),
    "masquerade": _chosen("masquerade"),
    "redirect": _chosen("redirect"),
    "counter": _counter,
    "log": lambda body: Neutral(f"log {body}"),
    "reject": lambda _body: Verdict("drop"),
    "notrack": lambda _body: Assign("state", fields.UNTRACKED),
}
