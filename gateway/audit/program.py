"""What the kernel runs for each rule, so that nft's words for it can be checked.

nft makes words of the kernel's instructions, and not always the right ones: 1.0.6 and 1.1.3 both
list ``tcp sport >= 1000 tcp dport <= 1000`` as ``tcp dport 1000-1000``. So the listing is loaded
again, and has to give the same instructions as those that are there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest

_HEAD = re.compile(r"^(\S+ \S+ \S+) (\d+)(?: \d+)?$")
_SET = re.compile(r"^(\S+ \S+) @(\S+)$")
_ANONYMOUS = re.compile(r"\b__(?:set|map)\d+\b")
_STATE = re.compile(r"(counter pkts|bytes|consumed) \d+")
_INDEX = re.compile(r"(meta load [io]if => reg \d+ \]\n  \[ cmp \w+ reg \d+) 0x[0-9a-f]+")
"""A card's index: another in every namespace."""


@dataclass(frozen=True)
class Program:
    """Instructions by chain, in order, each with its rule's handle; elements by set."""

    rules: dict[str, list[tuple[int, str]]]
    sets: dict[str, list[str]]


def read(text: str) -> Program:
    """The program in the output of ``nft --debug=netlink list ruleset``."""
    rules: dict[str, list[tuple[int, str]]] = {}
    sets: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in text.splitlines():
        if line.startswith(("  [ ", "\telement ")) and lines is not None:
            lines.append(line)
        elif found := _HEAD.match(line):
            lines = []
            rules.setdefault(found[1], []).append((int(found[2]), ""))
            sets[f"rule {found[1]} {len(rules[found[1]]) - 1}"] = lines
        elif found := _SET.match(line):
            lines = sets.setdefault(f"set {found[1]} {found[2]}", [])
        else:
            lines = None
    return _put_together(rules, sets)


def _put_together(rules: dict[str, list[tuple[int, str]]], blocks: dict[str, list[str]]) -> Program:
    """Anonymous sets by the place where they are asked: their numbers differ each time."""
    elements = {key.removeprefix("set "): sorted(value) for key, value in blocks.items()
                if key.startswith("set ")}  # fmt: skip
    result: dict[str, list[tuple[int, str]]] = {}
    for chain, members in rules.items():
        table = " ".join(chain.split()[:2])
        result[chain] = [
            (handle, _plain(blocks[f"rule {chain} {place}"], table, elements))
            for place, (handle, _) in enumerate(members)
        ]
    named = {key: value for key, value in elements.items() if not _ANONYMOUS.search(key)}
    return Program(result, named)


def _plain(lines: list[str], table: str, elements: dict[str, list[str]]) -> str:
    text = _INDEX.sub(r"\1 a card", _STATE.sub(r"\1", "\n".join(lines)))
    text = _ANONYMOUS.sub(
        lambda found: "{" + "; ".join(elements.get(f"{table} {found[0]}", [])) + "}", text
    )
    return "\n".join(_commuted(text.splitlines()))


_PURE = re.compile(
    r"\[ (?:(?:payload|meta|ct|exthdr|rt|socket|fib) load|bitwise|byteorder|cmp|range|lookup) "
)
_ASKS = re.compile(r"\[ (?:cmp|range|lookup) ")


def _commuted(lines: list[str]) -> list[str]:
    """Neighbouring matches in one order, each once: nft moves and repeats what it adds itself.

    A match is what is loaded and what it is compared with; all must hold, in whatever order.
    """
    result: list[str] = []
    run: list[list[str]] = []
    for line in lines:
        if not _PURE.search(line) or " dreg " in line:
            result += [*_in_order(run), line]
            run = []
        elif not run or (_ASKS.search(run[-1][-1]) and not _ASKS.search(line)):
            run.append([line])
        else:
            run[-1].append(line)
    return [*result, *_in_order(run)]


def _in_order(run: list[list[str]]) -> list[str]:
    return [line for match in sorted({tuple(each) for each in run}) for line in match]


def differences(live: Program, again: Program) -> list[str]:
    """Where two programs differ: in which rule or set, and how."""
    found = []
    for chain in sorted(live.rules.keys() | again.rules.keys()):
        pairs = zip_longest(live.rules.get(chain, []), again.rules.get(chain, []))
        for one, other in pairs:
            if one is None or other is None:
                found.append(f"{chain}: not the same number of rules")
                break
            if one[1] != other[1]:
                there, here = (" ".join(each[1].split()) for each in (one, other))
                found.append(f"{chain} handle {one[0]}: the kernel runs {there}, listed is {here}")
    names = sorted(live.sets.keys() | again.sets.keys())
    found += [
        f"set {name}: its elements are listed otherwise than the kernel has them"
        for name in names
        if live.sets.get(name) != again.sets.get(name)
    ]
    return found
