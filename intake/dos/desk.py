"""Jobs for DOS translators, one at a time (a dongle allows no more), beside the lane and not in it.

A job runs in a process of its own, so that other devices' files do not wait for it. What came out
is kept on the disk, under the hash of what went in, until the lane has decided about the files: a
crash in between runs no translator twice, and its output is the same when the lane asks again.
"""

from __future__ import annotations

import fcntl
import hashlib
import multiprocessing
import multiprocessing.process
import shutil
from dataclasses import dataclass
from pathlib import Path

from intake import files
from intake.dos.translator import Translator, translate
from intake.fields import Original
from intake.refused import Refused


@dataclass(frozen=True)
class Outcome:
    """What became of a job: a folder of files, or a reason."""

    folder: Path
    refused: str = ""


class Desk:
    """Where jobs are handed in and called for."""

    def __init__(self, state: Path) -> None:
        self._state = state / "dos"
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None
        self._tried: set[Path] = set()
        for reason in self._state.glob("*.txt"):  # perhaps told already, before a crash
            reason.unlink()

    def outcome(
        self, translator: Translator, originals: tuple[Original, ...], folder: Path
    ) -> Outcome | None:
        """Of files in that folder. None: ask again later."""
        self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
        words = [*translator.commands, *(f"{each.name}/{each.sha256}" for each in originals)]
        job = self._state / hashlib.sha256("\0".join(words).encode(errors="replace")).hexdigest()
        found = self._found(job)
        if found or (self._process is not None and self._process.is_alive()):
            return found
        if job in self._tried:
            self._tried.discard(job)
            return Outcome(job, "the DOS translator's own process died of it")
        self._start(job, translator, originals, folder)
        return None

    def _start(
        self,
        job: Path,
        translator: Translator,
        originals: tuple[Original, ...],
        folder: Path,
    ) -> None:
        self._tried.add(job)
        self._process = self._context.Process(
            target=_work, args=(job, translator, originals, folder), daemon=True
        )
        self._process.start()

    def _found(self, job: Path) -> Outcome | None:
        reason = job.with_suffix(".txt")
        if job.is_dir():
            return Outcome(job)
        if reason.exists():
            return Outcome(job, reason.read_text("utf-8"))
        return None

    def done(self, outcome: Outcome) -> None:
        """The lane has decided; the files, tried again, are a new job."""
        shutil.rmtree(outcome.folder, ignore_errors=True)
        outcome.folder.with_suffix(".txt").unlink(missing_ok=True)
        self._tried.discard(outcome.folder)

    def stop(self) -> None:
        """End what runs; it is begun anew when the lane is."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None


def _work(job: Path, translator: Translator, originals: tuple[Original, ...], folder: Path) -> None:
    """The job's process. What a killed lane left behind may still run: the lock is waited for."""
    with (job.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        work = job.with_suffix(".work")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            paths = [folder / each.name for each in originals]
            made = translate(translator, paths, work)
            changed = any(
                files.original(path) != known for path, known in zip(paths, originals, strict=True)
            )
            if not changed:  # else nothing is kept, and the lane hands in the new files
                made.rename(job)
        except Refused as refused:
            files.save(job.with_suffix(".txt"), [refused.show().encode()])
        finally:
            shutil.rmtree(work, ignore_errors=True)
