"""``intake silent``: devices that send nothing though they usually would, said once to somebody."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from intake import files
from intake.lane import rhythm
from intake.lane.ledger import Ledger
from intake.lane.mail import tell
from intake.lane.settings import Settings

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
ADVICE = """\
What to look at:
- Was it used on these days? Holidays and repairs look the same from here.
- Is it switched on, is its network plug in and the lamp beside it lit?
- Save one image from it by hand: the file has to vanish from its folder `incoming` within a minute.

This is said once, until images come again."""


@dataclass(frozen=True)
class Found:
    """A device, and what its history says of its silence."""

    device: str
    verdict: rhythm.Verdict
    waiting: int
    """Files in ``incoming``: signs of life, and of an archive that does not answer."""


def look(settings: Settings, now: dt.datetime | None = None) -> list[Found]:
    """Each device; ``now`` by the clock on the wall."""
    book, here = Ledger.to_read(settings.state), now or dt.datetime.now()
    return [_look(settings, book, device, here) for device in sorted(settings.devices)]


def _look(settings: Settings, book: Ledger, device: str, now: dt.datetime) -> Found:
    waiting = list(_waiting(settings.folder(device) / "incoming"))
    seen = [*book.arrivals(device), *waiting]
    local = [each.astimezone().replace(tzinfo=None) for each in seen]
    return Found(device, rhythm.judge([each for each in local if each <= now], now), len(waiting))


def _waiting(folder: Path) -> Iterator[dt.datetime]:
    """When the files came that have not been taken yet."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if not path.name.startswith("."):
            yield dt.datetime.fromtimestamp(path.lstat().st_ctime, dt.UTC)


def line(found: Found) -> str:
    """One line for a terminal."""
    verdict = found.verdict
    if verdict.last is None:
        return f"{found.device}: nothing has come from it yet"
    since = f"{_day(verdict.last.date())}, {verdict.last:%H:%M}"
    if not verdict.known:
        return f"{found.device}: last images {since}; too few days to know its rhythm"
    return (
        f"{found.device}: {'SILENT since' if verdict.silent else 'as usual, last images'} {since}"
    )


def message(found: Found) -> str:
    """What is mailed of a silent device, for a technician."""
    verdict = found.verdict
    assert verdict.last is not None  # noqa: S101 - a device that never sent is not silent
    lines = [f"{found.device} has sent no images since {_day(verdict.last.date())}, ", ""]
    lines[0] += f"{verdict.last:%H:%M}."
    usual = [
        f"{DAYS[each.number]} ({each.with_images} of {each.of})"
        for each in verdict.week
        if each.with_images
    ]
    lines.append(f"It usually sends on {', '.join(usual)}.")
    if verdict.missed:
        lines.append(f"Expected, and not come: {', '.join(_day(day) for day in verdict.missed)}.")
    if found.waiting:
        lines.append(f"{found.waiting} files of it wait in `incoming`: does the archive answer?")
    return "\n".join([*lines, "", ADVICE]) + "\n"


def _day(day: dt.date) -> str:
    return f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"


def tell_once(settings: Settings, found: list[Found]) -> list[str]:
    """Mail each silence once, and once that it is over; the devices that were mailed about."""
    place = settings.state / "silent.json"
    told: dict[str, str] = json.loads(place.read_text("utf-8")) if place.exists() else {}
    mailed = []
    for each in found:
        last = each.verdict.last.isoformat() if each.verdict.last else ""
        if each.verdict.silent and told.get(each.device) != last:
            tell(settings.mail, f"{each.device} sends no images", message(each))
            told[each.device] = last
            mailed.append(each.device)
        elif each.device in told and not each.verdict.silent:
            tell(settings.mail, f"{each.device} sends images again", line(each))
            del told[each.device]
            mailed.append(each.device)
    files.save(place, [json.dumps(told, indent=1).encode() + b"\n"])
    return mailed
