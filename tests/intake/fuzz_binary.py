"""Broken DICOM, ACR-NEMA, ANALYZE, ECAT and raw files: each is converted, or refused.

    python tests/intake/fuzz_binary.py 100000 [SEED]

Well-formed files of every kind and transfer syntax are changed: bytes and numbers at any place,
lengths, parts cut out, doubled or taken from another file. What is converted is written as DICOM
and read back with the same pixels. What is watched: no exception but Refused, at most 5 seconds
of processor time, in each twentieth case memory.
"""

from __future__ import annotations

import random
import struct
import sys
import tempfile
import time
import traceback
import tracemalloc
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent.parent))

import numpy as np  # noqa: E402 - its path is set just above

from intake import convert, formats  # noqa: E402
from intake.convert import Wanted  # noqa: E402
from intake.raw.profile import parse  # noqa: E402
from intake.raw.read import read as read_raw  # noqa: E402
from intake.refused import Refused  # noqa: E402
from tests.intake import dicom_kit as kit  # noqa: E402
from tests.intake import ecat_kit, test_analyze, test_dicom_reader, test_raw  # noqa: E402

SECONDS = 5.0
SLACK = 24 * 2**20
NASTY = (0, 1, 2, 7, 8, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HEADERS = 4096


def seeds() -> list[bytes]:
    """Well-formed files."""
    makers = (kit.static, kit.dynamic, kit.gated, kit.tomo, kit.recon)
    syntaxes = (kit.IMPLICIT, kit.EXPLICIT, kit.BIG, kit.RLE)
    made = [kit.encode(make(), syntax=syntax) for make in makers for syntax in syntaxes]
    made += [kit.encode(kit.tomo(), preamble=False), test_dicom_reader.acr("<")]
    return [*made, test_dicom_reader.acr(">"), ecat_kit.ecat7(), ecat_kit.ecat6()]


def broken(rng: random.Random, base: list[bytes]) -> bytes:
    """A file with one to six things wrong."""
    data = bytearray(rng.choice(base))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        at = rng.randrange(min(len(data), HEADERS)) if data else 0
        kind = rng.randrange(7)
        if kind <= 1:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 2:
            form = rng.choice(("<H", ">H", "<I", ">I"))
            number = rng.choice(NASTY) & (0xFFFF if form[1] == "H" else 0xFFFFFFFF)
            put = struct.pack(form, number)
            data[at : at + len(put)] = put
        elif kind == 3:
            del data[at : at + rng.randrange(1, 40)]
        elif kind == 4:
            data[at:at] = data[at : at + rng.randrange(1, 80)]
        elif kind == 5:
            other = rng.choice(base)
            start = rng.randrange(len(other))
            data[at : at + 60] = other[start : start + 60]
        else:
            del data[rng.randrange(len(data) + 1) :]
    return bytes(data)


def one(data: bytes, folder: Path, profile: bool) -> str:
    """Convert one file; the outcome in a word. Raises what must not happen."""
    source, out = folder / "case.bin", folder / "out.dcm"
    source.write_bytes(data)
    out.unlink(missing_ok=True)
    reader = formats.read
    if profile:
        known = parse(test_raw.PROFILE)
        reader = lambda path, _options: read_raw(path, known)  # noqa: E731 - one of its kind
    result = convert.convert(source, out, Wanted(reader=reader))
    if result.refused and "positron" in result.refused.reason:
        return by_interfile(source, folder)
    if result.refused:
        assert result.refused.reason
        return "refused"
    assert result.reading
    again = formats.read(out).acquisitions[0]
    first = result.reading.acquisitions[0]
    order = sorted(range(len(first.places)), key=lambda each: first.places[each])
    wanted = first.pixels[order].astype("f8")
    found = again.pixels
    line = again.scale
    if first.scale == again.scale or (line.slope, line.intercept) == (1.0, 0.0):
        assert np.array_equal(found, wanted), "the pixels changed"
    return "converted"


def by_interfile(source: Path, folder: Path) -> str:
    """What DICOM is not for, by another way and back: the same numbers."""
    first = formats.read(source).acquisitions
    for old in folder.glob("case*33"):
        old.unlink()
    result = convert.convert(source, folder, Wanted(to="interfile"))
    if result.refused:
        return "refused"
    for wanted, made in zip(first, result.made, strict=True):
        found = formats.read(made.path).acquisitions[0]
        assert np.array_equal(found.pixels, wanted.pixels), "the pixels changed"
        assert found.scale == wanted.scale
    return "converted"


def analyze(rng: random.Random, folder: Path) -> bytes:
    """A broken ANALYZE header; its images lie beside it."""
    pixels = np.arange(60, dtype="i2").reshape(3, 4, 5)
    (folder / "case.img").write_bytes(pixels.astype(">i2").tobytes())
    return broken(rng, [test_analyze.header(">", pixels)])


def run(count: int, seed: int, folder: Path) -> Counter[str]:
    """Many cases; AssertionError, with the file kept, where one misbehaves."""
    rng, base, told = random.Random(seed), seeds(), Counter[str]()  # noqa: S311 - repeatable
    raw = [test_raw.whole(test_raw.header())]
    for number in range(count):
        kind = rng.randrange(10)
        data = analyze(rng, folder) if kind == 0 else broken(rng, raw if kind == 1 else base)
        watched = number % 20 == 0
        if watched:
            tracemalloc.start()
        began = time.process_time()
        try:
            told[one(data, folder, kind == 1)] += 1
            took = time.process_time() - began
            assert took < SECONDS, f"it took {took:.1f} s"
            if watched:
                held = tracemalloc.get_traced_memory()[1]
                assert held < SLACK, f"{held} bytes were held"
        except (Exception, Refused) as error:
            (folder / f"bad-{seed}-{number}.bin").write_bytes(data)
            traceback.print_exc()
            raise AssertionError(f"case {number} of seed {seed}: {error!r}") from error
        finally:
            tracemalloc.stop()
    return told


if __name__ == "__main__":
    name = tempfile.mkdtemp(prefix="fuzz-")
    began = time.monotonic()
    total = int(sys.argv[1])
    found = run(total, int(sys.argv[2]) if len(sys.argv) > 2 else 1, Path(name))
    print(f"{total} cases in {time.monotonic() - began:.0f} s: {dict(found)}")
