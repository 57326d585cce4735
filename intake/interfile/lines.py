"""The parts of an Interfile header that every kind of study has, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import numpy as np

from intake.dicom import private
from intake.interfile import keys
from intake.interfile.dialects import Dialect
from intake.refused import Refused
from intake.study import Acquisition, Kind, Scale

TYPES = {
    Kind.STATIC: "Static",
    Kind.WHOLE_BODY: "Static",
    Kind.DYNAMIC: "Dynamic",
    Kind.GATED: "Gated",
    Kind.TOMO: "Tomographic",
    Kind.RECON_TOMO: "Tomographic",
    Kind.GATED_TOMO: "GSPECT",
    Kind.RECON_GATED_TOMO: "GSPECT",
}
FORMATS = {"u": "unsigned integer", "i": "signed integer"}
LINE = 230
FLOATS = {4: "short float", 8: "long float"}


def seconds(milliseconds: float) -> str:
    """Exactly a thousandth, without a float's digits."""
    return number(float(Decimal(repr(milliseconds)) / 1000))


def number(value: float) -> str:
    """The shortest text that is this number."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


class Lines:
    """Builds lines; remembers which places of the model they hold."""

    def __init__(self, acquisition: Acquisition, dialect: Dialect, order: tuple[int, ...]) -> None:
        self.of = acquisition
        self.dialect = dialect
        self.order = order
        self.written: set[str] = {"corrections"}
        self.kept = private.expand(acquisition.fields)
        self.used: set[str] = set()
        self.again = {keys.plain(each.key): each.raw for each in self.kept if each.line}

    def line(self, key: str, value: object, to: str = "") -> str:
        """One line; ``to`` is the place of the model that it holds."""
        text = str(value)
        if any(ord(char) < 32 for char in text) or ";" in text:
            raise Refused(f"{key!r} cannot hold {text[:60]!r}: a semicolon begins a comment")
        if len(text) > 255:
            raise Refused(f"{key!r} would have more than 255 characters")
        if to:
            self.written.add(to)
        return f"{key} := {text}".rstrip()

    def file(self, data_name: str) -> Iterator[str]:
        """The file, the patient, the radiopharmaceutical."""
        of = self.of
        yield "!INTERFILE :="
        yield self.line("!imaging modality", "PT" if of.positron else "nucmed")
        yield self.line("!originating system", of.equipment.manufacturer)
        yield self.line("!version of keys", "3.3")
        yield "!GENERAL DATA :="
        yield self.line("original institution", of.equipment.institution)
        yield self.line("!data offset in bytes", 0)
        yield self.line("!name of data file", data_name)
        yield self.line("patient name", self._name())
        yield self.line("!patient ID", of.patient.id)
        born = of.patient.birth_date
        yield self.line("patient dob", born.strftime("%Y:%m:%d").zfill(10) if born else "")
        yield self.line(
            "patient sex", {"M": "M", "F": "F", "O": "O"}.get(of.patient.sex, "Unknown")
        )
        yield self.line("!study ID", of.visit.id)
        yield self.line("exam type", of.visit.description)
        yield self.line("data compression", "none")
        yield self.line("data encode", "none")
        if of.body_part:
            yield self.line("organ", of.body_part)
        if of.isotopes:
            isotope = of.isotopes[0]
            agent = f"/{isotope.agent}" if isotope.agent else ""
            yield self.line("isotope", isotope.nuclide + agent)
            if isotope.dose_mbq is not None:
                yield self.line("dose", number(isotope.dose_mbq))
        if len(of.isotopes) > 1:
            raise Refused("Interfile has a place for one radiopharmaceutical only")

    def _name(self) -> str:
        parts = self.of.patient.name.split("^")
        simple = len(parts) == 2 and not any("," in part for part in parts)
        if self.dialect.name_style == "caret" or not simple:
            return self.of.patient.name
        return f"{parts[0]}, {parts[1]}"

    def general(self) -> Iterator[str]:
        """Type, number, date, byte order, scale."""
        of = self.of
        yield "!GENERAL IMAGE DATA :="
        yield self.line("!type of data", TYPES[of.kind])
        yield self.line("!total number of images", len(of.pixels))
        day, hour = of.visit.date, of.visit.time
        yield self.line("study date", day.strftime("%Y:%m:%d").zfill(10) if day else "")
        yield self.line("study time", hour.isoformat() if hour else "")
        for name, same in (("date", day), ("time", hour)):
            if getattr(of.visit, f"acquisition_{name}") == same:
                self.written.add(f"visit.acquisition_{name}")
        order = "LITTLEENDIAN" if self.dialect.little_endian else "BIGENDIAN"
        yield self.line("imagedata byte order", order)
        if of.visit.series:
            yield self.line("process label", of.visit.series)
        if of.scale != Scale():
            yield self.line("NUD/rescale slope", number(of.scale.slope))
            yield self.line("NUD/rescale intercept", number(of.scale.intercept))

    def windows(self) -> Iterator[str]:
        """Energy windows and corrections."""
        of = self.of
        yield self.line("number of energy windows", len(of.windows))
        for index, window in enumerate(of.windows, 1):
            yield self.line(f"energy window [{index}]", window.name)
            if len(window.ranges) > 1:
                raise Refused("Interfile has a place for one range an energy window only")
            for each in window.ranges:
                for key, value in (("lower", each.lower), ("upper", each.upper)):
                    if value is not None:
                        yield self.line(f"energy window {key} level [{index}]", number(value))
            for key, word in (("flood", "UNIF"), ("decay", "DECY")):
                if word in of.corrections | of.uncorrected:
                    yield self.line(f"{key} corrected", "Y" if word in of.corrections else "N")

    def matrix(self) -> Iterator[str]:
        """Size and type of the images."""
        of = self.of
        kind, size = of.pixels.dtype.kind, of.pixels.dtype.itemsize
        yield self.line("!matrix size [1]", of.columns)
        yield self.line("!matrix size [2]", of.rows)
        yield self.line("!number format", FORMATS.get(kind) or FLOATS[size])
        yield self.line("!number of bytes per pixel", size)
        if of.spacing:
            yield self.line("scaling factor (mm/pixel) [1]", number(of.spacing[1]))
            yield self.line("scaling factor (mm/pixel) [2]", number(of.spacing[0]))

    def largest(self, start: int, stop: int) -> str:
        """The largest pixel of some images, in the header's order."""
        images = (self.of.pixels[self.order[index]] for index in range(start, stop))
        return number(float(max(np.max(image) for image in images)))

    def placement(self) -> Iterator[str]:
        """How the patient lies, where it is known."""
        ways = {True: "head_in", False: "feet_in", None: ""}
        if self.of.head_first is not None:
            yield self.line("patient orientation", ways[self.of.head_first])
        if self.of.posture in {"supine", "prone"}:
            yield self.line("patient rotation", self.of.posture, "posture")

    def kept_lines(self) -> Iterator[str]:
        """What the source had no place for: its own keys again, all else as comments."""
        for field in self.kept:
            raw = " ".join(field.raw.split())
            if field.key == ";":
                yield from _comments(raw)
            elif not raw or keys.plain(field.key) in self.used:
                continue
            elif field.line and _is_plain(field.key, raw):
                yield f"{field.key} := {raw}"
            else:
                yield from _comments(f"#gateway kept {field.key} := {raw}")

    def or_again(self, key: str, value: str) -> str:
        """A value of the model, else the one an Interfile header once had for that key."""
        if value or keys.plain(key) not in self.again:
            return value
        self.used.add(keys.plain(key))
        return self.again[keys.plain(key)]


def _is_plain(key: str, raw: str) -> bool:
    """Whether a key without meaning here can stand as it once stood."""
    unknown = keys.find(key)[0] is None
    return unknown and ";" not in raw and "=" not in key and len(key) + len(raw) < 250


def _comments(text: str) -> Iterator[str]:
    """A comment of any length, in lines of at most 255 characters."""
    yield f";{text[:LINE]}"
    for start in range(LINE, len(text), LINE):
        yield f";#gateway more {text[start : start + LINE]}"
