"""An Interfile header and its data file as acquisitions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from intake import bounds, files, study, text
from intake.fields import Original
from intake.interfile import blocks, common, dialects, extra, lexer, pixels, planar, tomo
from intake.interfile.blocks import Block
from intake.interfile.dialects import Dialect
from intake.interfile.draft import Draft, Plan
from intake.interfile.keys import plain
from intake.interfile.ledger import POSITRON, Ledger
from intake.interfile.lexer import Header, Line
from intake.options import DEFAULT, Options
from intake.refused import Refused
from intake.study import Acquisition, Kind, Pixels, Reading

KINDS = {
    "static": "static",
    "wholebody": "whole body",
    "dynamic": "dynamic",
    "gated": "gated",
    "tomographic": "tomographic",
    "tomo": "tomographic",  # seen; medcon takes it for static
    "spect": "tomographic",
    "gspect": "gspect",
    "gatedspect": "gspect",
    "gatedtomo": "gspect",  # IS2
    "gatedtomographic": "gspect",
}
NO_IMAGES = {
    "curve": "a curve is not an image",
    "roi": "regions of interest are not an image of a camera",
    "pet": "PET studies are not NM images; DICOM has another object for them",
}


def read(path: Path, options: Options = DEFAULT) -> Reading:
    """All acquisitions of the file; Refused with the line when they are not clear."""
    header = _header(path, options)
    dialect = dialects.recognise(header.lines, options)
    lines = dialects.apply(dialect, header.lines, options)
    ledger = Ledger(lines)
    ledger.notes += header.notes
    name = _kind(lines, ledger)
    if extra.stated(ledger, extra.KIND) == Kind.WHOLE_BODY.value and name == "static":
        name = "whole body"
    root = blocks.build(lines, "static" if name == "whole body" else name, ledger, options)
    place = pixels.find(root, path, header.end)
    windows = common.windows(root)
    plan = _plan(root, name, len(windows))
    arrays = pixels.read(place, plan.parts, ledger)
    _check_stated(plan, arrays, ledger)
    base = _base(root, dialect, windows)
    made = [
        extra.apply(_acquisition(draft, plan, arrays, base, ledger), ledger)
        for draft in plan.drafts
    ]
    ledger.settle()
    fields = ledger.fields()
    derived = tuple(dict.fromkeys(ledger.derived))
    whole = [replace(each, fields=fields, derived=derived) for each in made]
    return Reading(
        f"Interfile ({dialect.name})",
        tuple(bounds.check(each) for each in whole),
        _originals(path, place.path),
        fields,
        tuple(dict.fromkeys(ledger.notes)),
    )


def data_name(path: Path) -> str:
    """Only the name of the data file, of the header as far as it can be read at all."""
    with files.opened(path) as file:
        data = file.read(lexer.MAX_HEADER)
    lines = lexer.read(data, Options(charset="latin1")).lines
    return next((line.value for line in lines if line.name == "name of data file"), "")


def _originals(header: Path, data: Path) -> tuple[Original, ...]:
    paths = [header] if data.name == header.name else [header, data]
    return tuple(files.original(path) for path in paths)


def _header(path: Path, options: Options) -> Header:
    with files.opened(path) as file:
        data = file.read(lexer.MAX_HEADER + lexer.MAX_LINE)
    if not lexer.looks_like(data) and data[:2] not in {b"\xff\xfe", b"\xfe\xff"}:
        raise Refused("not an Interfile header: it does not begin with the key INTERFILE", 1)
    limit = _limit(data, path, options)
    header = lexer.read(data[:limit] if limit else data, options)
    first = next((line for line in header.lines if line.key), None)
    if first is None or first.name != "INTERFILE":
        raise Refused("not an Interfile header: its first key is not INTERFILE", 1)
    return header


def _limit(data: bytes, path: Path, options: Options) -> int:
    """Where pixels begin in the header's own file when no END says it; 0: no matter."""
    if lexer.END_MARK.search(data):
        return 0
    try:
        start = lexer.read(data, replace(options, charset="latin1")).lines
    except Refused:
        return 0
    values = {line.name: line.value for line in start if line.name}
    if values.get("name of data file") != path.name:
        return 0
    for name, unit in (("data offset in bytes", 1), ("data starting block", pixels.BLOCK)):
        try:
            return max(0, text.whole(values.get(name, "")) * unit)
        except ValueError:
            continue
    return 0


