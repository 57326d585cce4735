"""A new password for the archive's REST interface, before Orthanc starts."""

from __future__ import annotations

import os
import secrets

FILE = "/run/gateway-archive/password.env"


def main() -> None:
    """Write it where only the archive's own user and root can read it (the unit's UMask)."""
    fresh = f"{FILE}.new"
    with open(fresh, "w", encoding="ascii") as stream:  # noqa: PTH123 - pathlib costs a start 20 ms
        stream.write(f"GATEWAY_ARCHIVE_PASSWORD={secrets.token_urlsafe(32)}\n")
    os.replace(fresh, FILE)  # noqa: PTH105 - the same


main()
