"""What one camera file says, whatever its format: typed, frozen, without I/O.

A reader makes a Reading of a file, a writer makes files of it. Nothing here rounds, rescales or
guesses: pixels keep the type they had in the file (in this machine's byte order), a value that
the source does not state is None or empty, and each field of the source is listed with what
became of it. Lengths are mm, times ms, angles degrees, activities MBq, energies keV.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

import numpy.typing as npt

from intake.fields import Derived, Field, Original

Pixels = npt.NDArray[Any]
"""Frames, rows, columns; the exact type of the source."""


class Kind(Enum):
    """What was acquired: value 3 of DICOM's Image Type (PS3.3 C.8.4.9.1.1.3)."""

    STATIC = "STATIC"
    WHOLE_BODY = "WHOLE BODY"
    DYNAMIC = "DYNAMIC"
    GATED = "GATED"
    TOMO = "TOMO"
    GATED_TOMO = "GATED TOMO"
    RECON_TOMO = "RECON TOMO"
    RECON_GATED_TOMO = "RECON GATED TOMO"

    @property
    def gated(self) -> bool:
        """Whether its frames belong to slots of the heart's cycle."""
        return self in {Kind.GATED, Kind.GATED_TOMO, Kind.RECON_GATED_TOMO}

    @property
    def projected(self) -> bool:
        """Whether its frames are views of a rotation."""
        return self in {Kind.TOMO, Kind.GATED_TOMO}

    @property
    def reconstructed(self) -> bool:
        """Whether its frames are slices."""
        return self in {Kind.RECON_TOMO, Kind.RECON_GATED_TOMO}


@dataclass(frozen=True)
class Patient:
    """``name`` is DICOM's form: FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX."""

    name: str = ""
    id: str = ""
    birth_date: dt.date | None = None
    sex: str = ""
    """M, F, O or empty."""
    weight_kg: float | None = None
    size_m: float | None = None


@dataclass(frozen=True)
class Visit:
    """The study and series that an acquisition belongs to."""

    id: str = ""
    description: str = ""
    date: dt.date | None = None
    time: dt.time | None = None
    acquisition_date: dt.date | None = None
    acquisition_time: dt.time | None = None
    accession: str = ""
    referring: str = ""
    operator: str = ""
    series: str = ""
    """Series description."""
    study_uid: str = ""
    """Only when the source has one; else the writer makes it from the content."""
    series_uid: str = ""
    instance_uid: str = ""


@dataclass(frozen=True)
class Equipment:
    """Who made it, and where it stands."""

    manufacturer: str = ""
    model: str = ""
    station: str = ""
    serial: str = ""
    software: str = ""
    institution: str = ""
    department: str = ""


@dataclass(frozen=True)
class Isotope:
    """``nuclide`` as ``Tc-99m`` where it is a known one, else as the source writes it."""

    nuclide: str = ""
    agent: str = ""
    dose_mbq: float | None = None
    injected_date: dt.date | None = None
    injected_time: dt.time | None = None


class Range(NamedTuple):
    """One contiguous range of energies; None: the source does not say."""

    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Window:
    """An energy window: a name and one or more ranges."""

    name: str = ""
    ranges: tuple[Range, ...] = ()


@dataclass(frozen=True)
class Detector:
    """A head of the camera."""

    name: str = ""
    collimator: str = ""
    """The maker's name for it."""
    collimator_type: str = ""
    """DICOM's word for its kind (``PARA``, ``PINH`` …; PS3.3 C.8.4.11), or empty."""
    view: str = ""
    """``anterior``, ``posterior`` … where it is one of DICOM's views, else empty."""
    label: str = ""
    """The operator's own words for it."""
    x_offset: float | None = None
    y_offset: float | None = None
    radius: tuple[float, ...] = ()
    """Distance from the centre of rotation: one value, or one a view."""
    zoom: float | None = None
    start_angle: float | None = None
    """DICOM's sense: 0 is the patient's back, counter-clockwise seen from the feet."""
    orientation: tuple[float, ...] = ()
    """Image Orientation (Patient), six numbers, when the source has it."""
    position: tuple[float, ...] = ()


@dataclass(frozen=True)
class Phase:
    """A group of frames of a dynamic study with one timing."""

    frames: int
    duration: float
    delay: float = 0.0
    """From the end of the phase before to its first frame."""
    pause: float = 0.0
    """Between its frames."""


