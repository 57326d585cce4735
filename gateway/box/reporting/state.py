"""The box's state for the front page of the report site: what a department looks at in the morning.

Keys as docs/reports/list.md has them. Written by root, who may count faxes; read by the site.
"""

from __future__ import annotations

import grp
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ARCHIVE = Path("/srv/gateway/archive")
FAXES = Path("/var/spool/hylafax/sendq")
GROUP = "reports-own"
FULL_PERCENT = 90


def state() -> dict[str, Any]:
    """What there is to tell; a part that the box does not have is left out."""
    disk = shutil.disk_usage(ARCHIVE)
    told: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "disk": {"free": disk.free, "size": disk.total},
        "problems": problems(failed(), 100 * (1 - disk.free / disk.total)),
    }
    if FAXES.is_dir():
        told["fax"] = {"waiting": sum(1 for _ in FAXES.glob("q*"))}
    return told


def failed() -> list[str]:
    """The services that have failed, by name."""
    ask = ("systemctl", "--failed", "--plain", "--no-legend", "--no-pager")
    said = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in said.splitlines()]


def problems(units: list[str], used: float) -> list[str]:
    """For people who can do nothing about it but tell somebody."""
    told = [f"{unit} has failed: tell the box's administrator" for unit in units]
    if used >= FULL_PERCENT:
        told.append(f"the disk is {used:.0f} % full: tell the box's administrator")
    return told


def main(file: Path) -> None:
    """Whole or not at all."""
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(state()), "ascii")
    os.chown(fresh, 0, grp.getgrnam(GROUP).gr_gid)
    fresh.chmod(0o640)
    fresh.replace(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
