"""What became of each line of a header while it is read."""

from __future__ import annotations

from dataclasses import replace

from intake.fields import Derived, Fate, Field
from intake.interfile.keys import Scope
from intake.interfile.lexer import Line
from intake.refused import Refused


class Ledger:
    """One account a file; every line that nobody asks for is kept as it stood."""

    def __init__(self, lines: tuple[Line, ...]) -> None:
        self.lines = lines
        self.derived: list[Derived] = []
        self.notes: list[str] = []
        self._fields: dict[int, Field] = {}
        for line in lines:
            if line.scope is Scope.HEADING or line.name == "INTERFILE":
                self.mapped(line, "structure")
            elif line.name == "imaging modality" and line.lower in {"nucmed", "nm"}:
                self.mapped(line, "kind")

    def field(self, line: Line) -> Field:
        """The line's field as far as it is known now."""
        found = self._fields.get(line.number)
        if found:
            return found
        raw = line.value
        if line.comment:
            raw = f"{raw} ;{line.comment}" if raw else line.comment
        key = line.key or (";" if line.comment else "")
        return Field(key, raw, line=line.number, offset=line.offset)

    def mapped(self, line: Line, *to: str, why: str = "", keep: bool = False) -> None:
        """Its meaning is in the model. A comment beside it is no part of that, and is kept."""
        if not line.number:
            for place in to:
                self.derive(place, line.value, "assumed by the device's profile")
            return
        keep = keep or bool(line.comment and line.key)
        self._fields[line.number] = self.field(line).mapped(*to, why=why, keep=keep)

    def checked(self, line: Line, why: str) -> None:
        """It repeats what the file says elsewhere."""
        field = self.field(line)
        self._fields[line.number] = replace(field, fate=Fate.CHECKED, to=(), why=why)

    def kept(self, line: Line, why: str) -> None:
        """It is not used, for this reason, and stays as it stood."""
        field = self.field(line)
        self._fields[line.number] = replace(field, fate=Fate.KEPT, to=(), why=why)

    def derive(self, to: str, value: object, how: str) -> None:
        """A value that no line states."""
        self.derived.append(Derived(to, str(value), how))

    def note(self, text: str) -> None:
        """Something that an operator should know."""
        self.notes.append(text)

    def settle(self) -> None:
        """A value of one block that nobody asked for again must be that of the other blocks."""
        asked: dict[tuple[str, int | None], Line] = {}
        for line in self.lines:
            if line.name and self.field(line).fate is Fate.MAPPED:
                asked.setdefault((line.name, line.index), line)
        for line in self.lines:
            first = asked.get((line.name, line.index))
            if not line.name or first is None or line.number in self._fields or not line.number:
                continue
            if line.value and line.lower != first.lower:
                raise Refused(
                    f"{line.key!r} is {line.value[:60]!r} here and {first.value[:60]!r} in line "
                    f"{first.number}: in one study it can only be one",
                    line.number,
                )
            self.checked(line, f"says the same as line {first.number}")

    def fields(self) -> tuple[Field, ...]:
        """Every line of the header, once."""
        return tuple(self.field(line) for line in self.lines if line.number)
