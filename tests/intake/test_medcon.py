"""medcon as an oracle for pixels, where it is right: 16 bits up to 32767, none below zero."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from intake import sandbox
from intake.dicom_reader.read import read
from tests.intake import dicom_kit, kit


@pytest.fixture(autouse=True)
def _tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "TOOLS", kit.tree())


def by_medcon(path: Path) -> np.ndarray:
    """The pixels as medcon reads them."""
    done = sandbox.run(
        ["medcon", "-n", "-f", path.name, "-c", "intf", "-w", "-o", "m"], path.parent
    )
    assert done.code == 0, done
    return np.fromfile(path.parent / "m.i33", dtype="<i2")


@pytest.mark.parametrize("name", ["static", "dynamic", "gated", "tomo", "recon"])
@pytest.mark.parametrize("syntax", [dicom_kit.IMPLICIT, dicom_kit.EXPLICIT, dicom_kit.BIG])
def test_the_same_pixels(tmp_path: Path, name: str, syntax: str) -> None:
    made = getattr(dicom_kit, name)()
    frames = int(made.NumberOfFrames)
    path = dicom_kit.write(
        tmp_path, dicom_kit.put(made, dicom_kit.counts(frames, 16, 16, 32767)), syntax=syntax
    )
    ours = read(path).acquisitions[0].pixels
    assert np.array_equal(ours.reshape(-1), by_medcon(path))


def test_above_32767_medcon_is_no_oracle(tmp_path: Path) -> None:
    made = dicom_kit.put(dicom_kit.recon(), dicom_kit.counts(3, 16, 16))
    path = dicom_kit.write(tmp_path, made)
    ours = read(path).acquisitions[0].pixels
    assert np.array_equal(ours, dicom_kit.counts(3, 16, 16))
    assert not np.array_equal(ours.reshape(-1), by_medcon(path))
