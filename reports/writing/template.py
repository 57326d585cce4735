"""The examinations: which sections their reports have, and what a normal one says.

Each is a file of ``templates``. A blank that must be filled in is written ``___``; a text that
still has one is not signed (reports/writing/sign.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "templates"
LANGUAGES = ("en", "zh-hant")
HEADINGS = ("history", "procedure", "previous", "findings", "impression", "recommendation")
"""What a section is to a machine: DICOM's headings (PS3.16, CID 7001; reports/documents/sr.py)."""
ADDENDUM = "addendum"
_KEY = re.compile(r"[a-z][a-z_]{1,30}")


@dataclass(frozen=True)
class Both:
    """A text in English and Traditional Chinese."""

    en: str
    zh_hant: str

    def within(self, language: str) -> str:
        """That of a language; anything else is English."""
        return self.zh_hant if language == "zh-hant" else self.en


@dataclass(frozen=True)
class Section:
    """A part of a report."""

    key: str
    heading: str
    title: Both
    normal: Both
    """What is often written; nothing is written that nobody asked for."""


@dataclass(frozen=True)
class Examination:
    """A template."""

    key: str
    order: int
    title: Both
    sections: tuple[Section, ...]


def _both(told: Any, where: str, *, empty: bool = False) -> Both:
    if told is None and empty:
        return Both("", "")
    if not isinstance(told, dict) or told.keys() != set(LANGUAGES):
        raise ValueError(f"{where}: a text in each of {', '.join(LANGUAGES)} belongs here")
    texts = [told[language] for language in LANGUAGES]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError(f"{where}: a text is empty")
    return Both(*(text.strip() for text in texts))


def _section(told: Any, where: str) -> Section:
    if not isinstance(told, dict) or not {"key", "heading", "title"} <= told.keys():
        raise ValueError(f"{where}: a section has a key, a heading and a title")
    if unknown := told.keys() - {"key", "heading", "title", "normal"}:
        raise ValueError(f"{where}: there is no {', '.join(sorted(unknown))} in a section")
    key = told["key"]
    if not isinstance(key, str) or not _KEY.fullmatch(key) or key == ADDENDUM:
        raise ValueError(f"{where}: {key!r} is no key of a section")
    where = f"{where}, {key}"
    if told["heading"] not in HEADINGS:
        raise ValueError(f"{where}: the heading is one of {', '.join(HEADINGS)}")
    title = _both(told["title"], where)
    return Section(key, told["heading"], title, _both(told.get("normal"), where, empty=True))


def read(path: Path) -> Examination:
    """The examination in a file. Raises ValueError naming the file and what is wrong."""
    told = yaml.safe_load(path.read_text("utf-8"))
    if not isinstance(told, dict) or told.keys() != {"title", "order", "sections"}:
        raise ValueError(f"{path.name}: title, order and sections belong here, and nothing else")
    if not isinstance(told["order"], int) or not isinstance(told["sections"], list):
        raise ValueError(f"{path.name}: order is a number, sections are a list")
    title = _both(told["title"], path.name)
    sections = tuple(_section(each, path.name) for each in told["sections"])
    keys = [section.key for section in sections]
    if not keys or len(set(keys)) != len(keys):
        raise ValueError(f"{path.name}: no section, or two of a key")
    if "impression" not in {section.heading for section in sections}:
        raise ValueError(f"{path.name}: a report without an impression says nothing")
    return Examination(path.stem, told["order"], title, sections)


@cache
def examinations() -> dict[str, Examination]:
    """All of them, in their order. Raises ValueError, when the site starts (apps.py)."""
    every = (read(path) for path in FOLDER.glob("*.yaml"))
    return {each.key: each for each in sorted(every, key=lambda each: (each.order, each.key))}


def addendum() -> Section:
    """The one section of an addendum."""
    return Section(ADDENDUM, ADDENDUM, Both("Addendum", "補充報告"), Both("", ""))
