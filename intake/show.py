"""What was read and what became of it, as text for people and as JSON for programs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from intake import places
from intake.convert import Made, Result
from intake.fields import Derived, Fate, Field
from intake.study import Acquisition, Kind, Reading


def inspect(reading: Reading) -> Iterator[str]:
    """A file in a few lines."""
    names = ", ".join(f"{each.name} ({each.size} bytes)" for each in reading.originals)
    yield f"{reading.format}: {names}"
    for number, each in enumerate(reading.acquisitions, 1):
        if len(reading.acquisitions) > 1:
            yield f"acquisition {number}"
        yield from _acquisition(each)
    fates = Counter(each.fate.value for each in reading.fields)
    yield "  fields      " + ", ".join(f"{fates[fate.value]} {fate.value}" for fate in Fate)
    for note in reading.notes:
        yield f"  note        {note}"


def _acquisition(of: Acquisition) -> Iterator[str]:
    yield f"  kind        {of.kind.value}"
    yield f"  patient     {of.patient.name or '(no name)'}, {of.patient.id or '(no number)'}"
    when = " ".join(str(each) for each in (of.visit.date, of.visit.time) if each)
    yield f"  study       {of.visit.description or '(no description)'} {when}".rstrip()
    size = f"{len(of.pixels)} images of {of.columns} x {of.rows}, {of.pixels.dtype.name}"
    spacing = f", {of.spacing[1]:g} x {of.spacing[0]:g} mm" if of.spacing else ""
    yield f"  images      {size}{spacing}"
    total = sum(float(frame.sum(dtype="f8")) for frame in of.pixels)
    yield f"  counts      {total:.12g} in all, largest {of.pixels.max()}"
    for isotope in of.isotopes:
        yield f"  isotope     {isotope.nuclide} {isotope.agent}".rstrip()
    for window in of.windows:
        ranges = ", ".join(f"{each.lower} to {each.upper} keV" for each in window.ranges)
        if window.name or ranges:
            yield f"  window      {window.name} {ranges}".rstrip()
    yield from _timing(of)


def _timing(of: Acquisition) -> Iterator[str]:
    for phase in of.phases:
        yield f"  phase       {phase.frames} images of {phase.duration:g} ms"
    for turn in of.rotations:
        way = "clockwise" if turn.clockwise else "counter-clockwise"
        yield f"  rotation    {turn.frames} views over {turn.extent:g} degrees, {way}"
    for gate in of.gating.gates if of.gating else ():
        time = f" of {gate.frame_time:g} ms" if gate.frame_time is not None else ""
        yield f"  gate        {gate.slots} slots{time}"
    if of.slices:
        yield f"  slices      {of.slices.count} {of.slices.orientation}".rstrip()


def explain(
    fields: tuple[Field, ...], derived: tuple[Derived, ...], made: tuple[Made, ...] = ()
) -> Iterator[str]:
    """Field by field: its place in the source, what it says, and where that went."""
    shown = made[0].fields if made else fields
    for field in shown:
        place = f"{field.line}" if field.line else f"@{field.offset}" if field.offset >= 0 else ""
        yield f"{place:>7}  {field.key} := {_short(field.raw)}"
        yield f"{'':9}{field.fate.value}{_where(field)}"
    for each in derived:
        name = places.attribute(each.to)
        yield f"{'':9}{each.to} = {each.value}: {each.how}" + (f" ({name})" if name else "")


def _where(field: Field) -> str:
    parts = []
    for path in field.to:
        name = places.attribute(path)
        parts.append(f"{path}: {name}" if name else path)
    text = " -> " + "; ".join(parts) if parts else ""
    if field.keep:
        text += ", and kept as it stands"
    return text + (f" ({field.why})" if field.why else "")


def _short(text: str) -> str:
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return shown if len(shown) <= 100 else shown[:97] + "..."


def result(of: Result) -> Iterator[str]:
    """One file of a conversion."""
    if of.refused:
        yield of.refused.show(of.source.name)
    elif of.part_of:
        yield f"{of.source.name}: part of {of.part_of}"
    else:
        for made in of.made:
            lost = f", {len(made.lost)} fields lost" if made.lost else ""
            yield f"{of.source.name} -> {made.path}{lost}"
        for note in of.reading.notes if of.reading else ():
            yield f"  {note}"


def as_json(value: Any) -> str:
    """Dataclasses as objects; pixels as their shape and type only."""
    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:  # noqa: PLR0911 - one a type
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found = {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
        if isinstance(value, Acquisition):
            pixels = value.pixels
            found["pixels"] = {"shape": list(pixels.shape), "type": pixels.dtype.name}
            found.pop("places")
            found.pop("fields")
        return found
    if isinstance(value, Exception):
        return {key: _plain(each) for key, each in vars(value).items()}
    if isinstance(value, (Kind, Fate)):
        return value.value
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (list, tuple, set, frozenset)):
        each_of = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [_plain(each) for each in each_of]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return str(value) if isinstance(value, Path) else value