def _kind(lines: tuple[Line, ...], ledger: Ledger) -> str:
    """The type of data; Interfile's default (Other) does not say how the images belong together."""
    found = [line for line in lines if line.name == "type of data" and line.value]
    if not found:
        raise Refused(
            "there is no 'type of data', so what the images are is unknown",
            0,
            "add the key to the header, or let the device's profile assume it",
        )
    words = {plain(line.value) for line in found}
    word = plain(found[0].value)
    if len(words) > 1:
        raise Refused(
            f"'type of data' is stated twice: {found[0].value}, {found[1].value}", found[1].number
        )
    if word not in KINDS:
        reason = NO_IMAGES.get(word, "known are Static, Dynamic, Gated, Tomographic, GSPECT")
        raise Refused(f"'type of data' is {found[0].value[:60]!r}: {reason}", found[0].number)
    ledger.mapped(found[0], "kind")
    return KINDS[word]


def _plan(root: Block, name: str, windows: int) -> Plan:
    if name in {"static", "whole body"}:
        kind = Kind.STATIC if name == "static" else Kind.WHOLE_BODY
        return planar.static(root, windows, kind)
    if name == "dynamic":
        return planar.dynamic(root, windows, Kind.DYNAMIC)
    if name == "gated":
        return planar.gated(root, windows, Kind.GATED)
    return tomo.tomographic(root, windows, name == "gspect")


def _check_stated(plan: Plan, arrays: list[Pixels], ledger: Ledger) -> None:
    kinds = {matrix.kind for matrix, _ in plan.parts}
    for check in plan.checks:
        images = _range(arrays, check.start, check.stop)
        if images is None:
            continue
        if check.name == "total counts":
            _check_total(check.block, images, ledger)
        else:
            pixels.check_largest(ledger, check.block, check.name, images, "".join(kinds))


def _range(arrays: list[Pixels], start: int, stop: int) -> Pixels | None:
    """Images of one part; parts of different types cannot be looked at together."""
    for array in arrays:
        if start < len(array):
            return array[start:stop] if stop <= len(array) else None
        start, stop = start - len(array), stop - len(array)
    return None


def _check_total(block: Block, images: Pixels, ledger: Ledger) -> None:
    line = block.line("total counts")
    stated = block.number("total counts", "counts")
    if line is None or stated is None:
        return
    total = float(images.sum(dtype=np.float64))
    if stated == total:
        ledger.checked(line, "the sum of the pixels is that")
    else:
        ledger.kept(line, f"the sum of the pixels is {total:.12g}")


def _base(root: Block, dialect: Dialect, windows: tuple[study.Window, ...]) -> Acquisition:
    made, unmade = common.corrections(root, len(windows))
    modality = root.line("imaging modality")
    return Acquisition(
        Kind.STATIC,
        np.zeros((1, 1, 1), np.uint8),
        (study.Place(),),
        patient=common.patient(root, dialect),
        visit=common.visit(root, dialect),
        equipment=common.equipment(root),
        isotopes=common.isotopes(root),
        windows=windows,
        body_part=common.body_part(root),
        corrections=made,
        uncorrected=unmade,
        scale=common.scale(root),
        positron=modality is not None and modality.lower in POSITRON,
    )


def _acquisition(
    draft: Draft, plan: Plan, arrays: list[Pixels], base: Acquisition, ledger: Ledger
) -> Acquisition:
    parts = [arrays[part] for part in draft.parts]
    windows = tuple(base.windows[number] for number in draft.windows) or base.windows
    return replace(
        base,
        kind=draft.kind,
        pixels=parts[0] if len(parts) == 1 else np.concatenate(parts),
        places=tuple(draft.places),
        visit=_started(draft, base, ledger),
        windows=windows,
        detectors=draft.detectors,
        phases=draft.phases,
        rotations=draft.rotations,
        gating=draft.gating,
        slices=draft.slices,
        spacing=plan.parts[draft.parts[0]][0].spacing,
        duration=draft.duration,
        head_first=draft.placement[0],
        posture=draft.placement[1],
        corrections=base.corrections | draft.made,
        uncorrected=base.uncorrected | draft.unmade,
    )


def _started(draft: Draft, base: Acquisition, ledger: Ledger) -> study.Visit:
    """A static image may state its own start."""
    line = draft.start.line("image start time") if draft.start else None
    found = text.time(line.value) if line else None
    if line and found:
        ledger.mapped(line, "visit.acquisition_time")
        return replace(base.visit, acquisition_time=found)
    return base.visit
