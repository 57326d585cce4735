"""A group of files from ``incoming`` to ``done`` or ``quarantine``; it may be cut at any point."""

from __future__ import annotations

import errno
import logging
import shutil
import time
from dataclasses import dataclass

from intake.fields import Original
from intake.files import shown
from intake.lane import ledger as states
from intake.lane import moves
from intake.lane.answers import Answers, Later
from intake.lane.archive import Client, Unreachable
from intake.lane.ledger import Ledger, Row
from intake.lane.mail import tell
from intake.lane.settings import Settings
from intake.lane.settle import Group, Settling
from intake.lane.still import Still
from intake.lane.worker import Answer
from intake.refused import Refused
from intake.returns import give

log = logging.getLogger("intake.lane")
FOLDERS = ("incoming", "outgoing", "done", "quarantine")
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


@dataclass
class Lane:
    """All devices of a box. One lane at a time may run on a root (see serve.py)."""

    settings: Settings

    def __post_init__(self) -> None:
        settings = self.settings
        settings.state.mkdir(mode=0o750, parents=True, exist_ok=True)
        self.spool = settings.state / "spool"
        shutil.rmtree(self.spool, ignore_errors=True)
        self.spool.mkdir(mode=0o700)
        self.ledger = Ledger(Ledger.place(settings.state))
        self.client = Client(settings.archive)
        self.answers = Answers(settings)
        self.worker = self.answers.worker
        self.still = Still(settings.mail, settings.patience)
        self.settling = {}
        for device in sorted(settings.devices):
            folder = settings.folder(device) / "incoming"
            parts = settings.dos[device].parts if device in settings.dos else ()
            alone = device in settings.raw or device in settings.dos
            times = settings.quiet, settings.patience
            self.settling[device] = Settling(folder, *times, parts if alone else None)
            self._make_folders(device)
        for row in self.ledger.open_decisions():
            try:
                self._carry_out(row)
            except OSError as fault:  # of one device; the others must not wait for a person
                self.still.stands(row.device, str(fault), time.monotonic())

    def _make_folders(self, device: str) -> bool:
        """The device's folders, also where a person took one away; not where one is a link."""
        try:
            for name in FOLDERS:
                folder = self.settings.folder(device) / name
                folder.mkdir(mode=0o770, parents=True, exist_ok=True)
                if folder.resolve() != folder:
                    raise OSError(errno.ELOOP, "a link leads elsewhere", str(folder))
        except OSError as fault:
            self.still.stands(device, str(fault), time.monotonic())
            return False
        return True

    def once(self) -> int:
        """Take all that has settled; how many groups went somewhere."""
        moved = 0
        for device, settling in self.settling.items():
            if not self._make_folders(device):
                continue
            for group in settling.ready(time.monotonic()):
                try:
                    self._room()
                    self._take(device, group)
                    moved += 1
                    self.still.goes(device)
                except Later:
                    break
                except Unreachable as fault:
                    self.still.stands(device, str(fault), time.monotonic())
                    break  # in order: what came later waits, too
                except OSError as fault:
                    self.still.stands(device, str(fault), time.monotonic())
                    if fault.errno in FULL:
                        return moved
                    break
            moved += self._give_back(device)
        return moved

    def _give_back(self, device: str) -> int:
        """Make Interfile of what was sent to the device's title."""
        given = 0
        for source in give.waiting(self.settings, device):
            try:
                self._room()
                made = give.give(self.settings, self.worker, device, source, self.spool / "job")
            except OSError as fault:
                log.error("%s gets nothing back: %s", device, fault)
                break
            given += 1
            if made.refused:
                self._told(device, made.names[0], made.refused)
            else:
                log.info("%s: given back as %s", device, ", ".join(made.names))
        return given

    def _room(self) -> None:
        """Nothing is taken that could fill the disk."""
        for place in {self.settings.state, *map(self.settings.folder, self.settling)}:
            if shutil.disk_usage(place).free < self.settings.reserve:
                raise OSError(errno.ENOSPC, f"less than {self.settings.reserve} bytes free", place)

    def _take(self, device: str, group: Group) -> None:
        incoming = self.settings.folder(device) / "incoming"
        job = self.spool / "job"
        shutil.rmtree(job, ignore_errors=True)
        job.mkdir()
        try:
            originals = tuple(moves.original(incoming / name) for name in group.names)
            answer = self.answers.answer(device, originals, job)
            row = self._decide(device, originals, answer)
            self.answers.decided()
        except FileNotFoundError:
            return  # the device took it back
        finally:
            shutil.rmtree(job, ignore_errors=True)
        self._carry_out(row)

    def _decide(self, device: str, originals: tuple[Original, ...], answer: Answer) -> Row:
        """Store and compare, then write down what is to become of the files."""
        reason = answer.refused
        if not reason and set(answer.originals) - set(originals):
            raise Unreachable("the files changed while they were read")
        try:
            for _, path in answer.objects:
                self.client.store(path)
        except Refused as refused:
            reason = refused.show()
        if reason:
            return self.ledger.decide(device, originals, states.REFUSED, reason)
        uids = tuple(uid for uid, _ in answer.objects)
        return self.ledger.decide(device, originals, states.STORED, "", uids)

    def _carry_out(self, row: Row) -> None:
        """Move the files where the decision says; again after a crash, with the same outcome."""
        base, first = self.settings.folder(row.device), shown(row.names[0])
        stored = row.state == states.STORED
        target = base / ("done" if stored else "quarantine")
        lie = [
            moves.move(base / "incoming" / name, target, digest)
            for name, digest in zip(row.names, row.digest.split("+"), strict=True)
        ]
        if not stored and lie[0]:
            names = ", ".join(each.name for each in lie if each)
            moves.write(moves.note_of(lie[0]), f"{row.reason}\n\nfiles: {names}\n")
        self.ledger.carried_out(row, states.DONE if stored else states.QUARANTINED)
        if not stored:
            self._told(row.device, row.names[0], row.reason)
        else:
            log.info("%s: %s stored as %s", row.device, first, ", ".join(row.objects))

    def _told(self, device: str, name: str, reason: str) -> None:
        name = shown(name)
        log.warning("%s: %s refused: %s", device, name, reason)
        tell(self.settings.mail, f"{device}: {name} is in quarantine", reason)
