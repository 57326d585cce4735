"""``intake receive``: takes objects for devices that have a title here and no DICOM of their own.

A caller is known by its title and its address, as the archive knows it. "Stored" is said when
the object is on the disk (fsync(2)); the lane makes Interfile of it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from intake.lane.settings import Settings
from intake.refused import Refused
from intake.returns import dimse, pdu
from intake.returns.dimse import Command
from intake.returns.pdu import Asked, Broken, Part

log = logging.getLogger("intake.returns")
VERIFICATION = "1.2.840.10008.1.1"
CLASSES = ("1.2.840.10008.5.1.4.1.1.20", "1.2.840.10008.5.1.4.1.1.5")
"""NM Image Storage, current and retired: what Interfile can hold."""
SYNTAXES = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
"""Explicit and implicit little-endian; the first that is offered, in this order."""
AT_ONCE = 8
SECONDS = 30.0
MAX_COMMAND = 1 << 14
MAX_OBJECT = 1 << 30
IP_FREEBIND = 15  # ip(7): an address may come after us


class Association:
    """One caller, until it is released, aborted or breaks the rules."""

    def __init__(self, settings: Settings, wire: socket.socket, caller: str) -> None:
        self._settings = settings
        self._wire = wire
        self._caller = caller
        self._device = ""
        self._syntaxes: dict[int, str] = {}
        self._command = b""
        self._store: _Store | None = None

    def run(self) -> None:
        """All of it; nothing of an object stays that did not come whole."""
        try:
            while self._one():
                pass
        except Broken as broken:
            log.warning("%s: aborted: %s", self._caller, broken)
            with suppress(OSError):
                self._wire.sendall(pdu.abort())
        except OSError as fault:
            log.warning("%s: %s", self._caller, fault)
        finally:
            if self._store:
                self._store.forget()

    def _one(self) -> bool:
        """One unit; False when it was the last."""
        kind, length = pdu.head(self._read(6))
        content = self._read(length)
        if kind == pdu.ABORT:
            return False
        if kind == pdu.ASSOCIATE_RQ and not self._device:
            return self._associate(pdu.request(content))
        if kind == pdu.RELEASE_RQ and self._device:
            self._wire.sendall(pdu.unit(pdu.RELEASE_RP, bytes(4)))
            return False
        if kind != pdu.DATA or not self._device:
            raise Broken(f"a unit of type {kind} now")
        for part in pdu.parts(content):
            self._take(part)
        return True

    def _read(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            more = self._wire.recv(length - len(data))
            if not more:
                raise OSError("hung up")
            data += more
        return bytes(data)

    def _associate(self, asked: Asked) -> bool:
        receive = self._settings.receive
        titles = {title: device for device, title in self._settings.titles.items()}
        reason = 0
        if asked.application != pdu.APPLICATION:
            reason = pdu.NO_SUCH_APPLICATION
        elif asked.called not in titles:
            reason = pdu.UNKNOWN_CALLED
        elif receive is None or self._caller not in receive.callers.get(asked.calling, ()):
            reason = pdu.UNKNOWN_CALLER
        if reason:
            who = f"{asked.calling!r} calls {asked.called!r}"
            log.warning("%s: refused: %s (reason %s)", self._caller, who, reason)
            self._wire.sendall(pdu.reject(reason))
            return False
        self._device = titles[asked.called]
        for context in asked.contexts:
            if context.abstract in (VERIFICATION, *CLASSES):
                fit = [each for each in SYNTAXES if each in context.syntaxes]
                self._syntaxes |= {context.number: fit[0]} if fit else {}
        self._wire.sendall(pdu.accept(asked, self._syntaxes))
        return True

    def _take(self, part: Part) -> None:
        if part.context not in self._syntaxes:
            raise Broken("a context that was not agreed on")
        if not part.command:
            self._object(part)
            return
        if self._store:
            raise Broken("a command in the middle of an object")
        self._command += part.data
        if len(self._command) > MAX_COMMAND:
            raise Broken("a command without end")
        if part.last:
            asked, self._command = dimse.read(self._command), b""
            self._obey(part.context, asked)

    def _obey(self, context: int, asked: Command) -> None:
        if asked.kind == dimse.CANCEL:
            return
        if asked.kind == dimse.STORE:
            if not asked.has_object:
                raise Broken("a C-STORE without an object")
            folder = self._settings.returns(self._device)
            self._store = _Store(context, asked, folder, self._settings.reserve)
            self._store.begin(self._syntaxes[context])
            return
        status = dimse.SUCCESS if asked.kind == dimse.ECHO else dimse.UNRECOGNISED
        if asked.has_object:
            raise Broken("a command with an object, other than C-STORE")
        self._wire.sendall(pdu.command(context, dimse.answer(asked, status)))

    def _object(self, part: Part) -> None:
        store = self._store
        if store is None or part.context != store.context:
            raise Broken("an object that nobody announced")
        store.add(part.data)
        if part.last:
            status = store.end()
            self._store = None
            what = f"{store.asked.instance} for {self._device}"
            log.info("%s: %s: status %04x", self._caller, what, status)
            self._wire.sendall(pdu.command(store.context, dimse.answer(store.asked, status)))


class _Store:
    """An object on its way to the disk; where that fails, the rest is heard and thrown away."""

    def __init__(self, context: int, asked: Command, folder: Path, reserve: int) -> None:
        self.context = context
        self.asked = asked
        self._folder = folder
        self._reserve = reserve
        self._digest = hashlib.sha256()
        self._size = 0
        self._file = -1
        self._path = ""
        self._status = dimse.SUCCESS

    def begin(self, syntax: str) -> None:
        """Make room for it, and write a file's head."""
        if self.asked.sop_class not in CLASSES:
            self._status = dimse.WRONG_CLASS
        elif not self.asked.instance:
            self._status = dimse.CANNOT_UNDERSTAND
        elif shutil.disk_usage(self._folder).free < self._reserve:
            self._status = dimse.NO_ROOM
        else:
            try:
                self._file, self._path = tempfile.mkstemp(prefix=".receive-", dir=self._folder)
            except OSError as fault:
                log.error("%s: %s", self._folder, fault)
                self._status = dimse.NO_ROOM
            self.add(dimse.preamble(self.asked, syntax))

    def add(self, data: bytes) -> None:
        """A fragment."""
        self._size += len(data)
        if self._size > MAX_OBJECT:
            raise Broken("an object without end")
        if self._status:
            return
        try:
            self._digest.update(data)
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as fault:
            log.error("%s: %s", self._folder, fault)
            self._status = dimse.NO_ROOM

    def end(self) -> int:
        """On the disk under a name of its own; the same object again is the same file."""
        try:
            if not self._status:
                os.fsync(self._file)
                Path(self._path).rename(self._folder / f"{self._digest.hexdigest()[:40]}.dcm")
                self._path = ""
                folder = os.open(self._folder, os.O_RDONLY)
                os.fsync(folder)
                os.close(folder)
        except OSError as fault:
            log.error("%s: %s", self._folder, fault)
            self._status = dimse.NO_ROOM
        self.forget()
        return self._status

    def forget(self) -> None:
        """Close it; what did not become an object goes."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._path:
            Path(self._path).unlink(missing_ok=True)
            self._path = ""


def listen(settings: Settings) -> list[socket.socket]:
    """A socket an address; Refused when there is nothing to receive."""
    if settings.receive is None or not settings.titles:
        raise Refused("no device has a title: there is nothing to receive")
    for device in settings.titles:
        folder = settings.returns(device)
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        for left in folder.glob(".receive-*"):  # of one who was killed
            left.unlink()
    wires = []
    for address in settings.receive.addresses:
        wire = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wire.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        wire.bind((address, settings.receive.port))
        wire.listen(AT_ONCE)
        wires.append(wire)
    return wires


def receive(settings: Settings) -> None:
    """Until a signal ends it: what is under way then was not acknowledged, and comes again."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    room = threading.BoundedSemaphore(AT_ONCE)
    for wire in listen(settings):
        host, port = wire.getsockname()
        log.info("listens on %s port %s for %s", host, port, ", ".join(settings.titles.values()))
        threading.Thread(target=serve, args=(settings, wire, room), daemon=True).start()
    ended.wait()


def serve(settings: Settings, wire: socket.socket, room: threading.BoundedSemaphore) -> None:
    """Take callers, so many at a time, each in a thread of its own."""
    while True:
        try:
            own, (caller, *_) = wire.accept()
        except OSError:
            return  # closed
        own.settimeout(SECONDS)
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not room.acquire(blocking=False):
            with own, suppress(OSError):
                own.sendall(pdu.busy())
            continue
        work = _thread(Association(settings, own, caller).run, own, room)
        threading.Thread(target=work, daemon=True).start()


def _thread(
    run: Callable[[], None], wire: socket.socket, room: threading.BoundedSemaphore
) -> Callable[[], None]:
    def work() -> None:
        try:
            with wire:
                run()
        finally:
            room.release()

    return work
