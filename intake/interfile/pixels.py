"""Where the images of a header lie, as what, and reading them exactly."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intake import files
from intake.bounds import check_size, native
from intake.interfile.blocks import Block
from intake.interfile.ledger import Ledger
from intake.refused import Refused
from intake.study import Pixels

BLOCK = 2048
FORMATS = {
    # plain value -> numpy's kind and the only size it may have (0: any of the kind)
    "": ("u", 0),
    "unsignedinteger": ("u", 0),
    "unsigned": ("u", 0),  # MIPAV
    "signedinteger": ("i", 0),
    "signed": ("i", 0),  # MIPAV
    "shortfloat": ("f", 4),
    "longfloat": ("f", 8),
    "float": ("f", 0),  # STIR, SIMIND
    "double": ("f", 8),  # GATE
    "bit": ("b", 0),
    "ascii": ("a", 0),
}
SIZES = {"u": (1, 2, 4, 8), "i": (1, 2, 4, 8), "f": (4, 8)}
ORDERS = {"": ">", "bigendian": ">", "big": ">", "littleendian": "<", "little": "<"}
_ASCII = re.compile(rb"[0-9eE+\-.,\s\x1a\0]*")


@dataclass(frozen=True)
class Matrix:
    """Size and type of images; ``kind`` is u, i, f, b (bit) or a (ASCII)."""

    rows: int
    columns: int
    kind: str
    size: int
    spacing: tuple[float, float] | None
    line: int

    @property
    def bytes_each(self) -> int:
        """Of one image in the file, for those of a fixed size."""
        pixels = self.rows * self.columns
        return pixels // 8 if self.kind == "b" else pixels * self.size

    @property
    def same(self) -> tuple[object, ...]:
        """What images of one object must have in common."""
        return self.rows, self.columns, self.kind, self.size, self.spacing


def matrix(block: Block) -> Matrix:
    """The size and type that a block states."""
    line = block.need("matrix size", 1)
    block.need("matrix size", 2)
    columns = block.whole("matrix size", "columns", 1) or 0
    rows = block.whole("matrix size", "rows", 2) or 0
    kind, only = block.word("number format", "pixels", FORMATS)
    size = _bytes_per_pixel(block, kind, only)
    check_size(rows, columns, 1, max(size, 1), line.number)
    if kind == "b" and rows * columns % 8:
        raise Refused("an image of bits does not end at a whole byte", line.number)
    return Matrix(rows, columns, kind, size, _spacing(block), line.number)


def _bytes_per_pixel(block: Block, kind: str, only: int) -> int:
    if kind in "ab":
        if there := block.line("number of bytes per pixel"):
            block.ledger.checked(there, "means nothing for this number format")
        return 1
    there = block.line("number of bytes per pixel")
    if there is None and only:
        block.ledger.derive("pixels", only, "bytes per pixel, from the number format")
        return only
    line = there or block.need("number of bytes per pixel")
    size = block.whole("number of bytes per pixel", "pixels") or 0
    if size not in SIZES[kind] or (only and size != only):
        shown = block.line("number format")
        raise Refused(
            f"{size} bytes per pixel contradict the number format "
            f"{shown.value if shown else 'unsigned integer'!r}",
            line.number,
        )
    return size


def _spacing(block: Block) -> tuple[float, float] | None:
    """Between rows, between columns: DICOM's order is the other way round."""
    across = block.number("scaling factor (mm/pixel)", "spacing[1]", 1)
    down = block.number("scaling factor (mm/pixel)", "spacing[0]", 2)
    for index, value in ((1, across), (2, down)):
        line = block.line("scaling factor (mm/pixel)", index)
        if line and value is not None and value < 0:
            raise Refused(f"a pixel's size of {line.value} mm", line.number)
        if line and not value:
            block.ledger.kept(line, "0 stands for unknown")
    if not across or not down:
        return None
    return down, across


@dataclass(frozen=True)
class Place:
    """The file that holds the images, and where in it they begin."""

    path: Path
    offset: int
    order: str
    offset_line: int


def find(root: Block, header: Path, header_end: int) -> Place:
    """The data file beside the header, or the header's own file."""
    ledger = root.ledger
    for name in ("data compression", "data encode"):
        line = root.line(name)
        if line and line.lower not in {"none", "no", "n"}:
            raise Refused(f"{line.key!r} is {line.value!r}: only plain data is read", line.number)
        if line:
            ledger.mapped(line, "pixels")
    line = root.need("name of data file")
    path = _data_file(root, header)
    offset, offset_line = _offset(root)
    if path.name == header.name and offset < header_end:
        raise Refused(
            f"the images would begin at byte {offset}, within the header "
            f"(it ends at byte {header_end})",
            offset_line or line.number,
        )
    return Place(path, offset, root.word("imagedata byte order", "pixels", ORDERS), offset_line)


def _data_file(root: Block, header: Path) -> Path:
    line = root.need("name of data file")
    whole = f"{line.value};{line.comment}"
    if line.tight and (header.parent / whole).is_file() and "/" not in whole:
        root.ledger.note(f"line {line.number}: the semicolon is part of the file's name")
        name = whole
    else:
        name = line.value
    if line.undecoded:
        name = root.text("name of data file", "pixels")
    root.ledger.mapped(line, "pixels")
    return files.beside(header.parent, name, line.number)


