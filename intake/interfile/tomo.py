"""Tomographic and gated tomographic studies, acquired and reconstructed."""

from __future__ import annotations

import re

from intake import text
from intake.bounds import MAX_FRAMES
from intake.interfile import common, planar, recon
from intake.interfile.blocks import HEAD_OPENERS, Block
from intake.interfile.draft import Check, Draft, Plan, all_units, check_count, count_of, spread
from intake.interfile.pixels import matrix
from intake.refused import Refused
from intake.study import Detector, Gating, Kind, Place, Rotation

MAX_HEADS = 8
DIRECTIONS = {"": True, "cw": True, "clockwise": True, "ccw": False, "counterclockwise": False}
MOTIONS = {"": "", "stepped": "STEP AND SHOOT", "stepandshoot": "STEP AND SHOOT"}
MOTIONS |= {"continuous": "CONTINUOUS"}
ORBITS = {"": "", "circular": "circular", "noncircular": "non-circular"}
ORBITS |= {"non-circular": "non-circular"}
_BRACES = re.compile(r"\{([^{}]*)\}")


def tomographic(root: Block, windows: int, gated: bool) -> Plan:
    """Acquired or reconstructed, as the header says or its headings show."""
    units = all_units(root, HEAD_OPENERS)
    acquired = _acquired(root, units[0])
    gating = planar.gates(root, windows)[0] if gated else None
    if acquired:
        return _projections(root, units, windows, gating)
    return recon.slices(root, units, windows, gating)


def _acquired(root: Block, block: Block) -> bool:
    """The process status; where it is missing, the headings must be clear."""
    words = {"acquired": True, "reconstructed": False, "": None}
    status = block.word("process status", "kind", words)
    if status is not None:
        return status
    names = {line.name for line in root.ledger.lines}
    signs = {
        True: {"SPECT STUDY (acquired data)", "direction of rotation"},
        False: {"SPECT STUDY (reconstructed data)", "number of slices"},
    }
    found = {answer for answer, wanted in signs.items() if wanted & names}
    if len(found) != 1:
        raise Refused(
            "there is no 'process status': projections or slices?",
            0,
            "add 'process status := Acquired' or 'Reconstructed', or let the profile assume it",
        )
    answer = found.pop()
    root.ledger.derive("kind", "acquired" if answer else "reconstructed", "the header's headings")
    return answer


