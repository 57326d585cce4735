"""A report as a fax, by the box's own fax server (hfaxd)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.utils.translation import gettext as _

SECONDS = 60
PLACES = "/usr/bin:/bin"
_FILLING = re.compile(r"[ ().\-/]")
_NUMBER = re.compile(r"\+?[0-9]{3,20}(?:[#,][0-9]{1,8})?")


class FaxError(Exception):
    """It was not taken; ``str`` of it says why."""


def number(told: str) -> str:
    """A telephone number as it is dialled. Raises FaxError."""
    plain = _FILLING.sub("", told)
    if not _NUMBER.fullmatch(plain):
        raise FaxError(_("That is no fax number: digits, with a + before and an extension behind."))
    return plain


def send(pdf: bytes, to: str) -> None:
    """Give it to the fax server, which dials and tries again by itself. Raises FaxError."""
    with TemporaryDirectory(prefix="fax-") as folder:
        page = Path(folder) / "report.pdf"
        page.write_bytes(pdf)
        # -n: no cover page. -m: fine, or small print and Chinese names cannot be read at the far
        # end. A list of words: no shell reads the number.
        words = ["sendfax", "-n", "-m", "-h", settings.CONFIG.fax_host, "-f", "reports"]
        words += ["-d", number(to), str(page)]
        place = {"PATH": PLACES, "HOME": folder, "LC_ALL": "C.UTF-8"}
        try:
            done = subprocess.run(
                words, env=place, cwd=folder, capture_output=True, text=True, timeout=SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FaxError(f"sendfax: {error}") from None
    if done.returncode:
        raise FaxError(f"sendfax: {(done.stderr or done.stdout).strip()[:250]}")
