"""Pages as they look: of a PDF, and how like another one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import PIL.Image
from browser_kit import ROOT

from gateway.run import run
from lab import reporting

Ink = npt.NDArray[np.float64]
DOTS = 60
"""An inch: letters are seen, single dots of a fax are not."""
SIZE = (500, 720)
"""What is looked at of a page of A4 or Letter, in such dots."""
MARGIN = 10
"""How far a fax machine may shift the page."""


def pages(pdf: bytes) -> list[Ink]:
    """How dark each place of each page is, a little blurred."""
    with _beside(pdf) as folder:
        _in_tree(folder, "pdftoppm", "-gray", "-r", str(DOTS), "it.pdf", "page")
        return [_ink(PIL.Image.open(each)) for each in sorted(folder.glob("page*.pgm"))]


def text(pdf: bytes) -> str:
    """Its words, with one space between."""
    with _beside(pdf) as folder:
        return " ".join(_in_tree(folder, "pdftotext", "it.pdf", "-").split())


@contextmanager
def _beside(pdf: bytes) -> Iterator[Path]:
    """A folder with it."""
    with TemporaryDirectory(prefix="paper-") as name:
        (Path(name) / "it.pdf").write_bytes(pdf)
        yield Path(name)


def _in_tree(folder: Path, *words: str) -> str:
    where = ["env", "-C", str(folder)]
    return run(reporting.command(reporting.tree(print), [*where, *words], folder, ROOT)).stdout


def _ink(page: PIL.Image.Image) -> Ink:
    dark = np.zeros((SIZE[1] + 2 * MARGIN, SIZE[0] + 2 * MARGIN))
    seen = 255.0 - np.asarray(page, np.float64)[: dark.shape[0], : dark.shape[1]]
    dark[: seen.shape[0], : seen.shape[1]] = seen
    near = [np.roll(dark, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    blurred: Ink = np.mean(near, axis=0)
    return blurred


def alike(one: Ink, other: Ink) -> float:
    """How well the ink of two pages agrees where it agrees best: 1 is the same, 0 is chance."""
    inner = one[MARGIN:-MARGIN, MARGIN:-MARGIN].ravel()

    def moved(y: int, x: int) -> float:
        there = other[MARGIN + y : MARGIN + y + SIZE[1], MARGIN + x : MARGIN + x + SIZE[0]]
        return float(np.corrcoef(inner, there.ravel())[0, 1])

    steps = range(-MARGIN, MARGIN + 1)
    return max(moved(y, x) for y in steps for x in steps)
