"""``gateway-box audit``: whether the live rules permit what the description says.

The audit is a program of its own (features/proof.py brings it); this keeps its answer, for
``gateway status``, and tells the administrator what is not PROVED.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import journal, letters
from .files import make_folder, write
from .manifest import Manifest
from .process import Done, Failed, run
from .state import State
from .store import Store

PROGRAM = "/usr/lib/gateway/audit"
SERVICE = "gateway-audit.service"
UNIT_FILE = f"/etc/systemd/system/{SERVICE}"
SECONDS = 400
LATE_SECONDS = 3 * 86400
"""It is daily: an answer that is older says that it does not run."""
Ask = Callable[[], Done]


def ask() -> Done:
    """Run the audit."""
    return run(["python3", "-IB", PROGRAM], timeout=SECONDS)


def begin(manifest: Manifest) -> None:
    """Have what was switched to audited soon, by systemd: whoever waits for the switch goes on.

    One that runs is begun again: it may have read half of what was before.
    """
    if UNIT_FILE in manifest.paths:
        done = run(["systemctl", "restart", "--no-block", SERVICE])
        if not done.ok:
            raise Failed(done.blame())


def audit(
    store: Store,
    *,
    by_mail: bool = False,
    ask: Ask = ask,
    send: letters.Send = journal.mail,
) -> dict[str, Any]:
    """The answer, which is kept; what is wrong is told by mail, if that is asked for."""
    before = store.state()
    told = _answer(ask())
    if before.active is None or before.pending is not None or _moved(before, store.state()):
        said = "the box was switched meanwhile: what is there now is audited after the switch"
        return {"answer": "", "lines": [said]}
    told |= {"generation": before.active}
    if by_mail:
        head = f"generation {before.active}: the firewall is {told['answer'] or 'not audited'}"
        about = [line for line in told["lines"] if told["fails"] and not line.startswith(" ")]
        text = "\n".join([head, "", *told["lines"]])
        memory = store.paths.memory / "audit-told.json"
        subject = f"firewall: {told['answer'] or 'not audited'}"
        letters.when_new(store.paths, memory, about, (subject, text), send)
    make_folder(store.paths.memory, 0o700)
    write(_kept(store), json.dumps(told).encode())
    return {**told, "lines": [*told["lines"], told["answer"] or "no answer"]}


def _moved(before: State, after: State) -> bool:
    """Whether it was switched meanwhile; a confirmation changes nothing."""
    places = [(each.active, each.pending, each.switched, each.boot) for each in (before, after)]
    return places[0] != places[1]


def _kept(store: Store) -> Path:
    return store.paths.memory / "audit.json"


def _answer(done: Done) -> dict[str, Any]:
    """What the audit said; that it could not say anything is an answer, too."""
    try:
        told: dict[str, Any] = json.loads(done.out)
        _ = told["answer"], told["fails"], told["lines"], told["when"]
    except (ValueError, KeyError, TypeError):
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        failed = f"the box could not audit itself: {done.said}"
        return {"answer": "", "fails": True, "when": now, "lines": failed.splitlines()}
    return told


def kept(store: Store) -> list[dict[str, Any]]:
    """The last answer, for a report; nothing where the box has no audit."""
    if not store.paths.on_box(UNIT_FILE).exists():
        return []
    active = store.state().active
    try:
        told = json.loads(_kept(store).read_bytes())
        age = time.time() - datetime.fromisoformat(told["when"]).timestamp()
    except FileNotFoundError:
        return [{"answer": "", "fails": None, "when": "", "said": "not audited yet"}]
    if told.get("generation") != active:
        return [{"answer": "", "fails": None, "when": "", "said": "being audited"}]
    return [
        {
            "answer": told["answer"],
            "fails": bool(told["fails"]) or age > LATE_SECONDS,
            "when": told["when"],
            "said": "; ".join(line for line in told["lines"] if not line.startswith(" ")),
        }
    ]
