"""What the model knows and Interfile has no key for: comments ``;#gateway PATH := VALUE``.

Other readers skip comments; ours puts the values back, so that DICOM to Interfile to DICOM loses
nothing. The table lists every such place of the model with its type.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Iterator
from typing import Any

from intake import text
from intake.interfile.ledger import Ledger
from intake.refused import Refused
from intake.study import Acquisition, Kind

PREFIX = "#gateway "
TEXT = (
    "visit.accession",
    "visit.referring",
    "visit.operator",
    "visit.study_uid",
    "visit.series_uid",
    "visit.instance_uid",
    "equipment.model",
    "equipment.station",
    "equipment.serial",
    "equipment.software",
    "equipment.department",
    "detectors[].name",
    "detectors[].collimator",
    "detectors[].collimator_type",
    "posture",
    "slices.orientation",
)
NUMBER = (
    "patient.weight_kg",
    "patient.size_m",
    "detectors[].zoom",
    "detectors[].x_offset",
    "scan_velocity",
    "scan_length",
    "counts",
    "gating.heart_rate",
    "slices.thickness",
    "slices.spacing",
)
NUMBERS = ("detectors[].orientation", "detectors[].position", "detectors[].radius")
DAY = ("visit.acquisition_date", "isotopes[].injected_date")
HOUR = ("visit.acquisition_time", "isotopes[].injected_time")
WORDS = ("corrections", "uncorrected")


def _numbers(raw: str) -> tuple[float, ...]:
    return tuple(text.number(each) for each in raw.split(","))


def _day(raw: str) -> dt.date:
    found = text.date(raw)
    if found is None:
        raise ValueError(f"{raw!r} is no date")
    return found


def _hour(raw: str) -> dt.time:
    found = text.time(raw)
    if found is None:
        raise ValueError(f"{raw!r} is no time")
    return found


PARSERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(TEXT, str),
    **dict.fromkeys(NUMBER, text.number),
    **dict.fromkeys(NUMBERS, _numbers),
    **dict.fromkeys(DAY, _day),
    **dict.fromkeys(HOUR, _hour),
    **dict.fromkeys(WORDS, lambda raw: frozenset(raw.split())),
    "transmission": lambda raw: raw == "yes",
}
_INDEX = re.compile(r"\[(\d+)\]")


def lines(acquisition: Acquisition, written: set[str]) -> Iterator[str]:
    """One comment for each value that ``written``, the keys used, does not hold already."""
    for pattern in PARSERS:
        for path, value in _values(acquisition, pattern):
            if path not in written and value not in {None, "", (), frozenset(), False}:
                yield f";{PREFIX}{path} := {_shown(value)}"


def _values(acquisition: Acquisition, pattern: str) -> Iterator[tuple[str, Any]]:
    holder, _, name = pattern.rpartition(".")
    if not holder:
        yield pattern, getattr(acquisition, pattern)
    elif holder.endswith("[]"):
        for number, each in enumerate(getattr(acquisition, holder[:-2])):
            yield f"{holder[:-2]}[{number}].{name}", getattr(each, name)
    elif getattr(acquisition, holder) is not None:
        yield pattern, getattr(getattr(acquisition, holder), name)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes"
    if isinstance(value, frozenset):
        return " ".join(sorted(value))
    if isinstance(value, tuple):
        return ",".join(repr(each) for each in value)
    if isinstance(value, dt.date):
        return value.strftime("%Y:%m:%d").zfill(10)
    return value.isoformat() if isinstance(value, dt.time) else str(value)


def apply(acquisition: Acquisition, ledger: Ledger) -> Acquisition:
    """The acquisition with what such comments say."""
    for line in ledger.lines:
        if line.key or not line.comment.startswith(PREFIX):
            continue
        path, delimiter, raw = line.comment[len(PREFIX) :].partition(":=")
        path = path.strip()
        parse = PARSERS.get(_INDEX.sub("[]", path))
        if not delimiter or parse is None:
            continue
        try:
            acquisition = _put(acquisition, path, parse(raw.strip()))
        except (ValueError, IndexError):
            raise Refused(
                f"{path}: {raw.strip()[:60]!r} is not what it should be", line.number
            ) from None
        ledger.mapped(line, path)
    return acquisition


def _put(acquisition: Acquisition, path: str, value: Any) -> Acquisition:
    holder, _, name = path.rpartition(".")
    found: Acquisition
    if not holder:
        found = _with(acquisition, name, value)
        return found
    index = _INDEX.search(holder)
    part = holder.split("[")[0]
    old: Any = getattr(acquisition, part)
    if old is None:
        raise ValueError(f"no {part}")
    if not index:
        found = _with(acquisition, part, _with(old, name, value))
        return found
    number = int(index[1])
    changed = (*old[:number], _with(old[number], name, value), *old[number + 1 :])
    found = _with(acquisition, part, changed)
    return found


def _with(part: Any, name: str, value: Any) -> Any:
    return dataclasses.replace(part, **{name: value})


KIND, DETECTORS = "#gateway kind", "#gateway detectors"
"""Keys of a static file that is a whole body, or whose images of a window are its detectors'."""


def kind_lines(acquisition: Acquisition) -> Iterator[str]:
    """What tells our reader of a static file how its images belong together."""
    if acquisition.kind is Kind.WHOLE_BODY:
        yield f";{KIND} := {acquisition.kind.value}"
    if acquisition.kind in {Kind.STATIC, Kind.WHOLE_BODY} and len(acquisition.detectors) > 1:
        yield f";{DETECTORS} := {len(acquisition.detectors)}"


def stated(ledger: Ledger, key: str) -> str:
    """The value of such a key, or empty."""
    for line in ledger.lines:
        if not line.key and line.comment.startswith(key):
            ledger.mapped(line, "kind")
            return line.comment.partition(":=")[2].strip()
    return ""