def _offset(root: Block) -> tuple[int, int]:
    by_bytes = root.whole("data offset in bytes", "pixels")
    by_blocks = root.whole("data starting block", "pixels")
    line = root.line("data offset in bytes") or root.line("data starting block")
    number = line.number if line else 0
    offset = by_bytes if by_bytes is not None else (by_blocks or 0) * BLOCK
    if by_bytes is not None and by_blocks is not None and by_bytes != by_blocks * BLOCK:
        raise Refused(
            f"'data offset in bytes' is {by_bytes}, 'data starting block' is {by_blocks} "
            f"({by_blocks * BLOCK} bytes): which holds is unclear",
            number,
            "leave the right one of the two in the header",
        )
    if offset < 0:
        raise Refused("the images' offset is negative", number)
    if offset >= 2**31:
        raise Refused(f"the images' offset of {offset} bytes is beyond 2 GiB", number)
    return offset, number


def read(place: Place, parts: list[tuple[Matrix, int]], ledger: Ledger) -> list[Pixels]:
    """The images of each part, one after the other; what lies behind them is told."""
    wanted = sum(matrix.bytes_each * count for matrix, count in parts)
    with files.opened(place.path) as file:
        if any(matrix.kind == "a" for matrix, _ in parts):
            return _ascii(file, place, parts)
        there = files.size_of(file)
        if there == 0:
            raise Refused(f"the data file {place.path.name} is empty")
        if place.offset > there:
            raise Refused(
                f"the images begin at byte {place.offset}, the file ends at {there}",
                place.offset_line,
            )
        found, offset = [], place.offset
        for matrix, count in parts:
            check_size(matrix.rows, matrix.columns, count, matrix.size, matrix.line)
            found.append(_binary(file, matrix, count, offset, place.order))
            offset += matrix.bytes_each * count
        _behind(file, place.offset + wanted, there, ledger)
    return found


def _binary(file: io.BufferedReader, matrix: Matrix, count: int, offset: int, order: str) -> Pixels:
    kind = "u" if matrix.kind == "b" else matrix.kind
    dtype = np.dtype(f"{order}{kind}{matrix.size}")
    columns = matrix.columns if matrix.kind != "b" else 1
    rows = matrix.rows if matrix.kind != "b" else matrix.bytes_each
    raw = files.pixels(file, files.Layout(rows, columns, count, dtype, offset, matrix.line))
    if matrix.kind != "b":
        return raw
    # The most significant bit is the leftmost pixel (m-intf(4), 2d).
    return np.unpackbits(raw.reshape(-1)).reshape(count, matrix.rows, matrix.columns)


def _behind(file: io.BufferedReader, end: int, there: int, ledger: Ledger) -> None:
    """Padding is usual; anything else behind the images is said."""
    if end >= there:
        return
    file.seek(end)
    rest = file.read(BLOCK + 1)
    padding = len(rest) <= BLOCK and not rest.strip(b"\0\x1a \r\n")
    if not padding:
        ledger.note(f"{there - end} bytes behind the images are not part of any image")


def _ascii(file: io.BufferedReader, place: Place, parts: list[tuple[Matrix, int]]) -> list[Pixels]:
    """Numbers as text: exact whole numbers where all are, else 64 bit floats."""
    counts = [matrix.rows * matrix.columns * count for matrix, count in parts]
    if any(matrix.kind != "a" for matrix, _ in parts):
        raise Refused("images as text and as binary numbers in one file")
    there = files.size_of(file) - place.offset
    if there < 2 * sum(counts) - 1 or there > 32 * sum(counts) + BLOCK:
        raise Refused(f"{there} bytes of text cannot be {sum(counts)} numbers")
    file.seek(place.offset)
    data = file.read()
    if not _ASCII.fullmatch(data):
        raise Refused("the images are to be text, and hold something that is no number")
    words = data.replace(b",", b" ").replace(b"\x1a", b" ").replace(b"\0", b" ").split()
    if len(words) != sum(counts):
        raise Refused(f"{len(words)} numbers, {sum(counts)} pixels")
    numbers = _numbers(words)
    found, start = [], 0
    for (matrix, count), pixels in zip(parts, counts, strict=True):
        part = numbers[start : start + pixels]
        found.append(native(part.reshape(count, matrix.rows, matrix.columns)))
        start += pixels
    return found


def _numbers(words: list[bytes]) -> Pixels:
    try:
        if all(word.lstrip(b"+-").isdigit() for word in words):
            found = np.array([int(word[:20]) for word in words], dtype=np.int64)
            return found.astype(np.uint16) if 0 <= found.min() <= found.max() < 65536 else found
        return np.array([float(word) for word in words], dtype=np.float64)
    except (ValueError, OverflowError):
        raise Refused("the images are to be text, and hold something that is no number") from None


def check_largest(ledger: Ledger, block: Block, name: str, images: Pixels, kind: str) -> None:
    """Compare with the stated maximum; when only the other byte order fits it, refuse."""
    line = block.line(name)
    stated = block.number(name, "pixels") if line else None
    if line is None or stated is None:
        return
    largest = float(images.max())
    if stated == largest:
        ledger.checked(line, "the largest pixel is that")
        return
    if images.dtype.itemsize > 1 and kind in "ui":
        swapped = float(max(image.byteswap().max() for image in images))
        if swapped == stated:
            order = block.line("imagedata byte order")
            raise Refused(
                f"with the stated byte order the largest pixel is {largest:.0f}, with the other "
                f"one it is {stated:.0f} as line {line.number} says",
                order.number if order else line.number,
                "set 'imagedata byte order' right in the header",
            )
    ledger.kept(line, f"the largest pixel is {largest:g}")
