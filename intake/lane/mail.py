"""A short mail by the box's own sendmail; that it fails stops nothing."""

from __future__ import annotations

import logging
import subprocess
from email.message import EmailMessage

log = logging.getLogger("intake.lane")
SENDMAIL = "/usr/sbin/sendmail"


def tell(whom: str, subject: str, text: str) -> None:
    """Send it, if there is anybody to send it to."""
    if not whom:
        return
    message = EmailMessage()
    text = text.encode("utf-8", "backslashreplace").decode()  # a name may be no text at all
    message["To"] = whom
    message["Subject"] = " ".join(subject.split())[:200]
    message.set_content(text)
    command = [SENDMAIL, "-i", "--", whom]
    try:
        subprocess.run(command, input=message.as_bytes(), check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as fault:
        log.warning("no mail to %s: %s", whom, fault)
