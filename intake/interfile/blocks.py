"""Lines as nested blocks: the file, its sections (one an energy window), their images or heads.

Interfile has no brackets: a block begins where its first key comes again. Within a block, and
between it and what surrounds it, a key may not have two values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from intake import text
from intake.interfile.keys import Scope, plain
from intake.interfile.ledger import Ledger
from intake.interfile.lexer import Line
from intake.options import Options
from intake.refused import Refused

Value = TypeVar("Value")
Key = tuple[str, int | None]

HEAD_OPENERS = ("number of images/energy window", "number of projections", "start angle")
MAX_SECONDS = 2**31 / 1000
"""DICOM's times are whole milliseconds of 31 bits: 24 days."""
# Any of these ends the time windows of a gated tomographic study.
HEAD_KEYS = {
    *HEAD_OPENERS,
    "number of detector heads",
    "process status",
    "extent of rotation",
    "time per projection (sec)",
    "direction of rotation",
    "number of slices",
}
OPENERS = {
    "static": ("image number",),
    "dynamic": ("frame group number",),
    "gated": ("time window number",),
    "tomographic": HEAD_OPENERS,
    "gspect": ("time window number", *HEAD_OPENERS),
}
UNIT_HEADINGS = {
    "Static Study (each frame)",
    "Dynamic Study (each frame group)",
    "Gated Study (each time window)",
}
SECTION_HEADINGS = {
    "STATIC STUDY (General)",
    "DYNAMIC STUDY (general)",
    "GATED STUDY (general)",
    "SPECT STUDY (general)",
    "GATED SPECT STUDY (general)",
}


@dataclass
class Block:
    """Values of one block; what it lacks is asked of the block around it."""

    ledger: Ledger
    options: Options
    around: Block | None = None
    opener: str = ""
    lines: dict[Key, Line] = field(default_factory=dict)
    units: list[Block] = field(default_factory=list)

    def line(self, name: str, index: int | None = None) -> Line | None:
        """The line of a key, if it has a value."""
        found = self.lines.get((name, index))
        if found is None and self.around:
            return self.around.line(name, index)
        return found if found and found.value else None

    def add(self, line: Line, index: int | None) -> None:
        """Put a line in, or Refused when it contradicts one that is there."""
        old = self._anywhere((line.name, index))
        if old is None or not old.value:
            self.lines[line.name, index] = line
        elif old.lower == line.lower:
            self.ledger.checked(line, f"says the same as line {old.number}")
        elif line.value:
            raise Refused(
                f"{line.key!r} is {_short(line.value)} here and {_short(old.value)} "
                f"in line {old.number}",
                line.number,
                "leave the right one of the two in the header",
            )

    def _anywhere(self, key: Key) -> Line | None:
        found = self.lines.get(key)
        return found if found or not self.around else self.around._anywhere(key)

    def has(self, name: str) -> bool:
        """Whether this very block, not one around it, has the key."""
        return any(key == name for key, _ in self.lines)

    def text(self, name: str, to: str, index: int | None = None) -> str:
        """A value as it stands, or empty; its line counts as mapped to ``to``."""
        line = self.line(name, index)
        if not line:
            return ""
        _check_decoded(line)
        self.ledger.mapped(line, to)
        return " ".join(line.value.split())

    def word(self, name: str, to: str, words: dict[str, Value], index: int | None = None) -> Value:
        """One of a list of values; Refused for another, KeyError-free default under ``''``."""
        line = self.line(name, index)
        if not line:
            return words[""]
        found = plain(line.value)
        if found not in words:
            known = ", ".join(sorted(word for word in words if word))
            raise Refused(f"{line.key!r} is {_short(line.value)}; known are {known}", line.number)
        self.ledger.mapped(line, to)
        return words[found]

    def whole(self, name: str, to: str, index: int | None = None) -> int | None:
        """A whole number, or None when the key has no value."""
        return self._parsed(name, to, index, text.whole)

    def number(self, name: str, to: str, index: int | None = None) -> float | None:
        """A number, or None when the key has no value."""
        comma = self.options.decimal_comma
        line = self.line(name, index)
        factor = line.factor if line else 1.0
        return self._parsed(
            name, to, index, lambda raw: text.number(raw, decimal_comma=comma) * factor
        )

    def milliseconds(self, name: str, to: str, index: int | None = None) -> float | None:
        """A time in seconds as ms. DICOM's are whole (VR IS): others are kept as they stood."""
        seconds = self.number(name, to, index)
        line = self.line(name, index)
        if seconds is None or line is None:
            return None
        if not 0 <= seconds < MAX_SECONDS:
            raise Refused(f"{line.key!r} is {line.value!r} seconds", line.number)
        found = round(seconds * 1000, 6)
        if found != round(found):
            self.ledger.mapped(line, to, why="DICOM holds whole milliseconds", keep=True)
        return found

    def need(self, name: str, index: int | None = None) -> Line:
        """The line of a key without which nothing can be said; Refused when it is missing."""
        found = self.line(name, index)
        if found is None:
            shown = f"{name} [{index}]" if index else name
            near = next((one for one in self.ledger.lines if _resembles(one, name)), None)
            hint = f"line {near.number} names it, but has no ':='" if near else ""
            raise Refused(f"there is no {shown!r}", near.number if near else 0, hint)
        return found

    def _parsed(
        self, name: str, to: str, index: int | None, parse: Callable[[str], Value]
    ) -> Value | None:
        line = self.line(name, index)
        if not line:
            return None
        try:
            found = parse(line.value)
        except ValueError as fault:
            raise Refused(f"{line.key!r}: {fault}", line.number) from None
        self.ledger.mapped(line, to)
        return found


