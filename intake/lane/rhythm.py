"""Whether a device is silent beyond its own rhythm, from the times at which it sent before.

What counts is on which days of the week it sends, and by what hour it has begun; not how much.
Of each weekday the last twelve weeks say how often it was a day with images. The chance of a
silence is the product of the chances of its days, so a weekend on which nothing ever comes weighs
nothing, and a camera used every other week may be silent for a month. Counting days is robust: one
evening with a thousand files is one day. Weeks with no images at all (holidays, a repair) are left
out where most weeks have some, so that one long silence does not teach it to expect the next.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

WEEKS = 12
CHANCE = 0.004
"""Below that a silence is no accident: a false alarm a year at the most, by 250 working days."""
FEWEST_DAYS = 5
SHORTEST = dt.timedelta(days=14)
END_OF_DAY = dt.time.max


@dataclass(frozen=True)
class Weekday:
    """How often images came on one day of the week."""

    number: int
    """Monday is 0."""
    with_images: int
    of: int


@dataclass(frozen=True)
class Verdict:
    """What there is to say about a device's silence."""

    last: dt.datetime | None = None
    known: bool = False
    """Whether it has sent often enough to have a rhythm."""
    chance: float = 1.0
    """Of so long a silence, if all were well."""
    missed: tuple[dt.date, ...] = ()
    """Days of the silence on which images usually come."""
    week: tuple[Weekday, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether somebody should look."""
        return self.known and self.chance < CHANCE


def judge(arrivals: Sequence[dt.datetime], now: dt.datetime) -> Verdict:
    """``arrivals`` and ``now`` in the hospital's own time, all with or all without a zone."""
    if not arrivals:
        return Verdict()
    last = max(arrivals)
    began = _begun(arrivals, last.date())
    history = _history(began, min(arrivals).date(), last.date())
    week = tuple(_weekday(number, history, began, END_OF_DAY) for number in range(7))
    known = len(began) >= FEWEST_DAYS and last - min(arrivals) >= SHORTEST
    chance, missed, day = 1.0, [], last.date()
    while (day := day + dt.timedelta(days=1)) <= now.date():
        until = now.time() if day == now.date() else END_OF_DAY
        usual = _weekday(day.weekday(), history, began, until)
        chance *= 1.0 - _likely(usual)
        if _likely(usual) >= 0.5:
            missed.append(day)
    return Verdict(last, known, chance, tuple(missed), tuple(each for each in week if each.of))


def _begun(arrivals: Sequence[dt.datetime], last: dt.date) -> dict[dt.date, dt.time]:
    """The first hour of each day with images, of the last weeks."""
    found: dict[dt.date, dt.time] = {}
    for each in arrivals:
        day, hour = each.date(), each.time()
        if last - day < dt.timedelta(weeks=WEEKS):
            found[day] = min(hour, found.get(day, hour))
    return found


def _history(began: dict[dt.date, dt.time], first: dt.date, last: dt.date) -> list[dt.date]:
    """The days that say something: all since it first sent, less weeks of nothing at all."""
    count = min((last - first).days + 1, WEEKS * 7)
    days = [last - dt.timedelta(days=each) for each in range(count)]
    weeks = {day.isocalendar()[:2] for day in days}
    lively = {day.isocalendar()[:2] for day in began}
    if len(lively) * 2 < len(weeks):
        return days  # it sends in fewer than half of the weeks: empty ones are its rhythm
    return [day for day in days if day.isocalendar()[:2] in lively]


def _weekday(
    number: int, history: list[dt.date], began: dict[dt.date, dt.time], until: dt.time
) -> Weekday:
    days = [day for day in history if day.weekday() == number]
    return Weekday(
        number, sum(1 for day in days if day in began and began[day] <= until), len(days)
    )


def _likely(usual: Weekday) -> float:
    """How likely images are; never certain, the less so the fewer weeks are known."""
    return (usual.with_images + 0.5) / (usual.of + 1) if usual.with_images else 0.0
