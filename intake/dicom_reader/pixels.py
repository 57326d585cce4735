"""The pixels of a DICOM file as numbers: every count exactly, or refused."""

from __future__ import annotations

from dataclasses import dataclass
from io import BufferedReader

import numpy as np

from intake.bounds import check_size
from intake.dicom_reader import rle
from intake.dicom_reader.elements import PIXELS, UNDEFINED, Element
from intake.dicom_reader.opening import LOSSLESS, RLE, Opened
from intake.dicom_reader.source import Source
from intake.files import Layout
from intake.files import pixels as read_pixels
from intake.refused import Refused
from intake.study import Pixels


@dataclass(frozen=True)
class Form:
    """What the elements say of the pixels."""

    frames: int
    rows: int
    columns: int
    allocated: int
    stored: int
    high: int
    signed: bool

    @property
    def plain(self) -> bool:
        """Whether each pixel fills its cell."""
        return self.stored == self.allocated


def form(source: Source, acr: bool) -> Form:
    """The form of the pixels; Refused where it is not that of counts."""
    rows, columns = int(source.need("Rows", "pixels")), int(source.need("Columns", "pixels"))
    frames = source.whole("NumberOfFrames", "pixels") or 1
    samples = source.whole("SamplesPerPixel", "pixels") or 1
    colours = source.text("PhotometricInterpretation", "pixels")
    if samples != 1 or colours.startswith(("RGB", "YBR", "PALETTE", "HSV", "CMYK", "ARGB")):
        raise Refused(
            f"its pixels are colours ({colours or samples}), not counts: a picture of a screen"
        )
    if colours == "MONOCHROME1":
        source.account.notes.append("MONOCHROME1: shown inverted; the counts are as they stand")
    if acr and (source.whole("Planes", "pixels") or 1) != 1:
        raise Refused("an ACR-NEMA file of several planes, which it does not explain")
    if acr:
        _acr_form(source)
    allocated = int(source.need("BitsAllocated", "pixels"))
    stored = source.whole("BitsStored", "pixels") or allocated
    high = source.whole("HighBit", "pixels")
    signed = source.whole("PixelRepresentation", "pixels") == 1
    if allocated not in {8, 16, 32}:
        raise Refused(f"{allocated} bits a pixel are not read here (8, 16 or 32 are)")
    if not 1 <= stored <= allocated:
        raise Refused(f"{stored} bits stored in {allocated}")
    high = stored - 1 if high is None else high
    if not stored - 1 <= high < allocated:
        raise Refused(f"the highest bit is {high}, with {stored} bits stored in {allocated}")
    check_size(rows, columns, frames, allocated // 8)
    return Form(frames, rows, columns, allocated, stored, high, signed)


def _acr_form(source: Source) -> None:
    """ACR-NEMA's own words for where and how (ACR-NEMA 300-1988, group 0028)."""
    shape = source.text("ImageFormat", "pixels")
    if shape not in {"", "RECT"}:
        raise Refused(f"its image format is {shape}, not RECT")
    packing = source.text("CompressionCode", "pixels")
    if packing not in {"", "NONE"}:
        raise Refused(f"its pixels are compressed ({packing})")


def read(file: BufferedReader, opened: Opened, shape: Form, notes: list[str]) -> Pixels:
    """The images of a file that is not compressed, or by RLE."""
    element = opened.items[PIXELS]
    if element.length != UNDEFINED:
        found = _native(file, opened, element, shape, notes)
    elif opened.syntax == RLE:
        found = _rle(file, opened, element, shape)
    elif opened.syntax in LOSSLESS:
        raise Refused(f"its pixels are compressed ({LOSSLESS[opened.syntax]})")
    else:
        raise Refused("its pixels are compressed, but the file does not say how")
    return _cells(found, shape)


def _native(
    file: BufferedReader, opened: Opened, element: Element, shape: Form, notes: list[str]
) -> Pixels:
    width = shape.allocated // 8
    wanted = shape.frames * shape.rows * shape.columns * width
    if element.length < wanted:
        raise Refused(
            f"the file is cut short: {shape.frames} images of {shape.rows} x {shape.columns} are "
            f"stated, {element.length} of {wanted} bytes are there"
        )
    beyond = element.length - wanted - wanted % 2
    if beyond > 0:
        notes.append(f"{beyond} bytes behind the last image")
    order = "<" if opened.coding.little else ">"
    # OW of 8 bit pixels in big-endian files: two pixels to a word (PS3.5 8.1.1, annex A.3).
    swapped = width == 1 and element.vr == "OW" and not opened.coding.little
    if swapped and wanted % 2:
        raise Refused("an odd number of 8 bit pixels in big-endian words")
    kind = np.dtype(f"{order}u{width}")
    at = Layout(shape.rows, shape.columns, shape.frames, kind, element.offset)
    found = read_pixels(file, at)
    if swapped:
        return np.ascontiguousarray(found.reshape(-1, 2)[:, ::-1]).reshape(found.shape)
    return found


def _rle(file: BufferedReader, opened: Opened, element: Element, shape: Form) -> Pixels:
    opened.parser.at = element.offset
    _table, *fragments = opened.parser.fragments(opened.coding)
    if len(fragments) != shape.frames:  # one fragment a frame (PS3.5 A.4.2)
        raise Refused(f"{len(fragments)} compressed images, {shape.frames} are stated")
    width = shape.allocated // 8
    found = np.empty((shape.frames, shape.rows, shape.columns), dtype=f"u{width}")
    for index, (at, length) in enumerate(fragments):
        file.seek(at)
        data = rle.decode(file.read(length), shape.rows * shape.columns, width)
        found[index] = data.view(f">u{width}").reshape(shape.rows, shape.columns)
    return found


def _cells(found: Pixels, shape: Form) -> Pixels:
    """Numbers of the cells: bits beside the pixel (overlays) taken off, the sign extended."""
    if not shape.plain:
        found >>= np.array(shape.high - shape.stored + 1, dtype=found.dtype)
        found &= np.array(2**shape.stored - 1, dtype=found.dtype)
        if shape.signed:
            sign = np.array(2 ** (shape.stored - 1), dtype=found.dtype)
            found ^= sign
            found -= sign
    return found.view(f"i{shape.allocated // 8}") if shape.signed else found
