"""What a draft may hold: plain text, and pointers to frames of the study's own images."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from reports.studies.models import Image, Study
from reports.writing.models import Report, Stage
from reports.writing.template import Section, addendum, examinations

LONGEST = 20_000
"""Characters of a section: ten printed pages."""
MOST_IMAGES = 24
PALETTES = re.compile(r"[A-Za-z0-9 _.+-]{1,32}")
# What no keyboard types and no reader sees: control characters, and marks that turn the order of
# what is read around (Unicode TR36, 2.5). Line feeds and tabs stay.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufdd0-\ufdef\ufff0-\uffff\ud800-\udfff]"
)


class ContentError(ValueError):
    """What was sent cannot be kept; ``str`` of it is a sentence for who wrote it."""


@dataclass(frozen=True)
class KeyImage:
    """A frame as it was looked at: ``frame`` counts from 0, the window is in counts."""

    image: str
    """SOP Instance UID."""
    frame: int
    low: float
    high: float
    palette: str
    note: str


def plain(text: str) -> str:
    """The text without what is not to be seen, one kind of line end, no space at the ends."""
    text = _HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def signed(report: Report) -> bool:
    """Whether it has a final version: what follows are addenda."""
    return report.versions.exclude(stage=Stage.PRELIMINARY).exists()


def sections_of(report: Report) -> tuple[Section, ...]:
    """The sections that can be written now."""
    if signed(report):
        return (addendum(),)
    known = examinations()
    return known.get(report.template, known["general"]).sections


def sections(told: Any, wanted: Iterable[Section]) -> dict[str, str]:
    """The texts of a draft. Raises ContentError."""
    if not isinstance(told, dict):
        raise ContentError(_("The text did not arrive as the page sends it."))
    titles = {section.key: section.title for section in wanted}
    kept: dict[str, str] = {}
    for key, text in told.items():
        if key not in titles or not isinstance(text, str):
            raise ContentError(_("This report has no such section; load the page again."))
        if len(text) > LONGEST:
            raise ContentError(
                _("“%(section)s” is too long: %(size)d characters, %(most)d at most.")
                % {
                    "section": titles[key].within(get_language() or ""),
                    "size": len(text),
                    "most": LONGEST,
                }
            )
        kept[key] = plain(text)
    return kept


def number(value: Any) -> float:
    """One end of a window. Raises ContentError."""
    # Six digits, and no negative zero: PostgreSQL's jsonb gives back what it was given.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ContentError(_("A key image has no window."))
    if not math.isfinite(value) or abs(value) > 1e9:
        raise ContentError(_("The window of a key image is out of range."))
    return round(float(value), 6) + 0.0


def _key_image(told: Any, known: dict[str, int]) -> KeyImage:
    if not isinstance(told, dict) or told.keys() - set(KeyImage.__dataclass_fields__):
        raise ContentError(_("A key image did not arrive as the viewer sends it."))
    image, frame, palette = told.get("image"), told.get("frame"), told.get("palette", "grey")
    if not isinstance(image, str) or image not in known:
        raise ContentError(_("A key image is not of this study."))
    if isinstance(frame, bool) or not isinstance(frame, int) or not 0 <= frame < known[image]:
        raise ContentError(_("A key image names a frame that the image does not have."))
    if not isinstance(palette, str) or not PALETTES.fullmatch(palette):
        raise ContentError(_("A key image names a palette that there is not."))
    note = told.get("note", "")
    if not isinstance(note, str) or len(note) > 500:
        raise ContentError(_("The note of a key image is too long."))
    low, high = number(told.get("low")), number(told.get("high"))
    if high <= low:
        raise ContentError(_("The window of a key image is empty."))
    return KeyImage(image, frame, low, high, palette, " ".join(plain(note).split()))


def key_images(told: Any, study: Study) -> list[dict[str, Any]]:
    """The key images of a draft, all of that study. Raises ContentError."""
    if not isinstance(told, list):
        raise ContentError(_("A key image did not arrive as the viewer sends it."))
    if len(told) > MOST_IMAGES:
        raise ContentError(_("A report has %(most)d key images at most.") % {"most": MOST_IMAGES})
    of_study = Image.objects.filter(series__study=study).values_list("uid", "frames")
    known = dict(of_study) if told else {}
    return [asdict(_key_image(each, known)) for each in told]
