"""A file with scratches: reads that touch a bad sector err with EIO, some of them only at first.

Run by ``scratched_disk.py``: ``scratched_file.py FILE IMAGE SECTOR=TIMES…``. TIMES is how often a
sector errs before it can be read; 0: it never can. It is the FUSE server of ``losing_file.py`` with
another answer to READ.
"""

from __future__ import annotations

import sys
from errno import EIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from losing_file import MOVE, READ, File, mount

SECTOR = 512


class Scratched(File):
    """Answers reads of bad sectors with an error."""

    def __init__(self, device: int, content: bytes, scratches: dict[int, int]) -> None:
        super().__init__(device, len(content))
        self.blocks.bytes[:] = content
        self.scratches = {sector: times or -1 for sector, times in scratches.items()}
        self.reads = 0

    def work(self, verb: int, body: memoryview) -> bytes | int:
        if verb == READ:
            self.reads += 1
            _, offset, size, *_ = MOVE.unpack_from(body)
            touched = range(offset // SECTOR, (offset + size - 1) // SECTOR + 1)
            bad = [sector for sector in touched if self.scratches.get(sector)]
            for sector in bad:
                self.scratches[sector] -= 1
            if bad:
                return EIO
        return super().work(verb, body)

    def order(self, words: list[str]) -> str:
        """How many reads there were."""
        return str(self.reads) if words == ["reads"] else super().order(words)


def main() -> None:
    """What the command line says."""
    where, image, *scratches = sys.argv[1:]
    told = dict(tuple(map(int, each.split("="))) for each in scratches)
    Scratched(mount(where), Path(image).read_bytes(), told).serve()


if __name__ == "__main__":
    main()