@dataclass(frozen=True)
class Rotation:
    """One turn of a tomographic acquisition."""

    frames: int
    """Views a detector."""
    clockwise: bool
    start_angle: float
    """DICOM's sense, of the first detector."""
    extent: float
    step: float
    duration: float | None = None
    """Of one view."""
    motion: str = ""
    """``STEP AND SHOOT``, ``CONTINUOUS`` or empty."""
    orbit: str = ""
    """``circular``, ``non-circular`` or empty."""


@dataclass(frozen=True)
class Gate:
    """One R-R window (DICOM: Data Information); its frames are its slots."""

    slots: int
    frame_time: float | None = None
    low: float | None = None
    high: float | None = None
    acquired: int | None = None
    """R-R intervals that were taken, and those that were not."""
    rejected: int | None = None
    slot_times: tuple[float, ...] = ()
    """Where the slots differ in length."""


@dataclass(frozen=True)
class Gating:
    """How the frames were sorted by the heart's cycle."""

    gates: tuple[Gate, ...]
    heart_rate: float | None = None
    framing: str = ""
    """``FORW``, ``BACK``, ``PCNT`` (DICOM 0018,1064) or empty."""
    beat_rejection: bool | None = None


@dataclass(frozen=True)
class Slices:
    """Reconstructed slices."""

    count: int
    thickness: float | None = None
    spacing: float | None = None
    orientation: str = ""
    """``transverse``, ``coronal``, ``sagittal``, ``short axis`` … or empty."""
    method: str = ""
    filter: str = ""


class Place(NamedTuple):
    """Where a frame belongs; each number counts from 1, as DICOM's vectors do."""

    window: int = 1
    detector: int = 1
    phase: int = 1
    rotation: int = 1
    gate: int = 1
    slot: int = 1
    view: int = 1
    """Angular view of a rotation."""
    slice: int = 1
    time_slice: int = 1
    """Number of the frame in its phase."""


@dataclass(frozen=True)
class Scale:
    """What a stored pixel stands for: ``pixel * slope + intercept`` in ``unit``."""

    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""


@dataclass(frozen=True, eq=False)
class Acquisition:
    """One acquisition: what one DICOM object, or one Interfile study, holds."""

    kind: Kind
    pixels: Pixels
    places: tuple[Place, ...]
    """One a frame, in the order of ``pixels``."""
    patient: Patient = Patient()
    visit: Visit = Visit()
    equipment: Equipment = Equipment()
    isotopes: tuple[Isotope, ...] = ()
    windows: tuple[Window, ...] = (Window(),)
    detectors: tuple[Detector, ...] = (Detector(),)
    phases: tuple[Phase, ...] = ()
    rotations: tuple[Rotation, ...] = ()
    gating: Gating | None = None
    slices: Slices | None = None
    spacing: tuple[float, float] | None = None
    """Between rows, between columns (DICOM's order)."""
    duration: float | None = None
    """Of one frame (static, whole body)."""
    head_first: bool | None = None
    posture: str = ""
    """``supine``, ``prone``, ``left``, ``right`` or empty."""
    body_part: str = ""
    corrections: frozenset[str] = frozenset()
    """DICOM's words: UNIF, DECY, COR, ATTN, SCAT … (PS3.3 C.8.4.9)."""
    uncorrected: frozenset[str] = frozenset()
    """Corrections that the source says were not made."""
    transmission: bool = False
    positron: bool = False
    """Made by a positron scanner: no image that DICOM's NM object is for."""
    scale: Scale = Scale()
    scan_velocity: float | None = None
    scan_length: float | None = None
    counts: float | None = None
    """Total counts the source states."""
    fields: tuple[Field, ...] = ()
    """The fields of the source that concern this acquisition."""
    derived: tuple[Derived, ...] = ()

    @property
    def rows(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[1])

    @property
    def columns(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[2])


@dataclass(frozen=True, eq=False)
class Reading:
    """All that one file (a header and its data files) gave. ``format`` names its format."""

    format: str
    acquisitions: tuple[Acquisition, ...]
    originals: tuple[Original, ...]
    fields: tuple[Field, ...] = ()
    """Each field of the source once."""
    notes: tuple[str, ...] = ()
    """What an operator should know: extra bytes behind the data, a missing END …"""
