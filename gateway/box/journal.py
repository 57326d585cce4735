"""What an administrator must hear of, though nobody sits there: the journal, and mail."""

from __future__ import annotations

import syslog

from .files import Paths
from .process import Done, run

SENDMAIL = "/usr/sbin/sendmail"
NAME = "gateway-box"


def note(text: str, *, wrong: bool = False) -> None:
    """A line in the journal (``journalctl -t gateway-box``), whoever runs us."""
    syslog.openlog(NAME, facility=syslog.LOG_DAEMON)
    for line in text.splitlines():
        syslog.syslog(syslog.LOG_ERR if wrong else syslog.LOG_NOTICE, line)


def mail(paths: Paths, subject: str, text: str) -> Done | None:
    """A mail to root, which the box's mail service sends on to the administrator.

    Its subject begins with the box's name. None where the box has no mail service. It waits in
    a queue on the disk (postdrop(1)), so a relay that does not answer holds up nothing.
    """
    program, name = paths.on_box(SENDMAIL), paths.on_box("/etc/hostname")
    if not program.exists():
        return None
    box = name.read_text("utf-8").strip() if name.exists() else "gateway"
    head = f"To: root\nSubject: {box}: {subject}\nAuto-Submitted: auto-generated\n"
    head += "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
    return run([str(program), "-i", "-t"], stdin=f"{head}\n{text}\n", timeout=30)
