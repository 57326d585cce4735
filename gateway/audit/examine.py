"""One audit from end to end: read, prove, judge what stands beside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.audit import redundant, surroundings
from gateway.audit.collect import Read, from_box, of_this_site, prover
from gateway.audit.finding import Finding
from gateway.audit.parse import load_text
from gateway.audit.prove import Prover
from gateway.audit.snapshot import Snapshot
from gateway.audit.whole import Audit, Described, Remark
from gateway.expiry import expired
from gateway.problems import Failed
from gateway.site import Site

__all__ = ["Read", "audit", "from_box", "from_file", "of_this_site", "prover"]

MOST_BYTES = 64 << 20


def from_file(file: Path) -> Read:
    """A ruleset as ``nft list ruleset`` prints it, loaded in a scratch namespace here."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}") from None
    if not raw.strip():
        raise Failed(f"{file} is empty: that is what a box without any rules prints, too")
    if len(raw) > MOST_BYTES or b"\0" in raw:
        raise Failed(f"{file} is no ruleset: give what `nft list ruleset` printed")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Failed(f"{file} is not UTF-8 text") from None
    try:
        return Read(load_text(text), f"the file {file}")
    except Failed as failed:
        raise Failed(
            f"{file} does not load as a ruleset (is it whole, and by a newer nft?)\n{failed}"
        ) from None


def audit(read: Read, prover: Prover, site: Site, described: Described, version: str) -> Audit:
    """The whole answer about a ruleset and what stands beside it."""
    when = datetime.now(UTC)
    if read.snapshot:
        findings = surroundings.findings(read.snapshot, site, prover.flows)
    else:
        said = "only the rules of a file were read: nothing is known of a box around them"
        findings = (Finding("note", "a file", said),)
    return Audit(
        site=site,
        described=described,
        flows=prover.flows,
        ruleset=read.ruleset,
        proof=prover.proof(),
        origin=read.origin,
        when=when,
        version=version,
        findings=findings,
        expired=tuple(expired(site, when.date())),
        remarks=tuple(_remarks(prover, read.snapshot)),
        snapshot=read.snapshot,
    )


def _remarks(prover: Prover, seen: Snapshot | None) -> Iterator[Remark]:
    """Rules that could go, and reasons without a rule. A file's counters say nothing."""
    since = str(seen.box.get("since") or "") if seen else ""
    for each in redundant.findings(prover, since):
        if each.kind == "never hit" and not seen:
            continue
        where = str(each.rule) if each.rule else str(each.flow.reason if each.flow else "")
        by = "; ".join(f"handle {rule.handle}" for rule in each.by)
        said = f"{each.what} ({by})" if by else each.what
        yield Remark(each.kind, where, said, each.rule.handle if each.rule else 0)