def _resembles(line: Line, name: str) -> bool:
    return not line.delimited and not line.scope and plain(line.key).startswith(plain(name))


def _short(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:57] + "...")


def _check_decoded(line: Line) -> None:
    if line.undecoded:
        raise Refused(
            f"{line.key!r} has bytes above 127 and nothing says in which character set",
            line.number,
            "name the device's character set in its profile (--charset big5, latin1, …)",
        )


def build(lines: tuple[Line, ...], kind: str, ledger: Ledger, options: Options) -> Block:
    """The file as one block; its units are the sections, theirs the images or heads."""
    root = Block(ledger, options)
    headed = any(line.name in SECTION_HEADINGS for line in lines)
    builder = _Builder(root, _openers(lines, kind), headed)
    for line in lines:
        if line.scope is not None and line.name != "INTERFILE":
            builder.take(line)
    return root


def _openers(lines: tuple[Line, ...], kind: str) -> set[str]:
    """The keys that begin a block in this file: for heads the first that really repeats."""
    wanted = OPENERS[kind]
    times = Counter(line.name for line in lines if line.index is None)
    heads = [name for name in HEAD_OPENERS if name in wanted and times[name] > 1]
    return {name for name in wanted if name not in HEAD_OPENERS} | set(heads[:1])


class _Builder:
    def __init__(self, root: Block, openers: set[str], headed: bool) -> None:
        self.root = root
        self.openers = openers
        self.section: Block | None = None
        self.unit: Block | None = None
        self.window = 1
        # Keys of images before the first heading hold for the whole file.
        self.loose = headed

    def take(self, line: Line) -> None:
        if not line.number:
            self.root.add(line, line.index)  # assumed by the profile, for the whole file
        elif line.scope is Scope.HEADING:
            self._heading(line)
        elif line.scope is Scope.FILE:
            self.root.add(line, None)
        elif line.scope is Scope.WINDOW:
            self._window(line)
        else:
            self._image(line)

    def _heading(self, line: Line) -> None:
        if line.name in SECTION_HEADINGS:
            self.loose = False
            # `GATED SPECT STUDY (general)` and then `SPECT STUDY (general)` is one section.
            if self.section is None or self.section.units or self.section.lines:
                inner = self.section and line.name == "SPECT STUDY (general)" and self._gated()
                if not inner:
                    self.section = self.unit = None
        elif line.name in UNIT_HEADINGS:
            self._open("")

    def _gated(self) -> bool:
        return any(name.startswith("time window") for name in self.openers) and not any(
            unit.opener in HEAD_OPENERS for unit in (self.section.units if self.section else ())
        )

    def _window(self, line: Line) -> None:
        if line.name == "energy window" and (line.index or 1) > self.window:
            self.window = line.index or 1
            if self.section and (self.section.units or self.section.lines):
                self.section = self.unit = None
        self.root.add(line, line.index or self.window)

    def _image(self, line: Line) -> None:
        if self.unit and self.unit.opener == "time window number" and line.name in HEAD_KEYS:
            self.unit = None
        if line.name in self.openers and line.index is None:
            fresh = self.unit and not self.unit.lines
            if fresh and self.unit:
                self.unit.opener = line.name
            else:
                self._open(line.name)
        (self.unit or (self.root if self.loose else self._section())).add(line, line.index)

    def _open(self, opener: str) -> None:
        self.loose = False
        section = self._section()
        self.unit = Block(self.root.ledger, self.root.options, section, opener)
        section.units.append(self.unit)

    def _section(self) -> Block:
        if self.section is None:
            self.section = Block(self.root.ledger, self.root.options, self.root)
            self.root.units.append(self.section)
        return self.section
