"""Made-up acquisitions of every kind, and the judges: dciodvfy, medcon, Debian 13's Python."""

from __future__ import annotations

import datetime as dt
import functools
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from intake.study import (
    Acquisition,
    Detector,
    Equipment,
    Gate,
    Gating,
    Isotope,
    Kind,
    Patient,
    Phase,
    Pixels,
    Place,
    Range,
    Rotation,
    Slices,
    Visit,
    Window,
)

ROOT = Path(__file__).parent.parent.parent
CACHE = Path("/var/cache/gateway-lab/translation")


def counts(frames: int, rows: int, columns: int, dtype: Any = np.uint16, seed: int = 7) -> Pixels:
    """Pixels that differ everywhere, so that a swapped frame, row or byte shows."""
    made = np.random.default_rng(seed).integers(0, 250, (frames, rows, columns))
    made[:, 0, 0] = np.arange(frames) % 250
    made[0, -1, -1] = 251
    return made.astype(dtype)


def make(kind: Kind, **changed: Any) -> Acquisition:
    """A small acquisition of that kind, as complete as Interfile can say it."""
    windows, detectors, places, extra = _parts(kind)
    made: dict[str, Any] = {
        "kind": kind,
        "pixels": counts(len(places), 6, 8),
        "places": tuple(places),
        "patient": Patient("LIN^MEI HUA", "A123456789", dt.date(1950, 2, 3), "F"),
        "visit": Visit(
            id="NM-77",
            description="Invented study",
            date=dt.date(1999, 11, 22),
            time=dt.time(12, 13, 14),
            acquisition_date=dt.date(1999, 11, 22),
            acquisition_time=dt.time(12, 13, 14),
            series="SERIES ONE",
        ),
        "equipment": Equipment(manufacturer="ICON", institution="Kaohsiung Example Hospital"),
        "isotopes": (Isotope("Tc-99m", "MDP", 740.0),),
        "windows": windows,
        "detectors": detectors,
        "spacing": (4.5, 4.5),
        "head_first": True,
        "posture": "supine",
        "body_part": "HEART",
        "corrections": frozenset({"UNIF"}),
        **extra,
    }
    return Acquisition(**(made | changed))


ONE = (Window("Tc99m", (Range(126.0, 154.0),)),)
TWO = (*ONE, Window("scatter", (Range(91.5, 125.0),)))


def _parts(  # noqa: PLR0911 - one a kind
    kind: Kind,
) -> tuple[tuple[Window, ...], tuple[Detector, ...], list[Place], dict[str, Any]]:
    still = (Detector(view="anterior", label="ANT"), Detector(view="posterior", label="POST"))
    heads = (
        Detector(start_angle=180.0, x_offset=1.5, radius=(250.0,)),
        Detector(start_angle=0.0, x_offset=-0.5, radius=(251.0,)),
    )
    gates = (Gate(4, 50.0, 600.0, 1000.0, 300, 20), Gate(3, 70.0, 1000.0, 1400.0, 90, 5))
    gating = Gating(gates, framing="FORW")
    turn = Rotation(6, True, 180.0, 180.0, 30.0, 25000.0, "STEP AND SHOOT", "circular")
    slots = [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2), (2, 3)]
    slices = Slices(5, 9.0, 4.5, "transverse", "FBP", "Hann")
    if kind in {Kind.STATIC, Kind.WHOLE_BODY}:
        places = [Place(window=w, detector=d) for w in (1, 2) for d in (1, 2)]
        whole = {"scan_velocity": 2.5, "scan_length": 1900.0} if kind is Kind.WHOLE_BODY else {}
        return TWO, still, places, {"duration": 300000.0, **whole}
    if kind is Kind.DYNAMIC:
        phases = (Phase(3, 500.0), Phase(2, 10000.0, 2000.0, 100.0))
        places = [
            Place(window=w, phase=p, time_slice=t)
            for w in (1, 2)
            for p, n in ((1, 3), (2, 2))
            for t in range(1, n + 1)
        ]
        return TWO, (Detector(),), places, {"phases": phases}
    if kind is Kind.GATED:
        places = [Place(window=w, gate=g, slot=s) for w in (1, 2) for g, s in slots]
        return TWO, (Detector(),), places, {"gating": gating}
    if kind is Kind.TOMO:
        places = [
            Place(window=w, detector=d, view=v) for w in (1, 2) for d in (1, 2) for v in range(1, 7)
        ]
        return TWO, heads, places, {"rotations": (turn,), "corrections": frozenset({"UNIF", "COR"})}
    if kind is Kind.GATED_TOMO:
        places = [
            Place(detector=d, gate=g, slot=s, view=v)
            for d in (1, 2)
            for g, s in slots
            for v in range(1, 7)
        ]
        return ONE, heads, places, {"rotations": (turn,), "gating": gating}
    if kind is Kind.RECON_TOMO:
        return ONE, (Detector(),), [Place(slice=s) for s in range(1, 6)], {"slices": slices}
    places = [Place(gate=g, slot=s, slice=n) for g, s in slots for n in range(1, 6)]
    return ONE, (Detector(),), places, {"slices": slices, "gating": gating}


def same(one: Acquisition, other: Acquisition) -> list[str]:
    """The names of the parts that differ: everything but the account of the fields."""
    apart = {"pixels", "fields", "derived"}
    names = [name for name in one.__dataclass_fields__ if name not in apart]
    found = [name for name in names if getattr(one, name) != getattr(other, name)]
    if one.pixels.dtype != other.pixels.dtype or not np.array_equal(one.pixels, other.pixels):
        found.append("pixels")
    return found


@functools.cache
def tree() -> Path:
    """The Debian 13 tree of lab/translation.py; the test is skipped where it is not built."""
    if not CACHE.is_dir():
        pytest.skip("no translation tree here: `python -m lab.translation` builds it")
    from lab import translation

    found = CACHE / translation.TREE.folder
    if not found.is_dir():
        pytest.skip("no translation tree here: `python -m lab.translation` builds it")
    return found


def judged(words: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a command of that tree; it sees ``folder`` and the checkout, and no network."""
    root = tree()
    from lab import translation

    command = translation.command(root, words, folder, ROOT)
    return subprocess.run(command, capture_output=True, check=False, timeout=600, env=os.environ)


WHITELIST = {
    # dciodvfy 20240118 looks for Time Slot Time where Gated TOMO has the sequence (seen).
    "GATED TOMO": "TimeSlotInformationSequence",
    "RECON GATED TOMO": "TimeSlotInformationSequence",
}


def errors(file: Path) -> list[str]:
    """dciodvfy's errors in a file, but for its own known ones. Its exit code means nothing."""
    return all_errors([file])[file.name]


def all_errors(files: list[Path]) -> dict[str, list[str]]:
    """The same of many files of one folder, in one go."""
    script = 'for file; do echo "FILE $file"; dciodvfy -new "$file" 2>&1; done'
    names = [file.name for file in files]
    said = judged(["sh", "-c", script, "sh", *names], files[0].parent).stdout
    found: dict[str, list[str]] = {}
    for part in said.decode(errors="replace").split("FILE ")[1:]:
        name, *lines = part.splitlines()
        assert "NMImage" in lines, part
        kind = pydicom.dcmread(files[0].parent / name, stop_before_pixels=True).ImageType[2]
        allowed = WHITELIST.get(kind, "\0")
        found[name] = [line for line in lines if line.startswith("Error") and allowed not in line]
    return found
