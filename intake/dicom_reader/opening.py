"""Which kind of file it is: with or without preamble, which transfer syntax, or ACR-NEMA."""

from __future__ import annotations

from dataclasses import dataclass
from io import BufferedReader
from typing import Literal

from intake.dicom_reader.elements import KNOWN, PIXELS, Coding, Items, Parser
from intake.files import size_of
from intake.refused import Refused

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"
LOSSLESS = {
    "1.2.840.10008.1.2.4.57": "JPEG lossless",
    "1.2.840.10008.1.2.4.70": "JPEG lossless, first-order prediction",
    "1.2.840.10008.1.2.4.80": "JPEG-LS lossless",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
}
LOSSY = {
    "1.2.840.10008.1.2.4.50": "JPEG baseline",
    "1.2.840.10008.1.2.4.51": "JPEG extended",
    "1.2.840.10008.1.2.4.81": "JPEG-LS near-lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
}
_META_CODING = Coding(implicit=False, little=True)


@dataclass(frozen=True)
class Opened:
    """The elements of a file and how they are written."""

    meta: Items
    items: Items
    syntax: str
    """The transfer syntax's UID; empty: the file does not say."""
    coding: Coding
    acr: bool
    parser: Parser


def looks_like(head: bytes) -> bool:
    """Whether the first 132 bytes are those of a DICOM or ACR-NEMA file."""
    if head[128:132] == b"DICM":
        return True
    if len(head) < 12:
        return False
    orders: tuple[Literal["little", "big"], ...] = ("little", "big")
    for order in orders:
        group = int.from_bytes(head[:2], order)
        number = int.from_bytes(head[2:4], order)
        length = int.from_bytes(head[4:8], order)
        plain = number in {0, 1, 2, 5, 8, 0x10, 0x16, 0x18, 0x20} and length < 0x10000
        if group in {0x0002, 0x0008} and (head[4:6] in KNOWN or plain) and number < 0x1000:
            return True
    return False


def open_elements(file: BufferedReader) -> Opened:
    """All elements of the file but the pixels; Refused when it is none, or damaged."""
    size = size_of(file)
    parser = Parser(file, size)
    head = file.read(132)
    if not looks_like(head):
        raise Refused("this is neither a DICOM nor an ACR-NEMA file")
    start = 132 if head[128:132] == b"DICM" else 0
    if not start:
        parser.notes.append("the file has no DICOM preamble")
    parser.at = start
    meta: Items = {}
    if head[start : start + 2] == b"\2\0" or start:
        meta = parser.elements(_META_CODING, size, group=2)
    syntax = _uid(meta, 0x00020010)
    coding = _coding(syntax, parser)
    items = parser.elements(coding, size)
    if PIXELS not in items:
        raise Refused("there are no pixels in the file (7fe0,0010)")
    recognised = items.get(0x00080010)
    # The recognition code names the standard; DICOM retired it and has a SOP class instead.
    acr = bool(recognised and recognised.value.upper().startswith(b"ACR-NEMA"))
    acr = acr and 0x00080016 not in items
    return Opened(meta, items, syntax, coding, acr, parser)


def _uid(items: Items, tag: int) -> str:
    element = items.get(tag)
    return element.value.decode("ascii", "replace").strip("\0 ") if element else ""


def _coding(syntax: str, parser: Parser) -> Coding:
    """How the elements behind the meta group are written: as stated, or as the first one looks."""
    if syntax in LOSSY:
        raise Refused(
            f"the pixels were compressed with loss ({LOSSY[syntax]}): their counts are gone",
            mend="ask the sender for the object uncompressed",
        )
    known = {"", IMPLICIT, EXPLICIT, BIG, RLE, *LOSSLESS}
    if syntax not in known:
        raise Refused(f"the transfer syntax {syntax} is not read here")
    head = parser.peek(8)
    explicit = head[4:6] in KNOWN
    if syntax:
        if syntax != IMPLICIT and not explicit and syntax == EXPLICIT:
            parser.notes.append("the file says explicit, but is written implicitly")
            return Coding(implicit=True, little=True)
        return Coding(implicit=syntax == IMPLICIT and not explicit, little=syntax != BIG)
    # A file's first group is a small number: read the other way round it would be above 255.
    little = head[1:2] <= head[:1]
    return Coding(implicit=not explicit, little=little)
