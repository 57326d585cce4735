"""The passwords of the archive's REST interface, before Orthanc starts: kept until the next boot.

Root's, in memory: ``passwords.env`` is what systemd hands to Orthanc. Whoever may use a role reads
``read.json`` or ``store.json`` by its group, which a unit gets by ``SupplementaryGroups=``.
"""

from __future__ import annotations

import grp
import json
import os
import secrets

FOLDER = "/run/gateway-archive"
URL = "http://127.0.0.1:8042"
GROUPS = {"admin": "root", "store": "archive-store", "read": "archive-read"}


def main() -> None:
    """Make what is missing, so that a restart changes nothing for those who have read theirs."""
    os.makedirs(FOLDER, 0o711, exist_ok=True)  # noqa: PTH103 - pathlib costs a start 20 ms
    os.chown(FOLDER, 0, 0)
    os.chmod(FOLDER, 0o711)  # noqa: PTH101, S103 - the unit's umask took it away; files have groups
    lines = []
    for user, group in GROUPS.items():
        file = f"{FOLDER}/{user}.json"
        password = known(file) or secrets.token_urlsafe(32)
        about = {"url": URL, "user": user, "password": password}
        place(file, json.dumps(about) + "\n", grp.getgrnam(group).gr_gid)
        lines.append(f"GATEWAY_ARCHIVE_{user.upper()}={password}\n")
    place(f"{FOLDER}/passwords.env", "".join(lines), 0)


def known(file: str) -> str:
    """The password that is there already, if any."""
    try:
        with open(file, encoding="ascii") as stream:  # noqa: PTH123 - the same
            return str(json.load(stream)["password"])
    except (OSError, ValueError, KeyError):
        return ""


def place(file: str, text: str, group: int) -> None:
    """Whole or not at all, and never readable by others for a moment."""
    fresh = f"{file}.new"
    if os.path.lexists(fresh):
        os.unlink(fresh)  # noqa: PTH108 - the same
    number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "w", encoding="ascii") as stream:
        stream.write(text)
        os.fchown(number, 0, group)
        os.fchmod(number, 0o640)
    os.replace(fresh, file)  # noqa: PTH105 - the same


main()
