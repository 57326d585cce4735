"""Commands of DICOM's message exchange, and the head of a file (PS3.7, E; PS3.10, 7.1)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from intake.returns.pdu import IMPLEMENTATION, VERSION, Broken

STORE, ECHO, CANCEL, ANSWER = 0x0001, 0x0030, 0x0FFF, 0x8000
SUCCESS, NO_ROOM, WRONG_CLASS, UNRECOGNISED = 0x0000, 0xA700, 0x0122, 0x0211
CANNOT_UNDERSTAND = 0xC000
NO_OBJECT = 0x0101
_CLASS, _FIELD, _ID, _TO, _TYPE = 0x0002, 0x0100, 0x0110, 0x0120, 0x0800
_STATUS, _INSTANCE = 0x0900, 0x1000


@dataclass(frozen=True)
class Command:
    """What is asked for."""

    kind: int
    number: int
    """The message's, which the answer repeats."""
    sop_class: str
    instance: str
    has_object: bool


def read(data: bytes) -> Command:
    """A command set: implicit little-endian, group 0000 only."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            raise Broken("a command that is cut short")
        group, element, length = struct.unpack_from("<HHI", data, at)
        at += 8
        if group or at + length > len(data):
            raise Broken("a command that is none")
        found[element] = data[at : at + length]
        at += length
    kind, number = _short(found, _FIELD), _short(found, _ID)
    has_object = _short(found, _TYPE) != NO_OBJECT
    return Command(kind, number, _uid(found, _CLASS), _uid(found, _INSTANCE), has_object)


def _short(found: Mapping[int, bytes], element: int) -> int:
    value = found.get(element, b"")
    if element == _ID and not value:
        return 0  # a cancellation has none
    if len(value) != 2:
        raise Broken(f"a command without (0000,{element:04x})")
    return int.from_bytes(value, "little")


def _uid(found: Mapping[int, bytes], element: int) -> str:
    text = found.get(element, b"").decode("ascii", "replace").rstrip("\0 ")
    if len(text) > 64 or text.strip("0123456789."):
        raise Broken(f"(0000,{element:04x}) is no UID")
    return text


def answer(asked: Command, status: int) -> bytes:
    """The response to a command, without an object."""
    about = [(_CLASS, _padded(asked.sop_class))] if asked.sop_class else []
    about += [(_FIELD, _number(asked.kind | ANSWER)), (_TO, _number(asked.number))]
    about += [(_TYPE, _number(NO_OBJECT)), (_STATUS, _number(status))]
    if asked.instance:
        about.append((_INSTANCE, _padded(asked.instance)))
    body = b"".join(struct.pack("<HHI", 0, tag, len(value)) + value for tag, value in about)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def _number(value: int) -> bytes:
    return value.to_bytes(2, "little")


def _padded(uid: str) -> bytes:
    raw = uid.encode()
    return raw + b"\0" * (len(raw) % 2)


def preamble(asked: Command, syntax: str) -> bytes:
    """What makes a file of an object (PS3.10, 7.1)."""
    about = [(0x0002, asked.sop_class), (0x0003, asked.instance), (0x0010, syntax)]
    about.append((0x0012, IMPLEMENTATION))
    body = struct.pack("<HH2sHI", 2, 1, b"OB", 0, 2) + b"\0\1"
    for tag, uid in about:
        value = _padded(uid)
        body += struct.pack("<HH2sH", 2, tag, b"UI", len(value)) + value
    body += struct.pack("<HH2sH", 2, 0x0013, b"SH", len(VERSION)) + VERSION.encode()
    return bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(body)) + body
