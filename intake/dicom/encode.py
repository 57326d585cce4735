"""A data set as bytes: explicit VR, little-endian (PS3.5 7.1), each value exact or refused."""

from __future__ import annotations

import datetime as dt
import functools
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from intake.dicom.tags import TAGS
from intake.refused import Refused

Plain = str | int | float | dt.date | dt.time | bytes
Value = Plain | Sequence["Plain"] | Sequence["Item"] | None


@dataclass(frozen=True)
class Private:
    """A private element; its creator must be written beside it."""

    tag: int
    vr: str


Item = Mapping["str | Private", "Value"]
"""Keyword or private element, and value. None or an empty list is an empty value."""

_LONG = {"OB", "OW", "SQ", "UT", "UN"}
_LENGTHS = {"SH": 16, "CS": 16, "LO": 64, "PN": 64, "AS": 4, "UI": 64}
_PACK = {"US": "<H", "UL": "<I", "FD": "<d", "FL": "<f", "SS": "<h", "SL": "<i"}
_ITEM, _UNDEFINED = 0xFFFEE000, 0xFFFFFFFF


def encode(item: Item, charset: str = "ascii") -> bytes:
    """All elements in the order of their tags."""
    return b"".join(raw for _, raw in sorted(elements(item, charset)))


def elements(item: Item, charset: str = "ascii") -> Iterator[tuple[int, bytes]]:
    """Each element with its tag, in the order of the item."""
    for key, value in item.items():
        if isinstance(key, Private):
            yield key.tag, _element(key.tag, key.vr, value, charset, "a private element")
        else:
            tag, vr = TAGS[key]
            yield tag, (_usual if _is_usual(vr, value) else _element)(tag, vr, value, charset, key)


def _element(tag: int, vr: str, value: Value, charset: str, name: str) -> bytes:
    raw = _raw(vr, value, charset, name)
    return head(tag, vr, len(raw)) + raw


_usual = functools.lru_cache(4096, typed=True)(_element)
"""Most elements of a device's objects are those of its last one."""


def _is_usual(vr: str, value: Value) -> bool:
    # Not of binary numbers: 0.0 and -0.0 are one key, and two values.
    return value is None or (
        vr not in _PACK
        and (type(value) in (int, float) or (type(value) is str and len(value) < 65))
    )


def head(tag: int, vr: str, length: int) -> bytes:
    """Tag, value representation and length."""
    start = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in _LONG:
        return start + struct.pack("<HI", 0, length)
    if length > 0xFFFF:
        raise Refused(f"a value of {length} bytes is too long for DICOM's {vr}")
    return start + struct.pack("<H", length)


def _raw(vr: str, value: Value, charset: str, name: str) -> bytes:
    if value is None:
        return b""
    if vr == "SQ":
        return b"".join(_item(each, charset) for each in value)  # type: ignore[union-attr,arg-type]
    if isinstance(value, bytes):
        return value + b"\0" * (len(value) % 2)
    many = list(value) if isinstance(value, (list, tuple)) else [value]
    if vr == "AT":
        return b"".join(struct.pack("<HH", int(tag) >> 16, int(tag) & 0xFFFF) for tag in many)  # type: ignore[arg-type]
    if vr in _PACK:
        return struct.pack(f"<{len(many)}{_PACK[vr][1]}", *many)
    raw = "\\".join(_text(vr, each, name) for each in many).encode(charset)
    return raw + (b"\0" if vr == "UI" else b" ") * (len(raw) % 2)


def _item(item: Item, charset: str) -> bytes:
    raw = encode(item, charset)
    return struct.pack("<HHI", _ITEM >> 16, _ITEM & 0xFFFF, len(raw)) + raw


def _text(vr: str, value: object, name: str) -> str:
    if isinstance(value, dt.date):
        return value.strftime("%Y%m%d") if value.year > 999 else f"{value:%Y%m%d}".zfill(8)
    if isinstance(value, dt.time):
        return value.strftime("%H%M%S") + (f".{value.microsecond:06}" if value.microsecond else "")
    if vr == "DS":
        return decimal(float(value))  # type: ignore[arg-type]
    if vr == "IS":
        return _whole(value, name)
    text = str(value)
    most = _LENGTHS.get(vr)
    if most and len(text) > most:
        raise Refused(f"{name}: {text[:40]!r}... is longer than DICOM's {most} characters")
    if vr not in {"LT", "UT"} and not text.isprintable() and any(ord(char) < 32 for char in text):
        raise Refused(f"{name} holds a control character")
    return text


def _whole(value: object, name: str) -> str:
    number = round(float(value))  # type: ignore[arg-type]
    if not -(2**31) <= number < 2**31:
        raise Refused(f"{name}: {number} does not fit DICOM's 31 bits")
    return str(number)


def decimal(value: float) -> str:
    """A number in DICOM's 16 characters (DS): exact when it fits, else all digits that do."""
    if not math.isfinite(value):
        raise Refused("a value is beyond all numbers")
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    for digits in range(17, 0, -1):
        text = f"{value:.{digits}g}"
        shorter = repr(value)
        text = shorter if len(shorter) <= 16 else text
        if len(text) <= 16 and math.isfinite(float(text)):
            return text
    raise Refused(f"{value!r} does not fit DICOM's decimal numbers")


def is_exact(value: float) -> bool:
    """Whether ``decimal`` keeps the number."""
    return float(decimal(value)) == value
