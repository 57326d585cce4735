"""YAML of an operator as nodes that know their line: every slip at once, nothing constructed.

A profile is a dozen lines that decide what somebody's images mean, so a duplicate key, an alias,
a tag or an unknown word is a fault here and never a default.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml

MAX_TEXT = 64 * 1024
MAX_DEPTH = 8
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,9})")
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]{0,9})(\.[0-9]{1,12})?")


@dataclass(frozen=True, order=True)
class Slip:
    """Something wrong in a profile; ``line`` and ``column`` count from 1."""

    line: int
    column: int
    message: str
    mend: str = ""

    def show(self, file: str) -> str:
        """``FILE:LINE:COL: message`` and how to mend it."""
        text = f"{file}:{self.line}:{self.column}: {self.message}"
        return text + (f"\n    mend: {self.mend}" if self.mend else "")


class BadProfile(Exception):  # noqa: N818 - it reads as what it is
    """A profile that cannot be used, with every slip in it."""

    def __init__(self, file: str, slips: Iterable[Slip]) -> None:
        self.file = file
        self.slips = tuple(sorted(set(slips)))
        super().__init__("\n".join(slip.show(file) for slip in self.slips))


@dataclass(frozen=True)
class Node:
    """A value of the file: text, a list, or a block, with its place."""

    line: int
    column: int
    value: str | list[Node] | dict[str, tuple[Node, Node]]
    quoted: bool = False


class Slips(list[Slip]):
    """What was found wrong so far."""

    def at(self, node: Node, message: str, mend: str = "") -> None:
        """Add a slip at a node's place."""
        self.append(Slip(node.line, node.column, message, mend))


def compose(text: str, slips: Slips) -> Node | None:
    """The only document of the text; None, with a slip, when it cannot be read."""
    try:
        if len(text) > MAX_TEXT:
            raise yaml.MarkedYAMLError(problem=f"longer than {MAX_TEXT} characters")
        # The parser's events first: an alias or a nested list is refused before it is built.
        for depth in _depths(text, slips):
            if depth > MAX_DEPTH:
                raise yaml.MarkedYAMLError(problem=f"nested more than {MAX_DEPTH} deep")
        found = None if slips else yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = error.problem or error.context or "unreadable"
        slips.append(Slip(line, column, f"this is not YAML: {said}", "compare the lines around it"))
        return None
    except yaml.YAMLError as error:  # a character that YAML forbids
        slips.append(Slip(1, 1, f"this is not YAML: {str(error).splitlines()[0]}"))
        return None
    if found is None:
        if not slips:
            slips.append(Slip(1, 1, "the profile is empty", "begin from docs/intake-raw.md"))
        return None
    return _node(found, slips)


def _depths(text: str, slips: Slips) -> Iterable[int]:
    depth = 0
    event: Any
    for event in yaml.parse(text, Loader=_Loader):
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        if isinstance(event, yaml.AliasEvent):
            slips.append(
                Slip(line, column, "an alias (`*`) is not read here", "write the value out")
            )
        elif getattr(event, "tag", None):
            slips.append(
                Slip(line, column, f"the tag {event.tag} has no meaning here", "remove it")
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            yield depth
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _node(node: Any, slips: Slips) -> Node:
    line, column = node.start_mark.line + 1, node.start_mark.column + 1
    if isinstance(node, yaml.ScalarNode):
        return Node(line, column, str(node.value), quoted=bool(node.style))
    if isinstance(node, yaml.SequenceNode):
        return Node(line, column, [_node(each, slips) for each in node.value])
    entries: dict[str, tuple[Node, Node]] = {}
    for key, value in node.value:
        at = _node(key, slips)
        if not isinstance(at.value, str):
            slips.at(at, "a key must be a word", "write `key: value`")
        elif at.value in entries:
            first = entries[at.value][0].line
            slips.at(at, f"`{at.value}` is given twice: first in line {first}", "keep one of them")
        else:
            entries[at.value] = (at, _node(value, slips))
    return Node(line, column, entries)


def nearest(word: str, known: Iterable[str]) -> str:
    """``did you mean `x`?``, or what there is."""
    words = list(known)
    found = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f"did you mean `{found[0]}`?" if found else f"known here: {', '.join(words)}"


class Block:
    """The entries of a mapping, taken one by one; what is left over at the end is unknown."""

    def __init__(self, node: Node, slips: Slips, what: str) -> None:
        self.node, self.slips, self.what = node, slips, what
        self._left: dict[str, tuple[Node, Node]] = {}
        self._asked: list[str] = []
        if isinstance(node.value, dict):
            self._left = dict(node.value)
        else:
            slips.at(node, f"{what} is a block of `key: value` lines")

    def take(self, key: str, *, required: bool = False) -> Node | None:
        """The value of a key, or None; a slip when it is required and missing."""
        self._asked.append(key)
        if key in self._left:
            return self._left.pop(key)[1]
        if required and isinstance(self.node.value, dict):
            self.slips.at(self.node, f"{self.what} has no `{key}`", f"add `{key}: …`")
        return None

    def rest(self) -> list[tuple[Node, Node]]:
        """Every entry not taken yet, with its key's node."""
        left, self._left = list(self._left.values()), {}
        return left

    def end(self) -> None:
        """A slip for each entry that nobody asked for."""
        for key, _ in self.rest():
            mend = nearest(str(key.value), self._asked)
            self.slips.at(key, f"`{key.value}` has no meaning in {self.what}", mend)

    def text(self, key: str, *, required: bool = False) -> str:
        """A text that is not empty; "" when there is none."""
        node = self.take(key, required=required)
        if node is None:
            return ""
        if not isinstance(node.value, str) or not node.value.strip():
            self.slips.at(node, f"`{key}` is a text")
            return ""
        return node.value.strip()

    def word(self, key: str, known: Iterable[str], default: str = "") -> str:
        """One of the known words; without a default it is required."""
        words = list(known)
        node = self.take(key, required=not default)
        if node is None:
            return default or words[0]
        if node.value not in words:
            told = node.value if isinstance(node.value, str) else "this"
            self.slips.at(node, f"`{told}` is no {key} known here", nearest(str(told), words))
            return default or words[0]
        return str(node.value)

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number within bounds; without a default it is required."""
        node = self.take(key, required=default is None)
        return (default or 0) if node is None else whole(node, self.slips, key, low, high)


def whole(node: Node, slips: Slips, key: str, low: int, high: int) -> int:
    """The whole number of a node; a slip and ``low`` when it is none, or out of bounds."""
    text = node.value
    if not isinstance(text, str) or node.quoted or not _WHOLE.fullmatch(text):
        slips.at(node, f"`{key}` is a whole number, without quotes or leading zeros")
        return low
    if not low <= int(text) <= high:
        slips.at(node, f"`{key}` is between {low} and {high}, not {text}")
        return low
    return int(text)


def number(node: Node, slips: Slips, key: str) -> float:
    """The decimal number of a node: a point and no exponent, so that nobody misreads it."""
    text = node.value
    if not isinstance(text, str) or node.quoted or not _NUMBER.fullmatch(text):
        slips.at(node, f"`{key}` is a number such as 12 or 0.5")
        return 0.0
    return float(text)
