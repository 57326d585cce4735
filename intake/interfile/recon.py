"""Reconstructed studies, and the order of slots and views in gated ones."""

from __future__ import annotations

from dataclasses import replace

from intake.bounds import MAX_FRAMES
from intake.interfile import common
from intake.interfile.blocks import Block
from intake.interfile.draft import Check, Draft, Plan, check_count, count_of, spread
from intake.interfile.pixels import matrix
from intake.refused import Refused
from intake.study import Gating, Kind, Place, Slices

NESTINGS = {"": "gated", "gated": "gated", "spect": "spect"}


def nested(root: Block, gating: Gating | None, count: int) -> list[tuple[tuple[int, int], int]]:
    """Gate and slot, and the number of the view or slice, in the file's order."""
    turns = range(1, count + 1)
    if gating is None:
        return [((1, 1), number) for number in turns]
    slots = [
        (gate + 1, slot + 1) for gate, each in enumerate(gating.gates) for slot in range(each.slots)
    ]
    block = (root.units or [root])[0]
    outer = block.word("gated SPECT nesting outer level", "places", NESTINGS)
    if not block.line("gated SPECT nesting outer level"):
        root.ledger.derive("places", "Gated", "the standard's default nesting")
    if outer == "gated":
        return [(slot, number) for slot in slots for number in turns]
    return [(slot, number) for number in turns for slot in slots]


def slices(root: Block, units: list[Block], windows: int, gating: Gating | None) -> Plan:
    """Reconstructed; DICOM holds one energy window an object (PS3.3 A.5.4.1)."""
    table = spread(units, windows, 1, "reconstructions")
    slots = sum(gate.slots for gate in gating.gates) if gating else 1
    plan = Plan()
    for window, (block,) in enumerate(table):
        count = _slice_count(root, block, windows, slots)
        if count * slots > MAX_FRAMES:
            raise Refused(f"{count * slots} images")
        made = matrix(block)
        plan.parts.append((made, count * slots))
        info = _slice_info(block, count, made.spacing)
        draft = Draft(
            Kind.RECON_GATED_TOMO if gating else Kind.RECON_TOMO,
            [window],
            _slice_places(root, count, gating),
            slices=info,
            gating=gating,
            windows=(window,) if windows > 1 else (),
        )
        draft.placement = common.placement(block)
        draft.made, draft.unmade = _recon_corrections(block)
        plan.drafts.append(draft)
        start = sum(number for _, number in plan.parts[:-1])
        plan.checks.append(Check(block, "maximum pixel count", start, start + count * slots))
    check_count(root, "total number of images", plan.images, "the slices of all windows")
    return plan


def _slice_count(root: Block, block: Block, windows: int, slots: int) -> int:
    found = count_of(block, "number of slices", MAX_FRAMES)
    if found is not None:
        _kept_counts(block, found * slots)
        return found
    total = count_of(root, "total number of images", MAX_FRAMES)
    if total is None or total % (windows * slots):
        block.need("number of slices")
        raise AssertionError
    count = total // (windows * slots)
    root.ledger.derive("slices.count", count, "all images / (windows x slots)")
    _kept_counts(block, total // windows)
    return count


def _kept_counts(block: Block, images: int) -> None:
    stated = block.whole("number of images/energy window", "places")
    line = block.line("number of images/energy window")
    if line and stated != images:
        raise Refused(f"{line.key!r} is {stated}, but the slices are {images}", line.number)


def _slice_places(root: Block, count: int, gating: Gating | None) -> list[Place]:
    return [
        Place(gate=slot[0], slot=slot[1], slice=number)
        for slot, number in nested(root, gating, count)
    ]


def _slice_info(block: Block, count: int, spacing: tuple[float, float] | None) -> Slices:
    """Thickness and separation are in pixels; mm where the pixel's size is known."""
    sizes: dict[str, float] = {}
    found = Slices(
        count,
        orientation=block.text("slice orientation", "slices.orientation").lower(),
        method=block.text("method of reconstruction", "slices.method"),
        filter=block.text("filter name", "slices.filter"),
    )
    for name, part in (
        ("slice thickness (pixels)", "thickness"),
        ("centre-centre slice separation (pixels)", "spacing"),
    ):
        line = block.line(name)
        pixels = block.number(name, f"slices.{part}")
        if line and pixels is not None and spacing and spacing[0] == spacing[1] and pixels > 0:
            sizes[part] = pixels * spacing[0]
        elif line:
            block.ledger.kept(line, "in pixels, whose size in mm is unknown or not square")
    return replace(found, thickness=sizes.get("thickness"), spacing=sizes.get("spacing"))


def _recon_corrections(block: Block) -> tuple[frozenset[str], frozenset[str]]:
    line = block.line("scatter corrected")
    answer = common.YES.get(line.lower) if line else None
    if line and answer is not None:
        block.ledger.mapped(line, "corrections")
    made = {"SCAT"} if answer else set()
    method = block.line("method of attenuation correction")
    if method and method.lower not in {"none", "no", "n"}:
        block.ledger.mapped(method, "corrections", why="the method's name", keep=True)
        made.add("ATTN")
    return frozenset(made), frozenset({"SCAT"} if answer is False else set())
