"""A network namespace of its own, in which a ruleset is loaded and listed again.

Nothing reaches it and it is gone with the command. Root is not needed where the kernel lets users
have namespaces.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.problems import Failed
from gateway.run import run

SEPARATOR = "\x1e"
"""Between the outputs of one command: ASCII's record separator, which nft never prints."""
LIST_JSON = "nft -nn -j list ruleset"
LIST_TEXT = "nft -nn -a list ruleset"
LIST_PROGRAM = "nft --debug=netlink -nn list ruleset"
NEXT = "; printf '\\036'; "
LISTING = NEXT.join((LIST_JSON, LIST_TEXT, "nft -a list ruleset", LIST_PROGRAM))
"""What a box is asked for, as one shell command; ``listing`` reads its output."""


@dataclass(frozen=True)
class Listing:
    """A ruleset as nft shows it: numbers for names (``-nn``), handles (``-a``), and what it said.

    ``readable`` is the text with words instead of numbers, for people. ``program`` is what the
    kernel runs, as nft gets it, before it makes words of it.
    """

    json: str
    text: str
    readable: str = ""
    errors: str = ""
    program: str = ""


def listing(output: str, errors: str) -> Listing:
    """A listing from the output of ``LISTING``. Raises Failed if it is not whole."""
    parts = output.split(SEPARATOR)
    if len(parts) != 4 or not parts[0].strip():
        raise Failed(f"nft did not list the ruleset: {errors.strip() or 'it said nothing'}")
    return Listing(parts[0], parts[1], parts[2], errors, program=parts[3])


EMPTY = '[ -z "$(nft list tables)" ] || { echo "this is no empty namespace" >&2; exit 9; }'
"""Before anything is loaded: should the namespace not be a new one, nothing is touched."""
_THERE = """\
import os, subprocess, sys
path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
done = subprocess.run({words!r}, input={stdin!r}, capture_output=True, text=True,
                      errors="replace", env={{**os.environ, "PATH": path}})
sys.stdout.write(done.stdout)
sys.stderr.write(done.stderr)
sys.exit(done.returncode)
"""
"""What runs a command elsewhere. ssh hands its words to a shell, which takes them apart: a script
among them would run in pieces, outside the namespace."""


def own(inside: str, stdin: str, *, nft: str = "nft", on: Sequence[str] = ()) -> tuple[str, str]:
    """The output of a shell command in a new namespace, and its stderr.

    ``on``: the words that make a command run on another machine, as root.
    """
    root = [] if on or os.geteuid() == 0 else ["--map-root-user"]
    script = re.sub(r"\bnft\b", nft, f"{EMPTY}; {inside}")
    words = ["unshare", *root, "--net", "--", "sh", "-ec", script]
    if on:
        there = _THERE.format(words=words, stdin=stdin)
        done = run([*on, "python3", "-I", "-"], stdin=there)
    else:
        done = run(words, stdin=stdin)
    return done.stdout, done.stderr


def cards_in(text: str) -> tuple[str, ...]:
    """The cards that must be there before a ruleset loads: nft turns iif and oif into indexes."""
    found = re.findall(r'\b[io]if (?:!= )?(?:vmap )?(\{[^}]*\}|"[^"]+")', text)
    return tuple(sorted({name for each in found for name in re.findall(r'"([^"]+)"', each)}))


def _with_cards(cards: Iterable[str]) -> str:
    # A veth needs no module of its own where there are containers; its other end is not used.
    commands = ["ip link set lo up"]
    for number, card in enumerate(sorted(set(cards) - {"lo"})):
        if not re.fullmatch(r"[\w.@-]{1,15}", card):
            raise Failed(f"a card named {card!r} cannot be made in a scratch namespace")
        commands.append(f"ip link add '{card}' type veth peer name gwscratch{number}")
    return "; ".join(commands)


def load(text: str, *, nft: str = "nft", on: Sequence[str] = ()) -> Listing:
    """Ruleset text, loaded and listed again. Raises Failed with nft's words if it does not load."""
    script = f"{_with_cards(cards_in(text))}; nft -f -; {LISTING}"
    return listing(*own(script, text, nft=nft, on=on))


class Again(NamedTuple):
    """A ruleset's text and its JSON, each loaded and listed again; and the text's program."""

    from_text: str
    from_json: str
    program: str


def again(text: str, json: str, *, nft: str = "nft", on: Sequence[str] = ()) -> Again:
    """Text and JSON, each loaded into a namespace of its own and listed as text, without state."""
    cards = _with_cards(cards_in(text))
    show = "nft -s -nn list ruleset"
    output, _ = own(f"{cards}; nft -f -; {show}{NEXT}{LIST_PROGRAM}", text, nft=nft, on=on)
    from_json, _ = own(f"{cards}; nft -j -f -; {show}", json, nft=nft, on=on)
    from_text, _, program = output.partition(SEPARATOR)
    return Again(from_text, from_json, program)


_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[{},]|[^\s{},"]+')


def normal(text: str) -> list[str]:
    """The lines of a listing, the members of each set in order: a hash set has none of its own."""
    lines: list[str] = []
    members: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if members or line.startswith("elements = {"):
            members.append(line)
            if _WORD.findall(line)[-1:] != ["}"]:
                continue
            line = " ".join(members)
            members = []
        lines.append(_sorted_sets(line))
    return [*lines, *members]


def _sorted_sets(line: str) -> str:
    out: list[str] = []
    members: list[list[str]] | None = None
    for word in _WORD.findall(line):
        if word == "{":
            members = [[]]
            out.append(word)
        elif word == "}" and members is not None:
            out += [", ".join(sorted(" ".join(each) for each in members)), word]
            members = None
        elif members is not None:
            members.append([]) if word == "," else members[-1].append(word)
        else:
            out.append(word)
    if members is not None:  # the brace that opens a block
        out += [" ".join(each) for each in members if each]
    return " ".join(out)
