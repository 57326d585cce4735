"""What became of each line of a header while it is read."""

from __future__ import annotations

from intake.fields import Derived, Fate, Field
from intake.interfile.keys import Scope
from intake.interfile.lexer import Line
from intake.refused import Refused

_Known = tuple[Fate, tuple[str, ...], str, bool]
"""Of a line, as far as it is known: what became of it, where in the model, why, kept as well."""
_UNKNOWN: _Known = (Fate.KEPT, (), "", False)


POSITRON = {"pt", "pet"}
"""The modality of a positron scanner: DICOM's word, and what some write."""


class Ledger:
    """One account a file; every line that nobody asks for is kept as it stood."""

    def __init__(self, lines: tuple[Line, ...]) -> None:
        self.lines = lines
        self.derived: list[Derived] = []
        self.notes: list[str] = []
        self._known: dict[int, _Known] = {}
        for line in lines:
            if line.scope is Scope.HEADING or line.name == "INTERFILE":
                self.mapped(line, "structure")
            elif line.name == "imaging modality" and line.lower in {"nucmed", "nm"}:
                self.mapped(line, "kind")
            elif line.name == "imaging modality" and line.lower in POSITRON:
                self.mapped(line, "positron")

    def mapped(self, line: Line, *to: str, why: str = "", keep: bool = False) -> None:
        """Its meaning is in the model. A comment beside it is no part of that, and is kept."""
        if not line.number:
            for place in to:
                self.derive(place, line.value, "assumed by the device's profile")
            return
        keep = keep or bool(line.comment and line.key)
        old = self._known.get(line.number)
        if old:
            _, before, reason, kept = old
            to, why, keep = tuple(dict.fromkeys((*before, *to))), why or reason, keep or kept
        self._known[line.number] = (Fate.MAPPED, to, why, keep)

    def checked(self, line: Line, why: str) -> None:
        """It repeats what the file says elsewhere."""
        self._instead(line, Fate.CHECKED, why)

    def kept(self, line: Line, why: str) -> None:
        """It is not used, for this reason, and stays as it stood."""
        self._instead(line, Fate.KEPT, why)

    def _instead(self, line: Line, fate: Fate, why: str) -> None:
        keep = self._known.get(line.number, _UNKNOWN)[3]
        self._known[line.number] = (fate, (), why, keep)

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
            if line.name and self._known.get(line.number, _UNKNOWN)[0] is Fate.MAPPED:
                asked.setdefault((line.name, line.index), line)
        for line in self.lines:
            first = asked.get((line.name, line.index))
            if not line.name or first is None or line.number in self._known or not line.number:
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
        return tuple(self._field(line) for line in self.lines if line.number)

    def _field(self, line: Line) -> Field:
        raw = line.value
        if line.comment:
            raw = f"{raw} ;{line.comment}" if raw else line.comment
        key = line.key or (";" if line.comment else "")
        fate, to, why, keep = self._known.get(line.number, _UNKNOWN)
        return Field(key, raw, fate, to, why, keep, line.number, line.offset)
