"""Protocol data units of DICOM's upper layer, those that a receiver of objects needs.

DICOM PS3.8, 9.3. Everything that comes is a stranger's: lengths are compared before they are
believed, and what does not fit is Broken, after which the association is aborted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
APPLICATION = "1.2.840.10008.3.1.1.1"
# UUID-derived (PS3.5, B.2): ours, for nobody to look up.
IMPLEMENTATION = "2.25.302043790172249692526321623266752743501"
VERSION = "GATEWAY_INTAKE"
MAX_REQUEST = 1 << 16
MAX_DATA = 1 << 17
"""The longest P-DATA-TF that we ask for."""
UNKNOWN_CALLER, UNKNOWN_CALLED, NO_SUCH_APPLICATION = 3, 7, 2
"""Reasons of a rejection by the service user (table 9-21)."""


class Broken(Exception):  # noqa: N818 - an outcome: the association is aborted
    """The other side does not keep to the protocol."""


@dataclass(frozen=True)
class Context:
    """A presentation context that is proposed: what, in which encodings."""

    number: int
    abstract: str
    syntaxes: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """A request for an association."""

    called: str
    calling: str
    titles: bytes
    """Both as they came: the answer repeats them."""
    application: str
    contexts: tuple[Context, ...]
    longest: int
    """The longest P-DATA-TF that it takes; 0: any."""


@dataclass(frozen=True)
class Part:
    """A presentation data value: a fragment of a command or of an object."""

    context: int
    command: bool
    last: bool
    data: bytes


def unit(kind: int, content: bytes) -> bytes:
    """A whole unit of that type."""
    return struct.pack(">BBI", kind, 0, len(content)) + content


def head(data: bytes) -> tuple[int, int]:
    """Type and length of what follows; Broken where nobody would say so much."""
    kind, _, length = struct.unpack(">BBI", data)
    most = {ASSOCIATE_RQ: MAX_REQUEST, DATA: MAX_DATA}.get(kind, 4)
    if not ASSOCIATE_RQ <= kind <= ABORT or length > most:
        raise Broken(f"a unit of type {kind} with {length} bytes")
    return kind, length


def request(content: bytes) -> Asked:
    """An A-ASSOCIATE-RQ (9.3.2)."""
    if len(content) < 68:
        raise Broken("a request that is too short")
    titles = content[4:36]
    application, contexts, longest = "", [], 0
    for kind, value in _items(content[68:]):
        if kind == 0x10:
            application = _uid(value)
        elif kind == 0x20:
            contexts.append(_context(value))
        elif kind == 0x50:
            for inner, each in _items(value):
                if inner == 0x51 and len(each) == 4:
                    longest = int.from_bytes(each)
    called, calling = (titles[at : at + 16].decode("ascii", "replace").strip() for at in (0, 16))
    return Asked(called, calling, titles, application, tuple(contexts), longest)


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise Broken("an item that is cut short")
        kind, _, length = struct.unpack_from(">BBH", data, at)
        at += 4
        if at + length > len(data):
            raise Broken("an item that is longer than what holds it")
        yield kind, data[at : at + length]
        at += length


def _context(value: bytes) -> Context:
    if len(value) < 4:
        raise Broken("a presentation context that is too short")
    found = list(_items(value[4:]))
    abstract = next((_uid(each) for kind, each in found if kind == 0x30), "")
    return Context(value[0], abstract, tuple(_uid(each) for kind, each in found if kind == 0x40))


def _uid(value: bytes) -> str:
    return value.decode("ascii", "replace").rstrip("\0 ")


def accept(asked: Asked, chosen: Mapping[int, str]) -> bytes:
    """An A-ASSOCIATE-AC: of each context the encoding, or that it is not supported (9.3.3)."""
    items = _item(0x10, APPLICATION.encode())
    for context in asked.contexts:
        syntax = chosen.get(context.number, "")
        # 0: accepted; 3: the kind of object is not; a syntax then means nothing (table 9-18).
        result = struct.pack(">BBBB", context.number, 0, 0 if syntax else 3, 0)
        items += _item(0x21, result + _item(0x40, (syntax or "1.2.840.10008.1.2").encode()))
    about = _item(0x51, MAX_DATA.to_bytes(4)) + _item(0x52, IMPLEMENTATION.encode())
    items += _item(0x50, about + _item(0x55, VERSION.encode()))
    return unit(ASSOCIATE_AC, struct.pack(">HH", 1, 0) + asked.titles + bytes(32) + items)


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(content)) + content


def reject(reason: int) -> bytes:
    """For good, by the service user (9.3.4)."""
    return unit(ASSOCIATE_RJ, bytes((0, 1, 1, reason)))


def busy() -> bytes:
    """For now: too many at once (result 2, source 3, reason 2)."""
    return unit(ASSOCIATE_RJ, bytes((0, 2, 3, 2)))


def abort() -> bytes:
    """By the service provider: an unexpected unit (9.3.8)."""
    return unit(ABORT, bytes((0, 0, 2, 2)))


def parts(content: bytes) -> Iterator[Part]:
    """The values of a P-DATA-TF (9.3.5, annex E)."""
    at = 0
    while at < len(content):
        if at + 6 > len(content):
            raise Broken("a value that is cut short")
        length, context, control = struct.unpack_from(">IBB", content, at)
        if length < 2 or at + 4 + length > len(content):
            raise Broken("a value that is longer than its unit")
        yield Part(context, bool(control & 1), bool(control & 2), content[at + 6 : at + 4 + length])
        at += 4 + length


def command(context: int, data: bytes) -> bytes:
    """A P-DATA-TF with one command, whole: those of an answer are short."""
    return unit(DATA, struct.pack(">IBB", len(data) + 2, context, 3) + data)
