"""The PDF of a version: the same bytes each time, so that its digest means something."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    HRFlowable,
    Image,
    KeepTogether,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from reports.documents.fonts import BOLD, LATIN, han, runs, width
from reports.documents.lines import Style, Text
from reports.documents.parts import look, parts
from reports.documents.picture import Look
from reports.writing.models import Stage, Version

MARGIN = 54
INNER = A4[0] - 2 * MARGIN
GREY, RED = HexColor("#55606b"), HexColor("#a3261b")
BODY = Style(10, after=6)
SMALL = Style(8, color=GREY)
HEADING = Style(10.5, BOLD, before=6, after=1)
TITLE = Style(16, BOLD, after=4)
# The font is named although no cell is a plain text: the default is one that is not embedded.
CELLS = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("FONTNAME", (0, 0), (-1, -1), LATIN),
]
Pictures = dict[tuple[str, Look], bytes]


class _Pages(Canvas):  # type: ignore[misc]
    """Writes under each page how many there are, which is known at the end only."""

    foot = ""

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        self._kept: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - ReportLab's name
        """Keep the page for later."""
        self._kept.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write all of them."""
        for number, page in enumerate(self._kept, 1):
            self.__dict__.update(page)
            self._footer(
                _("Page %(number)d of %(all)d") % {"number": number, "all": len(self._kept)}
            )
            super().showPage()
        super().save()

    def _footer(self, said: str) -> None:
        self.setFillColor(GREY)
        self.setStrokeColor(GREY)
        self.line(MARGIN, 40, A4[0] - MARGIN, 40)
        self._words(MARGIN, self.foot, 6.5)
        self._words(A4[0] - MARGIN - width(said, BODY.font, 8), said, 8)

    def _words(self, left: float, text: str, size: float) -> None:
        words = self.beginText(left, 28)
        for font, piece in runs(text, BODY.font):
            words.setFont(font, size)
            words.textOut(piece)
        self.drawText(words)


def _time(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M") if text else ""


def _about(version: Version) -> Table:
    who, what = version.content["patient"], version.content["study"]
    rows = [
        (
            _("Patient"),
            f"{who['name'].replace('^', ' ')} {who['name_han'].replace('^', '')}".strip(),
        ),
        (_("Patient ID"), who["id"]),
        (_("Born"), f"{who['birth_date']}  {who['sex']}".strip()),
        (_("Study"), f"{_time(what['when'])}  {what['description']}".strip()),
        (_("Device"), f"{what['device']}  {what['modalities']}".strip()),
        (_("Accession"), what["accession"]),
    ]
    cells = [[Text(label, SMALL), Text(value or "-", Style(9.5))] for label, value in rows]
    half = (len(cells) + 1) // 2
    table = [left + right for left, right in zip(cells[:half], cells[half:], strict=True)]
    widths = [INNER * part for part in (0.12, 0.38, 0.12, 0.38)]
    style = [*CELLS, ("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]
    return Table(table, widths, style=style, hAlign="LEFT")


def _picture(told: dict[str, Any], number: int, pictures: Pictures, wide: float) -> list[Flowable]:
    found = pictures.get((told["image"], look(told)))
    said = f"{number}. {told['note']}".strip()
    how = _("frame %(frame)d, window %(low)g to %(high)g, %(palette)s") % {
        "frame": told["frame"] + 1,
        "low": told["low"],
        "high": told["high"],
        "palette": told["palette"],
    }
    if found is None:
        return [Text(f"{said} ({_('no longer in the archive')})", SMALL)]
    across, down = ImageReader(io.BytesIO(found)).getSize()
    scale = min(wide / across, 1.35 * wide / down)
    shown = Image(io.BytesIO(found), across * scale, down * scale)
    return [shown, Text(said, Style(8.5)), Text(how, SMALL)]


def _key_images(version: Version, pictures: Pictures) -> list[Flowable]:
    told = version.content["key_images"]
    if not told:
        return []
    wide = INNER / 3
    cells = [_picture(each, at, pictures, wide - 10) for at, each in enumerate(told, 1)]
    rows: list[list[list[Flowable]]] = [cells[at : at + 3] for at in range(0, len(cells), 3)]
    rows[-1] += [[]] * (3 - len(rows[-1]))
    first, *rest = [Table([row], [wide] * 3, style=CELLS, hAlign="LEFT") for row in rows]
    return [KeepTogether([Text(_("Key images"), HEADING), first]), *rest]


def _signature(version: Version) -> Flowable:
    signed = timezone.localtime(version.signed_at).strftime("%Y-%m-%d %H:%M:%S %Z")
    stage = version.get_stage_display()
    said = _("%(stage)s, signed electronically by %(who)s, %(when)s") % {
        "stage": stage,
        "who": version.signed_name,
        "when": signed,
    }
    digest = _("Report %(report)d, version %(number)d. SHA-256 %(digest)s") % {
        "report": version.report_id,
        "number": version.number,
        "digest": version.digest,
    }
    rule = HRFlowable(width="100%", thickness=0.5, color=GREY, spaceBefore=8, spaceAfter=4)
    return KeepTogether([rule, Text(said, Style(9.5)), Text(digest, Style(7, color=GREY))])


def _told(version: Version, pictures: Pictures) -> list[Flowable]:
    """A version: its sections, its images, who signed."""
    language = version.content["language"]
    story: list[Flowable] = []
    for section in version.content["sections"]:
        title = Text(section["title"][language], HEADING)
        text = Text(section["text"], BODY)
        # A title is never the last line of a page.
        story.append(KeepTogether([title, text]) if len(section["text"]) < 1500 else title)
        story += [text] if len(section["text"]) >= 1500 else []
    return [*story, *_key_images(version, pictures), _signature(version)]


def make(version: Version, pictures: Pictures) -> bytes:
    """The file, in the report's own language."""
    han()
    said = version.content
    with translation.override(said["language"]):
        title = said["examination"][said["language"]]
        other = said["examination"]["en" if said["language"] == "zh-hant" else "zh-hant"]
        story: list[Flowable] = [
            Text(f"{settings.CONFIG.site} · {_('Nuclear medicine')}", SMALL),
            Text(f"{title}  {other}", TITLE),
        ]
        if version.stage == Stage.PRELIMINARY:
            warning = _("Preliminary report: it may still change.")
            story.append(Text(warning, Style(11, BOLD, color=RED, after=4)))
        story += [
            _about(version),
            HRFlowable(width="100%", thickness=0.5, color=GREY),
            Spacer(1, 4),
        ]
        for part in parts(version):
            story += _told(part, pictures)
        out = io.BytesIO()
        # Pages get lost from each other: each says whose it is.
        name = " ".join(said["patient"]["name"].split("^")).strip()[:40]
        foot = f"{name} · {said['patient']['id']} · {said['study']['accession']} · {version.digest}"
        maker = type("Pages", (_Pages,), {"foot": foot})
        document = SimpleDocTemplate(
            out,
            pagesize=A4,
            leftMargin=MARGIN - 6,  # a frame has 6 points of its own
            rightMargin=MARGIN - 6,
            topMargin=48,
            bottomMargin=56,
            title=f"{title} {said['patient']['id']}",
            author=version.signed_name,
            subject=version.digest,
            creator="Gateway",
            initialFontName=LATIN,
            lang="zh-TW" if said["language"] == "zh-hant" else "en",
            invariant=1,  # no date of making and no random number: the same bytes each time
        )
        document.build(story, canvasmaker=maker)
    return out.getvalue()
