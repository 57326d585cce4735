"""The keys of Interfile 3.3, where each belongs, and other names for them.

The list is that of m-intf(4) (Debian's libmdc-dev), which repeats the report of 1992 with its
extension to gated SPECT. Case, blanks, tabs, ``_`` and ``!`` mean nothing (rule 1d there).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from enum import Enum


class Scope(Enum):
    """Where a value belongs, and so what may repeat."""

    FILE = "file"
    WINDOW = "energy window"
    IMAGE = "image, frame group, time window or head"
    HEADING = "heading"


_FILE = """
INTERFILE; imaging modality; originating system; version of keys; date of keys;
conversion program; program author; program version; program date; original institution;
contact person; data description; data starting block; data offset in bytes; name of data file;
patient name; patient ID; patient dob; patient sex; study ID; exam type; data compression;
data encode; organ; isotope; dose; type of data; total number of images; study date; study time;
imagedata byte order; process label; quantification units; NUD/rescale slope;
NUD/rescale intercept; number of energy windows; NUD/activity
"""
_WINDOW = """
energy window; energy window lower level; energy window upper level; flood corrected;
decay corrected
"""
_IMAGE = """
number of images/energy window; image number; matrix size; number format;
number of bytes per pixel; scaling factor (mm/pixel); image duration (sec); image start time;
label; maximum pixel count; total counts; number of frame groups; frame group number;
number of images this frame group; pause between images (sec); pause between frame groups (sec);
maximum pixel count in group; study duration (elapsed) sec;
number of cardiac cycles (observed); number of time windows; time window number;
number of images in time window; framing method; time window lower limit (sec);
time window upper limit (sec); % R-R cycles acquired this window;
number of cardiac cycles (acquired); study duration (acquired) sec; R-R histogram;
number of detector heads; process status; number of projections; extent of rotation;
time per projection (sec); study duration (sec); patient orientation; patient rotation;
direction of rotation; start angle; first projection angle in data set; acquisition mode;
Centre_of_rotation; X_offset; Y_offset; Radius; radii; orbit; preprocessed;
method of reconstruction; number of slices; number of reference frame; slice orientation;
slice thickness (pixels); centre-centre slice separation (pixels); filter name;
filter parameters; z-axis filter; attenuation correction coefficient/cm;
method of attenuation correction; scatter corrected; method of scatter correction;
oblique reconstruction; oblique orientation; gated SPECT nesting outer level;
number of time frames; number of dimensions; matrix axis label; camera zoom factor
"""
_HEADING = """
GENERAL DATA; GENERAL IMAGE DATA; STATIC STUDY (General); Static Study (each frame);
DYNAMIC STUDY (general); Dynamic Study (each frame group); GATED STUDY (general);
Gated Study (each time window); SPECT STUDY (general); SPECT STUDY (acquired data);
SPECT STUDY (reconstructed data); GATED SPECT STUDY (general); CURVE DATA;
END OF INTERFILE
"""


@dataclass(frozen=True)
class Synonym:
    """Another name for a key; ``factor`` turns its numbers into the key's own unit."""

    name: str
    key: str
    index: int | None
    source: str
    factor: float = 1.0


SYNONYMS = (
    Synonym("centre of rotation", "Centre_of_rotation", None, "m-intf(4): blanks mean nothing"),
    Synonym("center of rotation", "Centre_of_rotation", None, "American spelling"),
    Synonym(
        "center-center slice separation (pixels)",
        "centre-centre slice separation (pixels)",
        None,
        "m-intf(4)",
    ),
    Synonym("slice separation", "centre-centre slice separation (pixels)", None, "MIPAV"),
    Synonym("slice thickness", "slice thickness (pixels)", None, "MIPAV"),
    Synonym("matrix size (x)", "matrix size", 1, "Interfile 3.2; MIPAV"),
    Synonym("matrix size (y)", "matrix size", 2, "Interfile 3.2; MIPAV"),
    Synonym("matrix size x", "matrix size", 1, "Interfile 3.2"),
    Synonym("matrix size y", "matrix size", 2, "Interfile 3.2"),
    Synonym("scaling factor (x)", "scaling factor (mm/pixel)", 1, "Interfile 3.2"),
    Synonym("scaling factor (y)", "scaling factor (mm/pixel)", 2, "Interfile 3.2"),
    Synonym("scaling factor (mm/pixel) (x)", "scaling factor (mm/pixel)", 1, "MIPAV"),
    Synonym("scaling factor (mm/pixel) (y)", "scaling factor (mm/pixel)", 2, "MIPAV"),
    Synonym("number of windows", "number of energy windows", None, "MIPAV"),
    Synonym("number of images/window", "number of images/energy window", None, "MIPAV"),
    Synonym("isotope name", "isotope", None, "STIR"),
    Synonym("image duration", "image duration (sec)", None, "UCL tools"),
    Synonym("time per projection", "time per projection (sec)", None, "Interfile 3.2"),
    Synonym("patient date of birth", "patient dob", None, "seen in exports"),
    Synonym("patient birthdate", "patient dob", None, "seen in exports"),
    Synonym("image data byte order", "imagedata byte order", None, "blanks mean nothing"),
    Synonym("static study", "STATIC STUDY (General)", None, "MIPAV"),
    Synonym("dynamic study", "DYNAMIC STUDY (general)", None, "MIPAV"),
    Synonym("gated study", "GATED STUDY (general)", None, "MIPAV"),
    Synonym("spect study", "SPECT STUDY (general)", None, "MIPAV"),
    Synonym("pet study (general)", "SPECT STUDY (general)", None, "STIR"),
    # The colons and the date's order are part of the CTI's keys.
    Synonym("study date (yyyy:mm:dd)", "study date", None, "Siemens/CTI PET"),
    Synonym("study date (dd:mm:yryr)", "study date", None, "HRRT"),
    Synonym("study time (hh:mm:ss)", "study time", None, "Siemens/CTI PET"),
    Synonym("study time (hh:mm:ss GMT+00:00)", "study time", None, "Siemens/CTI PET"),
    Synonym("patient dob (yyyy:mm:dd)", "patient dob", None, "Siemens/CTI PET"),
)


@dataclass(frozen=True)
class Known:
    """A key that has a meaning here."""

    name: str
    scope: Scope
    index: int | None = None
    factor: float = 1.0


_INDEX = re.compile(r"\[(\d{1,4})\]$")
_IGNORED = str.maketrans("", "", " \t_!")


@functools.lru_cache(4096)  # a department's headers have the same few hundred
def plain(key: str) -> str:
    """A key without what means nothing."""
    return key.lower().translate(_IGNORED).removeprefix("%") if key else ""


def _table() -> dict[str, Known]:
    found: dict[str, Known] = {}
    for scope, names in (
        (Scope.FILE, _FILE),
        (Scope.WINDOW, _WINDOW),
        (Scope.IMAGE, _IMAGE),
        (Scope.HEADING, _HEADING),
    ):
        for name in (each.strip() for each in names.replace("\n", " ").split(";")):
            found[plain(name)] = Known(name, scope)
    for other in SYNONYMS:
        key = found[plain(other.key)]
        found[plain(other.name)] = replace(key, index=other.index, factor=other.factor)
    return found


TABLE = _table()


@functools.lru_cache(4096)
def find(key: str) -> tuple[Known | None, int | None]:
    """What a written key means, and its index: ``! Matrix_size [ 1 ]`` is ``matrix size``, 1."""
    text = plain(key)
    index = None
    if match := _INDEX.search(text):
        index, text = int(match[1]), text[: match.start()]
    known = TABLE.get(text)
    return known, known.index if known and known.index is not None else index
