"""Our private block: what DICOM has no place for, and the link to the original.

Group 0061, creator ``GATEWAY INTAKE 1``; the elements are in docs/intake.md. A later form gets
another creator, so that these never change their meaning. Only value representations of 1993 are
used while they suffice: old parsers (medcon's, seen) lose their way at a newer one.
"""

from __future__ import annotations

from collections.abc import Iterable

from intake.dicom.encode import Item, Private
from intake.fields import Derived, Fate, Field, Original

CREATOR = "GATEWAY INTAKE 1"
BLOCK = 0x00611000
FORMAT, HASHES, SIZES, FIELDS, DERIVED = 0x01, 0x02, 0x03, 0x04, 0x05


def element(number: int, vr: str) -> Private:
    """An element of the block."""
    return Private(BLOCK | number, vr)


def block(
    form: str, originals: Iterable[Original], kept: Iterable[Field], derived: Iterable[Derived]
) -> Item:
    """The whole block. Names of files are not in it: the same bytes are the same object."""
    files = list(originals)
    fields = "\n".join(_line(each) for each in kept)
    values = "\n".join(f"{each.to} = {each.value}: {each.how}" for each in derived)
    found: dict[str | Private, str | bytes | list[int] | None] = {
        Private(0x00610010, "LO"): CREATOR,
        element(FORMAT, "LO"): form[:64],
        element(HASHES, "OB"): b"".join(bytes.fromhex(each.sha256) for each in files),
        element(SIZES, "UL"): [min(each.size, 2**32 - 1) for each in files],
    }
    if fields:
        found[element(FIELDS, _text_of(fields))] = fields
    if values:
        found[element(DERIVED, _text_of(values))] = values
    return found


def _text_of(text: str) -> str:
    """Long Text holds 10,240 characters (PS3.5 6.2)."""
    return "LT" if len(text) <= 10240 else "UT"


def hashes(value: bytes) -> list[str]:
    """The originals' SHA-256 of an element HASHES."""
    return [value[start : start + 32].hex() for start in range(0, len(value) - 31, 32)]


def _line(field: Field) -> str:
    """``12: key := value``; what is no printable character as an escape."""
    return f"{field.line}: {_shown(field.key)} := {_shown(field.raw)}"


def _shown(text: str) -> str:
    if text.isprintable() and "\\" not in text:
        return text
    shown = (
        "\\\\" if char == "\\" else char if char.isprintable() else f"\\x{{{ord(char):x}}}"
        for char in text
    )
    return "".join(shown)


def fields(text: str) -> tuple[Field, ...]:
    """The fields of an element FIELDS, as they once stood in the source."""
    found = []
    for line in text.split("\n"):
        number, _, rest = line.partition(": ")
        key, delimiter, value = rest.partition(" := ")
        if delimiter and number.isdigit():
            found.append(Field(_read(key), _read(value), Fate.KEPT, line=int(number)))
    return tuple(found)


def expand(account: Iterable[Field]) -> tuple[Field, ...]:
    """The kept fields of an account; those of a block of ours as they once stood."""
    found: list[Field] = []
    for each in account:
        if each.kept:
            mine = each.key.startswith("0061,1004") and fields(each.raw)
            found += mine or [each]
    return tuple(found)


def _read(text: str) -> str:
    found, at = [], 0
    while at < len(text):
        if text.startswith("\\x{", at) and "}" in text[at:]:
            end = text.index("}", at)
            found.append(chr(int(text[at + 3 : end], 16)))
            at = end + 1
        elif text.startswith("\\\\", at):
            found.append("\\")
            at += 2
        else:
            found.append(text[at])
            at += 1
    return "".join(found)
