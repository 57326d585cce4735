"""YAML text as values that know their place, read more strictly than YAML asks.

Built from the parser's events instead of ``safe_load``: a duplicate key is seen, ``0104`` does
not become 68, an alias cannot grow without bound, and nothing is constructed but text, whole
numbers, lists and mappings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from gateway.problems import Path

MAX_VALUES = 100_000
MAX_DEPTH = 20
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# YAML 1.1 (yaml.org/type/{bool,int}.html), which Ansible and most tools on a box still read.
TRUTH = re.compile(r"(?i:yes|no|on|off|true|false)")
WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
SEXAGESIMAL = re.compile(r"[-+]?[1-9][0-9]*(:[0-5]?[0-9])+")
EMPTY = ("", "~", "null", "Null", "NULL")

_TAGS = "tag:yaml.org,2002:"  # what `!!` stands for


class Place(NamedTuple):
    """A place in the text; both count from 1."""

    line: int
    column: int


class Node(NamedTuple):
    """A value, where it begins, and what stands in it: by key or index, each with its own place."""

    place: Place
    value: Any
    entries: dict[str | int, tuple[Place, Node]]
    size: int = 1


class Slip(NamedTuple):
    """Something wrong with the text itself; ``fatal``: nothing after it can be trusted."""

    place: Place
    message: str
    mend: str = ""
    path: Path = ()
    fatal: bool = False


class _FatalError(Exception):
    def __init__(self, place: Place, message: str, mend: str, path: Path = ()) -> None:
        super().__init__(message)
        self.slip = Slip(place, message, mend, path, fatal=True)


def compose(text: str) -> tuple[Node | None, list[Slip]]:
    """The only document of the text, or None when it cannot be read, and every slip in it."""
    composer = _Composer(text)
    try:
        return composer.document(), composer.slips
    except _FatalError as fatal:
        return None, [*composer.slips, fatal.slip]
    except yaml.MarkedYAMLError as error:
        return None, [*composer.slips, _unreadable(error, text)]


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


class _Composer:
    """Builds nodes from the events of one text."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=Loader)
        self._anchors: dict[str, Node] = {}
        self._open: set[str] = set()
        self.slips: list[Slip] = []

    def document(self) -> Node:
        """The first document; a second one is refused."""
        next(self._events)  # the stream's start
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            raise _FatalError(Place(1, 1), *_NOTHING)
        node = self._node(next(self._events), ())
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _FatalError(
                _place(after.start_mark),
                "a second document begins here, but a site is described by one",
                "remove the line `---` here, or keep each site in a file of its own",
            )
        if node.value is None:
            raise _FatalError(node.place, *_NOTHING)
        return node

    def _node(self, event: Any, path: Path) -> Node:
        place = _place(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), place, path)
        if len(path) > MAX_DEPTH:
            raise _FatalError(
                place,
                *_TOO_DEEP,
                path,
            )
        if event.tag:
            self._slip(
                place,
                f"the tag {event.tag.replace(_TAGS, '!!')} has no meaning here",
                "remove it",
                path,
            )
        if event.anchor:
            self._open.add(event.anchor)
        if isinstance(event, yaml.ScalarEvent):
            node = Node(place, self._scalar(event, place, path), {})
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(place, path)
        else:
            node = self._mapping(place, path)
        if event.anchor:
            self._anchors[event.anchor] = node
            self._open.discard(event.anchor)
        return node

    def _sequence(self, place: Place, path: Path) -> Node:
        entries: dict[str | int, tuple[Place, Node]] = {}
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            index = len(entries)
            node = self._node(event, (*path, index))
            entries[index] = (_place(event.start_mark), node)
        values = [node.value for _, node in entries.values()]
        return Node(place, values, entries, self._sized(entries, place, path))

    def _mapping(self, place: Place, path: Path) -> Node:
        entries: dict[str | int, tuple[Place, Node]] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            at = _place(event.start_mark)
            key = self._key(event, at, path)
            node = self._node(next(self._events), (*path, key))
            if key in entries:
                first = entries[key][0].line
                where = f"`{key}` is given twice: first in line {first}"
                self._slip(at, where, "keep one of them", (*path, key))
            else:
                entries[key] = (at, node)
        values = {key: node.value for key, (_, node) in entries.items()}
        return Node(place, values, entries, self._sized(entries, place, path))

    def _key(self, event: Any, at: Place, path: Path) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise _FatalError(
                at, "a key must be a word, not a list or block", "write `key: value`", path
            )
        key = str(event.value)
        if not event.style and TRUTH.fullmatch(key):
            message, mend = _truth(key)
            self._slip(at, message, mend, (*path, key))
        return key

    def _scalar(self, event: Any, place: Place, path: Path) -> str | int | None:
        text = str(event.value)
        if event.style:  # quoted, or a block of text; libyaml says "" where PyYAML says None
            return text
        if text in EMPTY:
            return None
        if WHOLE.fullmatch(text):
            return int(text)
        for trap, words in ((TRUTH, _truth), (LEADING_ZERO, _octal), (SEXAGESIMAL, _base_60)):
            if trap.fullmatch(text):
                self._slip(place, *words(text), path)
        return text

    def _alias(self, name: str, place: Place, path: Path) -> Node:
        if name in self._anchors:
            known = self._anchors[name]
            return Node(place, known.value, known.entries, known.size)
        if name in self._open:
            message = f"*{name} stands inside &{name} itself, so it would never end"
        else:
            message = f"*{name} repeats a value that no &{name} above names"
        raise _FatalError(place, message, "write the value out", path)

    def _sized(self, entries: dict[str | int, tuple[Place, Node]], place: Place, path: Path) -> int:
        """How many values stand in a block once every alias is written out."""
        size = 1 + sum(node.size for _, node in entries.values())
        if size > MAX_VALUES:
            raise _FatalError(
                place,
                f"this is more than {MAX_VALUES:,} values once its aliases are written out",
                "describe a department without repeating whole blocks by `*`",
                path,
            )
        return size

    def _slip(self, place: Place, message: str, mend: str, path: Path) -> None:
        self.slips.append(Slip(place, message, mend, path))


