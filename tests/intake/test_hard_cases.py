"""The thirty hard cases: each becomes the right object, or is refused for the right reason."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pydicom
import pytest

from intake.convert import Wanted, convert
from tests.intake.cases import Case, load
from tests.intake.kit import all_errors

CASES = load()


def test_all_thirty_are_there() -> None:
    assert {case.folder[:2] for case in CASES} == {f"{number:02}" for number in range(1, 31)}


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_hard_case(case: Case, tmp_path: Path) -> None:
    header = case.write(tmp_path / "drop")
    _special(case, tmp_path / "drop")
    out = tmp_path / "out"
    out.mkdir()
    result = convert(header, out, _wanted(case))
    if "refused" in case.what:
        assert result.refused is not None, [made.path.name for made in result.made]
        assert case.what["refused"] in result.refused.reason
        assert result.refused.line == case.what.get("line", 0), result.refused.show()
        assert list(out.iterdir()) == []
        return
    assert result.refused is None, result.refused and result.refused.show()
    _check(case, [made.path for made in result.made])
    notes = " ".join(result.reading.notes if result.reading else ())
    assert case.what.get("note", "") in notes


def _wanted(case: Case) -> Wanted:
    return Wanted(options=case.options)


def _special(case: Case, drop: Path) -> None:
    """What is no plain file."""
    kind = case.what.get("special")
    data = drop / "scan.i33"
    if kind:
        data.unlink(missing_ok=True)
    if kind == "link":
        outside = drop.parent / "outside"
        outside.write_bytes(b"\0" * 96)
        data.symlink_to(outside)
    elif kind == "pipe":
        os.mkfifo(data)
    elif kind == "folder":
        data.mkdir()


def _check(case: Case, files: list[Path]) -> None:
    wanted = case.what["converted"] or {}
    sets = [pydicom.dcmread(file) for file in files]
    frames = [
        frame
        for each in sets
        for frame in each.pixel_array.reshape(-1, *each.pixel_array.shape[-2:])
    ]
    mapping = getattr(sets[0], "RealWorldValueMappingSequence", None)
    stored = np.stack(frames).astype(np.float64)
    if mapping:
        stored = stored * mapping[0].RealWorldValueSlope + mapping[0].RealWorldValueIntercept
    order = wanted.pop("order", range(len(frames)))
    assert np.array_equal(stored, case.pixels.astype(np.float64)[list(order)])
    assert len(sets) == wanted.pop("objects", 1)
    for keyword, value in wanted.items():
        found = sets[0]
        for step in keyword.split("."):
            found = found[int(step)] if step.isdigit() else getattr(found, step)
        assert str(found) == str(value), keyword


def test_dciodvfy_is_content_with_all_of_them(tmp_path: Path) -> None:
    for number, case in enumerate(CASES):
        if "converted" in case.what:
            drop = tmp_path / f"drop{number}"
            header = case.write(drop)
            _special(case, drop)
            convert(header, tmp_path, _wanted(case), f"{number}")
    made = sorted(tmp_path.glob("*.dcm"))
    assert len(made) > 80
    said = all_errors(made)
    assert said == {path.name: [] for path in made}
