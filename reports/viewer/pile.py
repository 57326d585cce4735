"""The slices of a stack as the frames of one image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from pydicom.dataset import Dataset

from reports.studies.models import Image
from reports.viewer import describe, nm, pixels, said
from reports.viewer.describe import Mapping
from reports.viewer.pixels import Array
from reports.viewer.stacks import Stack
from reports.viewer.unfit import UnfitError


@dataclass(frozen=True)
class Slice:
    """A member: its stored values, and what its header says of them."""

    image: Image
    values: Array
    """One frame x rows x columns, or x 3."""
    mapping: Mapping
    frame: nm.Frame
    """Its ``start`` in seconds of the calendar until all are known."""


def made(stack: Stack, fetch: Callable[[str], Dataset]) -> tuple[dict[str, Any], Array]:
    """What is told of it, and its frames.

    A member that cannot be shown is left out and named, with the reason, under ``left``: the
    other slices are of use without it. Raises UnfitError if there are none.
    """
    slices: list[Slice] = []
    left: list[dict[str, Any]] = []
    header: Dataset | None = None
    for image in stack.members:
        try:
            data = fetch(image.archive_id)
            found = pixels.decode(data)
            _fits(image, found, data, header)
        except UnfitError as error:
            left.append({"number": image.number, "why": str(error)})
            continue
        if header is None:
            header = data
        slices.append(Slice(image, found, _mapping(data), _frame(data)))
    if header is None:
        raise UnfitError(left[0]["why"])
    return _told(header, slices, left)


def _fits(image: Image, found: Array, data: Dataset, first: Dataset | None) -> None:
    """Refuse what would not be seen for what it is among the others."""
    same = first is None or _look(data) == _look(first)
    if found.shape[:3] != (1, image.rows, image.columns) or not same:
        raise UnfitError(_("This image is not like the others of its series."))
    if _mapping(data).slope < 0:
        raise UnfitError(_("This image counts backwards, which cannot be shown among others."))


def _look(data: Dataset) -> tuple[object, ...]:
    mapping = _mapping(data)
    return (
        said.text(data, "PhotometricInterpretation"),
        describe.spacing(data),
        mapping.units,
        mapping.source,
    )


def _mapping(data: Dataset) -> Mapping:
    """Also of an object that says none: stored values stand for themselves."""
    units = said.text(data, "RescaleType") or said.text(data, "Units")
    return describe.mapping(data) or Mapping(1, 0, units, "rescale")


def _told(
    header: Dataset, slices: list[Slice], left: list[dict[str, Any]]
) -> tuple[dict[str, Any], Array]:
    alike = len({each.mapping for each in slices}) == 1
    found = _stored(slices) if alike or slices[0].values.ndim == 4 else _mapped(slices)
    about = describe.about(header, found)
    named = _named(slices)
    about["frames"] = [
        {
            **describe.frame(frame, describe.ranges(values)),
            "uid": each.image.uid,
            "number": each.image.number,
            "slope": each.mapping.slope,
            "intercept": each.mapping.intercept,
        }
        for each, frame, values in zip(slices, named, found, strict=True)
    ]
    if found.dtype.kind == "f":
        about["mapping"] = None
    film = named[-1].loop > 0
    return {
        **about,
        # Whatever Image Type says: value 3 means this only in an NM image.
        "kind": said.text(header, "Modality"),
        "alone": False,
        "missing": [],
        "same": ("slice",) if film else (),
        "units": slices[0].mapping.units,
        "left": left,
    }, found


def _stored(slices: list[Slice]) -> Array:
    return pixels.narrow(np.concatenate([each.values for each in slices]))


def _mapped(slices: list[Slice]) -> Array:
    """What the stored values stand for: one window over them is one over all slices."""
    found = np.empty((len(slices), *slices[0].values.shape[1:]), "<f4")
    with np.errstate(over="ignore"):  # what is too large for that is found below
        for number, each in enumerate(slices):
            # In double precision, and rounded once.
            found[number] = each.values[0] * each.mapping.slope + each.mapping.intercept
    if not np.isfinite(found).all():
        raise UnfitError(_("The pixels of this image cannot be read."))
    return found


def _frame(data: Dataset) -> nm.Frame:
    return replace(nm.frames(data, 1)[0], position=_position(data), start=_begun(data))


def _position(data: Dataset) -> float | None:
    """Along the normal of the slices, mm (C.7.6.2), or as the device says it."""
    corner = said.numbers(data, "ImagePositionPatient")
    ways = said.numbers(data, "ImageOrientationPatient")
    if len(corner) == 3 and len(ways) == 6:
        return float(np.dot(np.cross(ways[:3], ways[3:]), corner))
    return said.number(data, "SliceLocation")


def _begun(data: Dataset) -> float | None:
    day, time = said.text(data, "AcquisitionDate"), said.text(data, "AcquisitionTime")
    whole, _dot, part = time.partition(".")
    with suppress(ValueError):
        at = datetime.strptime(day + whole.ljust(6, "0"), "%Y%m%d%H%M%S")
        # In whichever zone: only differences count.
        return at.replace(tzinfo=UTC).timestamp() + float(f"0.{part or 0}")
    return None


def _named(slices: list[Slice]) -> list[nm.Frame]:
    """Slices by their position. Where each is there as often, each is a cine in time.

    Otherwise there is no order in time: beds and turns of a scanner say when as well, and a curve
    over it would go to and fro.
    """
    frames = [each.frame for each in slices]
    places = [None if each.position is None else round(each.position, 2) for each in frames]
    ranks = {place: rank for rank, place in enumerate(dict.fromkeys(places))}
    often = set(Counter(places).values())
    film = None not in ranks and len(ranks) > 1 and len(often) == 1 and often != {1}
    starts = [each.start for each in frames if each.start is not None]
    first = min(starts) if film and len(starts) == len(frames) else None
    return [
        replace(
            frame,
            place=replace(frame.place, slice=None if place is None else ranks[place] + 1),
            loop=ranks[place] if film else 0,
            start=None if first is None or frame.start is None else frame.start - first,
        )
        for frame, place in zip(frames, places, strict=True)
    ]
