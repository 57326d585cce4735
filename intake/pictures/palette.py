"""Colours for 256 levels: grey, and DICOM's well-known palettes (PS3.6 annex B)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

Colours = npt.NDArray[np.uint8]
"""256 rows of red, green, blue."""

FILES = {
    "hot-iron": "hotiron.dcm",
    "pet": "pet.dcm",
    "hot-metal-blue": "hotmetalblue.dcm",
    "pet-20-step": "pet20step.dcm",
}
DICOM = {
    "hot-iron": "HOT_IRON",
    "pet": "PET",
    "hot-metal-blue": "HOT_METAL_BLUE",
    "pet-20-step": "PET_20_STEP",
}


def colours(name: str, invert: bool = False) -> Colours:
    """The colours of a palette, from the least to the most counts."""
    if name == "grey":
        found = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    else:
        found = _well_known(FILES[name])
    return found[::-1].copy() if invert else found


def _well_known(file: str) -> Colours:
    """As the standard's own DICOM file says, which pydicom carries."""
    import pydicom

    read = pydicom.dcmread(Path(pydicom.__file__).parent / "data" / "palettes" / file)
    planes = [
        np.frombuffer(read[f"{colour}PaletteColorLookupTableData"].value, dtype=np.uint8)
        for colour in ("Red", "Green", "Blue")
    ]
    return np.stack([plane[:256] for plane in planes], axis=1)
