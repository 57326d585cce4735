"""Flux images, as drives with a Greaseweazle or KryoFlux take them, decoded to sectors.

By Debian's greaseweazle tools in the sandbox. Which format a disk has is the operator's word:
another format's decoder would find other sectors, or some of the right ones.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from intake import files, sandbox
from intake.floppy.image import SECTOR, Image, runs
from intake.refused import Refused

SUFFIXES = {".scp", ".hfe", ".a2r", ".ipf", ".raw", ".ctr"}
FORMATS = (
    *("ibm.1440", "ibm.720", "ibm.1200", "ibm.360", "ibm.2880"),
    *("mac.800", "mac.400", "dec.rx02", "dec.rx01", "atarist.720"),
)
"""Of gw's formats those of the time and the machines of such cameras."""
MAX_FLUX = 512 * 2**20
_FOUND = re.compile(r"Found (\d+) sectors of (\d+)")
_MARK = b"-=[BAD SECTOR]=-"
"""What gw writes where it found no sector, again and again."""


def decode(path: Path, form: str) -> Image:
    """The sectors of a flux image; those that could not be decoded are zeros and listed."""
    if form not in FORMATS:
        raise Refused(f"the disk format {form!r} is not known", 0, f"known: {', '.join(FORMATS)}")
    with files.opened(path) as file:
        if files.size_of(file) > MAX_FLUX:
            raise Refused(f"{path.name} has more than {MAX_FLUX} bytes")
    with tempfile.TemporaryDirectory(prefix="intake-") as name:
        folder = Path(name)
        inside = folder / f"in{path.suffix.lower()}"
        shutil.copyfile(path, inside, follow_symlinks=False)
        words = ["gw", "convert", "--format", form, inside.name, "out.img"]
        done = sandbox.run(words, folder, sandbox.Limits(seconds=300, memory=2**31))
        said = (done.said + done.errors).decode("utf-8", "replace")
        found = _FOUND.search(said)
        if done.code or not found or not (folder / "out.img").is_file():
            lines = [line for line in said.splitlines() if line.strip()]
            raise Refused(f"gw cannot decode it as {form}: {lines[-1] if lines else 'no reason'}")
        return _judged((folder / "out.img").read_bytes(), int(found[2]) - int(found[1]), form)


def _judged(data: bytes, missing: int, form: str) -> Image:
    """The image with zeros where gw put its mark; Refused when that is not what gw counted."""
    count = len(data) // SECTOR
    mark = (_MARK * (SECTOR // len(_MARK)))[:SECTOR]
    bad = [at for at in range(count) if data[at * SECTOR : (at + 1) * SECTOR] == mark]
    if len(bad) != missing:
        raise Refused(f"gw counts {missing} missing sectors, {len(bad)} are marked: not trusted")
    if len(bad) * 2 > count:
        raise Refused(f"{len(bad)} of {count} sectors are missing: it is no {form} disk")
    clean = bytearray(data)
    for at in bad:
        clean[at * SECTOR : (at + 1) * SECTOR] = bytes(SECTOR)
    return Image(bytes(clean), runs(bad))
