"""Dates and times in the form that a profile states, read exactly so or refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_PARTS = {
    "date": {
        "yyyy": r"(?P<yyyy>[0-9]{4})",
        "yy": r"(?P<yy>[0-9]{2})",
        "mm": r"(?P<mm>[0-9 ]?[0-9])",
        "mon": r"(?P<mon>[A-Za-z]{3})",
        "dd": r"(?P<dd>[0-9 ]?[0-9])",
    },
    "time": {
        "hh": r"(?P<hh>[0-9 ]?[0-9])",
        "mm": r"(?P<mm>[0-9]{2})",
        "ss": r"(?P<ss>[0-9]{2})",
    },
}


@dataclass(frozen=True)
class Form:
    """A form such as ``dd-mm-yyyy``, as a pattern; ``century`` is what two digits count from."""

    text: str
    pattern: str
    century: int

    def date(self, text: str) -> date:
        """The date; ValueError, with the reason, when the text is none of this form."""
        parts = self._parts(text)
        month = parts.get("mm", "")
        if "mon" in parts:
            name = parts["mon"].upper()
            if name not in _MONTHS:
                raise ValueError(f"`{parts['mon']}` is no month (JAN, FEB, MAR …)")
            month = str(_MONTHS.index(name) + 1)
        year = int(parts["yyyy"]) if "yyyy" in parts else self.century + int(parts["yy"])
        return date(year, int(month), int(parts["dd"]))

    def time(self, text: str) -> time:
        """The time of day; ValueError, with the reason, when the text is none of this form."""
        parts = self._parts(text)
        return time(int(parts["hh"]), int(parts["mm"]), int(parts.get("ss", 0)))

    def _parts(self, text: str) -> dict[str, str]:
        match = re.fullmatch(self.pattern, text)
        if not match:
            raise ValueError(f"`{text}` is not written as {self.text}")
        return match.groupdict()


def form(text: str, holds: str, century: int) -> Form | str:
    """The form that a profile states for a date or a time, or what is wrong with it."""
    known = _PARTS[holds]
    pattern, seen, rest = "", [], text
    while rest:
        part = next(
            (each for each in sorted(known, key=len, reverse=True) if rest.startswith(each)), ""
        )
        if part in seen:
            return f"`form` has {part} twice"
        if not part and rest[0].isalpha():
            return f"`form: {text}`: `{rest[0]}` is no part of a {holds} ({', '.join(known)})"
        seen += [part] if part else []
        pattern += known[part] if part else re.escape(rest[0])
        rest = rest[len(part) or 1 :]
    wanted = [{"yyyy", "yy"}, {"mm", "mon"}, {"dd"}] if holds == "date" else [{"hh"}, {"mm"}]
    if any(len(group & set(seen)) != 1 for group in wanted):
        return f"`form: {text}` is no complete {holds} ({', '.join(known)})"
    if ("yy" in seen) != bool(century):
        return "a year of two digits needs `century: 1900` or its like, one of four has none"
    return Form(text, pattern, century)
