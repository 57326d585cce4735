"""An object's pixels, as little as says all of them; nothing is believed that its header says."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from django.utils.translation import gettext as _
from pydicom.dataset import Dataset
from pydicom.pixel_data_handlers.util import apply_color_lut, convert_color_space

from reports.viewer import said
from reports.viewer.unfit import UnfitError

MOST_BYTES = 128 << 20
"""Of one object's pixels: 16 beats of 128 slices of 128 x 128 are half of it."""
MOST_FRAMES = 10_000
SIDE = 16_384
GREY = {"MONOCHROME1", "MONOCHROME2"}
COLOUR = {"RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR"}
Array = npt.NDArray[np.generic]


def shape(data: Dataset) -> tuple[int, int, int]:
    """Frames, rows, columns. Raises UnfitError if they are more than can be shown."""
    frames = said.whole(data, "NumberOfFrames", 1) or 1
    rows, columns = said.whole(data, "Rows", 0), said.whole(data, "Columns", 0)
    if not (0 < rows <= SIDE and 0 < columns <= SIDE and 0 < frames <= MOST_FRAMES):
        raise UnfitError(
            _(
                "This image says that it has %(frames)d frames of %(columns)d x %(rows)d pixels,"
                " which cannot be shown here."
            )
            % {"frames": frames, "columns": columns, "rows": rows}
        )
    samples = said.whole(data, "SamplesPerPixel", 1)
    bits = said.whole(data, "BitsAllocated", 0)
    if samples not in (1, 3) or bits not in (8, 16, 32) or (samples == 3 and bits != 8):
        raise UnfitError(
            _("This image has pixels of %(samples)d x %(bits)d bits, which cannot be shown here.")
            % {"samples": samples, "bits": bits}
        )
    if frames * rows * columns * samples * bits // 8 > MOST_BYTES:
        raise UnfitError(_("This image is too large to be shown here (more than 128 MB)."))
    return frames, rows, columns


def decode(data: Dataset) -> Array:
    """Frames x rows x columns, or x 3 for colours. Raises UnfitError."""
    frames, rows, columns = shape(data)
    _whole(data, frames * rows * columns)
    try:
        found: Any = data.pixel_array
        if said.text(data, "PhotometricInterpretation") in COLOUR:
            return _coloured(data, found).reshape(frames, rows, columns, 3)
        return narrow(_used_bits(data, found.reshape(frames, rows, columns)))
    except said.ODD as error:
        raise UnfitError(_("The pixels of this image cannot be read.")) from error


def _whole(data: Dataset, pixels: int) -> None:
    """Refuse what ends too early: what is missing would be shown as no counts."""
    if "PixelData" not in data:
        raise UnfitError(_("This object has no pixels that can be shown."))
    photometric = said.text(data, "PhotometricInterpretation")
    if photometric not in GREY | COLOUR:
        raise UnfitError(
            _("This image has pixels of the kind “%(kind)s”, which cannot be shown here.")
            % {"kind": photometric}
        )
    needed = pixels * said.whole(data, "BitsAllocated", 0) // 8
    needed *= 2 if photometric == "YBR_FULL_422" else said.whole(data, "SamplesPerPixel", 1)
    if len(data.PixelData) < needed:
        raise UnfitError(
            _("This image ends too early: of %(needed)d bytes of pixels it has %(found)d.")
            % {"needed": needed, "found": len(data.PixelData)}
        )


def _used_bits(data: Dataset, found: Array) -> Array:
    """Without what some put into the bits that are not stored (PS3.5, 8.1.1)."""
    allocated = said.whole(data, "BitsAllocated", 16)
    stored = said.whole(data, "BitsStored", allocated)
    if not 0 < stored <= allocated or said.whole(data, "HighBit", stored - 1) != stored - 1:
        raise ValueError("bits that are not where they are since 2007")
    if stored == allocated:
        return found
    up: Any = found
    if said.whole(data, "PixelRepresentation", 0):
        return (up << (allocated - stored)) >> (allocated - stored)  # type: ignore[no-any-return]
    return up & ((1 << stored) - 1)  # type: ignore[no-any-return]


def narrow(found: Array) -> Array:
    """The narrowest of uint8, uint16 and int16 that holds all values: it travels faster."""
    least, most = int(found.min()), int(found.max())
    for kind in (np.uint8, np.uint16, np.int16):
        if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
            return found.astype(np.dtype(kind).newbyteorder("<"))
    raise UnfitError(_("This image has values of more than 16 bits, which cannot be shown here."))


def _coloured(data: Dataset, found: Any) -> Array:
    photometric = said.text(data, "PhotometricInterpretation")
    if photometric == "PALETTE COLOR":
        made: Any = apply_color_lut(found, data)[..., :3]
        deep = said.numbers(data, "RedPaletteColorLookupTableDescriptor")[2] > 8
        return (made >> 8 if deep else made).astype(np.uint8)  # type: ignore[no-any-return]
    if photometric.startswith("YBR"):
        found = convert_color_space(found, photometric, "RGB")
    return np.ascontiguousarray(found, dtype=np.uint8)


def native(syntax: str) -> bool:
    """Whether numpy alone reads that transfer syntax."""
    try:
        uid = pydicom.uid.UID(syntax)
        return not uid.is_compressed
    except ValueError:
        return False
