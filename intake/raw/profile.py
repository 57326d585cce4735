"""A raw profile: how one camera's files are laid out, as an operator approved it.

The form is in docs/intake-raw.md. Nothing has a default that could change what a pixel means.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from datetime import date
from pathlib import Path

from intake.bounds import MAX_FRAMES, MAX_SIDE
from intake.options import CHARSETS
from intake.raw.dates import Form, form
from intake.raw.model import Approval, Count, Layout, Lies, Located, Profile, Value
from intake.raw.numbers import FIXED_ORDER, ORDERS, TYPES
from intake.raw.strict import BadProfile, Block, Node, Slips, compose, nearest, number, whole
from intake.raw.targets import KINDS, LOOPS, NEEDED, Target, names, target

MAX_HEADER = 16 * 1024 * 1024


def load(path: Path) -> Profile:
    """The profile of a file; BadProfile with every slip in it."""
    data = path.read_bytes()[: 1024 * 1024]
    return parse(data.decode("utf-8", errors="replace"), path.name)


def parse(text: str, file: str = "profile.yml") -> Profile:
    """The profile of a text; BadProfile with every slip in it."""
    slips = Slips()
    node = compose(text, slips)
    if node is None or slips:
        raise BadProfile(file, slips)
    found = _Reader(slips).profile(node, file, hashlib.sha256(text.encode()).hexdigest())
    if slips or found is None:
        raise BadProfile(file, slips)
    return found


class _Reader:
    def __init__(self, slips: Slips) -> None:
        self.slips = slips
        self.header = 0

    def profile(self, node: Node, file: str, sha256: str) -> Profile | None:
        top = Block(node, self.slips, "a raw profile")
        title = top.text("title", required=True)
        approval = self._approval(top)
        charset = top.word("charset", CHARSETS)
        self.header = top.whole("header", 0, MAX_HEADER)
        trailer = top.whole("trailer", 0, MAX_HEADER, 0)
        expect = self._expect(top.take("expect"), charset)
        layout = self._layout(top.take("images", required=True))
        values = self._values(top.take("values"))
        kept = self._kept(top.take("kept"))
        top.end()
        if self.slips or layout is None or approval is None:
            return None
        self._complete(node, layout, values)
        lies = Lies(charset, self.header, trailer, expect, kept)
        return Profile(file, sha256, title, approval, lies, layout, values)

    def _approval(self, top: Block) -> Approval | None:
        node = top.take("approved", required=True)
        if node is None:
            return None
        block = Block(node, self.slips, "`approved`")
        by, on = block.text("by", required=True), block.text("on", required=True)
        seen = block.text("seen", required=True)
        block.end()
        try:
            return Approval(by, date.fromisoformat(on), seen)
        except ValueError:
            self.slips.at(node, f"`on` is a date such as 2026-03-31, not {on or 'empty'}")
            return None

    def _expect(self, node: Node | None, charset: str) -> tuple[tuple[int, bytes], ...]:
        found = []
        for each in self._list(node, "expect"):
            block = Block(each, self.slips, "an entry of `expect`")
            at = block.whole("at", 0, MAX_HEADER)
            text, digits = block.text("text"), block.text("hex").replace(" ", "")
            block.end()
            if bool(text) == bool(digits):
                self.slips.at(each, "an entry of `expect` has a `text` or a `hex`")
            elif digits and not re.fullmatch("([0-9A-Fa-f]{2})+", digits):
                self.slips.at(each, "`hex` is pairs of hexadecimal digits")
            elif text and not _encodable(text, charset):
                self.slips.at(each, f"this text cannot be written in {charset}")
            else:
                data = bytes.fromhex(digits) if digits else codecs.encode(text, CHARSETS[charset])
                if at + len(data) > self.header:
                    self.slips.at(each, f"this is beyond the header of {self.header} bytes")
                found.append((at, data))
        return tuple(found)

    def _layout(self, node: Node | None) -> Layout | None:
        if node is None:
            return None
        block = Block(node, self.slips, "`images`")
        kind = KINDS[block.word("kind", KINDS)]
        rows = self._count(block.take("rows", required=True), "rows", MAX_SIDE)
        columns = self._count(block.take("columns", required=True), "columns", MAX_SIDE)
        frames = self._count(block.take("frames", required=True), "frames", MAX_FRAMES)
        stored = block.word("type", TYPES)
        fixed = stored in FIXED_ORDER or TYPES[stored].size == 1
        order = block.word("order", _orders(stored), "big" if fixed else "")
        gap = block.whole("gap", 0, MAX_HEADER, 0)
        loops = self._loops(block.take("loops"))
        block.end()
        if frames != 1 and not loops:
            self.slips.at(node, "`images` has no `loops`", "say what the images count: `view: 64`")
        return Layout(kind, frames, rows, columns, stored, order, gap, loops)

    def _loops(self, node: Node | None) -> tuple[tuple[str, Count], ...]:
        if node is None:
            return ()
        block = Block(node, self.slips, "`loops`")
        found = []
        for key, value in block.rest():
            word = str(key.value)
            if word not in LOOPS:
                self.slips.at(key, f"`{word}` is no loop known here", nearest(word, LOOPS))
            else:
                found.append((word, self._count(value, word, MAX_FRAMES)))
        return tuple(found)

    def _count(self, node: Node | None, key: str, most: int) -> Count:
        if node is None:
            return 1
        if not isinstance(node.value, dict):
            return whole(node, self.slips, key, 1, most)
        found = self._located(node, Target("whole", key))
        if found.stored == "text":
            self.slips.at(node, f"`{key}` in the header needs `as: uint16` or its like")
        return found

    def _values(self, node: Node | None) -> tuple[Value, ...]:
        if node is None:
            return ()
        found = []
        for key, value in Block(node, self.slips, "`values`").rest():
            name = str(key.value)
            goal = target(name)
            if goal is None:
                self.slips.at(key, f"`{name}` is no value known here", nearest(name, names()))
            elif isinstance(value.value, dict):
                found.append(Value(name, goal, self._located(value, goal), key.line))
            else:
                found.append(Value(name, goal, self._constant(value, goal, name), key.line))
        return tuple(found)

    def _constant(self, node: Node, goal: Target, name: str) -> str:
        text = node.value.strip() if isinstance(node.value, str) else ""
        words = goal.holds.split("|")
        if not text:
            self.slips.at(node, f"`{name}` is a value, or a block with `at`")
        elif goal.holds in {"number", "whole"}:
            number(node, self.slips, name)
        elif goal.holds in {"date", "time"}:
            self.slips.at(node, f"a {goal.holds} is not the same for every file: say where it lies")
        elif len(words) > 1 and text not in words:
            self.slips.at(node, f"`{text}` is no {name} known here", nearest(text, words))
        return text

    def _kept(self, node: Node | None) -> tuple[tuple[str, Located], ...]:
        if node is None:
            return ()
        rest = Block(node, self.slips, "`kept`").rest()
        return tuple(
            (str(key.value), self._located(value, Target("any", ""))) for key, value in rest
        )

    def _located(self, node: Node, goal: Target) -> Located:
        block = Block(node, self.slips, "a place in the header")
        at = block.whole("at", 0, MAX_HEADER)
        stored = block.word("as", ("text", *TYPES), "text")
        size = TYPES[stored].size if stored in TYPES else 0
        length = size or block.whole("length", 1, 4096)
        needs_order = size > 1 and stored not in FIXED_ORDER
        order = block.word("order", _orders(stored)) if needs_order else "big"
        times_node = block.take("times") if goal.holds in {"number", "any"} else None
        times = number(times_node, self.slips, "times") if times_node else 1.0
        split_node = block.take("split") if goal.holds == "name" else None
        split = str(split_node.value) if split_node else ""  # a blank is a split too
        how = self._form(block, goal, stored)
        words = self._words(block, goal)
        block.end()
        if at + length > self.header:
            self.slips.at(node, f"bytes {at} to {at + length} are beyond the header")
        return Located(at, length, stored, order, times, split, how, words, node.line)

    def _form(self, block: Block, goal: Target, stored: str) -> Form | None:
        if goal.holds not in {"date", "time"}:
            return None
        if stored != "text":
            self.slips.at(block.node, f"a {goal.holds} is read from text")
            return None
        text = block.text("form", required=True)
        century = block.whole("century", 1800, 2000, 0) if goal.holds == "date" else 0
        found = form(text, goal.holds, century)
        if isinstance(found, str):
            self.slips.at(block.node, found)
            return None
        return found

    def _words(self, block: Block, goal: Target) -> tuple[tuple[str, str], ...]:
        node = block.take("words") if "|" in goal.holds else None
        if node is None:
            return ()
        known, found = goal.holds.split("|"), []
        for key, value in Block(node, self.slips, "`words`").rest():
            if value.value not in known:
                self.slips.at(value, "this is no known word", nearest(str(value.value), known))
            found.append((str(key.value), str(value.value)))
        return tuple(found)

    def _list(self, node: Node | None, what: str) -> list[Node]:
        if node is None:
            return []
        if not isinstance(node.value, list):
            self.slips.at(node, f"`{what}` is a list: begin each entry with `- `")
            return []
        return node.value

    def _complete(self, node: Node, layout: Layout, values: tuple[Value, ...]) -> None:
        told = {value.name for value in values}
        for name in NEEDED.get(layout.kind, ()):
            if name not in told:
                self.slips.at(
                    node, f"a {layout.kind.value} study needs `{name}`", "add it to values"
                )
        for one, other in (
            ("pixel.row_mm", "pixel.column_mm"),
            ("pixel.column_mm", "pixel.row_mm"),
        ):
            if one in told and other not in told:
                self.slips.at(node, f"`{one}` without `{other}`", "give both")


def _orders(stored: str) -> tuple[str, ...]:
    # Two bytes can only be swapped; with four there is the order of the words too.
    return ORDERS if stored in TYPES and TYPES[stored].size > 2 else ORDERS[:2]


def _encodable(text: str, charset: str) -> bool:
    try:
        codecs.encode(text, CHARSETS[charset])
    except UnicodeError:
        return False
    return True
