"""An acquisition as Interfile 3.3 that old cameras read: a header and a file of pixels.

Lines end with CR LF and have at most 255 characters, numbers are big-endian unless the dialect
says otherwise, the last character is Ctrl-Z (m-intf(4)). The pixels keep their type and order.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from intake.dicom import private
from intake.fields import Field
from intake.interfile import extra, keys
from intake.interfile.dialects import STANDARD, Dialect
from intake.options import CHARSETS, DEFAULT, Options
from intake.refused import Refused
from intake.study import Acquisition, Detector, Gate, Kind, Scale

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


@dataclass(frozen=True, eq=False)
class Written:
    """A header and its pixels, ready to be saved."""

    header: bytes
    acquisition: Acquisition
    order: tuple[int, ...]
    dialect: Dialect
    fields: tuple[Field, ...]

    def chunks(self) -> Iterator[bytes]:
        """The pixels, one frame's memory at a time."""
        pixels = self.acquisition.pixels
        dtype = pixels.dtype.newbyteorder("<" if self.dialect.little_endian else ">")
        for index in self.order:
            yield pixels[index].astype(dtype).tobytes()


def write(
    acquisition: Acquisition,
    data_name: str,
    dialect: Dialect = STANDARD,
    options: Options = DEFAULT,
) -> Written:
    """The header for a data file of that name, and the pixels in the header's order."""
    places = acquisition.places
    order = tuple(sorted(range(len(places)), key=lambda each: places[each]))
    writer = _Writer(acquisition, dialect, order)
    text = "\r\n".join(writer.all(data_name)) + "\r\n\x1a"
    return Written(_encoded(text, options), acquisition, order, dialect, acquisition.fields)


def _encoded(text: str, options: Options) -> bytes:
    charset = CHARSETS[options.charset] if options.charset else "ascii"
    try:
        return text.encode(charset)
    except UnicodeEncodeError as fault:
        char = fault.object[fault.start]
        raise Refused(
            f"{char!r} has no place in the receiving device's character set "
            f"({options.charset or 'ASCII'})",
            0,
            "name its character set in the device's profile (--charset latin1, big5, …)",
        ) from None


def seconds(milliseconds: float) -> str:
    """Exactly a thousandth, without a float's digits."""
    return number(float(Decimal(repr(milliseconds)) / 1000))


