"""A report as a fax, by the box's own fax server (hfaxd)."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.utils.translation import gettext as _

SECONDS = 60
PLACES = "/usr/bin:/bin"
_FILLING = re.compile(r"[ ().\-/]")
_TAKEN = re.compile(r"request id is (\d+)")
_JOB = re.compile(r"(\d+)\|(.)\|(.*)")
_NUMBER = re.compile(r"\+?[0-9]{3,20}(?:[#,][0-9]{1,8})?")


class FaxError(Exception):
    """It was not taken; ``str`` of it says why."""


@dataclass(frozen=True)
class Job:
    """What the fax server says of one of its jobs."""

    state: str
    """``done``, ``failed``, or ``taken``: it is still at it."""
    why: str
    """Of the last attempt that failed."""


def number(told: str) -> str:
    """A telephone number as it is dialled. Raises FaxError."""
    plain = _FILLING.sub("", told)
    if not _NUMBER.fullmatch(plain):
        raise FaxError(_("That is no fax number: digits, with a + before and an extension behind."))
    return plain


def send(pdf: bytes, to: str) -> int | None:
    """Give it to the fax server, which dials and tries again by itself; its number of the job.

    Raises FaxError. Without a number, which none is known to keep back, nobody can follow it.
    """
    with TemporaryDirectory(prefix="fax-") as folder:
        page = Path(folder) / "report.pdf"
        page.write_bytes(pdf)
        # -n: no cover page. -m: fine, or small print and Chinese names cannot be read at the far
        # end. A list of words: no shell reads the number.
        words = ["sendfax", "-n", "-m", "-h", settings.CONFIG.fax_host, "-f", "reports"]
        told = _asked([*words, "-d", number(to), str(page)], folder)
    found = _TAKEN.search(told)
    return int(found[1]) if found else None


def jobs() -> dict[int, Job]:
    """Those that the fax server sends, or ended within the last hour. Raises FaxError."""
    with TemporaryDirectory(prefix="fax-") as folder:
        # faxstat(1): the number, one letter for the state, why it failed last.
        Path(folder, ".hylarc").write_text('JobFmt: "%j|%a|%s"\n', "ascii")
        told = _asked(["faxstat", "-s", "-d", "-h", settings.CONFIG.fax_host], folder)
    lines = (_JOB.fullmatch(line.strip()) for line in told.splitlines())
    ended = {"D": "done", "F": "failed"}
    return {
        int(line[1]): Job(ended.get(line[2], "taken"), line[3].strip()) for line in lines if line
    }


def _asked(words: list[str], folder: str) -> str:
    """What a client of the fax server prints. Raises FaxError."""
    place = {"PATH": PLACES, "HOME": folder, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            words, env=place, cwd=folder, capture_output=True, text=True, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FaxError(f"{words[0]}: {error}") from None
    if done.returncode:
        raise FaxError(f"{words[0]}: {(done.stderr or done.stdout).strip()[:250]}")
    return done.stdout
