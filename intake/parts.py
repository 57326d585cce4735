"""A binary header: its parts lie where a table says, and each is noted with what it became."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from intake.fields import Derived, Fate, Field
from intake.raw import numbers
from intake.refused import Refused

VAX = "F"
"""The form of one VAX F float, which struct(3) does not know."""


@dataclass(frozen=True)
class Part:
    """A part of a header; ``form`` as in struct(3), a text when it ends with s, or ``VAX``."""

    name: str
    at: int
    form: str


def table(*parts: tuple[str, int, str]) -> tuple[Part, ...]:
    """Parts as a table states them."""
    return tuple(Part(*each) for each in parts)


def following(at: int, *parts: tuple[str, str]) -> tuple[Part, ...]:
    """Parts that lie one behind the other, from ``at`` on."""
    found = []
    for name, form in parts:
        found.append(Part(name, at, form))
        at += size(form)
    return tuple(found)


def size(form: str) -> int:
    """Bytes of a part."""
    return 4 if form == VAX else struct.calcsize(f"<{form}")


class Header:
    """The values of a header that begins at byte ``offset`` of its file."""

    def __init__(
        self, data: bytes, parts: Sequence[Part], order: str, charset: str, *, offset: int = 0
    ) -> None:
        self.order = order
        self.charset = charset
        self.values: dict[str, Any] = {}
        self.fields: dict[str, Field] = {}
        self.derived: list[Derived] = []
        self.notes: list[str] = []
        for part in parts:
            value = _value(data, part, order, offset)
            self.values[part.name] = value
            if raw := _shown(value):
                self.fields[part.name] = Field(part.name, raw, offset=offset + part.at)
        self._rest = _rest(data, parts, offset)

    @property
    def account(self) -> tuple[Field, ...]:
        """Every field, and the bytes that no part names where they are not empty."""
        return (*self.fields.values(), *self._rest)

    def used(self, name: str, *to: str) -> None:
        """It is in the model, at these places."""
        if name in self.fields:
            self.fields[name] = self.fields[name].mapped(*to)

    def said(self, name: str, why: str, fate: Fate = Fate.CHECKED) -> None:
        """What else became of it."""
        if name in self.fields:
            old = self.fields[name]
            self.fields[name] = Field(name, old.raw, fate, why=why, offset=old.offset)

    def text(self, name: str, to: str) -> str:
        """A text in the source's character set, without what stands behind its end."""
        value: bytes = self.values[name].partition(b"\0")[0].strip()
        try:
            found = value.decode(self.charset)
        except UnicodeDecodeError:
            raise Refused(
                f"{name} holds {value!r}, which is not in the character set",
                0,
                "name it: --charset",
            ) from None
        if any(ord(char) < 32 for char in found):
            raise Refused(f"{name} holds control characters: {value!r}")
        if found:
            self.used(name, to)
        return found


def _value(data: bytes, part: Part, order: str, offset: int) -> Any:
    if part.form == VAX:
        raw = data[part.at : part.at + 4]
        return float(numbers.decode(raw, "vax-f", "little", offset + part.at)[0])
    found = struct.unpack_from(order + part.form, data, part.at)
    return found[0] if len(found) == 1 else found


def _rest(data: bytes, parts: Sequence[Part], offset: int) -> list[Field]:
    found, at = [], 0
    for part in (*parts, Part("", len(data), "0s")):
        between = data[at : part.at]
        if between.strip(b"\0"):
            key = f"bytes {at} to {part.at - 1}"
            found.append(Field(key, between.hex(" "), offset=offset + at))
        at = max(at, part.at + size(part.form))
    return found


def _shown(value: Any) -> str:
    """As text; empty when nothing is said."""
    if isinstance(value, bytes):
        plain = value.rstrip(b"\0 ")
        text = plain.decode("latin-1")
        return text if plain.isascii() and text.isprintable() else plain.hex(" ")
    if isinstance(value, tuple):
        return " ".join(map(_number, value)) if any(value) else ""
    return _number(value) if value else ""


def _number(value: float) -> str:
    """With every digit that 32 bits have, and no more."""
    return str(value) if isinstance(value, int) else str(np.float32(value)).removesuffix(".0")
