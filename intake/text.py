"""Words of a header as values: numbers, dates, times, names. Unclear ones are never guessed."""

from __future__ import annotations

import datetime as dt
import functools
import math
import re

from intake.refused import Refused

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eEdD][+-]?\d+)?")
_DATE = re.compile(r"(\d{4})[:/.\-](\d{1,2})[:/.\-](\d{1,2})")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_TIME = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6}))?)?")


@functools.lru_cache(4096)  # a department's headers have the same few
def number(text: str, *, decimal_comma: bool = False) -> float:
    """A finite decimal number; ValueError says what it is instead."""
    text = text.strip()
    if "," in text and decimal_comma:
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text) or len(text) > 64:
        comma = re.fullmatch(r"[+-]?\d+,\d+", text)
        hint = " (a comma; say decimal_comma in the device's profile)" if comma else ""
        raise ValueError(f"{text[:64]!r} is not a number{hint}")
    found = float(text.replace("d", "e").replace("D", "e"))
    if not math.isfinite(found):
        raise ValueError(f"{text[:64]!r} is not a finite number")
    return found


@functools.lru_cache(4096)
def whole(text: str) -> int:
    """A whole number; ``64.0`` is one, ``64.5`` is not."""
    found = number(text)
    if not found.is_integer() or abs(found) > 2**53:
        raise ValueError(f"{text[:64]!r} is not a whole number")
    return int(found)


def date(text: str, order: str = "ymd", first_month: int = 1) -> dt.date | None:
    """A day with a four-digit year; ``order`` as the key states it. None: not clear."""
    text = text.strip()
    if order == "dmy":
        parts = re.split(r"[:/.\-]", text)
        text = ":".join(reversed(parts))
    match = _DATE.fullmatch(text) or _COMPACT.fullmatch(text)
    if not match:
        return None
    year, month, day = (int(part) for part in match.groups())
    try:
        return dt.date(year, month + 1 - first_month, day)
    except ValueError:
        return None


def time(text: str) -> dt.time | None:
    """``hh:mm:ss`` with or without a fraction; None: not clear."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        return None
    hour, minute, second, fraction = match.groups()
    micro = int((fraction or "0").ljust(6, "0"))
    try:
        return dt.time(int(hour), int(minute), int(second or 0), micro)
    except ValueError:
        return None


def person(text: str, line: int = 0) -> str:
    """DICOM's form of a name (PS3.5 6.2.1): ``DOE, JANE`` and ``DOE^JANE^^^`` as ``DOE^JANE``."""
    text = " ".join(text.split())
    for char in "\\=":
        if char in text:
            raise Refused(f"the patient's name holds {char!r}, which no DICOM name may", line)
    if "^" in text:
        parts = [part.strip() for part in text.split("^")]
        if len(parts) > 5 and any(parts[5:]):
            raise Refused("the patient's name has more than five parts", line)
        name = "^".join(parts[:5]).rstrip("^")
    elif text.count(",") == 1:
        family, given = (part.strip() for part in text.split(","))
        name = f"{family}^{given}".rstrip("^")
    else:
        name = text
    if len(name) > 64:
        raise Refused("the patient's name is longer than DICOM's 64 characters", line)
    return name
