"""Rules in the kernel that no file of ours asked for, or that somebody took out.

The file is loaded in a network namespace of its own, and the two kernels' answers compared: the
same ``nft`` prints both, so what differs is a rule and not a way to write it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from .process import Done, Failed, run

LIVE = ("nft", "--stateless", "list", "ruleset")
_LOADED = 'nft -f "$1" && exec nft --stateless list ruleset'
LEGACY = ("ip_tables_names", "ip6_tables_names", "arp_tables_names", "ebtables")
"""Under /proc/net: tables of the filter before nftables, which ``nft`` does not see."""
_ELEMENTS = re.compile(r"elements = \{(.*?)\}\n", re.DOTALL)
_ELEMENT = re.compile(r'(?:[^,"]|"[^"]*")+')


def differences(file: Path, proc: Path = Path("/proc/net")) -> list[str]:
    """What is loaded beside a file, or not loaded of it: a line each. Raises Failed."""
    expected, live = _said(_loaded(file)), _said(run(LIVE))
    found = [] if expected == live else list(_changes(normal(expected), normal(live)))
    for name in LEGACY:
        table = proc / name
        if table.exists() and (words := table.read_text().split()):
            found.append(f"{name.partition('_names')[0]}: {', '.join(words)} (not nftables)")
    return found


def _loaded(file: Path) -> Done:
    return run(["unshare", "--net", "--", "sh", "-c", _LOADED, "sh", str(file)])


def _said(done: Done) -> str:
    if not done.ok:
        raise Failed(done.blame())
    return done.out


def normal(text: str) -> list[str]:
    """The lines of a ruleset, each set's elements a line each and in order: it keeps none."""

    def sorted_elements(found: re.Match[str]) -> str:
        each = sorted(" ".join(word.split()) for word in _ELEMENT.findall(found[1]))
        return "".join(f"element {word}\n" for word in each if word)

    lines = _ELEMENTS.sub(sorted_elements, text).splitlines()
    table = chain = ""
    told = []
    for line in (line.strip() for line in lines):
        if line.startswith("table "):
            table, chain = line.removesuffix(" {"), ""
        elif line.startswith(("chain ", "set ", "map ", "ct helper ")):
            chain = line.removesuffix(" {").split()[-1]
        elif line not in ("", "}"):
            told.append(f"{table}, {chain}: {line}")
    return told


def _changes(expected: list[str], live: list[str]) -> Iterator[str]:
    for line in difflib.unified_diff(expected, live, n=0, lineterm=""):
        if line[0] == "+" and not line.startswith("+++"):
            yield f"added: {line[1:]}"
        elif line[0] == "-" and not line.startswith("---"):
            yield f"taken out: {line[1:]}"