_NOTHING = (
    "the file describes nothing: it is empty, or all of it is comment",
    "begin from inventory/smallest/site.yml",
)


def _truth(text: str) -> tuple[str, str]:
    return (
        f"`{text}` without quotes is a truth value to YAML, and nothing here wants one",
        f'if you mean the word, quote it: "{text}"',
    )


def _octal(text: str) -> tuple[str, str]:
    plain = text.lstrip("+-").lstrip("0") or "0"
    return (
        f"`{text}` begins with a zero, which makes it an octal number to YAML",
        f'write {plain}, or quote it if it is text: "{text}"',
    )


def _base_60(text: str) -> tuple[str, str]:
    return (
        f"`{text}` without quotes is a number in base 60 to many YAML readers",
        f'quote it: "{text}"',
    )


_TOO_DEEP = (
    f"nested more than {MAX_DEPTH} deep",
    "no description needs that: look for a bracket or dash too many",
)

# The parser's own words, as libyaml and PyYAML say them, and what an operator can do about it.
_WORDS = (
    ("mapping values are not allowed", "a second `:` makes no sense here",
     "quote the text that holds `: `, or check the indentation of this line"),
    ("could not find expected ':'", "this line is no `key: value`",
     "add the colon and a space, or remove the line"),
    ("did not find expected key", "this line does not fit under the lines above it",
     "indent it like its neighbours, and close every quote and bracket"),
    ("did not find expected '-' indicator", "this line does not fit into the list above it",
     "begin it with `- ` at the list's indentation, or indent it like its neighbours"),
    ("did not find expected ',' or", "this bracket is not closed",
     "close it with ] or }, and put commas between what is in it"),
    ("did not find expected node content", "a value is missing here",
     "remove the comma or bracket too many"),
    ("block sequence entries are not allowed", "a list cannot begin here",
     "put the `-` on a line of its own, below its key"),
    ("found unexpected end of stream", "a quote opened here is not closed",
     "close it with the same kind of quote"),
    ("found unexpected document indicator", "a quote opened here is not closed",
     "close it with the same kind of quote"),
    ("unknown escape character", "the backslash here begins no known escape",
     "use single quotes: no escapes are read in them"),
    # libyaml counts brackets itself, up to 1,000, before it tells of the first.
    ("maximum nesting depth", *_TOO_DEEP),
)  # fmt: skip


# Seen only later: the place to look at is where the quote, bracket or line began.
_BEGUN_BEFORE = ("end of stream", "expected ',' or", "expected ':'", "document indicator")


def _unreadable(error: yaml.MarkedYAMLError, text: str) -> Slip:
    said = str(error.problem or error.context or "")
    mark = error.problem_mark or error.context_mark
    if error.context_mark and any(words in said for words in _BEGUN_BEFORE):
        mark = error.context_mark
    place = _place(mark) if mark else Place(1, 1)
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if "tab character" in said or ("\t" in line[: place.column] and "any token" in said):
        message, mend = "a tab indents this line", "indent with spaces only"
        return Slip(place, message, mend, fatal=True)
    if "any token" in said:
        char = line[place.column - 1 : place.column]
        return Slip(place, f"a value cannot begin with {char}", f'quote it: "{char}…"', fatal=True)
    for words, message, mend in _WORDS:
        if words in said:
            return Slip(place, message, mend, fatal=True)
    return Slip(place, f"this is not YAML: {said}", "compare with the lines around it", fatal=True)
