"""ECAT 6 and 7: refused, because they are PET; and what medcon, Debian's reader, makes of them.

Decision 7 rests on this: medcon hands on the stored numbers without a frame's or slice's scale,
unless it is asked for (``-qs``); then it multiplies exactly.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from intake import formats, sandbox
from intake.refused import Refused
from tests.intake import kit

FRAMES = kit.counts(6, 8, 8, np.int16).reshape(2, 3, 8, 8)
"""Two frames of three slices."""
SCALES = (0.5, 3.0)
BLOCK = 512


def ecat7() -> bytes:
    """A volume of 16 bit numbers: main header, directory, a subheader and a matrix a frame.

    The places are those of CTI's ECAT 7.2 header files, as nibabel and GATE document them.
    """
    main = bytearray(BLOCK)
    for at, form, value in (
        *((0, "14s", b"MATRIX72v"), (46, "h", 72), (48, "h", 962), (50, "h", 7)),
        *((66, "8s", b"F-18"), (144, "f", 1.0), (166, "16s", b"P1"), (182, "32s", b"LIN MEI HUA")),
        *((352, "h", 3), (354, "h", 2), (356, "h", 1)),  # planes, frames, gates
    ):
        struct.pack_into(f">{form}", main, at, value)
    entries, body, block = [], b"", 3
    for number, (frame, scale) in enumerate(zip(FRAMES, SCALES, strict=True), 1):
        pixels = frame.astype(">i2").tobytes()
        pixels = pixels.ljust(-(-len(pixels) // BLOCK) * BLOCK, b"\0")
        part = bytearray(BLOCK)
        struct.pack_into(">5h", part, 0, 6, 3, 8, 8, 3)  # 16 bits, big-endian; x, y, z
        struct.pack_into(">f", part, 26, scale)
        end = block + len(pixels) // BLOCK
        entries += [0x01010000 | number, block, end, 1]
        body, block = body + part + pixels, end + 1
    directory = struct.pack(">4i", 31 - len(SCALES), 2, 0, len(SCALES))
    directory += struct.pack(f">{len(entries)}i", *entries)
    return bytes(main) + directory.ljust(BLOCK, b"\0") + body


def by_medcon(folder: Path, name: str, *how: str) -> np.ndarray:
    """The pixels as medcon reads them, frame by frame."""
    words = ["medcon", "-n", "-f", name, "-c", "intf", "-w", *how, "-o", "made"]
    assert sandbox.run(words, folder).code == 0
    kind = "<f4" if "short float" in (folder / "made.h33").read_text(errors="replace") else "<i2"
    return np.fromfile(folder / "made.i33", dtype=kind).reshape(FRAMES.shape)


def test_it_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "a.v").write_bytes(ecat7())
    with pytest.raises(Refused, match="ECAT 7, which holds PET"):
        formats.read(tmp_path / "a.v")


def test_medcon_scales_ecat_7_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "TOOLS", kit.tree())
    (tmp_path / "a.v").write_bytes(ecat7())
    scales = np.array(SCALES).reshape(2, 1, 1, 1)
    assert np.array_equal(by_medcon(tmp_path, "a.v"), FRAMES), "the stored numbers, no scale"
    assert np.array_equal(by_medcon(tmp_path, "a.v", "-qs"), FRAMES * scales)


def test_and_each_slice_of_ecat_6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """medcon writes it; then each slice gets a scale of its own, a VAX float at byte 172."""
    monkeypatch.setattr(sandbox, "TOOLS", kit.tree())
    (tmp_path / "a.v").write_bytes(ecat7())
    sandbox.run(["medcon", "-n", "-f", "a.v", "-c", "ecat", "-w", "-o", "six"], tmp_path)
    data = bytearray((tmp_path / "six.img").read_bytes())
    count, entries = struct.unpack_from("<i", data, BLOCK + 12)[0], BLOCK + 16
    assert count == 6
    for number in range(count):
        start = struct.unpack_from("<i", data, entries + 16 * number + 4)[0]
        # VAX F: the exponent is 2 more than IEEE's, the halves are swapped.
        whole = struct.unpack("<I", struct.pack("<f", 4.0 * (number + 1)))[0]
        struct.pack_into("<2H", data, (start - 1) * BLOCK + 172, whole >> 16, whole & 0xFFFF)
    (tmp_path / "six.img").write_bytes(data)
    stored = by_medcon(tmp_path, "six.img").astype("f8")
    scaled = by_medcon(tmp_path, "six.img", "-qs")
    slices = np.arange(1, 7).reshape(2, 3, 1, 1)
    assert np.array_equal(scaled, stored * slices)
