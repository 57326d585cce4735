"""A whole Interfile header: the common lines, then those of its kind of study."""

from __future__ import annotations

from collections.abc import Iterator

from intake.interfile import extra
from intake.interfile.lines import TYPES, Lines, number, seconds
from intake.refused import Refused
from intake.study import Detector, Gate


class Header(Lines):
    """The lines of one acquisition's header, in their order."""

    def all(self, data_name: str) -> Iterator[str]:
        """Every line, from INTERFILE to END OF INTERFILE."""
        yield from self.file(data_name)
        yield from self.general()
        yield from self.windows()
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
        yield from self.kept_lines()
        yield "!END OF INTERFILE :="

    def _static(self) -> Iterator[str]:
        of = self.of
        yield "!STATIC STUDY (General) :="
        yield self.line("number of images/energy window", len(of.pixels) // len(of.windows))
        for index in range(len(of.pixels)):
            detector = of.detectors[of.places[self.order[index]].detector - 1]
            yield "!Static Study (each frame) :="
            yield self.line("!image number", index + 1)
            yield from self.matrix()
            if of.duration is not None:
                yield self.line("image duration (sec)", seconds(of.duration))
            hour = of.visit.acquisition_time
            if hour and hour != of.visit.time:
                yield self.line("image start time", hour.isoformat(), "visit.acquisition_time")
            yield self.line("label", detector.label or detector.view)
            yield self.line("maximum pixel count", self.largest(index, index + 1))
            if of.head_first is not None:
                yield from self.placement()

    def _dynamic(self) -> Iterator[str]:
        yield "!DYNAMIC STUDY (general) :="
        yield self.line("!number of frame groups", len(self.of.phases))
        yield from self.placement()
        start = 0
        for index, phase in enumerate(self.of.phases, 1):
            yield "!Dynamic Study (each frame group) :="
            yield self.line("!frame group number", index)
            yield from self.matrix()
            yield self.line("!number of images this frame group", phase.frames)
            yield self.line("!image duration (sec)", seconds(phase.duration))
            yield self.line("pause between images (sec)", seconds(phase.pause))
            yield self.line("pause between frame groups (sec)", seconds(phase.delay))
            if len(self.of.windows) == 1:
                largest = self.largest(start, start + phase.frames)
                yield self.line("!maximum pixel count in group", largest)
            start += phase.frames

    def _gated(self) -> Iterator[str]:
        yield "!GATED STUDY (general) :="
        yield from self.matrix()
        yield from self.placement()
        yield from self._gates()

    def _gates(self) -> Iterator[str]:
        gating = self.of.gating
        gates = gating.gates if gating else ()
        yield self.line("number of time windows", len(gates))
        for index, gate in enumerate(gates, 1):
            yield "!Gated Study (each time window) :="
            yield self.line("!time window number", index)
            yield from self._gate(gate)
            if gating and gating.framing in {"FORW", "BACK"}:
                words = {"FORW": "Forward", "BACK": "Backward"}
                yield self.line("framing method", words[gating.framing])

    def _gate(self, gate: Gate) -> Iterator[str]:
        if gate.frame_time is None:
            raise Refused("the time of one slot is not stated")
        yield self.line("!number of images in time window", gate.slots)
        yield self.line("!image duration (sec)", seconds(gate.frame_time))
        if gate.low is not None:
            yield self.line("time window lower limit (sec)", seconds(gate.low))
        if gate.high is not None:
            yield self.line("time window upper limit (sec)", seconds(gate.high))
        if gate.acquired is not None:
            yield self.line("number of cardiac cycles (acquired)", gate.acquired)
            if gate.rejected is not None:
                observed = gate.acquired + gate.rejected
                yield self.line("number of cardiac cycles (observed)", observed)

    def _tomo(self) -> Iterator[str]:
        yield "!SPECT STUDY (general) :="
        yield self.line("number of detector heads", len(self.of.detectors))
        yield from self._heads(with_matrix=True)

    def _gspect(self) -> Iterator[str]:
        yield "!GATED SPECT STUDY (general) :="
        yield from self.matrix()
        yield self.line("!gated SPECT nesting outer level", "Gated")
        yield from self._gates()
        yield self.line("number of detector heads", len(self.of.detectors))
        yield from self._heads(with_matrix=False)

    def _heads(self, *, with_matrix: bool) -> Iterator[str]:
        of = self.of
        for index, detector in enumerate(of.detectors):
            yield self.line("!number of images/energy window", len(of.pixels) // len(of.windows))
            status = "Acquired" if of.kind.projected else "Reconstructed"
            yield self.line("!process status", status)
            if with_matrix:
                yield from self.matrix()
            yield from self.placement()
            if of.kind.projected:
                yield from self._head(detector, f"detectors[{index}]")
            else:
                yield from self._slices()

    def _head(self, detector: Detector, to: str) -> Iterator[str]:
        if len(self.of.rotations) != 1:
            raise Refused("Interfile has a place for one rotation only")
        turn = self.of.rotations[0]
        yield self.line("!number of projections", turn.frames)
        yield self.line("!extent of rotation", number(turn.extent))
        if turn.duration is not None:
            yield self.line("!time per projection (sec)", seconds(turn.duration))
        yield "!SPECT STUDY (acquired data) :="
        yield self.line("!direction of rotation", "CW" if turn.clockwise else "CCW")
        start = turn.start_angle if detector.start_angle is None else detector.start_angle
        angle = (180.0 - start if turn.clockwise else start - 180.0) % 360
        yield self.line("first projection angle in data set", number(round(angle, 9)))
        if turn.motion:
            word = "continuous" if turn.motion == "CONTINUOUS" else "stepped"
            yield self.line("acquisition mode", word)
        if orbit := self.or_again("orbit", turn.orbit):
            yield self.line("orbit", orbit)
        if "COR" in self.of.corrections:
            yield self.line("Centre_of_rotation", "Corrected")
        if detector.x_offset is not None:
            yield self.line("X_offset", number(detector.x_offset), f"{to}.x_offset")
        if detector.y_offset is not None:
            yield self.line("Y_offset", number(detector.y_offset), f"{to}.y_offset")
        if len(detector.radius) == 1:
            yield self.line("Radius", number(detector.radius[0]), f"{to}.radius")

    def _slices(self) -> Iterator[str]:
        info, spacing = self.of.slices, self.of.spacing
        if info is None:
            return
        yield "!SPECT STUDY (reconstructed data) :="
        yield self.line(
            "method of reconstruction", self.or_again("method of reconstruction", info.method)
        )
        yield self.line("!number of slices", info.count)
        if info.orientation in {"transverse", "coronal", "sagittal"}:
            yield self.line(
                "slice orientation", info.orientation.capitalize(), "slices.orientation"
            )
        for key, value, to in (
            ("slice thickness (pixels)", info.thickness, "slices.thickness"),
            ("centre-centre slice separation (pixels)", info.spacing, "slices.spacing"),
        ):
            if value and spacing and spacing[0] == spacing[1]:
                pixels = value / spacing[0]
                exact = pixels * spacing[0] == value
                yield self.line(key, number(pixels), to if exact else "")
        yield self.line("filter name", self.or_again("filter name", info.filter))
        if "SCAT" in self.of.corrections | self.of.uncorrected:
            yield self.line("scatter corrected", "Y" if "SCAT" in self.of.corrections else "N")
