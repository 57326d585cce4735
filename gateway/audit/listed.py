"""The text of a listing, and whether nft's JSON, its text and the kernel say one thing.

``nft -j`` alone cannot be trusted (facts: 94 of 424 rulesets came back otherwise), nor the text
(see ``program``): both are loaded again in a scratch namespace and compared.
"""

from __future__ import annotations

import json as json_module
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.audit import program, scratch
from gateway.audit.rules import Strange
from gateway.audit.scratch import Listing
from gateway.audit.values import Json
from gateway.problems import Failed

FAMILIES = {"ip", "ip6", "inet"}
"""Whose tables filter what is addressed to the box or passes it."""


@dataclass(frozen=True)
class Text:
    """What only the text says truly: flags, and each rule's wording by table, chain and handle."""

    flags: dict[tuple[str, ...], tuple[str, ...]]
    rules: dict[tuple[str, str, int], str]


_HANDLE = re.compile(r"^(?P<text>.*?) ?# handle (?P<handle>\d+)$")
_BLOCK = re.compile(r"^\t(?:chain|set|map|flowtable|ct helper|ct \w+|counter|limit|quota) (\S+) \{")


def read_text(text: str) -> Text:
    """The flags and the rules of a listing made with ``-a``."""
    flags: dict[tuple[str, ...], tuple[str, ...]] = {}
    rules: dict[tuple[str, str, int], str] = {}
    table, block = "", ""
    for line in text.splitlines():
        if line.startswith("table "):
            table, block = " ".join(line.split()[1:3]), ""
        elif found := _BLOCK.match(line):
            block = found[1]
        elif line == "\t}":
            block = ""
        elif line.strip().startswith("flags ") and "# handle" not in line:
            words = line.strip().removeprefix("flags ").split("#")[0]
            flags[(table, block) if block else (table,)] = tuple(re.split(r"[,\s]+", words.strip()))
        elif found := _HANDLE.match(line):
            rules[table, block, int(found["handle"])] = found["text"].strip()
    return Text(flags, rules)


def _mended(objects: list[Json], text: Text) -> str:
    """The JSON, the flags of its sets as the text has them, tables without (see ``_filters``).

    But ``dynamic``, which nft 1.0.6 neither prints as JSON nor reads.
    """
    result = []
    for each in objects:
        ((kind, body),) = each.items()
        if kind != "metainfo" and body.get("family") not in FAMILIES:
            continue
        if kind in ("table", "set", "map"):
            body = {key: value for key, value in body.items() if key != "flags"}
        if kind in ("set", "map"):
            known = text.flags.get((f"{body['family']} {body['table']}", body["name"]), ())
            flags = [each for each in known if each != "dynamic"]
            body = {**body, "flags": flags} if flags else body
        result.append({kind: body})
    return json_module.dumps({"nftables": result})


def _filters(text: str) -> str:
    """The tables of the families that are looked into.

    Without the tables' own flags: nft 1.0.6 prints garbage for them as JSON and cannot read them,
    so they are taken from the text alone.
    """
    blocks = re.findall(r"^table \S+ .*?^\}$", text, re.MULTILINE | re.DOTALL)
    kept = "\n".join(each for each in blocks if each.split()[1] in FAMILIES)
    return re.sub(r"^(table .*\n)\tflags .*\n", r"\1", kept, flags=re.MULTILINE)


def doubtful(
    objects: list[Json], listing: Listing, read: Text, *, nft: str, on: Sequence[str]
) -> list[Strange]:
    """Where JSON, text and the kernel's own program do not say the same."""
    json_text = _mended(objects, read)
    try:
        again = _both_sides(listing, json_text, nft, on)
    except Failed as why:
        last = " ".join(str(why).strip().splitlines())
        return [Strange("round trip", f"nft's own output does not load again: {last}")]
    if wrong := _programs(listing, again):
        return wrong
    from_text, from_json = _compared(again.from_text), _compared(again.from_json)
    for one, other in zip(from_text, from_json, strict=False):
        if one != other:
            return [Strange("round trip", f"as text {one!r}, as JSON {other!r}")]
    if len(from_text) != len(from_json):
        return [Strange("round trip", "text and JSON list a different number of lines")]
    return []


def _programs(listing: Listing, again: scratch.Again) -> list[Strange]:
    """Whether the kernel runs what nft lists."""
    if not listing.program.strip() and listing.text.strip():
        return [Strange("listing", "what the kernel runs was not asked for (Listing.program)")]
    live, there = program.read(listing.program), program.read(again.program)
    known = {chain: rules for chain, rules in live.rules.items() if chain.split()[0] in FAMILIES}
    sets = {name: held for name, held in live.sets.items() if name.split()[0] in FAMILIES}
    found = program.differences(program.Program(known, sets), there)
    return [Strange("nft lists another rule than the kernel runs", each) for each in found]


def _compared(text: str) -> list[str]:
    """The lines of a listing, but for flags, which are never taken from the JSON."""
    return [line for line in scratch.normal(text) if not line.startswith("flags ")]


def _both_sides(listing: Listing, json: str, nft: str, on: Sequence[str]) -> scratch.Again:
    try:
        return scratch.again(_filters(listing.text), json, nft=nft, on=on)
    except Failed:
        if not listing.readable:
            raise
        # nft 1.0.6 cannot read all the numbers that it prints where a name is usual.
        return scratch.again(_filters(listing.readable), json, nft=nft, on=on)
