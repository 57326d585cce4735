"""What the hospital's mail relay of the lab has taken."""

from __future__ import annotations

import time
from email import message_from_bytes
from email.message import Message

from lab import Lab

WAIT = 12


def arrived(lab: Lab, words: str, seconds: float = WAIT) -> Message | None:
    """The message that has these words in it, once the relay has it."""
    deadline = time.monotonic() + seconds
    folder = lab.folder("hospital") / "mail"
    while time.monotonic() < deadline:
        for file in folder.glob("*.eml"):
            if words.encode() in (content := file.read_bytes()):
                return message_from_bytes(content)
        time.sleep(0.1)
    return None
