"""The box's state for the front page of the report site: what a department looks at in the morning.

Keys as docs/reports/list.md has them. Written by root, who may count faxes; read by the site.
"""

from __future__ import annotations

import base64
import grp
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ARCHIVE = Path("/srv/gateway/archive")
ARCHIVE_SETTINGS = Path("/etc/gateway/archive/orthanc.json")
CREDENTIALS = Path("/run/gateway-archive/read.json")
FAXES = Path("/var/spool/hylafax")
INTAKE, INTAKE_SETTINGS = Path("/usr/bin/intake"), Path("/etc/gateway/intake.json")
DONE = b"7"
"""A job that was sent: all others in ``doneq`` were not (HylaFAX, sendq(5F))."""
CHANGES, MOST = 2000, 10_000
"""How many changes the archive is asked for at once, and until how many copies they are counted."""
SECONDS = 10.0
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
        told["fax"] = {"waiting": len(list(FAXES.glob("sendq/q*"))), "failed": not_sent()}
    return told | copies() | files()


def files() -> dict[str, Any]:
    """What the cameras' folders hold, as ``intake state`` says; nothing if it cannot be asked."""
    if not INTAKE_SETTINGS.exists():
        return {}
    ask = (str(INTAKE), "state", "--json")
    done = subprocess.run(ask, capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode:
        print(f"intake: {done.stderr.strip()}", file=sys.stderr)
        return {}
    return {"files": json.loads(done.stdout)}


def not_sent() -> int:
    """Faxes that nobody will get, until fax-clean.service takes their jobs away."""
    many = 0
    for job in FAXES.glob("doneq/q*"):
        with suppress(FileNotFoundError):  # it was taken away just now
            told = re.search(rb"(?m)^state:\s*(\d+)", job.read_bytes())
            many += bool(told and told[1] != DONE)
    return many


def copies() -> dict[str, Any]:
    """Objects that wait for a peer, of all peers; nothing if there are none, or nobody can tell."""
    try:
        told = json.loads(ARCHIVE_SETTINGS.read_text("utf-8"))["Gateway"]
        if not told["ForwardTo"]:
            return {}
        states = [Path(told["ForwardState"], f"{peer}.json") for peer in told["ForwardTo"]]
        many = sum(waiting(each) for each in states)
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return {}  # the archive's own state is told elsewhere
    return {"copies_waiting": min(many, MOST), "copies_more": many > MOST}


def waiting(state: Path) -> int:
    """What one peer has not got: what came after the last that it has, and what it refused.

    What it sent itself is not sent back to it, and counts all the same until its turn has come.
    """
    begun = state.read_text("utf-8") if state.exists() else '{"seq": 0, "refused": []}'
    known = json.loads(begun)
    since, many = int(known["seq"]), len(known["refused"])
    while many <= MOST:
        found = ask(f"/changes?since={since}&limit={CHANGES}")
        fresh = {each["ID"] for each in found["Changes"] if each["ChangeType"] == "NewInstance"}
        many, since = many + len(fresh), int(found["Last"])
        if found["Done"]:
            break
    return many


def ask(path: str) -> Any:
    """The archive, by the user that may only read."""
    told = json.loads(CREDENTIALS.read_text("utf-8"))
    login = base64.b64encode(f"{told['user']}:{told['password']}".encode()).decode()
    where = urlsplit(told["url"])
    wire = http.client.HTTPConnection(where.hostname or "", where.port, timeout=SECONDS)
    try:
        wire.request("GET", path, headers={"Authorization": f"Basic {login}"})
        answer = wire.getresponse()
        if answer.status != http.client.OK:
            raise OSError(f"{path}: {answer.status}")
        return json.loads(answer.read())
    finally:
        wire.close()


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
