"""What every kind of study states alike: patient, visit, equipment, isotope, energy windows."""

from __future__ import annotations

import datetime as dt
import re

from intake import nuclides, text
from intake.interfile.blocks import Block
from intake.interfile.dialects import Dialect
from intake.refused import Refused
from intake.study import Equipment, Isotope, Patient, Range, Scale, Visit, Window

SEXES = {"": "", "m": "M", "male": "M", "f": "F", "female": "F", "o": "O", "other": "O"}
SEXES |= {"unknown": "", "u": ""}
YES = {"": None, "y": True, "yes": True, "n": False, "no": False}
MAX_WINDOWS = 64


def patient(root: Block, dialect: Dialect) -> Patient:
    """Name, number, birth, sex. A name that may be cut short refuses the file."""
    for name in ("patient name", "patient ID"):
        line = root.line(name)
        if line and line.tight:
            raise Refused(
                f"{line.key!r} holds a semicolon, which begins a comment: what follows it may be "
                "part of the value",
                line.number,
            )
    line = root.line("patient name")
    name = text.person(root.text("patient name", "patient.name"), line.number if line else 0)
    return Patient(
        name=name,
        id=_short(root, "patient ID", "patient.id", 64),
        birth_date=_date(root, "patient dob", "patient.birth_date", dialect),
        sex=_sex(root),
    )


def _sex(root: Block) -> str:
    line = root.line("patient sex")
    if line and line.lower not in SEXES:
        root.ledger.kept(line, "none of M, F, Unknown")
        return ""
    return root.word("patient sex", "patient.sex", SEXES)


def _short(root: Block, name: str, to: str, most: int) -> str:
    """A text DICOM has room for; a longer one is kept, not cut."""
    found = root.text(name, to)
    line = root.line(name)
    if line and (len(found) > most or "\\" in found):
        if name == "patient ID":
            raise Refused(
                f"{line.key!r} does not fit DICOM: at most {most}, no backslash", line.number
            )
        root.ledger.kept(line, f"longer than DICOM's {most} characters, or with a backslash")
        return ""
    return found


def _date(root: Block, name: str, to: str, dialect: Dialect) -> dt.date | None:
    line = root.line(name)
    if not line:
        return None
    order = "dmy" if re.search(r"\(dd:mm", line.key.lower()) else "ymd"
    first = dialect.first_month if name == "study date" else 1
    found = text.date(line.value, order, first)
    if found is None:
        if line.value.strip("0:/-. "):
            root.ledger.note(f"line {line.number}: {line.value!r} is no clear date; left empty")
        root.ledger.kept(line, "no clear date")
        return None
    root.ledger.mapped(line, to)
    return found


def _time(root: Block, name: str, to: str) -> dt.time | None:
    line = root.line(name)
    found = text.time(line.value) if line else None
    if line and found is None:
        root.ledger.kept(line, "no clear time")
    elif line:
        root.ledger.mapped(line, to)
    return found


def visit(root: Block, dialect: Dialect) -> Visit:
    """Study and series. Interfile's date is that of the first image."""
    day = _date(root, "study date", "visit.date", dialect)
    hour = _time(root, "study time", "visit.time")
    return Visit(
        id=_short(root, "study ID", "visit.id", 16),
        description=_short(root, "exam type", "visit.description", 64),
        date=day,
        time=hour,
        acquisition_date=day,
        acquisition_time=hour,
        series=_short(root, "process label", "visit.series", 64),
    )


def equipment(root: Block) -> Equipment:
    """Who made it and where."""
    return Equipment(
        manufacturer=_short(root, "originating system", "equipment.manufacturer", 64),
        institution=_short(root, "original institution", "equipment.institution", 64),
    )


def body_part(root: Block) -> str:
    """DICOM's Body Part Examined is a code string: capitals, at most 16."""
    line = root.line("organ")
    found = line.value.upper() if line else ""
    if line and (found == "NONE" or re.fullmatch(r"[A-Z0-9 _]{1,16}", found)):
        root.ledger.mapped(line, "body_part")
        return "" if found == "NONE" else found
    return ""


