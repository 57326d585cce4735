"""Pictures as files: written whole or not at all, never over a file that holds something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from intake.fields import Fate, Field
from intake.look import Look
from intake.pictures import write
from intake.study import Acquisition, Reading

Drawn = tuple[Path, list[bytes], tuple[Field, ...]]


def gif(reading: Reading, names: list[Path], look: Look) -> Iterator[Drawn]:
    """One animated GIF an acquisition: its path, its pieces, the account of the fields."""
    for acquisition, path in zip(reading.acquisitions, names, strict=True):
        yield path, list(write.animated(write.show(acquisition, look))), _fields(acquisition)


def png(reading: Reading, names: list[Path], look: Look) -> Iterator[Drawn]:
    """One PNG a frame."""
    for acquisition, path in zip(reading.acquisitions, names, strict=True):
        shown = write.show(acquisition, look)
        fields = _fields(acquisition)
        for number, name in enumerate(write.names(path, len(shown.order))):
            yield name, [write.png(shown, number)], fields


def _fields(acquisition: Acquisition) -> tuple[Field, ...]:
    """A picture is for the eye: it holds no value, and says so of each."""
    why = "a picture shows the counts within its window, and nothing else"
    return tuple(
        replace(each, fate=Fate.LOST, to=(), keep=False, why=why) for each in acquisition.fields
    )
