"""What dciodvfy does not see: vectors, counts, pixels and codes that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from intake.check.codes import code_faults
from intake.dicom_reader.elements import PIXELS, UNDEFINED
from intake.dicom_reader.opening import Opened
from intake.dicom_reader.order import AXES, WANTED
from intake.dicom_reader.source import Source
from intake.refused import Refused
from intake.study import Kind

VECTORS = {axis.part: axis for axis in AXES}
POINTERS = {
    "window": 0x00540010,
    "detector": 0x00540020,
    "phase": 0x00540030,
    "rotation": 0x00540050,
    "gate": 0x00540060,
    "slot": 0x00540070,
    "slice": 0x00540080,
    "view": 0x00540090,
    "time_slice": 0x00540100,
}
SEQUENCES = {
    "EnergyWindowInformationSequence": "NumberOfEnergyWindows",
    "DetectorInformationSequence": "NumberOfDetectors",
    "PhaseInformationSequence": "NumberOfPhases",
    "RotationInformationSequence": "NumberOfRotations",
}
NEEDED = {
    Kind.DYNAMIC: ("PhaseInformationSequence",),
    Kind.GATED: ("GatedInformationSequence",),
    Kind.TOMO: ("RotationInformationSequence", "DetectorInformationSequence"),
    Kind.GATED_TOMO: (
        *("RotationInformationSequence", "DetectorInformationSequence"),
        "GatedInformationSequence",
    ),
    Kind.RECON_GATED_TOMO: ("GatedInformationSequence",),
}
"""Sequences that may be empty by their type, but without which the frames mean nothing."""


def faults(opened: Opened, source: Source, kind: Kind) -> Iterator[str]:
    """Each thing that is wrong, in words."""
    frames = source.whole("NumberOfFrames") or 1
    yield from _pixels(opened, source, frames)
    yield from _pointer(source, kind)
    for part in POINTERS:
        yield from _vector(source, kind, part, frames)
    yield from _sequences(source, kind)
    yield from _timing(source, kind)
    yield from code_faults(source)


def _pixels(opened: Opened, source: Source, frames: int) -> Iterator[str]:
    allocated = source.whole("BitsAllocated") or 0
    if source.whole("PixelRepresentation") != 0:
        yield "Pixel Representation is signed; an NM object holds unsigned counts (C.8.4.8)"
    if allocated not in {8, 16}:
        yield f"Bits Allocated is {allocated}; 8 or 16 are allowed (C.8.4.8)"
    if source.whole("BitsStored") != allocated or source.whole("HighBit") != allocated - 1:
        yield "Bits Stored and High Bit do not fill Bits Allocated (C.8.4.8)"
    element = opened.items[PIXELS]
    wanted = frames * (source.whole("Rows") or 0) * (source.whole("Columns") or 0) * allocated // 8
    if element.length not in {UNDEFINED, wanted + wanted % 2}:
        yield f"the pixels have {element.length} bytes, {frames} frames have {wanted}"


def _pointer(source: Source, kind: Kind) -> Iterator[str]:
    element = source.element("FrameIncrementPointer")
    wanted = [POINTERS[part] for part in _order(kind)]
    order = "little" if element and element.little else "big"
    value = element.value if element else b""
    found = []
    for at in range(0, len(value) - 3, 4):
        group = int.from_bytes(value[at : at + 2], "little" if order == "little" else "big")
        number = int.from_bytes(value[at + 2 : at + 4], "little" if order == "little" else "big")
        found.append(group << 16 | number)
    if found != wanted:
        yield (
            f"Frame Increment Pointer of a {kind.value} object is {_tags(wanted)}, "
            f"not {_tags(found) or 'empty'} (table C.8-8)"
        )


def _order(kind: Kind) -> list[str]:
    """The axes in the order of table C.8-8: that of their tags."""
    return sorted(WANTED[kind], key=lambda part: POINTERS[part])


def _tags(tags: list[int]) -> str:
    return ", ".join(f"{tag >> 16:04x},{tag & 0xFFFF:04x}" for tag in tags)


def _vector(source: Source, kind: Kind, part: str, frames: int) -> Iterator[str]:
    axis = VECTORS[part]
    values = source.numbers(axis.vector)
    if part not in WANTED[kind]:
        if values:
            yield f"a {kind.value} object has no {axis.vector}"
        return
    if len(values) != frames:
        yield f"{axis.vector} has {len(values)} values for {frames} frames"
        return
    most = (source.whole(axis.total) if axis.total else _most(source, part)) or 0
    used = {int(value) for value in values}
    if min(used) < 1 or max(used) > most:
        yield f"{axis.vector} counts from {min(used)} to {max(used)}; 1 to {most} are there"
    elif missing := sorted(set(range(1, most + 1)) - used):
        yield f"{axis.vector} never names {', '.join(map(str, missing[:5]))} of {most}"


def _most(source: Source, part: str) -> int:
    """How far a vector without a count of its own goes: views and the frames of a phase."""
    sequence = "RotationInformationSequence" if part == "view" else "PhaseInformationSequence"
    keyword = "NumberOfFramesInRotation" if part == "view" else "NumberOfFramesInPhase"
    return max([0, *(item.whole(keyword) or 0 for item in source.items(sequence))])


def _sequences(source: Source, kind: Kind) -> Iterator[str]:
    for keyword in NEEDED.get(kind, ()):
        if not source.items(keyword):
            yield f"{keyword} is empty: a {kind.value} object says nothing without it"
    for keyword, total in SEQUENCES.items():
        items, count = source.items(keyword), source.whole(total)
        if items and count is not None and len(items) != count:
            yield f"{keyword} has {len(items)} items, {total} is {count}"
        if any(not item.elements for item in items):
            yield f"{keyword} has an empty item"


def _timing(source: Source, kind: Kind) -> Iterator[str]:
    for item in source.items("RotationInformationSequence"):
        step = item.number("AngularStep")
        if step is not None and step <= 0:
            yield f"Angular Step is {step}; it is greater than zero (C.8.4.12)"
    if not kind.gated:
        return
    slots = _slots(source)
    for gate in source.items("GatedInformationSequence"):
        windows = gate.items("DataInformationSequence")
        if not windows:
            yield "DataInformationSequence is empty: the gates have no times"
        for number, window in enumerate(windows, start=1):
            times = window.items("TimeSlotInformationSequence")
            if times and len(times) != slots.get(number, 0):
                yield (
                    f"TimeSlotInformationSequence has {len(times)} items, the vectors name "
                    f"{slots.get(number, 0)} slots"
                )
            low, high = window.number("LowRRValue"), window.number("HighRRValue")
            if low is not None and high is not None and low > high:
                yield f"Low R-R Value {low} is above High R-R Value {high}"


def _slots(source: Source) -> dict[int, int]:
    """The slots of each R-R window: they may differ, and the vectors say so."""
    gates, slots = source.numbers("RRIntervalVector"), source.numbers("TimeSlotVector")
    found: dict[int, int] = {}
    for gate, slot in zip(gates, slots, strict=False):
        found[int(gate)] = max(found.get(int(gate), 0), int(slot))
    return found


def kind_of(source: Source) -> Kind:
    """Value 3 of Image Type; Refused when it is no kind of NM image."""
    words = source.texts("ImageType")
    for kind in Kind:
        if len(words) > 2 and words[2] == kind.value:
            return kind
    raise Refused(f"Image Type (0008,0008) is {'/'.join(words) or 'missing'}: no kind of NM image")
