"""Numbers as old machines stored them, decoded exactly or refused.

VAX F, D and G: VAX Architecture Reference Manual, floating data types. Data General (and IBM 360)
floats: a sign, a 7 bit exponent of 16 in excess 64, a fraction without hidden bit (Data General
Nova and Eclipse programmer's references). All become IEEE doubles: 24 and 53 bit fractions fit;
of the 55 bit ones (VAX D, DG double) only values that fit are taken.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from intake.refused import Refused

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[Any]


class Type(NamedTuple):
    """A type of number: its width, and what numpy calls it (empty: decoded here)."""

    size: int
    numpy: str = ""


TYPES = {
    "uint8": Type(1, "u1"),
    "int8": Type(1, "i1"),
    "uint16": Type(2, "u2"),
    "int16": Type(2, "i2"),
    "uint32": Type(4, "u4"),
    "int32": Type(4, "i4"),
    "float32": Type(4, "f4"),
    "float64": Type(8, "f8"),
    "vax-f": Type(4),
    "vax-d": Type(8),
    "vax-g": Type(8),
    "dg-float": Type(4),
    "dg-double": Type(8),
}
ORDERS = ("little", "big", "pdp", "swapped-words")
"""``pdp``: the high word first, each word's low byte first (PDP-11, byte order 2 1 4 3 counted
from the highest); ``swapped-words``: the low word first, each word's high byte first (3 4 1 2)."""
FIXED_ORDER = {"vax-f", "vax-d", "vax-g", "dg-float", "dg-double"}
"""These types say themselves how their bytes lie: words of low byte first, and big-endian."""
_FRACTION = 2**53
_PIECE = 2**20


def decode(data: bytes | Bytes, kind: str, order: str, offset: int = 0) -> Numbers:
    """All numbers of the data, in this machine's order; refused where a value has no meaning.

    ``offset`` is where the data begins in its file, for what is told of a bad value.
    """
    of = TYPES[kind]
    raw = np.frombuffer(data, dtype=np.uint8)
    if raw.size % of.size:
        raise Refused(f"{raw.size} bytes are no whole number of {kind} values ({of.size} bytes)")
    if kind in FIXED_ORDER:
        found = np.empty(raw.size // of.size)
        for start in range(0, raw.size, _PIECE):  # what decoding needs beside it stays small
            piece = _float(raw[start : start + _PIECE], kind, offset + start)
            found[start // of.size : start // of.size + piece.size] = piece
        return found
    if of.size > 2 and order in {"pdp", "swapped-words"}:
        pairs = raw.reshape(-1, of.size // 2, 2)
        raw = pairs[:, ::-1, :] if order == "swapped-words" else pairs[:, :, ::-1]
        order = "big"
        raw = np.ascontiguousarray(raw).reshape(-1)
    sign = "<" if order in {"little", "pdp"} else ">"
    found = raw.view(np.dtype(sign + of.numpy if of.size > 1 else of.numpy))
    return found.astype(found.dtype.newbyteorder("="), copy=True)


def _float(raw: Bytes, kind: str, offset: int) -> Numbers:
    size = TYPES[kind].size
    if kind.startswith("vax"):
        # Words of 16 bits, the most significant first, each with its low byte first.
        words = raw.reshape(-1, size // 2, 2)[:, :, ::-1].reshape(-1, size)
    else:
        words = raw.reshape(-1, size)
    bits = np.ascontiguousarray(words).view(">u8" if size == 8 else ">u4").reshape(-1)
    bits = bits.astype(np.uint64)
    decoder = {"vax-f": (8, 23), "vax-d": (8, 55), "vax-g": (11, 52)}.get(kind)
    values = _vax(bits, *decoder, offset) if decoder else _excess_64(bits, size * 8 - 8, offset)
    return values.astype(np.float64, copy=False)


def _vax(bits: npt.NDArray[np.uint64], width: int, fraction: int, offset: int) -> Numbers:
    """(-1)^s x 0.1f x 2^(e - bias); exponent 0 is zero, with a sign the reserved operand."""
    size = (1 + width + fraction) // 8
    negative = (bits >> np.uint64(width + fraction)) != 0
    exponent = ((bits >> np.uint64(fraction)) & np.uint64(2**width - 1)).astype(np.int64)
    part = bits & np.uint64(2**fraction - 1)
    empty = exponent == 0
    _refuse(negative & empty, size, offset, "is VAX's reserved operand, which is no number")
    whole = part | np.uint64(2**fraction)
    _exact(np.where(empty, np.uint64(0), whole), size, offset)
    bias = 2 ** (width - 1)
    values = np.ldexp(whole.astype(np.float64), (exponent - bias - fraction - 1).astype(np.int32))
    small = ~empty & (values < np.finfo(np.float64).smallest_normal)
    _refuse(small, size, offset, "is smaller than a double can hold exactly")
    return np.where(empty, 0.0, np.where(negative, -values, values))


def _excess_64(bits: npt.NDArray[np.uint64], fraction: int, offset: int) -> Numbers:
    """(-1)^s x 0.f x 16^(e - 64), not always normalized."""
    size = (fraction + 8) // 8
    negative = (bits >> np.uint64(fraction + 7)) != 0
    exponent = ((bits >> np.uint64(fraction)) & np.uint64(127)).astype(np.int64)
    part = bits & np.uint64(2**fraction - 1)
    _exact(part, size, offset)
    powers = (4 * (exponent - 64) - fraction).astype(np.int32)
    values = np.ldexp(part.astype(np.float64), powers)
    return np.where(part == 0, 0.0, np.where(negative, -values, values))


def _exact(whole: npt.NDArray[np.uint64], size: int, offset: int) -> None:
    """A double holds 53 bits; whoever rounds here changes counts without saying so."""
    lost = whole.astype(np.float64).astype(np.uint64) != whole
    _refuse(lost, size, offset, f"needs more than {_FRACTION.bit_length() - 1} bits to be exact")


def _refuse(where: npt.NDArray[np.bool_], size: int, offset: int, why: str) -> None:
    if where.any():
        at = offset + int(np.argmax(where)) * size
        more = f" (and {int(where.sum()) - 1} more)" if where.sum() > 1 else ""
        raise Refused(f"the value at byte {at}{more} {why}")
