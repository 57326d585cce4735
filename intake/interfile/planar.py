"""Static, dynamic and gated studies: what their headers say of each image."""

from __future__ import annotations

from dataclasses import replace

from intake.bounds import MAX_FRAMES
from intake.interfile import common, extra
from intake.interfile.blocks import Block
from intake.interfile.draft import Check, Draft, Plan, all_units, check_count, count_of, spread
from intake.interfile.pixels import Matrix, matrix
from intake.refused import Refused
from intake.study import Detector, Gate, Gating, Kind, Phase, Place

MAX_STATIC = 512
VIEWS = {
    "ant": "anterior",
    "anterior": "anterior",
    "post": "posterior",
    "posterior": "posterior",
    "lao": "left anterior oblique",
    "left anterior oblique": "left anterior oblique",
    "rao": "right anterior oblique",
    "right anterior oblique": "right anterior oblique",
    "lpo": "left posterior oblique",
    "left posterior oblique": "left posterior oblique",
    "rpo": "right posterior oblique",
    "right posterior oblique": "right posterior oblique",
    "left lateral": "left lateral",
    "right lateral": "right lateral",
}


def static(root: Block, windows: int, kind: Kind) -> Plan:
    """Each image is an object of its own; the same image of several windows is one together."""
    units = all_units(root, ("image number",))
    images = _images(root, units, windows)
    plan = Plan([(matrix(image), 1) for image in images])
    each = len(images) // windows
    if heads := extra.stated(root.ledger, extra.DETECTORS):
        if heads != str(each):
            raise Refused(f"{heads} detectors, {each} images in an energy window")
        plan.drafts.append(_simultaneous(images, plan, windows, kind))
    for number in range(0 if heads else each):
        parts = [number + window * each for window in range(windows)]
        if _alike(plan, images, parts):
            plan.drafts.append(_one_static([images[part] for part in parts], parts, (), kind))
        else:
            for window, part in enumerate(parts):
                plan.drafts.append(_one_static([images[part]], [part], (window,), kind))
    if len(units) == len(images):
        for number, image in enumerate(images):
            plan.checks.append(Check(image, "maximum pixel count", number, number + 1))
            plan.checks.append(Check(image, "total counts", number, number + 1))
    else:
        plan.checks.append(Check(units[0], "maximum pixel count", 0, len(images)))
    check_count(root, "total number of images", len(images), "the images described")
    return plan


def _images(root: Block, units: list[Block], windows: int) -> list[Block]:
    """One block an image: described each, or once for all."""
    _check_numbers(units, "image number", 1)
    line = root.line("total number of images")
    total = root.whole("total number of images", "pixels")
    per_window = count_of(units[0], "number of images/energy window", MAX_FRAMES)
    if line and total is not None and not 1 <= total <= MAX_FRAMES:
        raise Refused(f"{line.key!r} is {total}", line.number)
    described = units[0].opener == "image number"
    stated = total or (per_window or 1) * windows
    if described and len(units) > 1:
        stated = len(units)
    if stated > MAX_STATIC:
        raise Refused(
            f"{stated} static images in a file, of which each is an object: at most {MAX_STATIC}",
            line.number if line else 0,
        )
    if stated % windows:
        raise Refused(
            f"{stated} images cannot be spread evenly over {windows} energy windows",
            line.number if line else 0,
        )
    return units if len(units) == stated else [units[0]] * stated


