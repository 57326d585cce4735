"""``intake floppy``: a disk from the drive, or from a file, to an image and its files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

OK, DAMAGED = 0, 1


def add(commands: Any) -> None:
    """The command's words."""
    command = commands.add_parser("floppy", help="a disk whole: its image, bad sectors, files")
    command.add_argument("source", type=Path, help="/dev/fd0, an image (.img, .ima) or flux (.scp)")
    command.add_argument("out", type=Path, help="a folder")
    command.add_argument("--format", default="", help="of a flux image's disk, as ibm.1440")
    command.add_argument("--retries", type=int, choices=range(101), default=5, metavar="TIMES")
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """1 when sectors are bad, or the disk's files could not be taken."""
    from intake import show
    from intake.floppy import disk

    say = _progress if sys.stderr.isatty() and not parsed.json else None
    found = disk.read(parsed.source, parsed.out, disk.Wanted(parsed.format, parsed.retries), say)
    if say:
        print(file=sys.stderr)
    if parsed.json:
        print(show.as_json(found))
    else:
        print("\n".join(_lines(found)))
    return DAMAGED if found.bad or found.why_not else OK


def _lines(found: Any) -> list[str]:
    count = sum(each.count for each in found.bad)
    lines = [f"image    {found.image}"]
    if found.retried:
        lines.append(f"retried  {found.retried} sectors could be read when tried again")
    if count:
        where = ", ".join(f"{each.first} ({each.count})" for each in found.bad)
        lines.append(f"bad      {count} sectors, zeros in the image: {where}")
    lines += [f"file     {each.path}" for each in found.files if not each.damaged]
    lines += [f"damaged  {each.path}" for each in found.damaged]
    if found.why_not:
        lines.append(f"no files {found.why_not}")
    return lines


def _progress(done: int, total: int, bad: int) -> None:
    told = f"\r{done // 1024} of {total // 1024} kB, {bad} bad sectors "
    print(told, end="", file=sys.stderr, flush=True)
