"""The audit that a box makes of itself: its kernel's rules against the description it carries.

An alarm, not a certificate: whoever can change the rules as root can change this, too. Standard
library only; the box's own program runs it (gateway/box/audited.py) and tells whom it concerns.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from gateway.audit import carried, collect, say, surroundings
from gateway.audit.answer import Proof, together
from gateway.audit.finding import Finding
from gateway.audit.packets import Words
from gateway.flow import Flow
from gateway.problems import Failed, show_path

INPUT_ERROR = 3


def told(description: str, today: date) -> dict[str, Any]:
    """The whole answer, for the box's program and for people. Raises Failed."""
    ground, flows = carried.read(description)
    read = collect.from_box((), "this box")
    prover = collect.prover(read, ground, flows)
    seen = read.snapshot
    assert seen is not None  # a box was read  # noqa: S101
    findings = surroundings.findings(seen, ground, flows)
    proof = prover.proof()
    over = list(expired(flows, today))
    answer = together(proof.answer, (each.weight for each in findings))
    return {
        "answer": answer,
        "fails": bool(over) or answer != "PROVED",
        "when": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "flows": len(flows),
        "rules": len(read.ruleset.rules),
        "ruleset": sha256(read.ruleset.text.encode()).hexdigest(),
        "lines": [*lines(proof, findings, prover.words), *over],
    }


def lines(proof: Proof, findings: tuple[Finding, ...], words: Words) -> Iterator[str]:
    """What is not as described, or not understood."""
    for each in proof.differences:
        yield from say.difference(each, words)
        for flow in each.flows:
            yield f"    for: {flow.reason}"
    yield from (f"{each.weight}: {each}" for each in findings if each.weight != "note")
    yield from (f"not understood: {each}" for each in proof.strange)


def expired(flows: tuple[Flow, ...], today: date) -> Iterator[str]:
    """The exceptions that outlived their day, each once."""
    over = {
        flow.reason.path[:2]: f"its last day was {flow.expires}"
        + (f"; ask {flow.owner}" if flow.owner else "")
        for flow in flows
        if flow.expired(today)
    }
    return (f"expired: {show_path(path)}: {said}" for path, said in over.items())


def main(words: list[str]) -> int:
    """``DESCRIPTION``: the file that the box carries. Prints JSON; 3 if there is no answer."""
    (name,) = words
    try:
        try:
            description = Path(name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as why:
            raise Failed(f"{name}: {why}") from None
        found = told(description, datetime.now(UTC).date())
    except Failed as why:
        print(why, file=sys.stderr)
        return INPUT_ERROR
    print(json.dumps(found, ensure_ascii=False))
    return 0
