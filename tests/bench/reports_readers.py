"""Twenty readers at once: the report site against Orthanc's own web viewer, on the same studies.

Debian 13's Orthanc with its package orthanc-webviewer, the site as gunicorn runs it on a box (two
processes of four threads), and the readers, all on loopback and on this machine's cores; no TLS on
either side. In turn, so that other work on the machine meets all of them: the site, the web viewer
as it is (JPEG of 8 bits, quality 95) and without loss (its button H, deflate).

- cold: each study is opened once, and by one reader, after it was stored; each of them has kept
  nothing of it (both keep frames on the disk), the operating system has the archive's files.
- warm: each reader opens fifteen of the same studies; all of them were opened before.

``python tests/bench/reports_readers.py``; it fails if anybody met an error.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
from readers_client import OURS, Seen, Where, read  # noqa: E402 - found by the line before

READERS, OPENS, SETS, EACH_COLD = 20, 15, 2, 3
INSIDE = "inside"
SIDES = (OURS, "jpeg95", "deflate")
NAMES = {OURS: "report site", "jpeg95": "web viewer, JPEG", "deflate": "web viewer, lossless"}


def pictures(frames: int, rows: int, columns: int) -> Any:
    """Counts as a camera has them: an organ on a background, and chance."""
    import numpy as np

    yy, xx = np.mgrid[0:rows, 0:columns]
    organ = np.exp(-(((xx / columns - 0.5) / 0.2) ** 2) - (((yy / rows - 0.4) / 0.2) ** 2))
    strength = np.linspace(40, 300, frames)[:, None, None]
    return np.random.default_rng(7).poisson(2 + strength * organ).astype(np.uint16)


def objects() -> list[Callable[[str, str], Any]]:
    """One of each kind of examination, of a study and a patient."""
    import viewer_objects as make

    def of(kind: str, shape: tuple[int, int, int], vector: str, **values: Any) -> Any:
        pixels = pictures(*shape)
        vectors = {vector: [*range(1, shape[0] + 1)]}
        return lambda study, patient: make.nm(
            kind, pixels, study, vectors, PatientID=patient, **values
        )

    phase = [make.item(ActualFrameDuration=10_000, NumberOfFramesInPhase=60)]
    return [
        of("STATIC", (2, 256, 256), "detector", ActualFrameDuration=300_000),
        of("WHOLE BODY", (2, 1024, 256), "detector", ActualFrameDuration=900_000),
        of("DYNAMIC", (60, 128, 128), "step", PhaseInformationSequence=phase),
        of("GATED", (16, 64, 64), "slot"),
        of("TOMO", (60, 128, 128), "turn", **make.TURN),
    ]


def studies(orthanc: Any) -> dict[str, Any]:
    """Sets of them, each with every kind equally often."""
    import viewer_site
    from pydicom.uid import generate_uid

    kinds, made = objects(), []
    for number in range(1 + SETS * READERS * EACH_COLD):
        made_of = kinds[number % len(kinds)]
        study = viewer_site.enter(orthanc, [made_of(generate_uid(), f"P-{number}")])
        made.append({"study": study.uid, "archive": study.archive_id})
    return {"studies": made}


@dataclass(frozen=True)
class Round:
    """All readers of one side, at once."""

    seconds: float
    readers: list[Seen]

    @property
    def opened(self) -> int:
        """Studies."""
        return sum(len(each.opened) for each in self.readers)

    @property
    def rate(self) -> float:
        """Studies a second."""
        return self.opened / self.seconds

    @property
    def errors(self) -> list[str]:
        """Everybody's."""
        return [told for each in self.readers for told in each.errors]


def shares(listed: Sequence[dict[str, str]], state: str) -> list[list[dict[str, str]]]:
    """What each reader opens, in an order of his own."""
    if state == "cold":
        return [[*listed[at::READERS]] for at in range(READERS)]
    # Three of each kind; the next reader begins a little further on.
    return [[listed[(at * 7 + n) % len(listed)] for n in range(OPENS)] for at in range(READERS)]


