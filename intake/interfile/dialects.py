"""What cameras and programs make of Interfile, as data: how each is known, and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from intake.interfile import keys
from intake.interfile.lexer import Line
from intake.options import Options
from intake.refused import Refused


@dataclass(frozen=True)
class Dialect:
    """How one family writes and reads Interfile."""

    name: str
    source: str
    """Where this was learnt."""
    signs: tuple[tuple[str, str], ...] = ()
    """A key and a word its value begins with, any of which tells this dialect."""
    first_month: int = 1
    comment_keys: Mapping[str, tuple[str, int | None, float]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Keys that stand in comments: plain name -> the key, its index, the factor to its unit."""
    little_endian: bool = False
    """What its own readers expect; written only. The standard's default is big-endian."""
    name_style: str = "comma"
    """``comma``: ``DOE, JANE``; ``caret``: ``DOE^JANE^^^``. Written only."""
    upper_case_file: bool = False
    """Written only: the data file's name in capitals."""


STANDARD = Dialect("standard", "Interfile 3.3, m-intf(4)")
DIALECTS = (
    STANDARD,
    Dialect(
        "simind",
        "headers in the repositories that convert them for STIR and OMEGA",
        (("originating system", "simind"),),
        comment_keys=MappingProxyType(
            {
                "energywindowlowerlevel": ("energy window lower level", 1, 1.0),
                "energywindowupperlevel": ("energy window upper level", 1, 1.0),
                "#radius": ("Radius", None, 10.0),  # cm
                "#xoffset": ("X_offset", None, 10.0),
            }
        ),
        little_endian=True,
    ),
    Dialect(
        "gate",
        "GateToInterfile.cc: months come from C's tm_mon, 00 to 11",
        (("GATE GEOMETRY", ""), ("originating system", "gate")),
        first_month=0,
        little_endian=True,
    ),
    Dialect("stir", "STIR's InterfileHeader.cxx", (("version of keys", "stir"),)),
    Dialect(
        "genie",
        "headers that GE's GENIE and Xeleris export",
        (("originating system", "genie"), ("originating system", "xeleris")),
        little_endian=True,
        name_style="caret",
        upper_case_file=True,
    ),
    Dialect("hermes", "medcon's m-intf.c: NUD", (("NUD/rescale slope", ""),)),
    Dialect("mipav", "MIPAV's FileInterfile.java", (("conversion program", "mipav"),)),
    Dialect("mediman", "medcon's m-intf.c", (("quantification units", ""),)),
    Dialect("cti", "headers of Siemens/CTI and HRRT", (("originating system", "cti"),)),
)
_SIGNS = {keys.plain(key) for dialect in DIALECTS for key, _ in dialect.signs}
BY_NAME = {dialect.name: dialect for dialect in DIALECTS}


def named(name: str) -> Dialect:
    """The dialect of that name; the message lists all there are."""
    if name not in BY_NAME:
        raise Refused(f"there is no dialect {name!r}; known are {', '.join(BY_NAME)}")
    return BY_NAME[name]


def recognise(lines: tuple[Line, ...], options: Options) -> Dialect:
    """The one the options name, or the first whose sign stands in the header."""
    if options.dialect:
        return named(options.dialect)
    values: dict[str, str] = {}
    for line in lines:
        plain = keys.plain(line.key or line.comment.partition(":=")[0])
        if plain in _SIGNS and plain not in values:
            values[plain] = line.lower
    for dialect in DIALECTS:
        for key, start in dialect.signs:
            value = values.get(keys.plain(key))
            if value is not None and value.startswith(start):
                return dialect
    return STANDARD


def apply(dialect: Dialect, lines: tuple[Line, ...], options: Options) -> tuple[Line, ...]:
    """The lines with the dialect's comments as keys, and behind them what the profile assumes."""
    found = [_from_comment(dialect, line) if not line.key else line for line in lines]
    there = {(line.name, line.index) for line in found if line.value}
    for key, value in options.assume.items():
        known, index = keys.find(key)
        if known is None:
            raise Refused(f"the profile assumes a value for {key!r}, which is no key of Interfile")
        if (known.name, index) not in there:
            # Line 0: no line of the file says it.
            found.append(Line(0, -1, key, value, name=known.name, index=index, scope=known.scope))
    return tuple(found)


def _from_comment(dialect: Dialect, line: Line) -> Line:
    key, delimiter, value = line.comment.partition(":=")
    wanted = dialect.comment_keys.get(keys.plain(key)) if delimiter else None
    if not wanted:
        return line
    name, index, factor = wanted
    known, _ = keys.find(name)
    assert known is not None  # noqa: S101 - a table of ours, tested
    return replace(
        line,
        key=key.strip(),
        value=value.strip(),
        comment="",
        name=known.name,
        index=index,
        scope=known.scope,
        factor=factor,
    )
