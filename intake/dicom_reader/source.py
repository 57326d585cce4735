"""Values of a file's elements, each noted with what it became.

A value that is not clear is None and its element stays as it stood; whoever cannot do without
says so (``need``). Nothing is guessed.
"""

from __future__ import annotations

import datetime as dt
import re
import struct
import warnings
from collections.abc import Iterator
from dataclasses import replace

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import tag_for_keyword

from intake import text
from intake.dicom_reader.elements import PIXELS, Element, Items
from intake.fields import Derived, Fate, Field
from intake.refused import Refused

MAX_KEPT = 4096
_DELIMITERS = {0x0D, 0x0A, 0x09, 0x0C, 0x5C, 0x5E, 0x3D}
"""Behind these the first charset holds again (PS3.5 6.1.2.5.3)."""
_TEXT = {"LO", "SH", "ST", "LT", "UT", "PN", "UC"}
"""These are written in the file's charset; all others are ASCII (PS3.5 6.1.2.2)."""
_NUMBERS = {
    "US": "H",
    "SS": "h",
    "UL": "I",
    "SL": "i",
    "FL": "f",
    "FD": "d",
    "OW": "H",
    "OF": "f",
    "OL": "I",
    "UV": "Q",
    "SV": "q",
}
_TIME = re.compile(r"(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?")


class Account:
    """What became of each element of a file, by its offset."""

    def __init__(self, charsets: list[str]) -> None:
        self.charsets = charsets
        self.derived: list[Derived] = []
        self.notes: list[str] = []
        self._used: dict[int, dict[str, None]] = {}
        self._said: dict[int, tuple[Fate, str]] = {}
        self._texts: dict[int, str] = {}

    def used(self, element: Element, *to: str) -> None:
        """Its meaning is in the model."""
        self._used.setdefault(element.offset, {}).update(dict.fromkeys(to))

    def said(self, element: Element, fate: Fate, why: str) -> None:
        """It is not mapped, for this reason."""
        self._said.setdefault(element.offset, (fate, why))

    def derive(self, to: str, value: object, how: str) -> None:
        """A value that no element states."""
        self.derived.append(Derived(to, str(value), how))

    def fields(self, items: Items, path: str = "") -> Iterator[Field]:
        """Every element once, those within sequences with their path."""
        for tag, element in sorted(items.items()):
            if tag & 0xFFFF == 0 or tag == PIXELS:
                continue  # a group's length says nothing; the pixels are the images
            key = f"{path}{element.name}"
            for number, item in enumerate(element.items):
                yield from self.fields(item, f"{key}[{number}].")
            to = tuple(self._used.get(element.offset, ()))
            if element.items and not to:
                continue
            fate, why = self._fate(element, to)
            yield Field(key, self.shown(element), fate, to, why, offset=element.offset)

    def _fate(self, element: Element, to: tuple[str, ...]) -> tuple[Fate, str]:
        if to:
            return Fate.MAPPED, ""
        if element.offset in self._said:
            return self._said[element.offset]
        if not element.value:
            return Fate.CHECKED, "it is empty"
        if len(element.value) > MAX_KEPT:
            return Fate.LOST, f"{len(element.value)} bytes; the original file keeps them"
        return Fate.KEPT, ""

    def shown(self, element: Element) -> str:
        """The value as text."""
        if element.items or element.vr == "SQ":
            return f"{len(element.items)} items"
        if element.vr == "AT":
            words = [f"{int(each):04x}" for each in numbers(replace(element, vr="US"))]
            pairs = zip(words[::2], words[1::2], strict=False)
            return "\\".join(",".join(pair) for pair in pairs)
        if element.vr in _NUMBERS and element.vr != "OW":
            return "\\".join(map(str, numbers(element)[:512]))
        if element.vr in {"OB", "OW", "OF", "UN", "OD", "OL", "OV"}:
            return element.value[:MAX_KEPT].hex(" ")
        try:
            return self.decoded(element)
        except Refused:
            return element.value[:MAX_KEPT].hex(" ")

    def decoded(self, element: Element) -> str:
        """The text of a value in the file's charset, without padding; Refused when it is not."""
        known = self._texts.get(element.offset)
        if known is not None:
            return known
        value = element.value.rstrip(b"\0 ")
        charsets = self.charsets if element.vr in _TEXT | {"UN"} else ["ascii"]
        try:
            if b"\x1b" in value or len(charsets) > 1:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")  # it warns, and puts something in the place
                    found = decode_bytes(value, charsets, _DELIMITERS)
            else:
                found = value.decode(charsets[0])
        except (UnicodeError, LookupError, UserWarning):
            found = "\ufffd"
        if "\ufffd" in found:
            named = "the charset that the file states" if charsets[0] != "ascii" else "ASCII"
            raise Refused(
                f"{element.name} at byte {element.offset} cannot be read in {named}",
                mend="state the device's charset in its profile",
            )
        self._texts[element.offset] = found
        return found