def crowd(pool: Any, where: Where, side: str, told: list[list[dict[str, str]]]) -> Round:
    """Let them begin together, and wait for the last."""
    begun = time.perf_counter()
    seen = pool.starmap(read, [(where, side, each) for each in told], chunksize=1)
    return Round(time.perf_counter() - begun, seen)


def measured(where: Where, listed: list[dict[str, str]]) -> dict[tuple[str, str], list[Round]]:
    """Each side in turn, each first in its turn."""
    found: dict[tuple[str, str], list[Round]] = {}
    size = len(listed) // SETS
    with multiprocessing.get_context("fork").Pool(READERS) as pool:
        for number in range(SETS):
            some = listed[number * size : (number + 1) * size]
            order = SIDES[number % len(SIDES) :] + SIDES[: number % len(SIDES)]
            for state in ("cold", "warm"):
                for side in order:
                    one = crowd(pool, where, side, shares(some, state))
                    found.setdefault((state, side), []).append(one)
    return found


def line(name: str, rounds: Sequence[Round]) -> str:
    """A row: studies a second, waits, what it cost."""
    seen = [each for one in rounds for each in one.readers]
    firsts = [each.first for one in seen for each in one.opened]
    wholes = [each.whole for one in seen for each in one.opened]
    lists = [each for one in seen for each in one.lists]
    opened, seconds = sum(one.opened for one in rounds), sum(one.seconds for one in rounds)
    return (
        f"  {name:22} {median(one.rate for one in rounds):6.1f}"
        f"  {median(lists):5.0f} {max(lists):6.0f}  {median(firsts):5.0f} {max(firsts):6.0f}"
        f"  {median(wholes):6.0f} {max(wholes):6.0f}"
        f"  {sum(each.asked for each in seen) / opened:5.1f}"
        f" {sum(each.bytes for each in seen) / opened / 1e6:6.2f}"
        f" {100 * sum(each.busy for each in seen) / seconds / 2:4.0f}%"
        f" {sum(len(one.errors) for one in rounds):6}"
    )


def show(found: dict[tuple[str, str], list[Round]]) -> None:
    """The tables, and the ratios within each round."""
    for state in ("cold", "warm"):
        print(
            f"{READERS} readers, {state}: studies a second; ms median and worst (from the click):"
        )
        print(
            f"  {'':22} {'/s':>6}  {'list':>12}  {'first image':>12}  {'whole study':>13}", end=""
        )
        print(f"  {'asked':>5} {'MB':>6} {'client':>5} {'errors':>6}")
        for side in SIDES:
            print(line(NAMES[side], found[state, side]))
        for other in SIDES[1:]:
            pairs = zip(found[state, OURS], found[state, other], strict=True)
            told = ", ".join(f"{ours.rate / theirs.rate:.1f}" for ours, theirs in pairs)
            print(f"  the site opens {told} times as many studies a second as {NAMES[other]}")


def inside(folder: Path) -> int:
    """In the tree."""
    import viewer_site

    place = folder / "site"
    place.mkdir()
    with viewer_site.site(
        place, "reports_readers:studies", plugins=("libOrthancWebViewer.so",)
    ) as site:
        where = Where(site["url"], site["cookie"], site["orthanc"])
        for side in SIDES:  # both have started up wholly; the first study of each is not measured
            if errors := read(where, side, site["studies"][:1]).errors:
                print(f"{side}: {errors}")
                return 1
        found = measured(where, site["studies"][1:])
    show(found)
    errors = [told for rounds in found.values() for one in rounds for told in one.errors]
    print(f"errors: {len(errors)}", *errors[:5], sep="\n")
    return 1 if errors else 0


def main() -> int:
    """Run it in the tree, or be run there."""
    if sys.argv[1:2] == [INSIDE]:
        sys.path[:0] = [str(ROOT), str(HERE.parent / "reports")]
        return inside(Path(sys.argv[2]))
    sys.path.insert(0, str(ROOT))
    from gateway.run import follow
    from lab import reporting

    with TemporaryDirectory(prefix="readers-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        words = ["env", f"PYTHONPATH={HERE}", "python3", str(Path(__file__).resolve())]
        words += [INSIDE, name]
        code, errors = follow(reporting.command(reporting.tree(print), words, folder, ROOT), print)
    print(errors, end="", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
