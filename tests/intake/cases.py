"""The hard cases as data: a folder each, in it the variants of a header and what must come of it.

A variant takes a header of ``base/``, changes words in it (``edit``) or bytes (``bytes``, written
as Latin-1 with escapes), lays the pixels beside it (``data``), and says what comes out:
``converted`` (the very pixels that went in, and the attributes named), or ``refused`` with words
of the reason and, where there is one, the line that the reason names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from intake.options import Options
from intake.study import Pixels
from tests.intake.kit import counts

HERE = Path(__file__).parent
FRAMES = {"static": 1, "statics": 3, "dynamic": 5, "gated": 4, "tomo": 12, "gspect": 24, "recon": 5}


@dataclass(frozen=True)
class Case:
    """One variant."""

    folder: str
    name: str
    what: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.folder}: {self.name}"

    @property
    def options(self) -> Options:
        return Options(**self.what.get("options", {}))

    @property
    def pixels(self) -> Pixels:
        """What the data file holds, in this machine's byte order."""
        data = self.data
        made = counts(data["frames"], data["rows"], data["columns"], data["type"].strip("<>"))
        return np.asarray(made * data.get("times", 1) + data.get("plus", 0), dtype=made.dtype)

    @property
    def data(self) -> dict[str, Any]:
        base = {"frames": FRAMES[self.base], "rows": 6, "columns": 8, "type": ">u2"}
        return base | self.what.get("data", {})

    @property
    def base(self) -> str:
        return str(self.what.get("base", "static"))

    def header(self) -> bytes:
        text = (HERE / "base" / f"{self.base}.h33").read_text()
        for old, new in self.what.get("edit", {}).items():
            assert old in text, f"{self.id}: {old!r} is not in the header"
            text = text.replace(old, str(new))
        raw = text.replace("\n", "\r\n").encode(self.what.get("encode", "ascii"))
        for old, new in self.what.get("bytes", []):
            old_bytes, new_bytes = (each.encode("latin-1") for each in (old, new))
            assert old_bytes in raw, f"{self.id}: {old!r} is not in the header"
            raw = raw.replace(old_bytes, new_bytes)
        return raw.ljust(self.what.get("pad", 0), b"\0")

    def write(self, folder: Path) -> Path:
        """The files as the camera dropped them; the header's path."""
        folder.mkdir(parents=True, exist_ok=True)
        header = folder / self.what.get("header", "scan.h33")
        data = self.data
        raw = self.pixels.astype(np.dtype(data["type"])).tobytes()
        raw = data.get("before", "").encode("latin-1") * data.get("before times", 1) + raw
        raw = raw[: len(raw) - data.get("cut", 0)] + data.get("behind", "").encode("latin-1")
        if "raw" in data:
            raw = data["raw"].encode("latin-1")
        if data.get("in header"):
            header.write_bytes(self.header() + raw)
        else:
            header.write_bytes(self.header())
            if data.get("name", "scan.i33"):
                (folder / data.get("name", "scan.i33")).write_bytes(raw)
        return header


def load() -> list[Case]:
    """Every variant of every folder."""
    found = []
    for folder in sorted(HERE.glob("[0-9][0-9]-*")):
        variants = yaml.safe_load((folder / "case.yml").read_text(encoding="utf-8"))
        found += [Case(folder.name, name, what) for name, what in variants.items()]
    return found
