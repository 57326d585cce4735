"""The way back: objects that are sent to a device's title become Interfile in its ``outgoing``.

The caller here speaks bytes, so that it can also speak wrongly; DCMTK's and Orthanc's clients are
in ``gateway verify``.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from intake.convert import Wanted, convert
from intake.lane.lane import Lane
from intake.lane.settings import Archive, Receive, Settings
from intake.options import Options
from intake.returns import dimse, give, pdu, receive
from tests.intake import kit

BASE = Path(__file__).parent / "base"
NM = receive.CLASSES[0]
CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT, IMPLICIT = receive.SYNTAXES


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        tmp_path / "root",
        tmp_path / "state",
        Archive("http://127.0.0.1:9"),
        {"varicam": Options(), "icon": Options()},
        titles={"varicam": "VARICAM-FILES"},
        receive=Receive(0, ("127.0.0.1",), {"READING": ("127.0.0.1",), "OTHER": ("10.1.1.1",)}),
        reserve=0,
    )


@pytest.fixture
def port(settings: Settings) -> Iterator[int]:
    (wire,) = receive.listen(settings)
    room = threading.BoundedSemaphore(2)
    threading.Thread(target=receive.serve, args=(settings, wire, room), daemon=True).start()
    yield wire.getsockname()[1]
    wire.shutdown(socket.SHUT_RDWR)
    wire.close()


def made(folder: Path, base: str = "tomo") -> tuple[str, bytes]:
    """An object of ours: its UID, and the bytes behind the file's head."""
    (folder / "a.h33").write_text((BASE / f"{base}.h33").read_text())
    (folder / "scan.i33").write_bytes(kit.counts(12, 6, 8).astype(">u2").tobytes())
    out = folder / "out"
    out.mkdir(exist_ok=True)
    result = convert(folder / "a.h33", out, Wanted())
    assert not result.refused, result.refused
    data = result.made[0].path.read_bytes()
    length = struct.unpack_from("<I", data, 140)[0]
    return result.made[0].uid, data[144 + length :]


