"""What comes of a device's files: by their own format, a raw profile, or a DOS translator first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from intake import formats
from intake.convert import Wanted
from intake.dos.desk import Desk, Outcome
from intake.fields import Original
from intake.files import shown
from intake.lane.settings import Settings
from intake.lane.worker import Answer, Worker
from intake.options import DEFAULT
from intake.refused import Refused


class Later(Exception):  # noqa: N818 - an outcome: the file waits
    """The files are at the DOS translator's."""


class Answers:
    """Where the lane asks; the objects are written into the spool."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.worker = Worker(settings.seconds, settings.memory)
        self.desk = Desk(settings.state)
        self._outcome: Outcome | None = None

    def stop(self) -> None:
        """End what runs."""
        self.worker.stop()
        self.desk.stop()

    def answer(self, device: str, originals: tuple[Original, ...], spool: Path) -> Answer:
        """Of files in the device's ``incoming``; Later, when they have to wait for a program."""
        incoming = self._settings.folder(device) / "incoming"
        wanted = Wanted(options=self._settings.devices.get(device, DEFAULT))
        translator = self._settings.dos.get(device)
        if translator is None:
            raw = self._settings.raw.get(device)
            return self.worker.convert(incoming / originals[0].name, spool, wanted, raw=raw)
        if translator.parts and len(originals) < len(translator.parts):
            together = ", ".join(translator.parts)
            return Answer(refused=f"its other files did not come ({together} belong together)")
        self._outcome = self.desk.outcome(translator, originals, incoming)
        if self._outcome is None:
            raise Later
        if self._outcome.refused:
            return Answer(refused=self._outcome.refused)
        return self._all(self._outcome.folder, wanted, spool)

    def decided(self) -> None:
        """The ledger says what becomes of the files of the last answer."""
        if self._outcome is not None:
            self.desk.done(self._outcome)
        self._outcome = None

    def _all(self, folder: Path, wanted: Wanted, spool: Path) -> Answer:
        """Everything that a translator made, as one answer; or the first reason against it."""
        found = Answer()
        try:
            for number, path in enumerate(_heads(folder), 1):
                each = self.worker.convert(path, spool, wanted, f"object{number}")
                if each.refused:
                    raise Refused(f"{shown(path.name)}: {each.refused}")
                found = replace(
                    found, objects=found.objects + each.objects, notes=found.notes + each.notes
                )
        except Refused as refused:
            return Answer(refused=f"what the DOS translator made of it is refused: {refused}")
        return found


def _heads(folder: Path) -> Iterator[Path]:
    """The files to read; Refused when there is one that is neither read nor part of another."""
    known, parts, rest = [], set(), []
    for path in sorted(folder.iterdir()):
        if formats.recognise(path):
            known.append(path)
            parts.add(formats.names_data(path).casefold())
        else:
            rest.append(path)
    for path in rest:
        if path.name.casefold() not in parts:
            raise Refused(f"{shown(path.name)} is of no known format")
    yield from known