def _projections(root: Block, units: list[Block], windows: int, gating: Gating | None) -> Plan:
    heads = count_of(units[0], "number of detector heads", MAX_HEADS)
    if heads is None:
        heads = max(1, len(units) // windows)
    table = spread(units, windows, heads, "detector heads")
    views = _views(root, table[0][0], windows, heads, gating)
    made = matrix(table[0][0])
    for row in table:
        for block in row:
            if matrix(block).same != made.same or _count(block) not in {None, views}:
                raise Refused("the heads differ in size, type or number of views", made.line)
    rotation, detectors = _rotation(table, views)
    places = _places(root, windows, heads, views, gating)
    plan = Plan([(made, len(places))])
    kind = Kind.GATED_TOMO if gating else Kind.TOMO
    draft = Draft(kind, [0], places, detectors, rotations=(rotation,), gating=gating)
    draft.placement = common.placement(table[0][0])
    draft.made = _centre(table[0][0])
    plan.drafts = [draft]
    each = len(places) // (windows * heads)
    if len(units) == windows * heads:
        for number, block in enumerate(block for row in table for block in row):
            start = number * each
            plan.checks.append(Check(block, "maximum pixel count", start, start + each))
    check_count(root, "total number of images", len(places), "the images of all heads and windows")
    _check_per_window(table, len(places) // windows, each)
    return plan


def _count(block: Block) -> int | None:
    return count_of(block, "number of projections", MAX_FRAMES)


def _views(root: Block, block: Block, windows: int, heads: int, gating: Gating | None) -> int:
    found = _count(block)
    if found is not None:
        return found
    total = count_of(root, "total number of images", MAX_FRAMES)
    slots = sum(gate.slots for gate in gating.gates) if gating else 1
    if total is None or total % (windows * heads * slots):
        block.need("number of projections")
        raise AssertionError
    views = total // (windows * heads * slots)
    root.ledger.derive("rotations[0].frames", views, "all images / (windows x heads x slots)")
    return views


def _check_per_window(table: list[list[Block]], of_all_heads: int, of_one: int) -> None:
    """m-intf(4) means the images of all heads; many write those of one."""
    for row in table:
        for block in row:
            stated = block.whole("number of images/energy window", "places")
            line = block.line("number of images/energy window")
            if line and stated not in {of_all_heads, of_one}:
                raise Refused(
                    f"{line.key!r} is {stated}, but the images are {of_all_heads}", line.number
                )
            if line:
                block.ledger.checked(line, "the images are that many")


def _places(
    root: Block, windows: int, heads: int, views: int, gating: Gating | None
) -> list[Place]:
    """The order in the file: energy window, head, then views; or by the nesting with slots."""
    slots = sum(gate.slots for gate in gating.gates) if gating else 1
    if windows * heads * views * slots > MAX_FRAMES:
        raise Refused(f"{windows * heads * views * slots} images")
    pairs = recon.nested(root, gating, views)
    return [
        Place(window=window, detector=head, gate=slot[0], slot=slot[1], view=view)
        for window in range(1, windows + 1)
        for head in range(1, heads + 1)
        for slot, view in pairs
    ]


def _rotation(table: list[list[Block]], views: int) -> tuple[Rotation, tuple[Detector, ...]]:
    first = table[0][0]
    to = "rotations[0]"
    clockwise = first.word("direction of rotation", f"{to}.clockwise", DIRECTIONS)
    if not first.line("direction of rotation"):
        first.ledger.derive(f"{to}.clockwise", "CW", "the standard's default")
    line = first.need("extent of rotation")
    extent = first.number("extent of rotation", f"{to}.extent") or 0.0
    if not 0 < extent <= 3600:
        raise Refused(f"{line.key!r} is {line.value!r}", line.number)
    detectors = tuple(_detector(row, views, clockwise) for row in zip(*table, strict=True))
    start = detectors[0].start_angle
    assert start is not None  # noqa: S101 - _detector refuses a first head without one
    first.ledger.derive(f"{to}.step", f"{extent / views:g}", "extent / number of projections")
    rotation = Rotation(
        views,
        clockwise,
        start,
        extent,
        extent / views,
        _duration(first, views),
        first.word("acquisition mode", f"{to}.motion", MOTIONS),
        first.word("orbit", f"{to}.orbit", ORBITS),
    )
    return rotation, detectors


def _duration(block: Block, views: int) -> float:
    """Of one view; STIR states that of all (``image duration (sec)[1]``)."""
    to = "rotations[0].duration"
    found = block.milliseconds("time per projection (sec)", to)
    if found is not None:
        return found
    for name, index in (("image duration (sec)", 1), ("study duration (sec)", None)):
        whole = block.milliseconds(name, to, index)
        if whole is not None:
            block.ledger.derive(to, f"{whole / views:g} ms", f"{name} / number of projections")
            return round(whole / views, 6)
    block.need("time per projection (sec)")
    raise AssertionError


def _detector(row: tuple[Block, ...], views: int, clockwise: bool) -> Detector:
    """A head, from its blocks in all energy windows; they must agree."""
    found = [_one_head(block, views, clockwise) for block in row]
    if any(each != found[0] for each in found):
        raise Refused("the same head is described differently in two energy windows")
    return found[0]


def _one_head(block: Block, views: int, clockwise: bool) -> Detector:
    to = "detectors"
    if block.word("direction of rotation", f"{to}.clockwise", DIRECTIONS) != clockwise:
        raise Refused("the heads turn in different directions")
    radius = block.number("Radius", f"{to}.radius")
    line = block.line("Radius")
    if line and radius == 0:
        block.ledger.kept(line, "0 stands for unknown")
    return Detector(
        x_offset=block.number("X_offset", f"{to}.x_offset"),
        y_offset=block.number("Y_offset", f"{to}.y_offset"),
        radius=_radii(block, views) or ((radius,) if radius else ()),
        zoom=block.number("camera zoom factor", f"{to}.zoom") or None,
        start_angle=_start(block, clockwise),
    )


def _radii(block: Block, views: int) -> tuple[float, ...]:
    line = block.line("radii")
    if not line:
        return ()
    match = _BRACES.fullmatch(line.value)
    try:
        found = tuple(text.number(each) for each in match[1].split(",")) if match else ()
    except ValueError as fault:
        raise Refused(f"{line.key!r}: {fault}", line.number) from None
    if len(found) != views:
        raise Refused(
            f"{line.key!r} has {len(found)} values in braces, {views} views are stated", line.number
        )
    block.ledger.mapped(line, "detectors.radius")
    return found


def _start(block: Block, clockwise: bool) -> float:
    """DICOM's start angle: 0 is the patient's back, counter-clockwise seen from the feet.

    Interfile counts from anterior (``first projection angle``) or from the top (``start angle``)
    in the direction of rotation, and does not say from which end it looks: head in, from the
    feet, is what is taken here. A prone patient has the back at the top.
    """
    to = "rotations[0].start_angle"
    angle = block.number("first projection angle in data set", to)
    how = "first projection angle (from anterior)"
    zero = 180.0
    if angle is None:
        block.need("start angle")
        angle = block.number("start angle", to)
        how = "start angle (from the top)"
        if common.placement(block)[1] == "prone":
            zero = 0.0
    elif block.line("start angle"):
        block.number("start angle", to)
        block.ledger.mapped(block.need("start angle"), to, why="not used", keep=True)
    assert angle is not None  # noqa: S101 - needed just before
    found = (zero - angle if clockwise else zero + angle) % 360
    sense = "-" if clockwise else "+"
    block.ledger.derive(to, f"{found:g}", f"{zero:g} {sense} {how}; to be validated with a phantom")
    return found


def _centre(block: Block) -> frozenset[str]:
    words = {"": "", "corrected": "COR", "singlevalue": "single", "foreveryangle": ""}
    found = block.word("Centre_of_rotation", "corrections", words)
    line = block.line("Centre_of_rotation")
    if line and found != "COR":
        block.ledger.kept(line, "the offsets say it" if found else "DICOM has no place for it")
    return frozenset({"COR"}) if found == "COR" else frozenset()
