"""A file read by its raw profile: exactly what the profile says, or refused."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from intake.bounds import check, check_size
from intake.fields import Derived, Fate, Field, Original
from intake.files import opened, size_of
from intake.options import CHARSETS
from intake.raw.model import Count, Located, Profile, Value
from intake.raw.numbers import TYPES, decode
from intake.raw.study import assemble
from intake.raw.targets import LOOPS
from intake.refused import Refused
from intake.study import Pixels, Place, Reading
from intake.text import number, person, whole

PIECE = 2**17
MAX_KEPT = 4096
"""Bytes of a header that nobody named: more than this are only in the original file."""


@dataclass
class _Found:
    """What the header gave so far."""

    values: dict[str, Any] = field(default_factory=dict)
    fields: list[Field] = field(default_factory=list)
    derived: list[Derived] = field(default_factory=list)
    named: list[tuple[int, int]] = field(default_factory=list)


def read(path: Path, profile: Profile) -> Reading:
    """What the file holds by this profile; Refused when it is not such a file."""
    found = _Found()
    with opened(path) as file:
        header = _header(file, profile)
        for value in profile.values:
            _take(value, header, profile, found)
        pixels = _pixels(file, profile, header, found)
        _keep(profile, header, file, found)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        original = Original(path.name, size_of(file), sha256)
    places = _places(profile, header, len(pixels), found)
    fields, derived = tuple(found.fields), tuple(found.derived)
    acquisition = assemble(profile.layout.kind, pixels, places, found.values)
    acquisition = check(replace(acquisition, fields=fields, derived=derived))
    note = f"read by the raw profile `{profile.title}` ({profile.file}, sha256 {profile.sha256})"
    approved = (
        f"approved by {profile.approval.by} on {profile.approval.on}: {profile.approval.seen}"
    )
    return Reading("raw", (acquisition,), (original,), fields, (note, approved))


def _header(file: BinaryIO, profile: Profile) -> bytes:
    header = file.read(profile.lies.header)
    if len(header) < profile.lies.header:
        raise Refused(
            f"{len(header)} bytes, but the profile's header alone has {profile.lies.header}"
        )
    for at, wanted in profile.lies.expect:
        there = header[at : at + len(wanted)]
        if there != wanted:
            raise Refused(
                f"not a file of `{profile.title}`: bytes {at} to {at + len(wanted)} are "
                f"{there.hex(' ')}, the profile expects {wanted.hex(' ')}"
            )
    return header


def _take(value: Value, header: bytes, profile: Profile, found: _Found) -> None:
    """One value of the profile into what was found, with its field."""
    goal = value.target
    if isinstance(value.source, str):
        found.values[goal.to] = _meaning(value, value.source, None)
        found.derived.append(
            Derived(goal.to, value.source, f"the raw profile states it (line {value.line})")
        )
        return
    place = value.source
    raw = _stored(place, header, profile.lies.charset, value.name, found)
    if raw == "":
        found.fields.append(_field(value.name, "", place).mapped(goal.to, why="empty in the file"))
        return
    found.values[goal.to] = _meaning(value, raw, place)
    found.fields.append(_field(value.name, str(raw), place).mapped(goal.to))


def _field(key: str, raw: str, place: Located) -> Field:
    return Field(key, raw, Fate.KEPT, offset=place.at)


def _stored(place: Located, header: bytes, charset: str, name: str, found: _Found) -> Any:
    """A number, or a text without the padding around it."""
    data = header[place.at : place.at + place.length]
    found.named.append((place.at, place.at + place.length))
    if place.stored != "text":
        return decode(data, place.stored, place.order, place.at)[0].item()
    # NULs end a text in C, and pad it elsewhere; what follows the first is whatever lay there.
    text, _, behind = data.partition(b"\0")
    try:
        read = text.decode(CHARSETS[charset]).strip()
    except UnicodeDecodeError as error:
        raise Refused(
            f"`{name}` at byte {place.at + error.start} is no {charset}: {text.hex(' ')}"
        ) from None
    if any(ord(char) < 32 or ord(char) == 127 for char in read):
        raise Refused(f"`{name}` at byte {place.at} holds control characters: {text.hex(' ')}")
    if behind.strip(b"\0 "):
        found.fields.append(
            Field(f"{name}, behind its end", behind.hex(" "), offset=place.at + len(text) + 1)
        )
    return read


def _meaning(value: Value, raw: Any, place: Located | None) -> Any:
    holds = value.target.holds
    try:
        if holds in {"number", "whole"}:
            return _number(raw, holds, place)
        text = str(raw)
        if holds == "date" and place and place.form:
            return place.form.date(text)
        if holds == "time" and place and place.form:
            return place.form.time(text)
        if holds == "name":
            split = place.split if place else ""
            return person("^".join(text.split(split)) if split else text)
        if "|" in holds:
            return _word(text, holds.split("|"), place)
    except ValueError as error:
        where = f" at byte {place.at}" if place else ""
        raise Refused(f"`{value.name}`{where}: {error}") from None
    return text


def _number(raw: Any, holds: str, place: Located | None) -> int | float:
    text = str(raw)  # of a float: the shortest text that is this float
    return whole(text) if holds == "whole" else number(text) * (place.times if place else 1.0)


def _word(text: str, known: list[str], place: Located | None) -> str:
    meant = dict(place.words if place else ()).get(text, text)
    if meant not in known:
        raise ValueError(f"`{text}` is none of {', '.join(known)} (`words` may translate it)")
    return meant


def _count(count: Count, header: bytes, what: str, found: _Found) -> int:
    if isinstance(count, int):
        return count
    raw = _stored(count, header, "ascii", what, found)
    found.fields.append(_field(what, str(raw), count).mapped(f"pixels.{what}"))
    if raw != int(raw) or not 1 <= raw <= 2**31:
        raise Refused(f"`{what}` at byte {count.at} is {raw}: no number of anything")
    return int(raw)


def _pixels(file: BinaryIO, profile: Profile, header: bytes, found: _Found) -> Pixels:
    layout, size = profile.layout, TYPES[profile.layout.type].size
    frames = _count(layout.frames, header, "frames", found)
    rows = _count(layout.rows, header, "rows", found)
    columns = _count(layout.columns, header, "columns", found)
    check_size(rows, columns, frames, size)
    one = rows * columns * size
    wanted = profile.lies.header + frames * one + (frames - 1) * layout.gap + profile.lies.trailer
    there = os.fstat(file.fileno()).st_size
    if there != wanted:
        raise Refused(
            f"the file has {there} bytes; {frames} images of {rows} x {columns} {layout.type} "
            f"with the profile's header, gaps and trailer are {wanted}"
        )
    images = np.empty((frames, rows * columns), dtype=decode(bytes(size), layout.type, "big").dtype)
    at = profile.lies.header
    for index in range(frames):
        for start in range(0, rows * columns, PIECE):  # what decoding needs beside it stays small
            piece = file.read(min(PIECE, rows * columns - start) * size)
            found_here = decode(piece, layout.type, layout.order, at)
            images[index, start : start + found_here.size] = found_here
            at += len(piece)
        if layout.gap and index + 1 < frames:
            _remain(found, f"gap after image {index + 1}", file.read(layout.gap), at)
            at += layout.gap
        if images.dtype.kind == "f" and not np.isfinite(images[index]).all():
            raise Refused(f"image {index + 1} holds values that are no numbers (NaN or infinite)")
    return images.reshape(frames, rows, columns)


def _places(profile: Profile, header: bytes, frames: int, found: _Found) -> tuple[Place, ...]:
    """Where each image belongs, by the profile's loops."""
    loops = [(word, _count(count, header, word, found)) for word, count in profile.layout.loops]
    total = int(np.prod([count for _, count in loops], dtype=object)) if loops else 1
    if total != frames:
        told = " x ".join(f"{count} {word}" for word, count in loops) or "one image"
        raise Refused(f"{frames} images, but the profile's loops are {told}")
    if not loops:
        return (Place(),)
    names = [LOOPS[word] for word, _ in loops]
    ranges = [range(1, count + 1) for _, count in loops]
    phases = _phases(found.values)
    return tuple(
        _in_phase(Place(**dict(zip(names, each, strict=True))), phases) for each in product(*ranges)
    )


