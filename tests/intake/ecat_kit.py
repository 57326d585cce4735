"""ECAT files made without the reader's tables: places as CTI's header files have them."""

from __future__ import annotations

import struct

import numpy as np

from tests.intake import kit

FRAMES = kit.counts(6, 8, 8, np.int16).reshape(2, 3, 8, 8)
"""Two frames of three slices."""
SCALES = (0.5, 3.0)
SLICES = (0.1, 0.25, 7.0, 1e-3, 2.0, 5.5)
"""Of the six slices in an ECAT 6 file: none is another's multiple by accident."""
BLOCK = 512


def vax(value: float) -> bytes:
    """VAX F: the exponent is 2 more than IEEE's, the halves are swapped."""
    whole = struct.unpack("<I", struct.pack("<f", 4.0 * value))[0] if value else 0
    return struct.pack("<2H", whole >> 16, whole & 0xFFFF)


def ecat7(scales: tuple[float, ...] = SCALES, **changes: tuple[int, bytes]) -> bytes:
    """A volume of 16 bit numbers: main header, directory, a subheader and a matrix a frame.

    Each of ``changes`` is a place in the file, and what stands there instead.
    """
    main = bytearray(BLOCK)
    for at, form, value in (
        *((0, "14s", b"MATRIX72v"), (46, "h", 72), (48, "h", 962), (50, "h", 7)),
        *((52, "10s", b"S77"), (62, "I", 989662357), (66, "8s", b"F-18"), (74, "f", 6586.2)),
        *((78, "32s", b"FDG"), (144, "f", 1.0), (166, "16s", b"P1")),
        *((182, "32s", b"LIN, MEI HUA"), (214, "1s", b"F"), (296, "32s", b"BRAIN")),
        *((332, "20s", b"KAOHSIUNG"), (352, "h", 3), (354, "h", 2), (356, "h", 1)),
        *((424, "f", 0.3375), (466, "32s", b"Bq/cc")),
    ):
        struct.pack_into(f">{form}", main, at, value)
    entries, body, block = [], b"", 3
    for number, (frame, scale) in enumerate(zip(FRAMES, scales, strict=True), 1):
        pixels = frame.astype(">i2").tobytes()
        pixels = pixels.ljust(-(-len(pixels) // BLOCK) * BLOCK, b"\0")
        part = bytearray(BLOCK)
        struct.pack_into(">5h", part, 0, 6, 3, 8, 8, 3)  # 16 bits, big-endian; x, y, z
        struct.pack_into(">f2h", part, 26, scale, int(frame.min()), int(frame.max()))
        struct.pack_into(">3f2i", part, 34, 0.125, 0.25, 0.3375, 60_000 * number, 1000 * number)
        struct.pack_into(">40s", part, 122, b"as acquired")
        end = block + len(pixels) // BLOCK
        entries += [0x01010000 | number, block, end, 1]
        body, block = body + part + pixels, end + 1
    directory = struct.pack(">4i", 31 - len(scales), 2, 0, len(scales))
    directory += struct.pack(f">{len(entries)}i", *entries)
    made = bytearray(bytes(main) + directory.ljust(BLOCK, b"\0") + body)
    for at, data in changes.values():
        made[at : at + len(data)] = data
    return bytes(made)


def ecat6(slices: tuple[float, ...] = SLICES) -> bytes:
    """The same six slices, each a matrix with a scale of its own, as a VAX wrote them."""
    main = bytearray(BLOCK)
    for at, form, value in (
        *((48, "h", 2), (50, "h", 2), (52, "h", 931), (54, "h", 2)),
        *((66, "h", 3), (68, "h", 5), (70, "h", 1994), (72, "h", 14), (74, "h", 7), (76, "h", 9)),
        *((78, "8s", b"F-18"), (174, "16s", b"P1"), (190, "32s", b"LIN, MEI HUA")),
        *((222, "1s", b"F"), (318, "32s", b"BRAIN"), (356, "20s", b"KAOHSIUNG")),
        *((376, "h", 3), (378, "h", 2), (380, "h", 1)),
    ):
        struct.pack_into(f"<{form}", main, at, value)
    main[448:452] = vax(0.675)
    entries, body, block = [], b"", 3
    for number, scale in enumerate(slices):
        frame, plane = divmod(number, 3)
        pixels = FRAMES[frame, plane].astype("<i2").tobytes().ljust(BLOCK, b"\0")
        part = bytearray(BLOCK)
        struct.pack_into("<h", part, 126, 2)
        struct.pack_into("<2h", part, 132, 8, 8)
        part[172:176] = vax(scale)
        part[184:192] = vax(0.125) + vax(0.675)
        struct.pack_into("<2i", part, 192, 60_000 * (frame + 1), 1000 * (frame + 1))
        entries += [0x01000000 | (plane + 1) << 16 | (frame + 1), block, block + 1, 1]
        body, block = body + part + pixels, block + 2
    directory = struct.pack("<4i", 31 - len(slices), 2, 0, len(slices))
    directory += struct.pack(f"<{len(entries)}i", *entries)
    return bytes(main) + directory.ljust(BLOCK, b"\0") + body
