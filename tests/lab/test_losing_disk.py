"""The instrument of the power cuts, before anything is believed that it shows."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from losing_disk import LosingDisk

from gateway.run import run

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]

BLOCKS = 200


@pytest.fixture
def disk() -> Iterator[LosingDisk]:
    with LosingDisk(64) as made:
        yield made


@contextmanager
def mounted(disk: LosingDisk, folder: Path) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    run(["mount", disk.device, folder])
    try:
        yield folder
    finally:
        run(["umount", folder])


def write(device: str, letter: bytes, *, sync: bool) -> None:
    """Blocks past the kernel's cache: they have reached the disk, but its own cache only."""
    block = mmap.mmap(-1, 4096)
    block.write(letter * 4096)
    raw = os.open(device, os.O_WRONLY | os.O_DIRECT)
    for number in range(BLOCKS):
        os.pwrite(raw, block, number * 4096)
    if sync:
        os.fsync(raw)
        os.close(raw)
    else:
        held.append(raw)  # its close would flush


held: list[int] = []


def letters(device: str) -> str:
    content = Path(device).read_bytes()[: BLOCKS * 4096]
    return "".join(sorted(set(content.decode())))


def cut(disk: LosingDisk, keep: str) -> None:
    disk.cut()
    disk.fail()
    while held:
        os.close(held.pop())
    disk.restore("some" if keep == "some" else "none", seed=1)


def test_what_is_flushed_stays_and_what_is_not_goes(disk: LosingDisk) -> None:
    write(disk.device, b"a", sync=True)
    write(disk.device, b"b", sync=False)
    assert disk.unflushed() == BLOCKS
    assert letters(disk.device) == "b", "before the cut it is what was written"
    cut(disk, "none")
    assert letters(disk.device) == "a"
    write(disk.device, b"b", sync=True)
    cut(disk, "none")
    assert letters(disk.device) == "b", "the control: flushed, it is there"


def test_a_part_of_what_is_not_flushed_may_stay(disk: LosingDisk) -> None:
    write(disk.device, b"a", sync=True)
    write(disk.device, b"b", sync=False)
    write(disk.device, b"c", sync=False)
    cut(disk, "some")
    assert letters(disk.device) == "abc"


def test_files_on_it(disk: LosingDisk, tmp_path: Path) -> None:
    run(["mkfs.ext4", "-q", disk.device])
    with mounted(disk, tmp_path / "mnt") as folder:
        for name in ("synced", "unsynced"):
            with (folder / name).open("wb") as file:
                file.write(b"x" * 9999)
                if name == "synced":
                    file.flush()
                    os.fsync(file.fileno())
        disk.cut()
        disk.fail()
    disk.restore()
    with mounted(disk, tmp_path / "mnt") as folder:
        assert sorted(each.name for each in folder.iterdir()) == ["lost+found", "synced"]
        assert (folder / "synced").stat().st_size == 9999
