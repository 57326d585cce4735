"""The passwords of Macs, where afpd looks for them: one place for each way to log in.

``dhx`` (DHCAST128, DHX2) is checked against the account's own password in shadow(5), ``randnum``
against a file of its own (afppasswd(5)). Whoever is in one of them is not in the other, so a
device cannot log in by a weaker way than its own.
"""

from __future__ import annotations

from pathlib import Path

NO_PASSWORD = ("!", "*")
"""What the password field of shadow(5) begins with when nothing opens it."""
RANDNUM_BYTES = 8


def shadow_passwords(shadow: Path = Path("/etc/shadow")) -> dict[str, str]:
    """The stored password of every user that has one."""
    fields = [line.split(":") for line in shadow.read_text("utf-8").splitlines()]
    return {
        each[0]: each[1]
        for each in fields
        if len(each) > 1 and each[1] and not each[1].startswith(NO_PASSWORD)
    }


def randnum_file(passwords: dict[str, str]) -> bytes:
    """Its whole content: a line an account, as afppasswd(1) writes it."""
    lines = [
        f"{user}:{password.encode().ljust(RANDNUM_BYTES, bytes(1)).hex()}:{'*' * 16}:{'*' * 8}\n"
        for user, password in sorted(passwords.items())
    ]
    return "".join(lines).encode()
