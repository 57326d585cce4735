"""Converting in a process of its own, that stays: a poison file kills it, not the lane."""

from __future__ import annotations

import multiprocessing
import resource
import signal
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from intake import formats
from intake.convert import Wanted, convert
from intake.fields import Original
from intake.options import Options
from intake.refused import Refused


@dataclass(frozen=True)
class Answer:
    """What came of a file: objects in the spool, or a reason."""

    objects: tuple[tuple[str, Path], ...] = ()
    originals: tuple[Original, ...] = ()
    notes: tuple[str, ...] = ()
    refused: str = ""


class Worker:
    """One resident child; a new one after each that died or was too slow."""

    def __init__(self, seconds: float, memory: int) -> None:
        self._seconds = seconds
        self._memory = memory
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def convert(
        self,
        path: Path,
        spool: Path,
        wanted: Wanted,
        stem: str = "object",
        raw: Path | None = None,
    ) -> Answer:
        """The objects of a file, or the Interfile of an object, written into the spool.

        ``raw`` is the raw profile by which it is read.
        """
        options = wanted.options
        self.start()
        assert self._pipe is not None  # noqa: S101 - started just before
        try:
            self._pipe.send(
                (
                    path,
                    spool,
                    options.charset,
                    options.dialect,
                    dict(options.assume),
                    options.decimal_comma,
                    wanted.to,
                    wanted.dialect,
                    stem,
                    raw,
                )
            )
            if self._pipe.poll(self._seconds):
                answer = self._pipe.recv()
                assert isinstance(answer, Answer)  # noqa: S101 - the child is ours
                return answer
            reason = f"converting it took more than {self._seconds:g} s"
        except (EOFError, OSError):
            reason = "the translator died of it"
        self.stop()
        return Answer(refused=reason)

    def start(self) -> None:
        """Have a child ready: importing numpy takes it a moment."""
        if self._process is not None and self._process.is_alive():
            return
        self.stop()
        self._pipe, theirs = self._context.Pipe()
        self._process = self._context.Process(
            target=_serve, args=(theirs, self._memory), daemon=True
        )
        self._process.start()
        theirs.close()

    def stop(self) -> None:
        """End the child, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None


def _serve(pipe: Connection, memory: int) -> None:
    """The child: bounded memory, no core dumps, gone with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            path, spool, charset, own, assume, comma, to, dialect, stem, raw = pipe.recv()
        except (EOFError, OSError):
            return
        wanted = Wanted(to, Options(charset, own, assume, comma), dialect)
        try:
            answer = _answer(path, spool, wanted, stem, raw)
        except MemoryError:
            answer = Answer(refused="converting it needs more memory than is allowed")
        try:
            pipe.send(answer)
        except OSError:
            return  # the lane is gone


def _answer(path: Path, spool: Path, wanted: Wanted, stem: str, raw: Path | None) -> Answer:
    try:
        if raw:
            wanted = replace(wanted, reader=formats.raw(raw))
        result = convert(path, spool, wanted, stem)
    except Refused as refused:
        return Answer(refused=refused.show())
    if result.refused or result.reading is None:
        return Answer(refused=result.refused.show() if result.refused else "nothing was read")
    made = tuple((each.uid, each.path) for each in result.made)
    return Answer(made, result.reading.originals, result.reading.notes)
