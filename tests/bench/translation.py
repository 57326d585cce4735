"""Ratios of the translation, each within one run (needs the tree of lab/translation.py):

- 2,000 typical files in a batch by the resident worker: no slower a file than medcon's own process
  (which does not sync), and within 3 times of copying the same bytes, both with fsync;
- a gated tomographic study of 128 x 128 x 64 images: under 0.3 s, with the interpreter running.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

import numpy as np

from intake.convert import convert
from intake.interfile import write as interfile
from intake.study import Acquisition, Kind, Place, Rotation
from lab import translation
from tests.intake import kit

FILES = int(os.environ.get("FILES", "2000"))
ROUNDS = 10
Way = Callable[[Path, Path], None]
SIZES = {  # what a department makes in a day
    Kind.STATIC: (256, 256),
    Kind.DYNAMIC: (64, 64),
    Kind.GATED: (64, 64),
    Kind.TOMO: (64, 64),
    Kind.RECON_TOMO: (64, 64),
}
GATED_SECONDS = 0.3


def seconds(what: Callable[[], object]) -> float:
    began = time.monotonic()
    what()
    return time.monotonic() - began


def make(kind: Kind, rows: int, columns: int) -> Acquisition:
    """The kit's acquisition with matrices of that size."""
    first = kit.make(kind)
    return kit.make(kind, pixels=kit.counts(len(first.places), rows, columns))


def put(acquisition: Acquisition, folder: Path, name: str) -> None:
    written = interfile.write(acquisition, f"{name}.i33")
    (folder / f"{name}.h33").write_bytes(written.header)
    (folder / f"{name}.i33").write_bytes(b"".join(written.chunks()))


def copy(source: Path, out: Path) -> None:
    """The same bytes, each file on the disk before the next."""
    for path in sorted(source.iterdir()):
        with path.open("rb") as old, (out / path.name).open("wb") as new:
            shutil.copyfileobj(old, new)
            new.flush()
            os.fsync(new.fileno())


def ours(source: Path, out: Path) -> None:
    for path in sorted(source.glob("*.h33")):
        assert convert(path, out).made, path


def ours_unsynced(source: Path, out: Path) -> None:
    """As medcon, which leaves it to the kernel when its files reach the disk."""
    with mock.patch("os.fsync"):
        ours(source, out)


def medcon(source: Path, out: Path) -> None:
    """One process a file, started by a shell in the same tree."""
    script = 'cd "$2"; for file in "$1"/*.h33; do medcon -s -w -f "$file" -c dicom -o x; done'
    words = ["sh", "-c", f"({script}) >/dev/null 2>&1", "sh", str(source), str(out)]
    done = kit.judged(words, source.parent)
    assert done.returncode == 0, done.stderr


def batch(folder: Path) -> None:
    """In rounds of every way, so that whatever else the machine does falls on all of them."""
    ways = (copy, ours, medcon, ours_unsynced)
    rounds = [one_round(folder / str(number), ways) for number in range(ROUNDS)]
    middle = {
        way.__name__: statistics.median(each[way.__name__] for each in rounds) for way in ways
    }
    print(f"{ROUNDS} rounds of {FILES // ROUNDS} files, the median of each way:")
    print(", ".join(f"{name} {value:.2f} ms a file" for name, value in middle.items()))
    for one, other, most in (("ours_unsynced", "medcon", 1), ("ours", "copy", 3)):
        ratios = sorted(each[one] / each[other] for each in rounds)
        print(
            f"{one} to {other}: {statistics.median(ratios):.2f} (at most {most}), "
            f"of single rounds {ratios[0]:.2f} to {ratios[-1]:.2f}"
        )


def one_round(folder: Path, ways: tuple[Way, ...]) -> dict[str, float]:
    """Milliseconds a file of each way."""
    source = folder / "source"
    source.mkdir(parents=True)
    kinds = list(SIZES)
    count = FILES // ROUNDS
    for number in range(count):
        kind = kinds[number % len(kinds)]
        put(make(kind, *SIZES[kind]), source, f"{number:05}")
    os.sync()  # what others, and we, wrote before is nobody's time
    times = {}
    for way in ways:
        out = folder / way.__name__
        out.mkdir()
        times[way.__name__] = seconds(lambda way=way, out=out: way(source, out)) / count * 1000
    shutil.rmtree(folder)
    return times


def gated(folder: Path) -> None:
    """64 images: 16 views of 4 slots; and 64 views of 16 slots, which is usual."""
    for views, slots in ((16, 4), (64, 16)):
        base = kit.make(Kind.GATED_TOMO)
        assert base.gating
        places = tuple(
            Place(slot=slot, view=view)
            for slot in range(1, slots + 1)
            for view in range(1, views + 1)
        )
        turn = Rotation(views, True, 180.0, 180.0, 180 / views, 25000.0)
        gate = base.gating.gates[0].__class__(slots, 50.0)
        study = kit.make(
            Kind.GATED_TOMO,
            places=places,
            pixels=kit.counts(len(places), 128, 128, np.uint16),
            rotations=(turn,),
            detectors=base.detectors[:1],
            gating=base.gating.__class__((gate,)),
        )
        put(study, folder, f"gated{len(places)}")
        took = seconds(lambda: convert(folder / f"gated{len(places)}.h33", folder))  # noqa: B023
        print(f"gated 128 x 128 x {len(places)}: {took:.3f} s (at most {GATED_SECONDS} for 64)")


if __name__ == "__main__":
    translation.tree(print)
    with tempfile.TemporaryDirectory() as name:
        batch(Path(name))
        gated(Path(name))