def _check_numbers(units: list[Block], name: str, times: int) -> None:
    """Blocks that are numbered stand in their order, each as often as there are windows."""
    lines = [line for unit in units if unit.opener and (line := unit.line(name))]
    numbers = [unit.whole(name, "places") for unit in units if unit.opener and unit.line(name)]
    wanted = [number + 1 for number in range(len(numbers) // times)] * times
    for line, number, right in zip(lines, numbers, wanted, strict=False):
        if number != right:
            raise Refused(f"{line.key!r} is {number} where {right} is expected", line.number)


def _alike(plan: Plan, images: list[Block], parts: list[int]) -> bool:
    first = plan.parts[parts[0]][0]
    lengths = {images[part].milliseconds("image duration (sec)", "duration") for part in parts}
    labels = {line.lower if (line := images[part].line("label")) else "" for part in parts}
    same = all(plan.parts[part][0].same == first.same for part in parts)
    return same and len(lengths) == len(labels) == 1


def _simultaneous(images: list[Block], plan: Plan, windows: int, kind: Kind) -> Draft:
    """Our own writer says that the images of a window were taken by as many detectors at once."""
    each = len(images) // windows
    drafts = [_one_static(images[head::each], [], (), kind) for head in range(each)]
    if any(matrix.same != plan.parts[0][0].same for matrix, _ in plan.parts):
        raise Refused("the detectors' images differ in size or type")
    if any(draft.duration != drafts[0].duration for draft in drafts):
        raise Refused("the detectors' images differ in their duration")
    draft = drafts[0]
    draft.parts = list(range(len(plan.parts)))
    draft.places = [
        Place(window=window + 1, detector=head + 1)
        for window in range(windows)
        for head in range(each)
    ]
    draft.detectors = tuple(draft.detectors[0] for draft in drafts)
    return draft


def _one_static(
    images: list[Block], parts: list[int], windows: tuple[int, ...], kind: Kind
) -> Draft:
    """The same image of one or more windows; what is said of it must be the same in each."""
    said = []
    for image in images:
        label = image.text("label", "detectors[0].view")
        view = Detector(view=VIEWS.get(label.lower(), ""), label=label)
        duration = image.milliseconds("image duration (sec)", "duration")
        said.append((view, duration, common.placement(image)))
    if any(each != said[0] for each in said):
        raise Refused("the images of the energy windows differ in label, duration or posture")
    return Draft(
        kind,
        parts,
        [Place(window=number + 1) for number in range(len(parts))],
        detectors=(said[0][0],),
        duration=said[0][1],
        placement=said[0][2],
        windows=windows,
        start=images[0],
    )


def dynamic(root: Block, windows: int, kind: Kind) -> Plan:
    """Groups of images with one timing; energy windows outermost."""
    units = all_units(root, ("frame group number",))
    groups = count_of(units[0], "number of frame groups", MAX_FRAMES)
    if groups is None:
        groups = max(1, len(units) // windows)
    table = spread(units, windows, groups, "frame groups")
    _check_numbers(units, "frame group number", max(1, len(units) // groups))
    phases = [[_phase(block, root, windows) for block in row] for row in table]
    if any(row != phases[0] for row in phases):
        raise Refused("the frame groups of the energy windows differ in their timing")
    made = _one_matrix([block for row in table for block in row])
    plan = Plan([(made, windows * sum(phase.frames for phase in phases[0]))])
    places: list[Place] = []
    for window, row in enumerate(table):
        for group, phase in enumerate(phases[0]):
            start = len(places)
            places += [
                Place(window=window + 1, phase=group + 1, time_slice=frame + 1)
                for frame in range(phase.frames)
            ]
            if len(units) == windows * groups:
                for name in ("maximum pixel count in group", "maximum pixel count"):
                    plan.checks.append(Check(row[group], name, start, len(places)))
    plan.drafts.append(
        Draft(kind, [0], places, phases=tuple(phases[0]), placement=common.placement(units[0]))
    )
    check_count(root, "total number of images", len(places), "the images of all groups")
    return plan


def _phase(block: Block, root: Block, windows: int) -> Phase:
    frames = count_of(block, "number of images this frame group", MAX_FRAMES)
    frames = frames or count_of(block, "number of images/energy window", MAX_FRAMES)
    if frames is None:
        total = count_of(root, "total number of images", MAX_FRAMES)
        if total is None or total % windows:
            frames = int(block.need("number of images this frame group").value)
        else:
            frames = total // windows
    block.need("image duration (sec)")
    to = "phases"
    return Phase(
        frames,
        block.milliseconds("image duration (sec)", to) or 0.0,
        block.milliseconds("pause between frame groups (sec)", to) or 0.0,
        block.milliseconds("pause between images (sec)", to) or 0.0,
    )


def _one_matrix(blocks: list[Block]) -> Matrix:
    """Images of one object have one size and type (PS3.3 C.7.6.3)."""
    all_of_them = [matrix(block) for block in blocks]
    for each in all_of_them:
        if each.same != all_of_them[0].same:
            raise Refused("the size or type of the images changes within the study", each.line)
    return all_of_them[0]


def gated(root: Block, windows: int, kind: Kind) -> Plan:
    """Time windows (R-R), each a cycle of slots."""
    gating, table, described = gates(root, windows)
    made = _one_matrix([block for row in table for block in row])
    places: list[Place] = []
    plan = Plan()
    for window, row in enumerate(table):
        for gate, block in enumerate(row):
            start = len(places)
            places += [
                Place(window=window + 1, gate=gate + 1, slot=slot + 1)
                for slot in range(gating.gates[gate].slots)
            ]
            if described:
                plan.checks.append(Check(block, "maximum pixel count", start, len(places)))
    plan.parts = [(made, len(places))]
    plan.drafts = [Draft(kind, [0], places, gating=gating, placement=common.placement(table[0][0]))]
    check_count(root, "total number of images", len(places), "the images of all time windows")
    return plan


def gates(root: Block, windows: int) -> tuple[Gating, list[list[Block]], bool]:
    """How the heart's cycle was divided, and the block of each energy and time window."""
    units = all_units(root, ("time window number",))
    count = count_of(units[0], "number of time windows", 64)
    if count is None:
        count = max(1, len(units) // windows)
    table = spread(units, windows, count, "time windows")
    _check_numbers(units, "time window number", max(1, len(units) // count))
    found = [tuple(_gate(block) for block in row) for row in table]
    timing = [[(gate.slots, gate.frame_time) for gate in row] for row in found]
    if any(row != timing[0] for row in timing):
        raise Refused("the time windows of the energy windows differ")
    return _gating(table[0][0], found[0]), table, len(units) == windows * count


def _gate(block: Block) -> Gate:
    block.need("number of images in time window")
    slots = count_of(block, "number of images in time window", 1024) or 1
    low = block.milliseconds("time window lower limit (sec)", "gating.gates.low")
    high = block.milliseconds("time window upper limit (sec)", "gating.gates.high")
    if high is not None and (high == 0 or high < (low or 0)):
        for each in ("lower", "upper"):
            line = block.line(f"time window {each} limit (sec)")
            if line:
                block.ledger.kept(line, "no R-R interval: the upper limit is not above the lower")
        low = high = None
    acquired = block.whole("number of cardiac cycles (acquired)", "gating.gates.acquired")
    block.need("image duration (sec)")
    return Gate(
        slots,
        block.milliseconds("image duration (sec)", "gating.gates.frame_time"),
        low,
        high,
        acquired,
        _rejected(block, acquired),
    )


def _rejected(block: Block, acquired: int | None) -> int | None:
    observed = block.whole("number of cardiac cycles (observed)", "gating.gates.rejected")
    line = block.line("number of cardiac cycles (observed)")
    if observed is None or acquired is None or line is None:
        return None
    if acquired > observed:
        block.ledger.kept(line, "more cycles acquired than observed")
        block.ledger.note(f"line {line.number}: more cardiac cycles acquired than observed")
        return None
    return observed - acquired


def _gating(block: Block, found: tuple[Gate, ...]) -> Gating:
    words = {"": "", "forward": "FORW", "backward": "BACK", "mixed": "", "other": ""}
    framing = block.word("framing method", "gating.framing", words)
    line = block.line("framing method")
    if line and not framing:
        block.ledger.kept(line, "DICOM has no word for it")
    gating = Gating(found, framing=framing)
    elapsed = block.number("study duration (elapsed) sec", "gating.heart_rate")
    observed = block.whole("number of cardiac cycles (observed)", "gating.heart_rate")
    for name in ("study duration (elapsed) sec", "number of cardiac cycles (observed)"):
        if each := block.line(name):
            block.ledger.mapped(each, "gating.heart_rate", why="only their ratio", keep=True)
    if not elapsed or not observed or elapsed < 0:
        return gating
    rate = observed / elapsed * 60
    block.ledger.derive("gating.heart_rate", f"{rate:.1f}", "observed cycles / elapsed time")
    return replace(gating, heart_rate=rate)
