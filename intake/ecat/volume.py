"""One volume of an ECAT file: its planes, their scales, and what their headers say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import BufferedReader

import numpy as np

from intake import files
from intake.bounds import check_size
from intake.ecat.directory import Matrix
from intake.ecat.layouts import BLOCK, SEVEN, Layout
from intake.fields import Field
from intake.parts import Header
from intake.refused import Refused
from intake.study import Pixels, Scale

ALIKE = ("x_dimension", "y_dimension", "x_pixel_size", "y_pixel_size", "frame_duration")
"""What all planes of a volume have in common."""


@dataclass(frozen=True, eq=False)
class Volume:
    """The planes of one frame, gate and bed position."""

    pixels: Pixels
    scale: Scale
    duration: float | None
    spacing: tuple[float, float] | None
    thickness: float | None
    fields: tuple[Field, ...]


def read(file: BufferedReader, layout: Layout, matrices: Sequence[Matrix], charset: str) -> Volume:
    """One matrix of many planes (ECAT 7), or many of one (ECAT 6)."""
    if layout is SEVEN and len(matrices) > 1:
        raise Refused(f"{len(matrices)} volumes in one frame: one holds all its planes")
    headers = [_header(file, layout, each, charset) for each in matrices]
    first = headers[0]
    for header, matrix in zip(headers, matrices, strict=True):
        if any(header.values.get(name) != first.values.get(name) for name in ALIKE):
            raise Refused(f"at byte {matrix.offset}: its size or length is not that of its volume")
    stored = [
        _pixels(file, layout, each, matrix) for each, matrix in zip(headers, matrices, strict=True)
    ]
    scales = [_scale(each, matrix) for each, matrix in zip(headers, matrices, strict=True)]
    spacing, thickness, duration = _measured(headers, layout)
    pixels, scale = _scaled(stored, scales)
    fields = [
        field
        for header, matrix in zip(headers, matrices, strict=True)
        for field in _fields(header, matrix)
    ]
    return Volume(pixels, scale, duration, spacing, thickness, tuple(fields))


def _header(file: BufferedReader, layout: Layout, matrix: Matrix, charset: str) -> Header:
    file.seek(matrix.offset)
    data = file.read(BLOCK)
    if len(data) < BLOCK:
        raise Refused(f"the file is cut short at byte {matrix.offset}")
    return Header(data, layout.image, layout.order, charset, offset=matrix.offset)


def _pixels(file: BufferedReader, layout: Layout, header: Header, matrix: Matrix) -> Pixels:
    values = header.values
    if values["data_type"] != layout.pixels:
        raise Refused(
            f"at byte {matrix.offset}: pixels of type {values['data_type']}; "
            f"type {layout.pixels} (whole numbers of 16 bits) is read"
        )
    planes = values["z_dimension"] if layout is SEVEN else 1
    rows, columns = values["y_dimension"], values["x_dimension"]
    check_size(rows, columns, planes, 2)
    dtype = np.dtype(f"{layout.order}i2")
    place = files.Layout(rows, columns, planes, dtype, matrix.offset + BLOCK)
    if place.size > matrix.room:
        raise Refused(
            f"at byte {matrix.offset}: images of {place.size} bytes in {matrix.room} bytes of file"
        )
    found = files.pixels(file, place)
    for name in ("data_type", "x_dimension", "y_dimension", "z_dimension"):
        header.used(name, "pixels")
    for name, value in (("image_min", found.min()), ("image_max", found.max())):
        if values[name] == value:
            header.said(name, "the pixels are so")
    return found


def _scale(header: Header, matrix: Matrix) -> float:
    scale = float(header.values["scale_factor"])
    if not (math.isfinite(scale) and scale > 0):
        raise Refused(f"at byte {matrix.offset}: its pixels have a scale of {scale:g}")
    header.used("scale_factor", "scale.slope")
    return scale


def _scaled(stored: list[Pixels], scales: list[float]) -> tuple[Pixels, Scale]:
    """What is stored, and one scale; or where planes have each their own, doubles.

    16 bits times the 24 of a float: a double holds every product.
    """
    if len(set(scales)) == 1:
        pixels = stored[0] if len(stored) == 1 else np.concatenate(stored)
        return pixels, Scale(scales[0])
    check_size(stored[0].shape[1], stored[0].shape[2], len(stored), 8)
    return np.concatenate(
        [each * scale for each, scale in zip(stored, scales, strict=True)]
    ), Scale()


def _measured(
    headers: Sequence[Header], layout: Layout
) -> tuple[tuple[float, float] | None, float | None, float | None]:
    """Between pixels, of a slice (mm; the file's are cm), and how long it took (ms)."""
    high = "y_pixel_size" if layout is SEVEN else "x_pixel_size"
    deep = "z_pixel_size" if layout is SEVEN else "slice_width"
    rows, columns = millimetres(headers, high), millimetres(headers, "x_pixel_size")
    duration = headers[0].values["frame_duration"]
    if rows is not None and columns is not None:
        _all_used(headers, high, "spacing")
        _all_used(headers, "x_pixel_size", "spacing")
    thickness = millimetres(headers, deep)
    if thickness is not None:
        _all_used(headers, deep, "slices.thickness")
    if duration > 0:
        _all_used(headers, "frame_duration", "duration")
    spacing = (rows, columns) if rows is not None and columns is not None else None
    return spacing, thickness, float(duration) if duration > 0 else None


def millimetres(headers: Sequence[Header], name: str) -> float | None:
    """A length that all say alike, in their own digits; None where it is none."""
    said = {each.values[name] for each in headers}
    value = next(iter(said))
    if len(said) > 1 or not (math.isfinite(value) and value > 0):
        return None
    return float(Decimal(str(np.float32(value))).scaleb(1))


def _all_used(headers: Sequence[Header], name: str, to: str) -> None:
    for each in headers:
        each.used(name, to)


def _fields(header: Header, matrix: Matrix) -> list[Field]:
    """Of a plane's or volume's header, with whose it is."""
    whose = f"frame {matrix.frame}, gate {matrix.gate}, bed {matrix.bed}, plane {matrix.plane}"
    return [
        Field(f"{each.key} ({whose})", each.raw, each.fate, each.to, each.why, offset=each.offset)
        for each in header.account
    ]
