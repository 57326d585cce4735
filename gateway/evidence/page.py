"""The report: one HTML file that needs nothing else and prints on A4."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from gateway.audit.answer import Difference
from gateway.audit.packets import Known, Words
from gateway.audit.whole import NEVER_HIT, NOT_COVERED, Audit
from gateway.evidence import annotate, picture, tables, told
from gateway.evidence.against import Change
from gateway.render import fill_page

MOST_RANGES = 8
TITLES = {
    "opened": "Open, and nobody asked for it",
    "closed": "Asked for, and closed",
    "translation": "Let through with another address than it should have",
    "helper": "A conversation may announce others, and should not",
}


@dataclass(frozen=True)
class Fact:
    """A line of the summary."""

    name: str
    value: str


@dataclass(frozen=True)
class Shown:
    """A difference as it stands on the page."""

    title: str
    sentence: str
    packet: str
    ranges: tuple[str, ...]
    rule: str
    asked: tuple[str, ...]
    certain: bool


def page(audit: Audit, *, signer: str = "", changes: tuple[Change, ...] | None = None) -> str:
    """The whole report. ``changes``: since another audit, if there was one."""
    sides, matrix = tables.matrix(audit.site, audit.flows)
    return fill_page(
        "evidence/report.html.j2",
        audit=audit,
        title=audit.site.comment or audit.site.name,
        facts=tuple(facts(audit, signer)),
        counts=tuple(counts(audit)),
        differences=[shown(audit, each) for each in audit.proof.differences],
        changes=changes,
        sides=sides,
        matrix=matrix,
        pairs=tables.pairs(audit.flows, audit.today),
        picture=_inline(picture.svg(audit.site, audit.flows)),
        translations=tuple(translations(audit)),
        lines=tuple(annotate.annotate(audit)),
        never_hit=_never_hit(audit),
        not_covered=NOT_COVERED,
        strange=audit.proof.strange,
    )


def _inline(svg: str) -> Markup:
    """The picture inside a page: as wide as that is."""
    return Markup(re.sub(r'" width="\d+" height="\d+"', '"', svg, count=1))  # noqa: S704 - ours, escaped there


def facts(audit: Audit, signer: str) -> Iterator[Fact]:
    """What was compared, when, and by what."""
    yield Fact("Description", f"{audit.described.file}, SHA-256 {audit.described.sha256}")
    yield Fact("Rules read from", audit.origin)
    yield Fact("Time of the audit", audit.when.isoformat(sep=" ", timespec="seconds"))
    if seen := audit.snapshot:
        yield Fact("Box", f"{seen.host}, Linux {seen.kernel}, {told.box(audit)['nft']}")
        yield Fact("Ruleset", f"generation {seen.generations[0]}, SHA-256 {seen.ruleset_hash}")
        if seen.box:
            since = f"{seen.box['number']}, active since {seen.box['since']}"
            yield Fact("The box's generation", f"{since}, manifest {seen.box['manifest']}")
    yield Fact("Program", f"gateway {audit.version}")
    if signer:
        yield Fact("Signed with", signer)


def _never_hit(audit: Audit) -> str:
    return ", ".join(str(each.handle) for each in audit.remarks if each.kind == NEVER_HIT)


def counts(audit: Audit) -> Iterator[Fact]:
    """The numbers of the summary."""
    rules = audit.ruleset.rules
    yield Fact("conversations that the description lets begin", str(len(audit.flows)))
    yield Fact("rules in the kernel", str(len(rules)))
    yield Fact("differences", str(len(audit.proof.differences) + len(audit.weighing("differs"))))
    strange = len(audit.proof.strange) + len(audit.weighing("undecided"))
    yield Fact("things that are not understood", str(strange))
    limited = [flow for flow in audit.flows if flow.expires]
    yield Fact("permissions with a last day", str(len(limited)))
    yield Fact("exceptions that are over", str(len(audit.expired)))
    yield Fact("doubts about rules", str(len(audit.doubts)))


def shown(audit: Audit, found: Difference) -> Shown:
    """A difference in words."""
    words = Words(Known.of(audit.site))
    rule = f"handle {found.rule.handle}: {found.rule.text}" if found.rule else found.decided
    asked = tuple(
        f"{flow.reason}: {audit.described.line(flow.reason.line)}" for flow in found.flows
    )
    ranges = [words.region(each) for each in found.regions[:MOST_RANGES]]
    if len(found.regions) > MOST_RANGES:
        ranges.append(f"and {len(found.regions) - MOST_RANGES} more: see audit.json")
    title = TITLES[found.kind] if found.certain else f"Perhaps: {TITLES[found.kind].lower()}"
    packet = words.packet(found.packet)
    return Shown(title, found.sentence, packet, tuple(ranges), rule, asked, found.certain)


def translations(audit: Audit) -> Iterator[str]:
    """Every rule that exchanges addresses, and what that means."""
    words = {
        "snat": "the sender's address is exchanged",
        "masquerade": "the sender's address is exchanged for the box's own",
        "dnat": "the receiver's address is exchanged: forwarded inward",
        "redirect": "sent to the box itself instead",
    }
    for rule in audit.ruleset.rules:
        for each in rule.statements:
            kind = getattr(each, "kind", "")
            if kind in words:
                yield f"{words[kind]}: {rule.chain}, handle {rule.handle}: {rule.text}"
