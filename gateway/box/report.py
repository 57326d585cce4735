"""How the box is doing, asked of its own services. Nothing here changes anything.

Each part answers by itself: one that cannot be asked says why, and the others are told all the
same. A part that the box has no service for is left out.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import audited, certificate, services
from .process import Failed, must, run
from .store import Store
from .switch import view

SHARES = Path("/srv/gateway/shares")
LEASES = Path("/var/lib/misc/dnsmasq.leases")
FAXES = Path("/var/spool/hylafax")
MAIL = Path("/var/spool/postfix")
APT_LISTS = Path("/var/lib/apt/lists")
ARCHIVE = Path("/run/gateway-archive/read.json")
"""How to ask the archive (orthanc/password.py)."""
INTAKE = ("/usr/bin/intake", "state", "--json")
"""Only the lane's own program knows its ledger and folders."""
DU_SECONDS = 30

Rows = list[dict[str, Any]]


def report(store: Store) -> dict[str, Any]:
    """Every part of it, by name. Asked side by side: what is to be updated takes apt a second."""
    with ThreadPoolExecutor() as pool:
        told = dict(
            zip(PARTS, pool.map(lambda ask: _told(ask, store), PARTS.values()), strict=True)
        )
    return {name: rows for name, rows in told.items() if rows}


def _told(ask: Callable[[Store], Rows], store: Store) -> Rows:
    try:
        return ask(store)
    except (Failed, OSError, ValueError, KeyError, IndexError) as error:
        return [{"failed": f"{error}" or type(error).__name__}]


def _units(store: Store) -> Sequence[str]:
    """Those of the active generation: the folders of a service outlive it."""
    state = store.state()
    if state.active is None:
        return ()
    return view(store.generation(state.active), state.only_first).manifest.units


def _services(store: Store) -> Rows:
    return [
        {
            "name": unit.name,
            "runs": unit.runs and not unit.lacks,
            "state": unit.lacks or unit.state,
        }
        for unit in services.units(_units(store))
    ]


def _nics(_store: Store) -> Rows:
    said = json.loads(must(["ip", "-json", "-statistics", "address", "show"]).out)
    return [nic(each) for each in said if each.get("ifname") not in (None, "lo")]


def nic(said: dict[str, Any]) -> dict[str, Any]:
    """What counts of one entry of ``ip -json -statistics address``."""
    counted = said.get("stats64", {})
    return {
        "name": said["ifname"],
        "state": said.get("operstate", "?"),
        "addresses": [
            f"{each['local']}/{each['prefixlen']}"
            for each in said.get("addr_info", ())
            if each.get("scope") == "global"
        ],
        "received": counted.get("rx", {}).get("bytes", 0),
        "sent": counted.get("tx", {}).get("bytes", 0),
        "errors": sum(counted.get(way, {}).get("errors", 0) for way in ("rx", "tx")),
    }


def _leases(_store: Store) -> Rows:
    return leases(LEASES.read_text()) if LEASES.exists() else []


def leases(text: str) -> Rows:
    """dnsmasq's lines: end, MAC, address, name, client; IPv6 begins with a line of its own."""
    rows = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["duid"]:
            break
        if len(words) == 5:
            rows.append({"name": words[3], "address": words[2], "mac": words[1], "until": words[0]})
    return rows


def _shares(_store: Store) -> Rows:
    if not SHARES.is_dir():
        return []
    return [{"name": each.name, "bytes": _size(each)} for each in sorted(SHARES.iterdir())]


def _size(folder: Path) -> int | None:
    """None when counting would take too long."""
    done = run(["du", "--summarize", "--bytes", "--", str(folder)], timeout=DU_SECONDS)
    return int(done.out.split()[0]) if done.ok else None


def _disk(_store: Store) -> Rows:
    rows, seen = [], set()
    for name in ("/", "/var", "/srv"):
        device = Path(name).stat().st_dev
        if device not in seen:
            seen.add(device)
            usage = shutil.disk_usage(name)
            rows.append({"name": name, "bytes": usage.total, "free": usage.free})
    return rows


def _time(_store: Store) -> Rows:
    if not shutil.which("chronyc"):
        return []
    return [tracking(must(["chronyc", "-c", "-n", "tracking"], timeout=10).out)]


def tracking(text: str) -> dict[str, Any]:
    """One line of ``chronyc -c tracking`` (chronyc(1)): reference, stratum, offset, leap status."""
    words = text.strip().split(",")
    return {
        "source": words[1],
        "stratum": int(words[2]),
        "offset": float(words[4]),
        "synchronised": words[13] != "Not synchronised",
    }


def _updates(_store: Store) -> Rows:
    said = must(["apt-get", "--simulate", "--quiet", "dist-upgrade"], timeout=60).out
    return [{"waiting": waiting(said), "known": int(APT_LISTS.stat().st_mtime)}]


def waiting(said: str) -> list[str]:
    """The packages that ``apt-get --simulate dist-upgrade`` would install."""
    return [line.split()[1] for line in said.splitlines() if line.startswith("Inst ")]


def _archive(store: Store) -> Rows:
    if "gateway-archive.service" not in _units(store):
        return []
    way = json.loads(ARCHIVE.read_text())
    login = base64.b64encode(f"{way['user']}:{way['password']}".encode()).decode()
    head = {"Authorization": f"Basic {login}"}
    import urllib.request  # it is slow to load, and every other verb does without

    asked = urllib.request.Request(f"{way['url']}/statistics", headers=head)  # noqa: S310
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - on loopback
        said = json.load(answer)
    return [
        {
            "patients": said["CountPatients"],
            "studies": said["CountStudies"],
            "images": said["CountInstances"],
            "bytes": int(said["TotalDiskSize"]),
        }
    ]


def _fax(store: Store) -> Rows:
    if "fax-queue.service" not in _units(store):
        return []
    queues = (("waiting to be sent", "sendq", "q*"), ("received", "recvq", "fax*"))
    counted = [
        {"name": what, "count": _count(FAXES / folder, pattern)} for what, folder, pattern in queues
    ]
    return [*modems(FAXES / "status"), *counted]


def modems(folder: Path) -> Rows:
    """What each modem that there is does, in HylaFAX's own words (status(5F))."""
    return [
        {"name": f"modem {each.name}", "says": each.read_text(errors="replace").strip()}
        for each in sorted(folder.glob("tty*"))
        if each.is_file() and not each.name.endswith(".info")
    ]


def _mail(store: Store) -> Rows:
    if "postfix.service" not in _units(store):
        return []
    return [{"name": each, "count": _count(MAIL / each, "**/*")} for each in ("active", "deferred")]


def _intake(store: Store) -> Rows:
    if "intake.service" not in _units(store):
        return []
    return list(json.loads(must(INTAKE).out))


def _reports(store: Store) -> Rows:
    return [certificate.told()] if "reports-web.service" in _units(store) else []


def _count(folder: Path, pattern: str) -> int:
    return sum(1 for each in folder.glob(pattern) if each.is_file())


PARTS: dict[str, Callable[[Store], Rows]] = {
    "audit": audited.kept,
    "services": _services,
    "nics": _nics,
    "leases": _leases,
    "shares": _shares,
    "archive": _archive,
    "intake": _intake,
    "reports": _reports,
    "fax": _fax,
    "mail": _mail,
    "disk": _disk,
    "time": _time,
    "updates": _updates,
}
