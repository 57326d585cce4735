"""An audit for machines: plain values, the same in ``--json`` and in a pack's audit.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gateway.audit.answer import Difference, Packet, Region
from gateway.audit.fields import show
from gateway.audit.whole import NOT_COVERED, Audit
from gateway.evidence import tables

FORMAT = 1


def told(audit: Audit) -> dict[str, Any]:
    """Everything but the ruleset's own text."""
    return {
        "format": FORMAT,
        "answer": audit.answer,
        "exit": audit.exit,
        "sentence": audit.sentence,
        "site": audit.site.name,
        "origin": audit.origin,
        "time": audit.when.isoformat(timespec="seconds"),
        "version": audit.version,
        "description": {"file": audit.described.file, "sha256": audit.described.sha256},
        "box": box(audit),
        "differences": [difference(each) for each in audit.proof.differences],
        "strange": [str(each) for each in audit.proof.strange],
        "apart": [str(each) for each in audit.proof.apart],
        "findings": [asdict(each) for each in audit.findings],
        "expired": [str(each) for each in audit.expired],
        "remarks": [asdict(each) for each in audit.remarks],
        "assumptions": list(audit.proof.axioms),
        "not_covered": list(NOT_COVERED),
        "flows": tables.rows(audit.flows, audit.today),
    }


def box(audit: Audit) -> dict[str, Any]:
    """What is known of the box itself."""
    seen = audit.snapshot
    if seen is None:
        return {}
    return {
        "host": seen.host,
        "kernel": seen.kernel,
        "nft": seen.commands["nft_version"].out.strip(),
        "container": seen.container,
        "read": seen.time,
        "ruleset_generation": seen.generations[0],
        "ruleset_sha256": seen.ruleset_hash,
        "generation": dict(seen.box),
        "history": [
            {"number": each.number, "staged": each.staged, "flows": sorted(map(list, each.flows))}
            for each in seen.history
        ],
    }


def difference(found: Difference) -> dict[str, Any]:
    """One difference: a concrete packet, what decides it, and whom it concerns."""
    return {
        "kind": found.kind,
        "certain": found.certain,
        "sentence": found.sentence,
        "packet": packet(found.packet),
        "regions": [region(each) for each in found.regions],
        "rule": {"handle": found.rule.handle, "text": found.rule.text} if found.rule else None,
        "decided": found.decided,
        "reasons": [str(flow.reason) for flow in found.flows],
    }


def packet(one: Packet) -> dict[str, str]:
    """A packet's fields as people write them."""
    values: Mapping[str, int] = dict(one.fields)
    family = values.get("family", 0)
    return {"path": one.path, **{name: show(name, value, family) for name, value in one.fields}}


def region(one: Region) -> dict[str, Any]:
    """Many packets: intervals of each field."""
    values = dict(one.fields)
    family = values["family"][0][0] if "family" in values else 0
    shown = {
        name: [
            show(name, low, family)
            if low == high
            else f"{show(name, low, family)}-{show(name, high, family)}"
            for low, high in each
        ]
        for name, each in one.fields
    }
    return {"path": one.path, **shown}
