"""Series of many single-frame objects (PET, CT, MR): which of them are looked at as one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from reports.studies.models import Image
from reports.viewer.pixels import MOST_BYTES

MODALITIES = frozenset({"PT", "CT", "MR"})
"""Those whose objects are slices. A single frame of others is a picture of its own."""
DEEPEST = 4
"""Bytes of a pixel, at most: the database does not know how deep they are."""


@dataclass(frozen=True)
class Stack:
    """Several images, in the order of their numbers."""

    uid: str
    """Made of its members': a series that grows is another stack. DICOM's have no hyphen."""
    members: tuple[Image, ...]


def grouped(images: Iterable[Image]) -> list[Image | Stack]:
    """In the same order, a stack where its first image was."""
    alike: dict[tuple[object, ...], list[Image]] = {}
    for image in images:
        slices = image.series.modality in MODALITIES and image.frames == 1
        what = (image.kind, image.rows, image.columns) if slices else (image.uid,)
        alike.setdefault((image.series_id, *what), []).append(image)
    return [each for several in alike.values() for each in _cut(several)]


def named(uid: str, images: Iterable[Image]) -> Stack | None:
    """The stack of these images with that UID."""
    found = (each for each in grouped(images) if isinstance(each, Stack))
    return next((each for each in found if each.uid == uid), None)


def series_of(uid: str) -> str:
    """The UID of the series that a stack is of; empty for what is no stack's UID."""
    return uid.rpartition("-")[0]


def _cut(images: list[Image]) -> list[Image | Stack]:
    """In pieces that can be shown; images of which two have one number have no known order."""
    ordered = sorted(images, key=lambda image: image.number)
    if len({image.number for image in images}) < len(images):
        return [*images]
    first = images[0]
    many = max(1, MOST_BYTES // max(1, first.rows * first.columns * DEEPEST))
    pieces = [ordered[start : start + many] for start in range(0, len(ordered), many)]
    return [_stack(piece) if len(piece) > 1 else piece[0] for piece in pieces]


def _stack(members: list[Image]) -> Stack:
    every = " ".join(image.uid for image in members)
    digest = hashlib.sha256(every.encode()).hexdigest()[:32]
    return Stack(f"{members[0].series.uid}-{digest}", tuple(members))
