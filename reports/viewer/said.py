"""What a data set says, or nothing: values of somebody else's making, which may be anything."""

from __future__ import annotations

import math
from typing import Any

from pydicom.dataset import Dataset

ODD = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What pydicom raises for values that are not what they should be (it converts when asked)."""


def raw(data: Dataset, keyword: str) -> Any:
    """A value as pydicom has it; None where there is none or it cannot be read."""
    try:
        return data.get(keyword)
    except ODD:
        return None


def text(data: Dataset, keyword: str) -> str:
    """A value as text of a length that fits on a line."""
    found = raw(data, keyword)
    return "" if found is None else str(found).strip()[:64]


def number(data: Dataset, keyword: str) -> float | None:
    """A finite number."""
    return _finite(raw(data, keyword))


def _finite(value: Any) -> float | None:
    try:
        made = float(value)
    except ODD:
        return None
    return made if math.isfinite(made) else None


def whole(data: Dataset, keyword: str, otherwise: int) -> int:
    """A whole number."""
    found = number(data, keyword)
    return otherwise if found is None else int(found)


def numbers(data: Dataset, keyword: str) -> list[float]:
    """Several, or one; empty if one of them is none."""
    found = raw(data, keyword)
    if found is None or isinstance(found, str | bytes):
        return []
    try:
        listed = [_finite(each) for each in found]
    except TypeError:
        listed = [_finite(found)]
    made = [each for each in listed if each is not None]
    return made if len(made) == len(listed) else []


def items(data: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence."""
    found = raw(data, keyword)
    try:
        return [each for each in found or [] if isinstance(each, Dataset)]
    except TypeError:
        return []


def item(data: Dataset, keyword: str, number: int | None = 1) -> Dataset:
    """One of them, counted from 1 as DICOM's vectors do; an empty one where there is none."""
    listed = items(data, keyword)
    fits = number is not None and 1 <= number <= len(listed)
    return listed[number - 1] if fits and number is not None else Dataset()