class Caller:
    """A sender."""

    def __init__(self, port: int) -> None:
        self.wire = socket.create_connection(("127.0.0.1", port), timeout=5)

    def associate(
        self, called: str = "VARICAM-FILES", calling: str = "READING", sop_class: str = NM
    ) -> int | tuple[int, int]:
        """The type of the unit that is answered, of a rejection with its reason."""

        def item(kind: int, content: bytes) -> bytes:
            return struct.pack(">BBH", kind, 0, len(content)) + content

        syntaxes = item(0x40, IMPLICIT.encode()) + item(0x40, EXPLICIT.encode())
        items = item(0x10, pdu.APPLICATION.encode())
        for number, abstract in ((1, receive.VERIFICATION), (3, sop_class)):
            context = bytes((number, 0, 0, 0)) + item(0x30, abstract.encode()) + syntaxes
            items += item(0x20, context)
        items += item(0x50, item(0x51, struct.pack(">I", 16384)))
        titles = called.encode().ljust(16) + calling.encode().ljust(16)
        content = struct.pack(">HH", 1, 0) + titles + bytes(32) + items
        self.wire.sendall(pdu.unit(pdu.ASSOCIATE_RQ, content))
        kind, answer = self.unit()
        return (kind, answer[3]) if kind == pdu.ASSOCIATE_RJ else kind

    def unit(self) -> tuple[int, bytes]:
        head = self._read(6)
        return head[0], self._read(struct.unpack(">I", head[2:])[0])

    def _read(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = self.wire.recv(length - len(data))
            assert more, "it hung up"
            data += more
        return data

    def command(
        self, kind: int, uid: str = "", *, context: int = 1, has_object: int = 0x101
    ) -> None:
        about = [(0x0100, kind.to_bytes(2, "little")), (0x0110, b"\7\0")]
        about.append((0x0800, has_object.to_bytes(2, "little")))
        if uid:
            about += [(0x0002, NM.encode()), (0x1000, uid.encode() + b"\0" * (len(uid) % 2))]
        body = b"".join(struct.pack("<HHI", 0, tag, len(value)) + value for tag, value in about)
        self.wire.sendall(pdu.command(context, body))

    def store(self, uid: str, data: bytes, *, whole: bool = True) -> None:
        self.command(dimse.STORE, uid, context=3, has_object=0)
        pieces = [data[at : at + 8000] for at in range(0, len(data), 8000)]
        for index, piece in enumerate(pieces if whole else pieces[:1]):
            last = 2 if whole and index == len(pieces) - 1 else 0
            value = struct.pack(">IBB", len(piece) + 2, 3, last) + piece
            self.wire.sendall(pdu.unit(pdu.DATA, value))

    def status(self) -> int:
        kind, content = self.unit()
        assert kind == pdu.DATA
        (part,) = pdu.parts(content)
        at = part.data.index(b"\0\0\0\x09\2\0\0\0") + 8
        return int.from_bytes(part.data[at : at + 2], "little")


def spooled(settings: Settings) -> list[Path]:
    return sorted(settings.returns("varicam").iterdir())


def test_an_object_becomes_interfile_with_the_same_counts(
    tmp_path: Path, settings: Settings, port: int
) -> None:
    uid, data = made(tmp_path)
    caller = Caller(port)
    assert caller.associate() == pdu.ASSOCIATE_AC
    caller.command(dimse.ECHO)
    assert caller.status() == dimse.SUCCESS
    for _ in range(2):  # the same twice is one
        caller.store(uid, data)
        assert caller.status() == dimse.SUCCESS
    caller.wire.sendall(pdu.unit(pdu.RELEASE_RQ, bytes(4)))
    assert caller.unit()[0] == pdu.RELEASE_RP
    assert len(spooled(settings)) == 1
    lane = Lane(settings)
    assert lane.once() == 1
    assert lane.once() == 0
    lane.worker.stop()
    assert spooled(settings) == []
    outgoing = settings.root / "varicam" / "outgoing"
    names = sorted(path.name for path in outgoing.iterdir())
    assert [name[6:] for name in names] == [".h33", ".i33"]
    assert (outgoing / names[1]).read_bytes() == (tmp_path / "scan.i33").read_bytes()
    assert f"name of data file := {names[1]}" in (outgoing / names[0]).read_text("latin-1")
    assert (outgoing / names[0]).stat().st_mode & 0o777 == give.MODE
    read = convert(outgoing / names[0], tmp_path, Wanted("dicom"), "again").reading
    assert read
    assert (read.acquisitions[0].pixels == kit.counts(12, 6, 8)).all()


@pytest.mark.parametrize(
    ("called", "calling", "reason"),
    [
        ("ICON-FILES", "READING", pdu.UNKNOWN_CALLED),
        ("VARICAM-FILES", "NOBODY", pdu.UNKNOWN_CALLER),
        ("VARICAM-FILES", "OTHER", pdu.UNKNOWN_CALLER),  # its title, from another address
    ],
)
def test_who_is_not_described_is_refused(
    called: str, calling: str, reason: int, settings: Settings, port: int
) -> None:
    """As described is the control."""
    assert Caller(port).associate() == pdu.ASSOCIATE_AC
    caller = Caller(port)
    assert caller.associate(called, calling) == (pdu.ASSOCIATE_RJ, reason)
    assert caller.wire.recv(1) == b""


def test_what_interfile_cannot_hold_is_not_agreed_on(settings: Settings, port: int) -> None:
    caller = Caller(port)
    assert caller.associate(sop_class=CT) == pdu.ASSOCIATE_AC
    caller.store("1.2.3", b"x" * 10)
    assert caller.unit()[0] == pdu.ABORT
    assert spooled(settings) == []


@pytest.mark.parametrize("how", ["cut", "nonsense", "too long", "command within", "unannounced"])
def test_what_breaks_the_rules_leaves_nothing(
    how: str, tmp_path: Path, settings: Settings, port: int
) -> None:
    uid, data = made(tmp_path)
    caller = Caller(port)
    assert caller.associate() == pdu.ASSOCIATE_AC
    if how == "unannounced":
        caller.wire.sendall(pdu.unit(pdu.DATA, struct.pack(">IBB", 12, 3, 2) + b"x" * 10))
    else:
        caller.store(uid, data, whole=False)
    if how == "cut":
        caller.wire.close()
    if how == "nonsense":
        caller.wire.sendall(b"GET / HTTP/1.0\r\n\r\n")
    if how == "too long":
        caller.wire.sendall(struct.pack(">BBI", pdu.DATA, 0, pdu.MAX_DATA + 1))
    if how == "command within":
        caller.command(dimse.ECHO)
    if how != "cut":
        assert caller.unit()[0] == pdu.ABORT
    after = Caller(port)
    assert after.associate() == pdu.ASSOCIATE_AC, "the next one is served"
    after.store(uid, data)
    assert after.status() == dimse.SUCCESS
    assert [path.suffix for path in spooled(settings)] == [".dcm"]


def test_a_full_disk_is_said_to_the_sender(tmp_path: Path, settings: Settings) -> None:
    full = replace(settings, reserve=1 << 60)
    (wire,) = receive.listen(full)
    room = threading.BoundedSemaphore(2)
    threading.Thread(target=receive.serve, args=(full, wire, room), daemon=True).start()
    uid, data = made(tmp_path)
    caller = Caller(wire.getsockname()[1])
    caller.associate()
    caller.store(uid, data)
    assert caller.status() == dimse.NO_ROOM
    wire.close()
    assert spooled(settings) == []


def test_too_many_at_once_are_told_so(port: int) -> None:
    first, second, third = Caller(port), Caller(port), Caller(port)
    assert first.associate() == second.associate() == pdu.ASSOCIATE_AC
    assert third.unit()[0] == pdu.ASSOCIATE_RJ


def test_what_cannot_become_interfile_is_set_aside(tmp_path: Path, settings: Settings) -> None:
    """And the next one is not held up."""
    _, data = made(tmp_path)
    folder = settings.returns("varicam")
    folder.mkdir(parents=True)
    (folder / "a.dcm").write_bytes(bytes(128) + b"DICM" + b"nonsense" * 9)
    asked = dimse.Command(dimse.STORE, 1, NM, "1.2.3", has_object=True)
    (folder / "b.dcm").write_bytes(dimse.preamble(asked, EXPLICIT) + data)
    lane = Lane(settings)
    assert lane.once() == 2
    lane.worker.stop()
    base = settings.root / "varicam"
    assert sorted(path.suffix for path in (base / "quarantine").iterdir()) == [".dcm", ".txt"]
    assert "cannot become Interfile" in next((base / "quarantine").glob("*.txt")).read_text()
    assert len(list((base / "outgoing").iterdir())) == 2
    assert list(folder.iterdir()) == []


def test_given_back_again_after_a_cut_is_the_same(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut before the object leaves: the same two files. Another's file of that name stays."""
    _, data = made(tmp_path)
    folder = settings.returns("varicam")
    folder.mkdir(parents=True)
    asked = dimse.Command(dimse.STORE, 1, NM, "1.2.3", has_object=True)
    lane = Lane(settings)
    outgoing = settings.root / "varicam" / "outgoing"

    def again() -> list[str]:
        (folder / "b.dcm").write_bytes(dimse.preamble(asked, EXPLICIT) + data)
        assert lane.once() == 1
        return sorted(path.name for path in outgoing.iterdir())

    first = again()
    (outgoing / first[0]).unlink()  # the header was not written yet
    assert again() == again() == first
    (outgoing / first[1]).write_bytes(b"another's")
    assert len(again()) == 4
    assert (outgoing / first[1]).read_bytes() == b"another's"
    lane.worker.stop()
