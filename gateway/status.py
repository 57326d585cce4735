"""How a box is doing, asked over ssh in one round trip."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.problems import Failed
from gateway.run import run

PROGRAM = "/usr/sbin/gateway-box"
SECONDS = 180
DAY = 86400
STALE_DAYS = 7
CERTIFICATE_DAYS = 21
"""So long before its end a certificate is renewed, or somebody has to be told."""
FULL_PERCENT = 90
LATE_SECONDS = 1.0


@dataclass(frozen=True)
class Line:
    """One row of the table. ``good`` None: neither good nor bad."""

    part: str
    name: str
    state: str
    good: bool | None = None


def fetch(ssh: Sequence[str]) -> dict[str, Any]:
    """What the box says of itself. ``ssh``: the words that reach it, without a command."""
    told = ask(ssh, "report")
    if "parts" not in told:
        raise Failed(f"the box could not tell: {told}")
    return told


def ask(ssh: Sequence[str], *words: str) -> dict[str, Any]:
    """What gateway-box answers to a verb, and Failed with its own words.

    ssh makes one line of the words, and the box's shell reads it: they are plain ones.
    """
    done = run([*ssh, PROGRAM, *words], check=False, timeout=SECONDS)
    last = (done.stdout.strip().splitlines() or [""])[-1]
    try:
        told = json.loads(last)
    except ValueError:
        said = done.stderr.strip() or "it said nothing"
        raise Failed(f"the box did not answer (exit {done.returncode}): {said}") from None
    if not isinstance(told, dict) or "failed" in told:
        raise Failed(
            told["failed"] if isinstance(told, dict) else f"the box could not tell: {last}"
        )
    return told


def lines(told: Mapping[str, Any]) -> Iterator[Line]:
    """The table's rows: the generation, then each part that the box has."""
    drift = told["drift"]
    yield Line("box", f"generation {told['active']}", told["state"], told["state"] == "active")
    if (left := told.get("seconds_left")) is not None:
        state = f"the box goes back in {left} s, unless `gateway confirm` comes"
        yield Line("box", "not confirmed", state, good=False)
    if returned := told.get("returned"):
        yield Line("box", "gone back by itself", returned, good=False)
    if holder := told.get("holder"):
        yield Line("box", "at work", holder)
    for each in drift:
        yield Line("drift", each, "changed by hand", good=False)
    for each in told.get("noted", ()):
        yield Line("noted", each, "an apply leaves it")
    for part in [name for name in _LINES if name in told["parts"]]:
        for row in told["parts"][part]:
            if "failed" in row:
                yield Line(part, "", f"could not be asked: {row['failed']}", good=False)
            else:
                yield _LINES[part](row)


def size(count: int | None) -> str:
    """Bytes for people."""
    if count is None:
        return "too large to count in time"
    value = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _audit(row: Mapping[str, Any]) -> Line:
    if row["fails"] is None:
        return Line("audit", "firewall", row["said"])
    state = f"{row['answer'] or 'not audited'} at {row['when']}"
    said = f": {row['said']}" if row["said"] else ""
    return Line("audit", "firewall", state + said, not row["fails"])


def _service(row: Mapping[str, Any]) -> Line:
    return Line("services", row["name"], row["state"], bool(row["runs"]))


def _nic(row: Mapping[str, Any]) -> Line:
    addresses = " ".join(row["addresses"]) or "no address"
    state = (
        f"{row['state'].lower()}, {addresses}, {size(row['received'])} in, {size(row['sent'])} out"
    )
    errors = f", {row['errors']} errors" if row["errors"] else ""
    return Line("nics", row["name"], state + errors, row["state"] != "DOWN")


def _lease(row: Mapping[str, Any]) -> Line:
    return Line("leases", row["name"], f"{row['address']} to {row['mac']}")


def _share(row: Mapping[str, Any]) -> Line:
    return Line("shares", row["name"], size(row["bytes"]))


def _archive(row: Mapping[str, Any]) -> Line:
    state = f"{row['patients']} patients, {row['studies']} studies, {size(row['bytes'])}"
    return Line("archive", f"{row['images']} images", state, good=True)


def _intake(row: Mapping[str, Any]) -> Line:
    last = f"last stored {row['last'][:16].replace('T', ' ')} UTC" if row["last"] else "none stored"
    state = f"{row['waiting']} waiting, {row['outgoing']} to be fetched, {last}"
    if row["silent"]:
        state += "; silent, though it usually would have sent something"
    if aside := row["quarantined"]:
        state += f"; {aside} in quarantine: the .txt beside each says why"
    return Line("intake", row["name"], state, not aside)


def _reports(row: Mapping[str, Any]) -> Line:
    left = (date.fromisoformat(row["until"]) - date.today()).days
    own = f"; its authority's SHA-256: {row['fingerprint']}" if row["fingerprint"] else ""
    return Line("reports", row["name"], f"until {row['until']}{own}", left > CERTIFICATE_DAYS)


def _fax(row: Mapping[str, Any]) -> Line:
    if "says" not in row:
        return _queue("fax")(row)
    # HylaFAX writes "Waiting for modem to come ready" and "… appears to be wedged".
    lost = any(word in row["says"] for word in ("Waiting for modem", "wedged"))
    return Line("fax", row["name"], row["says"] or "unknown", False if lost else None)


def _queue(part: str) -> Callable[[Mapping[str, Any]], Line]:
    return lambda row: Line(part, row["name"], str(row["count"]))


def _disk(row: Mapping[str, Any]) -> Line:
    used = 100 * (1 - row["free"] / row["bytes"])
    state = f"{size(row['free'])} free of {size(row['bytes'])} ({used:.0f} % used)"
    return Line("disk", row["name"], state, used < FULL_PERCENT)


def _time(row: Mapping[str, Any]) -> Line:
    good = bool(row["synchronised"]) and abs(row["offset"]) < LATE_SECONDS
    if not row["synchronised"]:
        return Line("time", "not synchronised", "no time server answers", good=False)
    state = f"stratum {row['stratum']}, {abs(row['offset']) * 1000:.2f} ms off"
    return Line("time", row["source"], state, good)


def _updates(row: Mapping[str, Any]) -> Line:
    days = (time.time() - row["known"]) / DAY
    waiting = row["waiting"]
    named = ", ".join(waiting[:6]) + (" …" if len(waiting) > 6 else "")
    state = f"as of {days:.0f} days ago" + (f": {named}" if waiting else "")
    return Line("updates", f"{len(waiting)} waiting", state, not waiting and days < STALE_DAYS)


_LINES: Mapping[str, Callable[[Mapping[str, Any]], Line]] = {
    "audit": _audit,
    "services": _service,
    "nics": _nic,
    "leases": _lease,
    "shares": _share,
    "archive": _archive,
    "intake": _intake,
    "reports": _reports,
    "fax": _fax,
    "mail": _queue("mail"),
    "disk": _disk,
    "time": _time,
    "updates": _updates,
}
