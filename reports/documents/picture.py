"""A frame as a picture, with the window and the palette that somebody chose for it.

Drawn from the object's own pixels: Orthanc stretches each frame on its own range, or draws it
black (facts, archive).
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pydicom
from pydicom.dataset import FileDataset
from pydicom.pixel_data_handlers.util import apply_color_lut, convert_color_space

from reports.archive import Archive, DownError
from reports.studies.models import Image

SIDE = 384
"""Pixels of the longer side at least: a 64 x 64 frame is enlarged smoothly, for print."""
WELL_KNOWN = {
    "hotiron": "hotiron.dcm",
    "pet": "pet.dcm",
    "hotmetalblue": "hotmetalblue.dcm",
    "pet20step": "pet20step.dcm",
}
Colours = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Look:
    """How a frame is looked at."""

    frame: int
    low: float
    high: float
    palette: str


@lru_cache(maxsize=16)
def colours(name: str) -> Colours:
    """256 colours from the least to the most counts; grey if there is no such palette.

    DICOM's well-known palettes (PS3.6, annex B) as pydicom carries them.
    """
    short = re.sub("[^a-z0-9]", "", name.lower())
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    if short in {"inverse", "inversegrey", "greyinverse", "inverted"}:
        return grey[::-1].copy()
    if short not in WELL_KNOWN:
        return grey
    place = Path(pydicom.__file__).parent / "data" / "palettes" / WELL_KNOWN[short]
    read = pydicom.dcmread(place)
    planes = [
        np.frombuffer(read[f"{colour}PaletteColorLookupTableData"].value, dtype=np.uint8)[:256]
        for colour in ("Red", "Green", "Blue")
    ]
    return np.stack(planes, axis=1)


def fetch(archive: Archive, image: Image) -> FileDataset:
    """The object. Raises DownError, MissingError."""
    told = archive.get(f"/instances/{image.archive_id}/file")
    try:
        return pydicom.dcmread(io.BytesIO(told))
    except (pydicom.errors.InvalidDicomError, EOFError) as error:
        raise DownError(f"the archive gives an object that cannot be read: {error}") from None


def pixels(dataset: FileDataset, frame: int) -> npt.NDArray[np.generic]:
    """One frame's stored values. Raises DownError when they cannot be had."""
    try:
        every = dataset.pixel_array
    except (AttributeError, NotImplementedError, RuntimeError, ValueError) as error:
        raise DownError(f"the pixels of an image cannot be read: {error}") from None
    several = int(dataset.get("NumberOfFrames") or 1) > 1
    if several and not 0 <= frame < len(every):
        raise DownError("an image has fewer frames than it had")
    chosen: npt.NDArray[np.generic] = every[frame] if several else every
    return chosen


def shown(dataset: FileDataset, look: Look) -> PIL.Image.Image:
    """A frame of an object as it is looked at. Raises DownError."""
    values, kind = pixels(dataset, look.frame), dataset.get("PhotometricInterpretation")
    if kind == "PALETTE COLOR":
        values = apply_color_lut(values, dataset) >> 8
    elif values.ndim == 3 and kind != "RGB":
        values = convert_color_space(values, kind, "RGB")
    return draw(values, look, inverted=kind == "MONOCHROME1")


def draw(values: npt.NDArray[np.generic], look: Look, *, inverted: bool = False) -> PIL.Image.Image:
    """The picture, as reports/static/viewer/paint.js draws it.

    Counts at or under ``low`` have the first colour, from ``high`` on the last.
    """
    if values.ndim == 3:  # it has colours of its own
        return PIL.Image.fromarray(values.astype(np.uint8))
    height, width = values.shape
    times = -(-SIDE // max(height, width))
    plane = PIL.Image.fromarray(values.astype(np.float32))
    if times > 1:
        size = (width * times, height * times)
        plane = plane.resize(size, PIL.Image.Resampling.BILINEAR)
    level = (np.asarray(plane) - look.low) / max(look.high - look.low, 1e-9)
    level = np.clip(1 - level if inverted else level, 0, 1)
    return PIL.Image.fromarray(colours(look.palette)[(level * 255).astype(np.uint8)])


def png(picture: PIL.Image.Image) -> bytes:
    """Its file; the same picture is the same bytes."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
