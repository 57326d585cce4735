"""What a study, a series and an image are called in the archive's JSON, as this list keeps it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

Tags = dict[str, Any]
_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})$")  # ACR-NEMA wrote dots (PS3.5, 6.2)
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(\.\d+)?$")
REPORTS = frozenset({"DOC", "SR", "KO", "PR"})
"""Modalities of objects that are about images: our own reports come back as these."""


def text(tags: Tags, name: str, longest: int) -> str:
    """A tag's text, in the length that the table keeps."""
    return str(tags.get(name) or "").strip().strip("\0")[:longest]


def names(value: str) -> tuple[str, str]:
    """A person's name: the alphabetic group, and the ideographic one (PS3.5, 6.2.1.2)."""
    groups = [*value.split("="), "", ""]
    alphabetic, ideographic = groups[0].strip(" ^"), groups[1].strip(" ^")
    return (alphabetic or ideographic)[:200], ideographic[:200]


def day(value: str) -> date | None:
    """DA; None where there is none or it is none."""
    if found := _DATE.match(value.strip()):
        try:
            return date(*map(int, found.groups()))
        except ValueError:
            return None
    return None


def moment(tags: Tags, zone: str) -> datetime | None:
    """Study Date and Time; a day without a time begins at midnight."""
    on = day(text(tags, "StudyDate", 16))
    if on is None:
        return None
    found = _TIME.match(text(tags, "StudyTime", 16))
    hour, minute, second = (int(part or 0) for part in found.groups()[:3]) if found else (0, 0, 0)
    try:
        at = time(hour, minute, min(second, 59))  # a leap second is one of 60
    except ValueError:
        at = time()
    return datetime.combine(on, at, ZoneInfo(zone))


def number(tags: Tags, name: str) -> int:
    """IS or US; 0 where there is none or it is none."""
    try:
        found = int(float(str(tags.get(name) or 0)))
    except ValueError:
        return 0
    return found if -(2**31) <= found < 2**31 else 0


def kind(tags: Tags) -> str:
    """Image Type value 3: STATIC, DYNAMIC, …"""
    values = text(tags, "ImageType", 200).split("\\")
    return values[2][:32] if len(values) > 2 else ""


def device(series: Iterable[Tags], known: dict[str, str]) -> str:
    """The description's name of the device that sent or made it; else what it calls itself."""
    called = [
        value
        for each in series
        for value in (each.get("RemoteAET"), each.get("StationName"), each.get("Manufacturer"))
        if value
    ]
    return next((known[value] for value in called if value in known), called[0] if called else "")[
        :64
    ]