def number(value: float) -> str:
    """The shortest text that is this number."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


class _Writer:
    """Builds the lines; remembers which places of the model they hold."""

    def __init__(self, acquisition: Acquisition, dialect: Dialect, order: tuple[int, ...]) -> None:
        self.of = acquisition
        self.dialect = dialect
        self.order = order
        self.written: set[str] = {"corrections"}
        self.kept = private.expand(acquisition.fields)
        self.used: set[str] = set()
        self.again = {keys.plain(each.key): each.raw for each in self.kept if each.line}

    def all(self, data_name: str) -> Iterator[str]:
        yield from self._file(data_name)
        yield from self._general()
        yield from self._windows()
        studies = {
            "Static": self._static,
            "Dynamic": self._dynamic,
            "Gated": self._gated,
            "Tomographic": self._tomo,
            "GSPECT": self._gspect,
        }
        yield from studies[TYPES[self.of.kind]]()
        yield from extra.kind_lines(self.of)
        if self.of.corrections - {"UNIF", "DECY", "COR", "SCAT"} or self.of.uncorrected:
            self.written.discard("corrections")
        yield from extra.lines(self.of, self.written)
        yield from self._kept()
        yield "!END OF INTERFILE :="

    def _line(self, key: str, value: object, to: str = "") -> str:
        text = str(value)
        if any(ord(char) < 32 for char in text) or ";" in text:
            raise Refused(f"{key!r} cannot hold {text[:60]!r}: a semicolon begins a comment")
        if len(text) > 255:
            raise Refused(f"{key!r} would have more than 255 characters")
        if to:
            self.written.add(to)
        return f"{key} := {text}".rstrip()

    def _file(self, data_name: str) -> Iterator[str]:
        of = self.of
        yield "!INTERFILE :="
        yield self._line("!imaging modality", "nucmed")
        yield self._line("!originating system", of.equipment.manufacturer)
        yield self._line("!version of keys", "3.3")
        yield "!GENERAL DATA :="
        yield self._line("original institution", of.equipment.institution)
        yield self._line("!data offset in bytes", 0)
        yield self._line("!name of data file", data_name)
        yield self._line("patient name", self._name())
        yield self._line("!patient ID", of.patient.id)
        born = of.patient.birth_date
        yield self._line("patient dob", born.strftime("%Y:%m:%d").zfill(10) if born else "")
        yield self._line(
            "patient sex", {"M": "M", "F": "F", "O": "O"}.get(of.patient.sex, "Unknown")
        )
        yield self._line("!study ID", of.visit.id)
        yield self._line("exam type", of.visit.description)
        yield self._line("data compression", "none")
        yield self._line("data encode", "none")
        if of.body_part:
            yield self._line("organ", of.body_part)
        if of.isotopes:
            isotope = of.isotopes[0]
            agent = f"/{isotope.agent}" if isotope.agent else ""
            yield self._line("isotope", isotope.nuclide + agent)
            if isotope.dose_mbq is not None:
                yield self._line("dose", number(isotope.dose_mbq))
        if len(of.isotopes) > 1:
            raise Refused("Interfile has a place for one radiopharmaceutical only")

    def _name(self) -> str:
        parts = self.of.patient.name.split("^")
        simple = len(parts) == 2 and not any("," in part for part in parts)
        if self.dialect.name_style == "caret" or not simple:
            return self.of.patient.name
        return f"{parts[0]}, {parts[1]}"

    def _general(self) -> Iterator[str]:
        of = self.of
        yield "!GENERAL IMAGE DATA :="
        yield self._line("!type of data", TYPES[of.kind])
        yield self._line("!total number of images", len(of.pixels))
        day, hour = of.visit.date, of.visit.time
        yield self._line("study date", day.strftime("%Y:%m:%d").zfill(10) if day else "")
        yield self._line("study time", hour.isoformat() if hour else "")
        for name, same in (("date", day), ("time", hour)):
            if getattr(of.visit, f"acquisition_{name}") == same:
                self.written.add(f"visit.acquisition_{name}")
        order = "LITTLEENDIAN" if self.dialect.little_endian else "BIGENDIAN"
        yield self._line("imagedata byte order", order)
        if of.visit.series:
            yield self._line("process label", of.visit.series)
        if of.scale != Scale():
            yield self._line("NUD/rescale slope", number(of.scale.slope))
            yield self._line("NUD/rescale intercept", number(of.scale.intercept))

    def _windows(self) -> Iterator[str]:
        of = self.of
        yield self._line("number of energy windows", len(of.windows))
        for index, window in enumerate(of.windows, 1):
            yield self._line(f"energy window [{index}]", window.name)
            if len(window.ranges) > 1:
                raise Refused("Interfile has a place for one range an energy window only")
            for each in window.ranges:
                for key, value in (("lower", each.lower), ("upper", each.upper)):
                    if value is not None:
                        yield self._line(f"energy window {key} level [{index}]", number(value))
            for key, word in (("flood", "UNIF"), ("decay", "DECY")):
                if word in of.corrections | of.uncorrected:
                    yield self._line(f"{key} corrected", "Y" if word in of.corrections else "N")

    def _matrix(self) -> Iterator[str]:
        of = self.of
        kind, size = of.pixels.dtype.kind, of.pixels.dtype.itemsize
        yield self._line("!matrix size [1]", of.columns)
        yield self._line("!matrix size [2]", of.rows)
        yield self._line("!number format", FORMATS.get(kind) or FLOATS[size])
        yield self._line("!number of bytes per pixel", size)
        if of.spacing:
            yield self._line("scaling factor (mm/pixel) [1]", number(of.spacing[1]))
            yield self._line("scaling factor (mm/pixel) [2]", number(of.spacing[0]))

    def _largest(self, start: int, stop: int) -> str:
        images = (self.of.pixels[self.order[index]] for index in range(start, stop))
        return number(float(max(np.max(image) for image in images)))

    def _static(self) -> Iterator[str]:
        of = self.of
        yield "!STATIC STUDY (General) :="
        yield self._line("number of images/energy window", len(of.pixels) // len(of.windows))
        for index in range(len(of.pixels)):
            detector = of.detectors[of.places[self.order[index]].detector - 1]
            yield "!Static Study (each frame) :="
            yield self._line("!image number", index + 1)
            yield from self._matrix()
            if of.duration is not None:
                yield self._line("image duration (sec)", seconds(of.duration))
            hour = of.visit.acquisition_time
            if hour and hour != of.visit.time:
                yield self._line("image start time", hour.isoformat(), "visit.acquisition_time")
            yield self._line("label", detector.label or detector.view)
            yield self._line("maximum pixel count", self._largest(index, index + 1))
            if of.head_first is not None:
                yield from self._placement()

    def _placement(self) -> Iterator[str]:
        ways = {True: "head_in", False: "feet_in", None: ""}
        if self.of.head_first is not None:
            yield self._line("patient orientation", ways[self.of.head_first])
        if self.of.posture in {"supine", "prone"}:
            yield self._line("patient rotation", self.of.posture, "posture")

    def _dynamic(self) -> Iterator[str]:
        yield "!DYNAMIC STUDY (general) :="
        yield self._line("!number of frame groups", len(self.of.phases))
        yield from self._placement()
        start = 0
        for index, phase in enumerate(self.of.phases, 1):
            yield "!Dynamic Study (each frame group) :="
            yield self._line("!frame group number", index)
            yield from self._matrix()
            yield self._line("!number of images this frame group", phase.frames)
            yield self._line("!image duration (sec)", seconds(phase.duration))
            yield self._line("pause between images (sec)", seconds(phase.pause))
            yield self._line("pause between frame groups (sec)", seconds(phase.delay))
            if len(self.of.windows) == 1:
                largest = self._largest(start, start + phase.frames)
                yield self._line("!maximum pixel count in group", largest)
            start += phase.frames

    def _gated(self) -> Iterator[str]:
        yield "!GATED STUDY (general) :="
        yield from self._matrix()
        yield from self._placement()
        yield from self._gates()

    def _gates(self) -> Iterator[str]:
        gating = self.of.gating
        gates = gating.gates if gating else ()
        yield self._line("number of time windows", len(gates))
        for index, gate in enumerate(gates, 1):
            yield "!Gated Study (each time window) :="
            yield self._line("!time window number", index)
            yield from self._gate(gate)
            if gating and gating.framing in {"FORW", "BACK"}:
                words = {"FORW": "Forward", "BACK": "Backward"}
                yield self._line("framing method", words[gating.framing])

    def _gate(self, gate: Gate) -> Iterator[str]:
        if gate.frame_time is None:
            raise Refused("the time of one slot is not stated")
        yield self._line("!number of images in time window", gate.slots)
        yield self._line("!image duration (sec)", seconds(gate.frame_time))
        if gate.low is not None:
            yield self._line("time window lower limit (sec)", seconds(gate.low))
        if gate.high is not None:
            yield self._line("time window upper limit (sec)", seconds(gate.high))
        if gate.acquired is not None:
            yield self._line("number of cardiac cycles (acquired)", gate.acquired)
            if gate.rejected is not None:
                observed = gate.acquired + gate.rejected
                yield self._line("number of cardiac cycles (observed)", observed)

    def _tomo(self) -> Iterator[str]:
        yield "!SPECT STUDY (general) :="
        yield self._line("number of detector heads", len(self.of.detectors))
        yield from self._heads(with_matrix=True)

    def _gspect(self) -> Iterator[str]:
        yield "!GATED SPECT STUDY (general) :="
        yield from self._matrix()
        yield self._line("!gated SPECT nesting outer level", "Gated")
        yield from self._gates()
        yield self._line("number of detector heads", len(self.of.detectors))
        yield from self._heads(with_matrix=False)

    def _heads(self, *, with_matrix: bool) -> Iterator[str]:
        of = self.of
        for index, detector in enumerate(of.detectors):
            yield self._line("!number of images/energy window", len(of.pixels) // len(of.windows))
            status = "Acquired" if of.kind.projected else "Reconstructed"
            yield self._line("!process status", status)
            if with_matrix:
                yield from self._matrix()
            yield from self._placement()
            if of.kind.projected:
                yield from self._head(detector, f"detectors[{index}]")
            else:
                yield from self._slices()

    def _head(self, detector: Detector, to: str) -> Iterator[str]:
        if len(self.of.rotations) != 1:
            raise Refused("Interfile has a place for one rotation only")
        turn = self.of.rotations[0]
        yield self._line("!number of projections", turn.frames)
        yield self._line("!extent of rotation", number(turn.extent))
        if turn.duration is not None:
            yield self._line("!time per projection (sec)", seconds(turn.duration))
        yield "!SPECT STUDY (acquired data) :="
        yield self._line("!direction of rotation", "CW" if turn.clockwise else "CCW")
        start = turn.start_angle if detector.start_angle is None else detector.start_angle
        angle = (180.0 - start if turn.clockwise else start - 180.0) % 360
        yield self._line("first projection angle in data set", number(round(angle, 9)))
        if turn.motion:
            word = "continuous" if turn.motion == "CONTINUOUS" else "stepped"
            yield self._line("acquisition mode", word)
        if orbit := self._or_again("orbit", turn.orbit):
            yield self._line("orbit", orbit)
        if "COR" in self.of.corrections:
            yield self._line("Centre_of_rotation", "Corrected")
        if detector.x_offset is not None:
            yield self._line("X_offset", number(detector.x_offset), f"{to}.x_offset")
        if detector.y_offset is not None:
            yield self._line("Y_offset", number(detector.y_offset), f"{to}.y_offset")
        if len(detector.radius) == 1:
            yield self._line("Radius", number(detector.radius[0]), f"{to}.radius")

    def _slices(self) -> Iterator[str]:
        info, spacing = self.of.slices, self.of.spacing
        if info is None:
            return
        yield "!SPECT STUDY (reconstructed data) :="
        yield self._line(
            "method of reconstruction", self._or_again("method of reconstruction", info.method)
        )
        yield self._line("!number of slices", info.count)
        if info.orientation in {"transverse", "coronal", "sagittal"}:
            yield self._line(
                "slice orientation", info.orientation.capitalize(), "slices.orientation"
            )
        for key, value, to in (
            ("slice thickness (pixels)", info.thickness, "slices.thickness"),
            ("centre-centre slice separation (pixels)", info.spacing, "slices.spacing"),
        ):
            if value and spacing and spacing[0] == spacing[1]:
                pixels = value / spacing[0]
                exact = pixels * spacing[0] == value
                yield self._line(key, number(pixels), to if exact else "")
        yield self._line("filter name", self._or_again("filter name", info.filter))
        if "SCAT" in self.of.corrections | self.of.uncorrected:
            yield self._line("scatter corrected", "Y" if "SCAT" in self.of.corrections else "N")

    def _kept(self) -> Iterator[str]:
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

    def _or_again(self, key: str, value: str) -> str:
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


def save(made: Written, header: Path, data: Path) -> None:
    """Both files whole or not at all; the header last, for whoever waits for it."""
    _save(data, made.chunks())
    _save(header, [made.header])


def _save(path: Path, chunks: Iterator[bytes] | list[bytes]) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".intake-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fchmod(file.fileno(), 0o640)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
