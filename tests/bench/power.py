"""50 power cuts while a camera stores, on a disk that loses what was not flushed (root).

Goal: nothing that the archive has acknowledged is missing or damaged. Every second cut keeps none
of what was unflushed, every other a random part of it, block by block. The control: the same
archive without the sync before its answer, where some must be missing, or the disk loses nothing.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "lab"))

from ingest import Cut, Ingest, department
from losing_disk import Keep

CUTS, CONTROLS = 50, 10
WAYS: tuple[Keep, ...] = ("none", "some")


def cuts(ingest: Ingest, count: int, what: str) -> Iterator[Cut]:
    """So many, told one by one."""
    for number in range(count):
        began = time.monotonic()
        keep = WAYS[number % 2]
        cut = ingest.cut(keep, number)
        print(
            f"{what} {number + 1}, {keep} of {cut.blocks} unflushed blocks kept: acknowledged"
            f" {len(cut.acknowledged)}, missing {len(cut.missing)}, damaged {len(cut.damaged)}"
            f" ({time.monotonic() - began:.0f} s)",
            flush=True,
        )
        yield cut


def told(what: str, made: list[Cut]) -> None:
    """The sum of it."""
    counts = {
        "acknowledged": sum(len(cut.acknowledged) for cut in made),
        "missing": sum(len(cut.missing) for cut in made),
        "damaged": sum(len(cut.damaged) for cut in made),
    }
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    print(f"{what}: {len(made)} cuts, {said}")


def main() -> int:
    """``power.py [CUTS [CONTROLS]]``."""
    wanted = [int(each) for each in sys.argv[1:]] or [CUTS]
    with department(f"power{os.getpid()}") as ingest:
        ours = list(cuts(ingest, wanted[0], "cut"))
        with ingest.without_sync():
            control = list(cuts(ingest, (wanted[1:] or [CONTROLS])[0], "control"))
    told("as we configure it", ours)
    told("control, without the sync", control)
    lost = any(cut.missing or cut.damaged for cut in ours)
    blind = not any(cut.missing for cut in control)
    return int(lost or blind or not all(cut.acknowledged for cut in ours))


if __name__ == "__main__":
    sys.exit(main())
