"""An audit as a whole: the proof of the rules, and everything beside them, as one answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from gateway.audit.answer import EXIT, Answer, Proof, together
from gateway.audit.finding import Finding, Weight, by_weight
from gateway.audit.rules import Ruleset
from gateway.audit.snapshot import Snapshot
from gateway.expiry import Expired
from gateway.flow import Flow
from gateway.site import Site

FAILS = EXIT["DIFFERENT"]

NOT_COVERED = (
    "Machines of one network talk to each other without the box; nothing here can allow, deny or"
    " see that, nor a machine there that borrows its neighbour's address.",
    "What is said inside a permitted conversation: a permitted port may carry anything.",
    "Tunnels: what a permitted conversation carries for others.",
    "Another way around the box: a cable, a modem, a wireless network, a card in two networks.",
    "Errors of the kernel itself, and a box whose own nft, kernel or Python lies: they were asked.",
    "Any time but the one of the reading: a change afterwards needs another audit.",
)
"""What PROVED does not say, in an auditor's words."""


@dataclass(frozen=True)
class Described:
    """The description that the box was compared with."""

    file: str
    sha256: str
    lines: tuple[str, ...] = field(repr=False)

    def line(self, number: int) -> str:
        """A line of it, without its indentation; empty if there is none."""
        return self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""


@dataclass(frozen=True)
class Remark:
    """A rule that is superfluous, is never reached, or has no reason; or a reason without rule."""

    kind: str
    where: str
    said: str
    handle: int = 0


NEVER_HIT = "never hit"
"""The kind of a remark that is no doubt about a rule: nobody has used it yet."""


@dataclass(frozen=True)
class Audit:
    """Everything that was found about a box at one time."""

    site: Site
    described: Described
    flows: tuple[Flow, ...] = field(repr=False)
    ruleset: Ruleset = field(repr=False)
    proof: Proof = field(repr=False)
    origin: str
    """Where the ruleset came from: ``the box gateway``, or a file."""
    when: datetime
    version: str
    findings: tuple[Finding, ...] = ()
    expired: tuple[Expired, ...] = ()
    remarks: tuple[Remark, ...] = ()
    snapshot: Snapshot | None = field(default=None, repr=False)
    """None: only a file with rules was read."""

    def with_findings(self, more: Iterable[Finding]) -> Audit:
        """The same audit, and more that was found."""
        return replace(self, findings=by_weight((*self.findings, *more)))

    @property
    def today(self) -> date:
        """The day of the audit."""
        return self.when.date()

    @property
    def answer(self) -> Answer:
        """Whether the box permits exactly what the description says."""
        return together(self.proof.answer, (each.weight for each in self.findings))

    @property
    def exit(self) -> int:
        """The code to end with: a proof fails where an exception is over, too."""
        return FAILS if self.expired else EXIT[self.answer]

    @property
    def doubts(self) -> tuple[Remark, ...]:
        """The remarks but for those that only say that nobody came yet."""
        return tuple(each for each in self.remarks if each.kind != NEVER_HIT)

    def weighing(self, weight: Weight) -> tuple[Finding, ...]:
        """The findings of a weight."""
        return tuple(each for each in self.findings if each.weight == weight)

    @property
    def sentence(self) -> str:
        """The answer for somebody who is no programmer."""
        said = _SENTENCES[self.answer]
        if self.expired:
            said += f" It fails all the same: {_counted(len(self.expired), 'exception')} outlived"
            said += " the day it was meant for." if len(self.expired) == 1 else " their day."
        return said


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")


_SENTENCES: dict[Answer, str] = {
    "PROVED": "Every conversation that the firewall lets begin is one that the description asks"
    " for, and every one that it asks for is let through.",
    "DIFFERENT": "The box does not do exactly what the description says: each difference is named"
    " below, with a packet that shows it.",
    "UNDECIDED": "No difference was found, but something on the box may decide about packets in a"
    " way that this program cannot follow: each is named below.",
}
