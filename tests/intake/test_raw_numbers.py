"""Numbers of old machines, against their manuals' own examples and numpy's arithmetic."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.raw.numbers import TYPES, decode
from intake.refused import Refused


def words(*values: int) -> bytes:
    """16 bit words as a VAX stores them."""
    return struct.pack(f"<{len(values)}H", *values)


# VAX: 0.1f x 2^(e-128). 1.0 is exponent 129, so 0x4080; -2.5 is -0.101b x 2^2.
@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        ("vax-f", words(0x4080, 0), 1.0),
        ("vax-f", words(0xC120, 0), -2.5),
        ("vax-f", words(0, 0), 0.0),
        ("vax-f", words(0x0000, 0x1234), 0.0),  # a "dirty zero" is zero
        ("vax-f", words(0x7FFF, 0xFFFF), 1.7014117331926443e38),
        ("vax-d", words(0x4080, 0, 0, 0), 1.0),
        ("vax-g", words(0x4010, 0, 0, 0), 1.0),
        ("vax-g", words(0xC024, 0, 0, 0), -2.5),
        ("dg-float", bytes.fromhex("41100000"), 1.0),
        ("dg-float", bytes.fromhex("C2640000"), -100.0),
        ("dg-float", bytes.fromhex("40800000"), 0.5),
        ("dg-float", bytes.fromhex("42000001"), 2.0**-16),  # not normalized
        ("dg-float", bytes.fromhex("7FFFFFFF"), 7.2370051459731155e75),
        ("dg-double", bytes.fromhex("4110000000000000"), 1.0),
    ],
)
def test_floats(kind: str, data: bytes, value: float) -> None:
    assert decode(data, kind, "big").tolist() == [value]


@given(st.integers(-(2**23), 2**23), st.integers(-100, 90))
def test_vax_f_of_any_number(part: int, power: int) -> None:
    value = part * 2.0**power
    if not 2.0**-124 < abs(value) < 2.0**124:
        return
    # A VAX F is an IEEE single of four times its value with the words exchanged.
    high, low = struct.unpack(">HH", struct.pack(">f", value * 4))
    assert decode(words(high, low), "vax-f", "big").tolist() == [value]


@given(st.integers(-(2**24) + 1, 2**24 - 1), st.integers(0, 127))
def test_dg_float_of_any_number(part: int, exponent: int) -> None:
    data = struct.pack(">I", (part < 0) << 31 | exponent << 24 | abs(part))
    assert decode(data, "dg-float", "big").tolist() == [part * 2.0**-24 * 16.0 ** (exponent - 64)]


@pytest.mark.parametrize(
    ("order", "data", "one"),
    [
        ("big", "0A0B0C0D", "3F800000"),
        ("little", "0D0C0B0A", "0000803F"),
        ("pdp", "0B0A0D0C", "803F0000"),
        ("swapped-words", "0C0D0A0B", "00003F80"),
    ],
)
def test_orders(order: str, data: str, one: str) -> None:
    assert decode(bytes.fromhex(data), "uint32", order).tolist() == [0x0A0B0C0D]
    assert decode(bytes.fromhex(one), "float32", order).tolist() == [1.0]


@pytest.mark.parametrize(
    ("order", "data"), [("pdp", f"F03F{0:012}"), ("swapped-words", f"{0:012}3FF0")]
)
def test_orders_of_eight_bytes(order: str, data: str) -> None:
    assert decode(bytes.fromhex(data), "float64", order).tolist() == [1.0]


def test_types_keep_their_width() -> None:
    for kind, of in TYPES.items():
        found = decode(bytes(of.size * 3), kind, "big")
        assert found.tolist() == [0, 0, 0]
        assert found.dtype.isnative
        assert found.dtype == np.dtype(of.numpy or "f8")


@pytest.mark.parametrize(
    ("kind", "data", "why"),
    [
        ("vax-f", words(0x8000, 0), "byte 512 is VAX's reserved operand"),
        ("vax-f", words(0x4080, 0, 0x8000, 1), "byte 516"),
        ("vax-d", words(0x4080, 0, 0, 1), "needs more than 53 bits"),
        ("dg-double", bytes.fromhex("41FFFFFFFFFFFFFF"), "needs more than 53 bits"),
        ("vax-g", words(0x0010, 0, 0, 1), "smaller than a double"),
        ("uint16", b"abc", "no whole number of uint16"),
    ],
)
def test_what_has_no_exact_value_is_refused(kind: str, data: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why):
        decode(data, kind, "big", 512)


def test_a_bad_value_beyond_the_first_piece_has_its_place() -> None:
    data = words(0x4080, 0) * 300_000 + words(0x8000, 0)
    with pytest.raises(Refused, match="byte 1200000 is"):
        decode(data, "vax-f", "big")
    assert decode(data[:-4], "vax-f", "big").sum() == 300_000