def isotopes(root: Block) -> tuple[Isotope, ...]:
    """``isotope := Tc-99m/MDP``; else a window that bears a nuclide's name."""
    dose = root.number("dose", "isotopes[0].dose_mbq")
    line = root.line("isotope")
    if line and line.lower != "none":
        names = root.text("isotope", "isotopes[0]")
        nuclide, _, agent = names.partition("/")
        found = nuclides.find(nuclide)
        return (Isotope(found.name if found else nuclide.strip(), agent.strip(), dose or None),)
    if line:
        root.ledger.mapped(line, "isotopes")
    for index in range(1, MAX_WINDOWS + 1):
        window = root.line("energy window", index)
        found = nuclides.find(window.value) if window else None
        if window and found:
            root.ledger.derive(
                "isotopes[0]", found.name, f"the window's name, line {window.number}"
            )
            return (Isotope(found.name, "", dose or None),)
    return (Isotope("", "", dose),) if dose else ()


def windows(root: Block) -> tuple[Window, ...]:
    """As many as are stated; names and levels where there are any."""
    count = root.whole("number of energy windows", "windows")
    line = root.line("number of energy windows")
    named = [index or 1 for name, index in root.lines if name.startswith("energy window")]
    most = max(named, default=1)
    if count is None:
        count = most
        if most > 1:
            root.ledger.derive("windows", most, "as many as have a name or levels")
    if line and (not 1 <= count <= MAX_WINDOWS or most > count):
        raise Refused(f"{line.key!r} is {count}, but window {most} is described", line.number)
    return tuple(_window(root, index) for index in range(1, count + 1))


def _window(root: Block, index: int) -> Window:
    to = f"windows[{index - 1}]"
    name = root.text("energy window", f"{to}.name", index)
    lower = root.number("energy window lower level", f"{to}.lower", index)
    upper = root.number("energy window upper level", f"{to}.upper", index)
    ranges: tuple[Range, ...] = ()
    if lower is not None or upper is not None:
        ranges = (Range(lower, upper),)
    if lower is not None and upper is not None and (lower > upper or (lower == upper == 0)):
        for each in ("lower", "upper"):
            line = root.line(f"energy window {each} level", index)
            if line:
                root.ledger.kept(line, "the lower level is not below the upper one")
        if lower > upper:
            root.ledger.note(f"energy window {index}: {lower:g} to {upper:g} keV is no range")
        ranges = ()
    return Window(name, ranges)


def corrections(root: Block, count: int) -> tuple[frozenset[str], frozenset[str]]:
    """Those made and those not made, where the header says so for every window alike."""
    made: set[str] = set()
    unmade: set[str] = set()
    for name, word in (("flood corrected", "UNIF"), ("decay corrected", "DECY")):
        lines = [root.line(name, index) for index in range(1, count + 1)]
        said = {YES.get(line.lower) for line in lines if line}
        if len(said) != 1 or None in said:
            continue
        for line in lines:
            if line:
                root.ledger.mapped(line, "corrections")
        (made if True in said else unmade).add(word)
    return frozenset(made), frozenset(unmade)


def scale(root: Block) -> Scale:
    """Global factors of Hermes (NUD) and Mediman."""
    hermes = root.number("NUD/rescale slope", "scale.slope")
    intercept = root.number("NUD/rescale intercept", "scale.intercept")
    mediman = None
    line = root.line("quantification units")
    if line:
        try:
            mediman = text.number(line.value)
            root.ledger.mapped(line, "scale.slope")
        except ValueError:
            root.ledger.kept(line, "not one number")
    if hermes is not None and mediman is not None and hermes != mediman and line:
        raise Refused("two factors for the pixels contradict each other", line.number)
    slope = hermes if hermes is not None else mediman
    if slope == 0:
        raise Refused("a factor of 0 for the pixels", line.number if line else 0)
    return Scale(1.0 if slope is None else slope, intercept or 0.0)


def placement(block: Block) -> tuple[bool | None, str]:
    """Whether the head goes in first, and the posture; as written, no default is assumed."""
    ways = {"": None, "headin": True, "feetin": False, "other": None, "unknown": None}
    head = block.line("patient orientation")
    first = None
    if head:
        first = ways.get(head.lower.replace("_", "").replace(" ", ""))
        if first is not None:
            block.ledger.mapped(head, "head_first")
    posture = block.line("patient rotation")
    if posture and posture.lower in {"supine", "prone"}:
        block.ledger.mapped(posture, "posture")
        return first, posture.lower
    return first, ""
