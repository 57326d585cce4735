"""One audit from end to end: read, prove, judge what stands beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.audit import redundant, surroundings
from gateway.audit.collect import collect
from gateway.audit.finding import Finding
from gateway.audit.parse import load_text, parse
from gateway.audit.prove import Prover
from gateway.audit.rules import Ruleset
from gateway.audit.scratch import Listing
from gateway.audit.snapshot import Snapshot
from gateway.audit.whole import Audit, Described, Remark
from gateway.expiry import expired
from gateway.policy import Flow
from gateway.problems import Failed
from gateway.site import Site

MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class Read:
    """A ruleset, where it came from, and what was read beside it."""

    ruleset: Ruleset
    origin: str
    snapshot: Snapshot | None = None


def from_box(reach: Sequence[str], origin: str) -> Read:
    """What a box's kernel has now. ``reach``: the words that run a command there as root."""
    seen = collect(reach)
    names = ("nft_json", "nft_text", "nft_readable", "nft_program")
    said = {name: seen.commands[name] for name in names}
    errors = "\n".join(each.err for each in said.values() if each.err.strip())
    texts = (said["nft_json"].out, said["nft_text"].out, said["nft_readable"].out)
    # The box's own nft reads its own listing again: another version may not.
    ruleset = parse(Listing(*texts, errors, said["nft_program"].out), on=reach)
    return Read(ruleset, f"{origin} ({seen.host})", seen)


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


def of_this_site(read: Read, site: Site) -> None:
    """Raises Failed where the ruleset knows none of the site's cards."""
    cards = {name: network.nic.interface for name, network in site.networks.items()}
    if read.ruleset.tables and not any(f'"{card}"' in read.ruleset.text for card in cards.values()):
        listed = ", ".join(cards.values())
        raise Failed(
            f"{read.origin}: these rules name none of the site's cards ({listed}): they are of"
            " another box, or the cards are called otherwise there"
        )


def prover(read: Read, site: Site, flows: Iterable[Flow]) -> Prover:
    """Both sides as diagrams."""
    of_this_site(read, site)
    return Prover(read.ruleset, site, tuple(flows))


def audit(read: Read, prover: Prover, described: Described, version: str) -> Audit:
    """The whole answer about a ruleset and what stands beside it."""
    when, site = datetime.now(UTC), prover.site
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
