"""Attributes as cameras send them: absent, padded, in forms that were retired, or wrong."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

MOST = 2**31 - 1
# Objects without pixels of their own; our own reports come back as DOC and SR (PS3.3, C.7.3.1.1.1).
NOT_IMAGES = frozenset(
    [
        "AU",
        "DOC",
        "ECG",
        "EPS",
        "FID",
        "HD",
        "KO",
        "PLAN",
        "PR",
        "REG",
        "RTPLAN",
        "RTRECORD",
        "RTSTRUCT",
        "RWV",
        "SR",
        "TEXTUREMAP",
    ]
)


def text(tags: dict[str, Any], name: str, length: int) -> str:
    """A value as PostgreSQL takes it: no NUL, no control characters, no more than fits."""
    value = str(tags.get(name) or "")
    return "".join(each for each in value if each.isprintable()).strip()[:length]


def number(tags: dict[str, Any], name: str, otherwise: int = 0) -> int:
    """An Integer String, or what is assumed where there is none."""
    try:
        value = int(text(tags, name, 12))
    except ValueError:
        return otherwise
    return max(-MOST, min(value, MOST))


def positive(tags: dict[str, Any], name: str, otherwise: int = 0) -> int:
    """The same of what cannot be below nought."""
    return max(0, number(tags, name, otherwise))


def day(tags: dict[str, Any], name: str) -> date | None:
    """A date, also in ACR-NEMA's form (``2026.11.28``; PS3.5, 6.2)."""
    digits = text(tags, name, 16).replace(".", "").replace("-", "")
    if len(digits) != len("20261128") or not (digits.isascii() and digits.isdigit()):
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def moment(tags: dict[str, Any], zone: str) -> datetime | None:
    """Study Date and Time; a time that cannot be read is midnight."""
    on = day(tags, "StudyDate")
    if on is None:
        return None
    digits = text(tags, "StudyTime", 20).replace(":", "").partition(".")[0]
    parts = [digits[at : at + 2] for at in (0, 2, 4) if digits[at : at + 2]]
    try:
        hours, minutes, seconds, *_more = [*map(int, parts), 0, 0, 0]
        clock = time(hours, minutes, seconds)
    except ValueError:
        clock = time()
    return datetime.combine(on, clock, ZoneInfo(zone))
