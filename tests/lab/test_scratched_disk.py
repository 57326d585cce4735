"""A block device that really errs, imaged: what can be read is, what cannot is listed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scratched_disk import ScratchedDisk

from intake.floppy import disk, image
from intake.floppy.image import Bad

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]

SIZE = 1474560
CONTENT = b"".join(b"%011d " % number * 42 + b"........" for number in range(SIZE // 512))


@pytest.fixture
def floppy(tmp_path: Path) -> Path:
    path = tmp_path / "floppy"
    path.write_bytes(CONTENT)
    return path


def holed(*sectors: int) -> bytes:
    data = bytearray(CONTENT)
    for sector in sectors:
        data[sector * 512 : (sector + 1) * 512] = bytes(512)
    return bytes(data)


def test_a_disk_without_scratches(floppy: Path, tmp_path: Path) -> None:
    with ScratchedDisk(floppy, {}) as made:
        found = disk.read(Path(made.device), tmp_path / "out", disk.Wanted())
    assert found.image.read_bytes() == CONTENT
    assert (found.bad, found.retried) == ((), 0)
    assert "no DOS disk" in found.why_not


def test_bad_sectors_are_zeros_and_listed(floppy: Path, tmp_path: Path) -> None:
    scratches = {7: 0, 1000: 0, 1001: 0, 2879: 0, 1500: 3, 1501: 2}
    with ScratchedDisk(floppy, scratches) as made:
        found = disk.read(Path(made.device), tmp_path / "out", disk.Wanted(retries=4))
    assert found.image.read_bytes() == holed(7, 1000, 1001, 2879)
    assert found.bad == (Bad(7, 1), Bad(1000, 2), Bad(2879, 1))
    assert found.retried >= 1
    assert image.bad_of(found.image) == found.bad


def test_without_retries_more_is_lost(floppy: Path) -> None:
    with (
        ScratchedDisk(floppy, {1500: 3}) as made,
        image.device(Path(made.device)) as (read, size),
    ):
        taken = image.take(read, size, retries=0)
    assert taken.bad == (Bad(1500, 1),)


def test_through_the_cache_a_scratch_takes_its_neighbours(floppy: Path) -> None:
    """Why the image is read with O_DIRECT: the negative control reads as dd would."""
    with ScratchedDisk(floppy, {1003: 0}) as made, Path(made.device).open("rb", 0) as plain:
        plain.seek(1000 * 512)
        with pytest.raises(OSError, match="Input/output error"):
            plain.read(512)
        with image.device(Path(made.device)) as (read, _):
            assert read(1000 * 512, 512) == CONTENT[1000 * 512 : 1001 * 512]
