"""A drive whose disk errs: a loop device on a file with scratches (``scratched_file.py``)."""

from __future__ import annotations

from pathlib import Path

from losing_disk import LosingDisk

SERVER = Path(__file__).with_name("scratched_file.py")


class ScratchedDisk(LosingDisk):
    """Use as a context: ``device`` is a block device of 512 byte sectors inside it."""

    block = 512

    def __init__(self, image: Path, scratches: dict[int, int]) -> None:
        super().__init__(0)
        self.image, self.scratches = image, scratches

    def _serving(self, file: Path) -> list[str]:
        marks = [f"{sector}={times}" for sector, times in self.scratches.items()]
        return [str(SERVER), str(file), str(self.image), *marks]

    def reads(self) -> int:
        """How many reads reached the disk."""
        return int(self._order("reads"))
