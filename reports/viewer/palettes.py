"""The palettes as data for the browser: grey, its inverse, and DICOM's well-known ones.

``python3 -m reports.viewer.palettes`` writes the file again (PS3.6, annex B, as pydicom has them).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixel_data_handlers.util import apply_color_lut

PLACE = Path(__file__).parent.parent / "static" / "viewer" / "palettes.json"
WELL_KNOWN = {
    "hot-iron": "hotiron.dcm",
    "pet": "pet.dcm",
    "hot-metal-blue": "hotmetalblue.dcm",
    "pet-20-step": "pet20step.dcm",
}


def made() -> dict[str, str]:
    """Name → 256 colours, each RRGGBB."""
    level = np.arange(256, dtype=np.uint8)
    grey = np.repeat(level[:, None], 3, axis=1)
    found = {"grey": grey, "inverse": grey[::-1]}
    # By their files: Debian's pydicom cannot look them up by name (it misses pkg_resources).
    place = Path(pydicom.__file__).parent / "data" / "palettes"
    for ours, theirs in WELL_KNOWN.items():
        found[ours] = apply_color_lut(level, ds=pydicom.dcmread(place / theirs))
    return {name: each.astype(np.uint8).tobytes().hex() for name, each in found.items()}


if __name__ == "__main__":
    PLACE.write_text(json.dumps(made(), indent=0) + "\n", "ascii")
