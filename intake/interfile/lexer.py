"""Bytes of a header as lines with key, value and comment; forgiving of form, never of doubt."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from intake.interfile import keys
from intake.options import CHARSETS, Options
from intake.refused import Refused

MAX_HEADER = 1 << 20
MAX_LINE = 1 << 14
STANDARD_LINE = 255 * 3
CTRL_Z = b"\x1a"
_ENDS = re.compile(rb"\r\n|\r|\n")
_SPACED = re.compile(r":\s+=")
END_MARK = re.compile(rb"(?i)[! \t_]*end[ \t_]*of[ \t_]*interfile")


@dataclass(frozen=True)
class Line:
    """One line of the header. ``name`` is the key's own name in Interfile, or empty."""

    number: int
    offset: int
    key: str
    value: str
    delimited: bool = True
    comment: str = ""
    tight: bool = False
    """The comment's semicolon stands without a blank before it: perhaps part of the value."""
    name: str = ""
    index: int | None = None
    scope: keys.Scope | None = None
    factor: float = 1.0
    undecoded: bool = False
    """It has bytes above 127 and nothing says in which charset."""

    @property
    def lower(self) -> str:
        """The value without case and outer blanks, as most values are compared."""
        return " ".join(self.value.split()).lower()


@dataclass(frozen=True)
class Header:
    """All lines, and where the header ends in its file."""

    lines: tuple[Line, ...]
    end: int
    charset: str
    notes: tuple[str, ...]


def looks_like(start: bytes) -> bool:
    """Whether a file begins as an Interfile header does: that word, or comments before it."""
    text = start[:4096].lstrip(b"\xef\xbb\xbf").replace(b"\0", b"")
    for line in _ENDS.split(text)[:60]:
        bare = line.translate(None, b"! \t_").lower()
        if bare and not bare.startswith(b";"):
            return bare.startswith((b"interfile", b"%interfile"))
    return False


def read(data: bytes, options: Options) -> Header:
    """The lines of a header that begins at ``data[0]``; what follows it may be pixels."""
    data, charset, shift, notes = _decoded_start(data, options)
    lines: list[Line] = []
    place, number, ended = 0, 0, False
    while place < len(data) and not ended:
        if place > MAX_HEADER:
            raise Refused(f"no END OF INTERFILE within {MAX_HEADER} bytes")
        match = _ENDS.search(data, place, place + MAX_LINE)
        stop = match.start() if match else min(len(data), place + MAX_LINE)
        after = match.end() if match else stop
        raw = data[place:stop]
        number += 1
        if CTRL_Z in raw:
            raw, ended = raw[: raw.index(CTRL_Z)], True
            after = place + len(raw) + 1
            _check_nothing_behind(data[after : after + MAX_HEADER], number)
        elif match is None and after < len(data):
            _check_long_line(raw, lines, number)
            break
        raw = raw.strip(b"\0")
        if len(raw) > STANDARD_LINE:
            notes.append(f"line {number} has {len(raw)} characters, the standard's most is 255")
        if raw.strip(b" \t;"):
            lines.append(_line(raw, number, place + shift, charset))
        place = after
        ended = ended or bool(END_MARK.match(raw))
    if not any(line.name == "END OF INTERFILE" for line in lines):
        notes.append("the header has no END OF INTERFILE")
    return Header(tuple(lines), place + shift, charset, tuple(notes))


def _decoded_start(data: bytes, options: Options) -> tuple[bytes, str, int, list[str]]:
    """The header after its byte order mark, its charset, and the bytes that were skipped."""
    charset = CHARSETS[options.charset] if options.charset else "ascii"
    if data[:3] == b"\xef\xbb\xbf":
        return data[3:], "utf-8", 3, ["the header begins with a byte order mark: it is UTF-8"]
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        try:
            text = data[: 2 * MAX_HEADER].decode("utf-16")
        except UnicodeDecodeError:
            raise Refused(
                "the header is UTF-16 and holds something that is not text",
                1,
                "put the images into a file of their own",
            ) from None
        note = "the header is UTF-16: offsets within it are not those of the file"
        return text.encode(), "utf-8", 0, [note]
    return data, charset, 0, []


def _check_nothing_behind(rest: bytes, number: int) -> None:
    """A Ctrl-Z ends a text file in DOS; keys behind it mean that it stands there by accident."""
    if b":=" in rest[:4096] and END_MARK.search(rest):
        raise Refused(
            "a Ctrl-Z stands in this line, but more keys follow it: which part holds is unclear",
            number,
            "remove the Ctrl-Z, or what follows it",
        )


def _check_long_line(raw: bytes, lines: list[Line], number: int) -> None:
    """The header ran into pixels, or into a line without end: an END mark is missing."""
    if not lines or b":=" in raw:
        raise Refused(f"a line of more than {MAX_LINE} characters", number)


def _line(raw: bytes, number: int, offset: int, charset: str) -> Line:
    return Line(number, offset, *(_usual if len(raw) <= STANDARD_LINE else _words)(raw, charset))


_Words = tuple[str, str, bool, str, bool, str, "int | None", "keys.Scope | None", float, bool]


def _words(raw: bytes, charset: str) -> _Words:
    """All of a line but its place in the file."""
    text, undecoded = _decode(raw, charset)
    body, semicolon, comment = text.partition(";")
    key, value, delimited = _key_and_value(body)
    known, index = keys.find(key)
    # HRRT writes `!INTERFILE` and nothing behind it.
    bare = known is not None and (known.scope is keys.Scope.HEADING or known.name == "INTERFILE")
    meant = known if delimited or bare else None
    return (
        key,
        value,
        delimited,
        comment.strip() if semicolon else "",
        bool(semicolon) and not body.endswith((" ", "\t")),
        meant.name if meant else "",
        index if meant else None,
        meant.scope if meant else None,
        meant.factor if meant else 1.0,
        undecoded,
    )


_usual = functools.lru_cache(4096)(_words)
"""Most lines of a device's headers are those of its last one."""


def _key_and_value(body: str) -> tuple[str, str, bool]:
    """Split at ``:=``, else at ``: =``, else at ``=`` behind a key that is known."""
    key, delimiter, value = body.partition(":=")
    if not delimiter and (match := _SPACED.search(body)):
        key, delimiter, value = body[: match.start()], ":=", body[match.end() :]
    if not delimiter and "=" in body:
        before, _, after = body.partition("=")
        if keys.find(before)[0]:
            key, delimiter, value = before, "=", after
    return key.strip(), value.strip(), bool(delimiter)


def _decode(raw: bytes, charset: str) -> tuple[str, bool]:
    try:
        return raw.decode(charset), False
    except UnicodeDecodeError:
        # Shown and kept as escapes; a value that is used refuses the file (see blocks.py).
        return raw.decode("ascii", "backslashreplace"), True
