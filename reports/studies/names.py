"""Names of patients: as DICOM writes them, as people read them, as they are searched for."""

from __future__ import annotations

import re
import unicodedata

_HAN = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def groups(name: str) -> tuple[str, str]:
    """The alphabetic and the ideographic group of a person name (PS3.5, 6.2.1.2)."""
    latin, han, *_phonetic = [*name.split("="), "", ""]
    return latin.strip("^ "), han.strip("^ ")


def shown(name: str) -> str:
    """``Lin^Mei^^^`` as ``Lin, Mei``, and ``林^美`` as ``林美``."""
    family, *rest = [part.strip() for part in name.split("^")]
    given = " ".join(part for part in rest if part)
    if _HAN.search(name):
        return family + given.replace(" ", "")
    return ", ".join(part for part in (family, given) if part)


def folded(text: str) -> str:
    """Without case, accents and full-width forms, so that Müller is found by MULLER."""
    apart = unicodedata.normalize("NFKD", text)
    bare = "".join(each for each in apart if not unicodedata.combining(each))
    return unicodedata.normalize("NFKC", bare).casefold()


def words(text: str) -> list[str]:
    """The words of a name or of what somebody searches, folded."""
    return re.findall(r"\w+", folded(text).replace("_", " "))


def searched(*names: str) -> str:
    """What a search looks into: each word after a space; Han names also in one piece."""
    found = [word for name in names for word in words(name)]
    found += ["".join(words(name)) for name in names if _HAN.search(name) and "^" in name]
    return "".join(f" {word}" for word in dict.fromkeys(found))
