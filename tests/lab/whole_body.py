"""A bone scan of a whole body, front and back. The patient is invented."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
from browser_kit import ROOT
from pydicom.uid import generate_uid

sys.path.append(str(ROOT / "tests" / "reports"))  # at the end: its names are others' too
import viewer_objects

PATIENT, NAME = "KH-20417", "Wang, Mei-Hua"
Counts = npt.NDArray[np.float64]


def _spot(at: tuple[float, float], size: tuple[float, float]) -> Counts:
    """1 in the middle of an ellipse, falling off; ``at`` and ``size`` in cm, from the head."""
    rows, columns = np.ogrid[:384, :128]
    y, x = (rows * 0.45 - at[0]) / size[0], (columns * 0.45 - 28.8 - at[1]) / size[1]
    return np.exp(-((x * x + y * y) ** 2))


def _bones(side: int) -> Counts:
    """What one detector counts of a skeleton, roughly; ``side`` 1 is the front, -1 the back."""
    parts: list[tuple[float, ...]] = [
        (14, 0, 9, 7, 26),
        (88, 0, 6, 11, 30),
        (93, 0, 3, 3, 60 if side > 0 else 25),
    ]
    parts += [(32 + 4 * each, 0, 1.6, 1.6, 30 if side < 0 else 12) for each in range(13)]
    parts += [(38, 0, 9, 1.6, 34 if side > 0 else 4)]  # the sternum
    for way in (-1, 1):
        parts += [(33 + 3.6 * each, 6.5 * way, 1.1, 6.5, 13) for each in range(8)]  # ribs
        parts += [(29, 15 * way, 3, 3, 34), (45, 19 * way, 13, 1.4, 9), (72, 21 * way, 13, 1.2, 8)]
        parts += [(66, 6 * way, 4, 2.2, 5 if side > 0 else 24)]  # kidneys
        parts += [(84, 8 * way, 5, 4, 26), (115, 7 * way, 18, 1.7, 12), (137, 7 * way, 3, 3, 22)]
        parts += [(153, 6 * way, 12, 1.5, 9), (168, 6 * way, 2.5, 2.5, 14)]
    parts += [(51, 9 * side, 1.3, 1.6, 75 if side > 0 else 35)]  # what the report is about
    body = _spot((85, 0), (84, 17)) * 3
    for y, x, high, wide, counts in parts:
        body = np.maximum(body, _spot((y, x), (high, wide)) * counts)
    return body


def whole_body() -> tuple[str, bytes]:
    """A study's UID, and its one object as the camera makes it. The patient is invented."""
    study = generate_uid()
    expected = np.stack([_bones(1), _bones(-1)])
    pixels = np.random.default_rng(7).poisson(expected).astype(np.uint16)
    made = viewer_objects.nm("WHOLE BODY", pixels, study, {"detector": [1, 2]})
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientName, made.PatientID = "Wang^Mei-Hua=王^美華", PATIENT
    made.PatientBirthDate, made.PatientSex = "19610412", "F"
    made.StudyDescription, made.AccessionNumber = "Bone scan, whole body", "A-20417"
    made.StudyDate, made.StudyTime = "20261127", "081500"
    made.ActualFrameDuration = 900_000
    return study, viewer_objects.file(made)
