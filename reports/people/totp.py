"""Codes of six digits from a shared secret and the time (RFC 6238 over RFC 4226)."""

from __future__ import annotations

import base64
import hmac
import secrets
import struct
import time
from urllib.parse import quote

STEP = 30
"""Seconds that a code is shown (RFC 6238, 5.2)."""
AROUND = 1
"""Steps before and after that are taken too: clocks differ."""


def secret() -> str:
    """A new one, 160 bits as RFC 4226 advises, in the base 32 that programs take."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code(of: str, step: int) -> str:
    """The code of a time step."""
    digest = hmac.digest(base64.b32decode(of), struct.pack(">Q", step), "sha1")
    at = digest[-1] & 15
    number = struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def matches(of: str, given: str, last: int) -> int:
    """The step that a code is of, if it is later than the last one taken; 0 if there is none."""
    now = int(time.time()) // STEP
    given = given.replace(" ", "")
    for step in range(now - AROUND, now + AROUND + 1):
        if step > last and hmac.compare_digest(
            code(of, step), given.encode("ascii", "replace").decode()
        ):
            return step
    return 0


def address(site: str, name: str, of: str) -> str:
    """What a program for codes reads, as text or picture."""
    label = quote(f"{site}:{name}")
    return f"otpauth://totp/{label}?secret={of}&issuer={quote(site)}"
