"""Bring received faxes where they belong: as PDF into a share, and by mail.

Run by ``fax-deliver.service`` in HylaFAX's spool folder, for each note that ``etc/noted`` has
left in ``inbox``. A note is removed when its fax has arrived, so that nothing is lost: what is
interrupted is done again, and a share gets the same fax under the same name.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

SETTINGS = Path("/etc/gateway/fax.json")
SPOOL = Path("/var/spool/hylafax")
SECONDS = 120
MAX_NOTE = 16384

Run = Callable[[Sequence[str], bytes], bytes]


@dataclass(frozen=True)
class Settings:
    """Where to: ``folder`` and ``mail`` may be empty; ``sender`` is who mails."""

    folder: str
    mail: str
    sender: str


@dataclass(frozen=True)
class Fax:
    """A received fax. ``message`` is what went wrong, if anything did."""

    tiff: Path
    device: str
    session: str
    message: str
    caller: str

    def name(self) -> str:
        """The same for the same fax: when, from whom, its number in the spool folder."""
        when = time.strftime("%Y-%m-%d-%H%M", time.localtime(self.tiff.stat().st_mtime))
        caller = re.sub(r"[^0-9A-Za-z+]+", "-", self.caller).strip("-")[:20] or "unknown"
        part = "-incomplete" if self.message else ""
        return f"{when}-{caller}-{self.tiff.stem}{part}.pdf"


def run(command: Sequence[str], stdin: bytes = b"") -> bytes:
    """What a command prints. Raises subprocess.SubprocessError if it fails."""
    done = subprocess.run(command, input=stdin, check=True, capture_output=True, timeout=SECONDS)
    return done.stdout


def notes(spool: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every note with its words, oldest first."""
    found = [each for each in (spool / "inbox").iterdir() if each.is_file()]
    for note in sorted(found, key=lambda each: each.stat().st_mtime_ns):
        text = note.read_bytes()[:MAX_NOTE].decode("utf-8", "replace")
        yield note, [line.strip() for line in text.splitlines()]


def deliver(spool: Path, settings: Settings, words: Sequence[str], call: Run = run) -> None:
    """One note: of a received fax, or of one that was to be sent."""
    if not words or not words[0].startswith("recvq/"):
        if (letter := _unsent(settings, words)) and settings.mail:
            _send(letter, settings, call)
        return
    file, device, session, message, *_callers = (*words, "", "", "")
    tiff = spool / "recvq" / Path(file).name
    if not tiff.exists():
        if settings.mail:
            _send(
                _letter(settings, "A fax was not received", f"{device}: {message}"), settings, call
            )
        return
    fax = Fax(tiff, device, session, message, _caller(tiff, call))
    pdf = call(("/usr/bin/tiff2pdf", str(tiff)), b"")
    if not pdf.startswith(b"%PDF"):
        raise OSError(f"{tiff}: tiff2pdf made no PDF of it")
    if settings.folder:
        _put(Path(settings.folder) / fax.name(), pdf)
    if settings.mail:
        body = f"{message}\n" if message else "The fax is attached.\n"
        letter = _letter(settings, f"Fax from {fax.caller or 'unknown'}", body)
        letter.add_attachment(pdf, maintype="application", subtype="pdf", filename=fax.name())
        _send(letter, settings, call)


def _caller(tiff: Path, call: Run) -> str:
    """What the other side called itself (its TSI, T.30), as faxinfo(8) tells it."""
    said = call(("/usr/sbin/faxinfo", str(tiff)), b"").decode("utf-8", "replace")
    found = re.search(r"(?m)^\s*Sender:\s*(.*?)\s*$", said)
    return found[1] if found and found[1] != "<UNSPECIFIED>" else ""


def _put(target: Path, content: bytes) -> None:
    """Whole or not at all; a file that is there already stays (it is the same fax)."""
    partial = target.with_name(f".{target.name}.part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    with suppress(FileExistsError):
        os.link(partial, target)
    partial.unlink()
    folder = os.open(target.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _unsent(settings: Settings, words: Sequence[str]) -> EmailMessage | None:
    """A letter about a job that will not be sent; None about one that was or still may be."""
    job, why, *_times = (*words, "", "")
    if why in ("", "done", "requeued"):
        return None
    number = Path(job).name.removeprefix("q")
    return _letter(settings, f"Fax job {number} was not sent: {why}", "See `faxstat -d`.\n")


def _letter(settings: Settings, subject: str, body: str) -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"] = settings.sender, settings.mail
    letter["Subject"] = subject
    letter.set_content(body)
    return letter


def _send(letter: EmailMessage, settings: Settings, call: Run) -> None:
    call(("/usr/sbin/sendmail", "-oi", "-f", settings.sender, settings.mail), bytes(letter))


def main() -> int:
    """Deliver every note; 1 if one could not be, to be tried again."""
    settings = Settings(**json.loads(SETTINGS.read_text("utf-8")))
    failed = False
    for note, words in notes(SPOOL):
        try:
            deliver(SPOOL, settings, words)
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", b"") or b""
            print(f"{note.name}: {error} {said.decode('utf-8', 'replace')}", file=sys.stderr)
            failed = True
            continue
        note.unlink()
        print(f"{note.name}: {' '.join(words)}: delivered")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
