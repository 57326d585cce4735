"""Ask an archive for storage commitment, and say what it answers: 1, all is kept; 2, not all.

``commitment.py MYTITLE ITSTITLE ADDRESS PORT MYPORT SOPCLASS UID``. DCMTK has no such client. The
answer comes on an association of the archive's own (DICOM PS3.4, J.3; the wire: PS3.8, 9.3).
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from contextlib import suppress

MODEL, WELL_KNOWN = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
IMPLICIT, CONTEXT = b"1.2.840.10008.1.2", b"1.2.840.10008.3.1.1.1"
OURS = b"1.2.826.0.1.3680043.2.1125.9"
SECONDS = 30


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def _pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBI", kind, 0, len(body)) + body


def _element(group: int, number: int, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HHI", group, number, len(value)) + value


def _command(*elements: bytes) -> bytes:
    body = b"".join(elements)
    return _element(0, 0, struct.pack("<I", len(body))) + body


def _number(value: int) -> bytes:
    return struct.pack("<H", value)


def _message(context: int, head: int, body: bytes) -> bytes:
    return _pdu(4, struct.pack(">IBB", len(body) + 2, context, head) + body)


def _exactly(wire: socket.socket, count: int) -> bytes:
    """So many bytes, or fewer at the end. With a timeout, MSG_WAITALL waits for nothing."""
    said = b""
    while len(said) < count and (piece := wire.recv(count - len(said))):
        said += piece
    return said


def _receive(wire: socket.socket) -> tuple[int, bytes]:
    head = _exactly(wire, 6)
    if len(head) < 6:
        return 0, b""
    kind, _, length = struct.unpack(">BBI", head)
    return kind, _exactly(wire, length)


def _association(called: bytes, calling: bytes, items: bytes) -> bytes:
    return struct.pack(">HH", 1, 0) + called + calling + bytes(32) + items


def _must(holds: bool, said: str) -> None:
    if not holds:
        sys.exit(said)


def _ask(mine: str, its: str, there: tuple[str, int], sop_class: str, uid: str) -> None:
    user = _item(0x51, struct.pack(">I", 16384)) + _item(0x52, OURS)
    offered = _item(0x30, MODEL.encode()) + _item(0x40, IMPLICIT)
    items = _item(0x10, CONTEXT) + _item(0x20, b"\1\0\0\0" + offered) + _item(0x50, user)
    order = _command(
        _element(0, 0x0003, MODEL.encode()),
        _element(0, 0x0100, _number(0x0130)),  # N-ACTION-RQ
        _element(0, 0x0110, _number(1)),
        _element(0, 0x0800, _number(1)),
        _element(0, 0x1001, WELL_KNOWN.encode()),
        _element(0, 0x1008, _number(1)),
    )
    one = _element(8, 0x1150, sop_class.encode()) + _element(8, 0x1155, uid.encode())
    listed = struct.pack("<HHI", 0xFFFE, 0xE000, len(one)) + one
    wanted = _element(8, 0x1195, f"{uid}.9".encode()) + _element(8, 0x1199, listed)
    with socket.create_connection(there, SECONDS) as wire:
        titles = its.ljust(16).encode(), mine.ljust(16).encode()
        wire.sendall(_pdu(1, _association(*titles, items)))
        _must(_receive(wire)[0] == 2, "the association is refused")
        wire.sendall(_message(1, 3, order) + _message(1, 2, wanted))
        status = _status(wire)
        _must(status == 0, f"the request is refused: status {status:#06x}")
        wire.sendall(_pdu(5, bytes(4)))


def _status(wire: socket.socket) -> int:
    """The status of the answer, (0000,0900), in however many pieces that comes."""
    said, sign = b"", b"\0\0\0\x09\2\0\0\0"
    while sign not in said or len(said) < said.index(sign) + 10:
        kind, body = _receive(wire)
        _must(kind == 4, f"no answer: a PDU of type {kind} after {said.hex()}")
        for piece in _values(body):
            said += piece
    return int(struct.unpack_from("<H", said, said.index(sign) + 8)[0])


def _values(body: bytes) -> list[bytes]:
    """What the presentation data values of a PDU carry (PS3.8, 9.3.5), without their heads."""
    found, at = [], 0
    while at < len(body):
        (length,) = struct.unpack_from(">I", body, at)
        found.append(body[at + 6 : at + 4 + length])
        at += 4 + length
    return found


def _items_of(body: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(body):
        kind, _, length = struct.unpack_from(">BBH", body, at)
        found.append((kind, body[at + 4 : at + 4 + length]))
        at += 4 + length
    return found


def _accept(request: bytes) -> bytes:
    """Take the first transfer syntax of each context, and the roles that are asked for."""
    answer = _item(0x10, CONTEXT)
    for kind, body in _items_of(request[68:]):
        if kind == 0x20:
            syntax = next(each for name, each in _items_of(body[4:]) if name == 0x40)
            answer += _item(0x21, bytes([body[0], 0, 0, 0]) + _item(0x40, syntax))
        elif kind == 0x50:
            roles = [_item(0x54, each) for name, each in _items_of(body) if name == 0x54]
            user = _item(0x51, struct.pack(">I", 16384)) + _item(0x52, OURS)
            answer += _item(0x50, user + b"".join(roles))
    return _pdu(2, _association(request[4:20], request[20:36], answer))


def _listen(server: socket.socket, told: list[int]) -> None:
    """Until the archive has reported: whoever looks whether the port is open calls here too.

    Each caller is heard by himself: one that says nothing must not keep the archive waiting.
    """
    while True:
        wire, _ = server.accept()
        threading.Thread(target=_hear_out, args=(wire, told), daemon=True).start()


def _hear_out(wire: socket.socket, told: list[int]) -> None:
    with suppress(OSError):
        _hear(wire, told)


def _hear(wire: socket.socket, told: list[int]) -> None:
    """The archive's report, N-EVENT-REPORT: its event type is the answer."""
    with wire:
        wire.settimeout(SECONDS)
        while True:
            kind, body = _receive(wire)
            if kind == 1:
                wire.sendall(_accept(body))
            elif kind == 5:
                wire.sendall(_pdu(6, bytes(4)))
            elif kind == 4 and body[5] & 1:
                at = body.index(b"\0\0\2\x10\2\0\0\0") + 8
                told.append(struct.unpack_from("<H", body, at)[0])
                identity = struct.unpack_from("<H", body, body.index(b"\0\0\x10\1\2\0\0\0") + 8)[0]
                context = body[4]
            elif kind == 4:
                done = _command(
                    _element(0, 0x0002, MODEL.encode()),
                    _element(0, 0x0100, _number(0x8100)),
                    _element(0, 0x0120, _number(identity)),
                    _element(0, 0x0800, _number(0x0101)),
                    _element(0, 0x0900, _number(0)),
                    _element(0, 0x1000, WELL_KNOWN.encode()),
                    _element(0, 0x1002, _number(told[-1])),
                )
                wire.sendall(_message(context, 3, done))
            else:
                return


def _main() -> None:
    mine, its, address, port, own_port, sop_class, uid = sys.argv[1:]
    told: list[int] = []
    with socket.create_server(("", int(own_port))) as server:
        threading.Thread(target=_listen, args=(server, told), daemon=True).start()
        _ask(mine, its, (address, int(port)), sop_class, uid)
        deadline = time.monotonic() + 2 * SECONDS
        while not told and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.2)  # the archive hears that it was heard
    print("event", *told)


_main()