def _phases(values: dict[str, Any]) -> list[int]:
    lengths: list[int] = []
    while (length := values.get(f"phases[{len(lengths)}].frames")) is not None:
        lengths.append(int(length))
    return lengths


def _in_phase(place: Place, lengths: list[int]) -> Place:
    """A loop over `frame` runs through all phases."""
    number = place.time_slice
    for index, length in enumerate(lengths, start=1):
        if number <= length:
            return place._replace(phase=index, time_slice=number)
        number -= length
    if lengths:
        raise Refused(f"image {place.time_slice} is beyond the {sum(lengths)} of all phases")
    return place


def _keep(profile: Profile, header: bytes, file: BinaryIO, found: _Found) -> None:
    """What the profile keeps by name, then the bytes that nobody named."""
    for name, place in profile.lies.kept:
        raw = _stored(place, header, profile.lies.charset, name, found)
        found.fields.append(_field(name, str(raw), place))
    checked = [(at, at + len(wanted)) for at, wanted in profile.lies.expect]
    for at, wanted in profile.lies.expect:
        found.fields.append(Field(f"bytes {at}", wanted.hex(" "), Fate.CHECKED, offset=at))
    for start, end in _gaps(sorted([*found.named, *checked]), len(header)):
        _remain(found, f"bytes {start} to {end}", header[start:end], start)
    if profile.lies.trailer:
        at = file.tell()
        _remain(found, "trailer", file.read(profile.lies.trailer), at)


def _gaps(named: list[tuple[int, int]], end: int) -> Iterator[tuple[int, int]]:
    at = 0
    for start, stop in named:
        if start > at:
            yield at, start
        at = max(at, stop)
    if at < end:
        yield at, end


def _remain(found: _Found, key: str, data: bytes, offset: int) -> None:
    """Bytes that nobody named: kept where they are few; zeros and blanks say nothing."""
    if not data.strip(b"\0 "):
        return
    if len(data) <= MAX_KEPT:
        found.fields.append(Field(key, data.hex(" "), offset=offset))
    else:
        why = f"{len(data)} bytes that no profile explains; the original file keeps them"
        found.fields.append(
            Field(key, data[:64].hex(" ") + " …", Fate.LOST, why=why, offset=offset)
        )
