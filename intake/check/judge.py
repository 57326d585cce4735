"""dciodvfy (dicom3tools) asked and its words read; its exit code says nothing.

Exactly two of its complaints are defects of its own (seen with 1.00~20240118131615, Debian 13):
its list of what a NM object may hold forgets the Multi-gated Acquisition module in GATED objects,
and its condition for Time Slot Information Sequence is false for GATED TOMO and RECON GATED TOMO,
where PS3.3 C.8.4.13 asks for it. They are told as such, and only for these kinds and attributes.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from intake import sandbox
from intake.check.finding import Finding, Level
from intake.refused import Refused
from intake.study import Kind

PROGRAM = "dciodvfy"
_LINE = re.compile(r"(Error|Warning) - (.*)")
_GATE = (
    r"</GatedInformationSequence\(0054,0062\)\[\d+\]/DataInformationSequence\(0054,0063\)\[\d+\]"
)
_SLOTS = re.compile(
    _GATE + r"/TimeSlotInformationSequence\(0054,0072\)> - Attribute present when condition "
    r"unsatisfied \(which may not be present otherwise\) for Type 2C Conditional - "
    r"Module=<NMMultiGatedAcquisition>"
)
_MODULE = (
    *("BeatRejectionFlag", "PVCRejection", "SkipBeats", "HeartRate", "TriggerTime"),
    *("CardiacFramingType", "FrameTime", "NominalInterval", "LowRRValue", "HighRRValue"),
    *("IntervalsAcquired", "IntervalsRejected", "TimeSlotTime", "TimeSlotInformationSequence"),
    *("DataInformationSequence", "GatedInformationSequence"),
)
"""The attributes of the module (PS3.3 C.8.4.13)."""
_FORGOTTEN = re.compile(
    rf"<(?:/[A-Za-z]+\([0-9a-f,]+\)(?:\[\d+\])?)*/(?:{'|'.join(_MODULE)})\([0-9a-f,]+\)> - "
    r"Attribute is not present in standard DICOM IOD"
)
# Words for whoever builds a DICOMDIR, which nobody here does.
_INDEX = "Missing attribute or value that would be needed to build DICOMDIR"


def ask(path: Path, kind: Kind | None) -> list[Finding]:
    """What dciodvfy says of a file; Refused when it cannot be asked."""
    with tempfile.TemporaryDirectory(prefix="intake-") as name:
        folder = Path(name)
        shutil.copyfile(path, folder / "image.dcm", follow_symlinks=False)
        done = sandbox.run([PROGRAM, "-new", "image.dcm"], folder)
    return read(done.errors, kind)


def read(errors: bytes, kind: Kind | None) -> list[Finding]:
    """Its standard error, which need not be UTF-8, as findings."""
    found, named = [], False
    for line in errors.decode("latin-1").splitlines():
        match = _LINE.match(line)
        if match:
            level = Level.ERROR if match[1] == "Error" else Level.WARNING
            finding = _known(Finding(level, PROGRAM, match[2].strip()), kind)
            if _INDEX not in finding.text:
                found.append(finding)
        # Without the name of an object it gave up before it judged anything.
        named = named or line.strip() == "NMImage"
    if not named and not any(each.level is Level.ERROR for each in found):
        said = errors.decode("latin-1").strip().splitlines()
        raise Refused(f"dciodvfy gave no judgement: {said[-1] if said else 'it said nothing'}")
    return found


def _known(finding: Finding, kind: Kind | None) -> Finding:
    both = {Kind.GATED_TOMO, Kind.RECON_GATED_TOMO}
    if finding.level is Level.ERROR and kind in both and _SLOTS.fullmatch(finding.text):
        why = "its condition is false for gated tomographic objects; PS3.3 C.8.4.13 asks for it"
        return Finding(Level.KNOWN, PROGRAM, finding.text, why)
    forgotten = kind is Kind.GATED and _FORGOTTEN.fullmatch(finding.text)
    if finding.level is Level.WARNING and forgotten:
        why = "its list forgets the Multi-gated Acquisition module (PS3.3 C.8.4.13)"
        return Finding(Level.KNOWN, PROGRAM, finding.text, why)
    return finding
