"""Broken headers by the thousand: each file ends converted or refused, quickly and within bounds.

    python tests/intake/fuzz.py 100000 [SEED]

A header of ``base/`` is mutated (values from a list of nasty ones, lines lost, doubled, swapped,
bytes changed, pixels cut), and DICOM objects likewise. What is watched: no exception but Refused;
no file opened outside the drop folder and the output; at most 2 seconds of
processor time; and in each fifth case
memory, at most twice the image and a little (by tracemalloc, which numpy tells of its arrays).
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent.parent))

from intake.convert import Result, Wanted, convert  # noqa: E402 - its path is set just above

SECONDS = 2.0
SLACK = 12 * 2**20
NASTY = (
    *("", "0", "-1", "1", "2", "3", "65535", "65536", "2147483648", "99999999999999999999"),
    *("1e5", "1e308", "1e999", "NaN", "Inf", "-0", "0.5", "4,5", "0x10", "8.0", "\x00", "\xff"),
    *("../scan.i33", "/etc/passwd", "C:\\X", "scan.h33", "SCAN.I33", "a" * 300, ";", ":=", "^^^^"),
    *("unsigned integer", "signed integer", "short float", "long float", "bit", "ASCII", "float"),
    *("Static", "Dynamic", "Gated", "Tomographic", "GSPECT", "Curve", "Other", "Acquired"),
    *("Reconstructed", "SPECT", "BIGENDIAN", "LITTLEENDIAN", "CCW", "{1,2,3}", "24:61:00"),
    *("1999:00:00", "none", "JPEG", "\\", "=", "DOE^JANE^^^^^^X", "\x1a"),
)


def headers() -> list[bytes]:
    """The well-formed headers that are broken."""
    return [path.read_bytes() for path in sorted((HERE / "base").glob("*.h33"))]


def broken(rng: random.Random, base: list[bytes]) -> bytes:
    """A header with one to eight things wrong."""
    lines = rng.choice(base).split(b"\n")
    for _ in range(rng.choice((1, 1, 2, 2, 3, 5, 8))):
        at = rng.randrange(len(lines)) if lines else 0
        lines = _mutated(rng, lines, at, base)
    end = rng.choice([b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n\0"])
    raw = bytearray(end.join(lines))
    if raw and rng.random() < 0.2:
        for _ in range(rng.randint(1, 5)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
    return bytes(raw)


def _mutated(rng: random.Random, lines: list[bytes], at: int, base: list[bytes]) -> list[bytes]:
    if not lines:
        return rng.choice(base).split(b"\n")
    kind = rng.randrange(7)
    if kind <= 2:
        key, _, _ = lines[at].partition(b":=")
        value = rng.choice(NASTY).encode("latin-1")
        return [*lines[:at], key + b":= " + value, *lines[at + 1 :]]
    if kind == 3:
        return lines[:at] + lines[at + 1 :]
    if kind == 4:
        return [*lines[:at], lines[at], *lines[at:]]
    if kind == 5:
        other = rng.choice(rng.choice(base).split(b"\n"))
        return [*lines[:at], other, *lines[at:]]
    lines[at], lines[-1 - at] = lines[-1 - at], lines[at]
    return lines


def drop(rng: random.Random, folder: Path, base: list[bytes], objects: list[bytes]) -> Path:
    """The files of one case; the file to convert."""
    if objects and rng.random() < 0.25:
        raw = bytearray(rng.choice(objects))
        for _ in range(rng.randint(1, 12)):
            raw[rng.randrange(132, len(raw))] = rng.randrange(256)
        if rng.random() < 0.3:
            del raw[rng.randrange(132, len(raw)) :]
        (folder / "scan.dcm").write_bytes(raw)
        return folder / "scan.dcm"
    (folder / "scan.h33").write_bytes(broken(rng, base))
    size = rng.choice([96, 288, 384, 480, 1152, 2304, 4608, 0, 95, 5000])
    (folder / "scan.i33").write_bytes(rng.randbytes(size))
    return folder / "scan.h33"


class Watch:
    """What one conversion did: time, memory, and which files it opened."""

    def __init__(self, allowed: Path) -> None:
        self.allowed = str(allowed.resolve())
        self.outside: list[str] = []
        self.on = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
            name = os.path.realpath(os.fsdecode(arguments[0]))
            ours = name.endswith((".py", ".pyc", ".so")) or "/site-packages/" in name
            if not name.startswith(self.allowed) and not ours:
                self.outside.append(name)

    def run(self, header: Path, out: Path, memory: bool = True) -> Result:
        """Convert, and hold every bound."""
        files = sum(each.stat().st_size for each in header.parent.iterdir())
        if memory:
            tracemalloc.start()
        self.outside.clear()
        self.on = True
        signal.setitimer(signal.ITIMER_REAL, SECONDS * 30)  # SIGALRM ends a hang, loudly
        began = time.process_time()  # the machine may be busy with others
        try:
            result = convert(header, out, Wanted())
        finally:
            took = time.process_time() - began
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.on = False
            peak = tracemalloc.get_traced_memory()[1] if memory else 0
            tracemalloc.stop()
        assert took < SECONDS, f"{took:.1f} s"
        assert peak < 2 * files + SLACK, f"{peak} bytes of memory for {files} bytes of files"
        assert self.outside == [], self.outside
        assert bool(result.made) != bool(result.refused)
        return result


def one(seed: int, folder: Path, base: list[bytes], objects: list[bytes], watch: Watch) -> str:
    """One case; what came of it in a word or two."""
    incoming, out = folder / "in", folder / "out"
    for each in (incoming, out):
        each.mkdir(exist_ok=True)
        for file in each.iterdir():
            file.unlink()
    header = drop(
        random.Random(seed),  # noqa: S311
        incoming,
        base,
        objects,
    )
    result = watch.run(header, out, memory=seed % 5 == 0)  # tracing takes most of the time
    if result.refused:
        assert list(out.iterdir()) == [], "refused, and yet something was written"
        return "refused"
    assert result.reading is not None
    lines = {each.line for each in result.reading.fields}
    assert header.suffix == ".dcm" or len(lines) == len(result.reading.fields)
    return "converted"


def main() -> None:
    """Many cases; the first that fails is shown with its seed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    start = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    began, told = time.monotonic(), Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        watch, base = Watch(folder), headers()
        for seed in range(start, start + count):
            try:
                told[one(seed, folder, base, objects(folder), watch)] += 1
            except BaseException:
                print(f"seed {seed}")
                raise
            if seed % 5000 == 0:
                print(f"{seed - start} {dict(told)} {time.monotonic() - began:.0f} s", flush=True)
    print(f"{count} cases, {dict(told)}, {time.monotonic() - began:.0f} s")


_OBJECTS: list[bytes] = []


def objects(folder: Path) -> list[bytes]:
    """DICOM objects to break: what the base headers become."""
    if not _OBJECTS:
        work = folder / "objects"
        work.mkdir(exist_ok=True)
        for number, raw in enumerate(headers()):
            (work / "scan.h33").write_bytes(raw)
            (work / "scan.i33").write_bytes(bytes(range(256)) * 9)
            result = convert(work / "scan.h33", work, Wanted(), f"{number}")
            assert result.made, result.refused
            _OBJECTS.extend(each.path.read_bytes() for each in result.made)
            convert(result.made[0].path, work, Wanted(), "again")  # imports what it needs
            (work / "again.dcm").unlink()
    return _OBJECTS


if __name__ == "__main__":
    main()