def charsets(items: Items, assumed: str) -> list[str]:
    """Python's codecs for Specific Character Set (0008,0005); ``assumed`` where there is none."""
    element = items.get(0x00080005)
    stated = element.value.decode("ascii", "replace").strip("\0 ") if element else ""
    if not stated:
        return [assumed or "ascii"]
    terms = [each.strip() for each in stated.split("\\")]
    unknown = [each for each in terms if each and not re.match(r"ISO[_ ]?(IR|2022)|GB", each)]
    if unknown:
        raise Refused(f"the charset {unknown[0]!r} (0008,0005) is none of DICOM's")
    found = convert_encodings(list(terms))
    # ISO_IR 6 is ASCII; Python's Latin-1, which pydicom takes for it, would invent letters.
    plain = {"", "ISO_IR 6", "ISO 2022 IR 6"}
    first = assumed or "ascii" if terms[0] in plain and len(terms) == 1 else found[0]
    return [first, *found[1:]]


def numbers(element: Element) -> list[float]:
    """The numbers of a binary value."""
    code = _NUMBERS[element.vr]
    size = struct.calcsize(f"={code}")
    count = len(element.value) // size
    order = "<" if element.little else ">"
    return list(struct.unpack(f"{order}{count}{code}", element.value[: count * size]))


class Source:
    """The elements of one level, by keyword."""

    def __init__(self, items: Items, account: Account) -> None:
        self.elements, self.account = items, account

    def element(self, keyword: str) -> Element | None:
        """The element, when it is there and not empty."""
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword  # noqa: S101 - our own spelling
        found = self.elements.get(int(tag))
        return found if found and (found.value or found.items) else None

    def mark(self, keyword: str, *to: str) -> None:
        """What it says is in the model in another form."""
        element = self.element(keyword)
        if element:
            self.account.used(element, *to)

    def texts(self, keyword: str, *to: str) -> list[str]:
        """All values of a text, without blanks around them."""
        element = self.element(keyword)
        if not element or element.items:
            return []
        found = self.account.decoded(element)
        if to and found:
            self.account.used(element, *to)
        single = element.vr in {"ST", "LT", "UT"}
        return [found.strip()] if single else [each.strip() for each in found.split("\\")]

    def text(self, keyword: str, *to: str) -> str:
        """A text; of several values all, as they stand."""
        return "\\".join(self.texts(keyword, *to)).strip("\\")

    def numbers(self, keyword: str, *to: str) -> tuple[float, ...]:
        """All numbers of a value, binary or in digits; empty when one of them is none."""
        element = self.element(keyword)
        if not element or element.items:
            return ()
        try:
            if element.vr in _NUMBERS:
                found = tuple(numbers(element))
            else:
                found = tuple(text.number(each) for each in self.texts(keyword))
        except ValueError as fault:
            self.account.said(element, Fate.KEPT, str(fault))
            return ()
        if to:
            self.account.used(element, *to)
        return found

    def number(self, keyword: str, *to: str) -> float | None:
        """One number, or None when there is not exactly one."""
        found = self.numbers(keyword)
        element = self.element(keyword)
        if len(found) != 1 or not element:
            return None
        if to:
            self.account.used(element, *to)
        return found[0]

    def whole(self, keyword: str, *to: str) -> int | None:
        """One whole number, or None."""
        found = self.number(keyword)
        element = self.element(keyword)
        if found is None or element is None or found != int(found):
            return None
        if to:
            self.account.used(element, *to)
        return int(found)

    def need(self, keyword: str, *to: str) -> float:
        """One number; Refused without it."""
        found = self.number(keyword, *to)
        if found is None:
            said = self.text(keyword) if self.element(keyword) else ""
            what = f"is {said!r}, which is not one number" if said else "is missing"
            raise Refused(f"{keyword} {what}")
        return found

    def date(self, keyword: str, to: str) -> dt.date | None:
        """A day: DICOM's yyyymmdd, or ACR-NEMA's yyyy.mm.dd."""
        element = self.element(keyword)
        if not element:
            return None
        found = text.date(self.text(keyword))
        self._clear(element, found is not None, to, "no clear date")
        return found

    def time(self, keyword: str, to: str) -> dt.time | None:
        """A time of day: DICOM's hhmmss.frac, or ACR-NEMA's hh:mm:ss."""
        element = self.element(keyword)
        if not element:
            return None
        said = self.text(keyword)
        match = _TIME.fullmatch(said.replace(":", ""))
        found = None
        if match and ":" not in said.replace(":", "", 2):
            hour, minute, second, part = match.groups()
            try:
                micro = int((part or "0").ljust(6, "0"))
                found = dt.time(int(hour), int(minute or 0), int(second or 0), micro)
            except ValueError:
                found = None
        self._clear(element, found is not None, to, "no clear time")
        return found

    def _clear(self, element: Element, clear: bool, to: str, why: str) -> None:
        if clear:
            self.account.used(element, to)
        else:
            self.account.said(element, Fate.KEPT, why)
            self.account.notes.append(f"{element.name}: {why}; left empty")

    def items(self, keyword: str) -> list[Source]:
        """The items of a sequence."""
        element = self.element(keyword)
        return [Source(each, self.account) for each in element.items] if element else []

    def code(self, keyword: str, *to: str) -> tuple[str, str]:
        """Value and meaning of the first code of a sequence."""
        items = self.items(keyword)
        if not items:
            return "", ""
        value = items[0].text("CodeValue", *to)
        items[0].text("CodingSchemeDesignator", *to)
        return value, items[0].text("CodeMeaning", *to)
