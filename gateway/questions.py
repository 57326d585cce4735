"""A question to a firewall in the words of the command line, and its answer for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.audit.ask import Asker, Opening, Verdict, who
from gateway.audit.prove import Prover
from gateway.audit.whole import Described
from gateway.nearest import nearest
from gateway.policy import SERVICES, Flow, Service
from gateway.policy import service as named
from gateway.problems import Failed
from gateway.site import Site

EXIT: dict[Verdict, int] = {"yes": 0, "partly": 0, "no": 1, "unknown": 2}


@dataclass(frozen=True)
class Question:
    """Either from whom to whom (and what), or who can reach somebody."""

    source: str
    to: str
    what: str
    reaching: str

    def check(self, site: Site) -> None:
        """Raises Failed where it makes no sense, before a box is asked."""
        if self.reaching:
            if self.source or self.to or self.what:
                raise Failed("--who-can-reach stands alone: leave out --from, --to, --service")
            who(site, self.reaching)
        elif not (self.source and self.to):
            raise Failed("who is to be asked about? --from WHO --to WHO, or --who-can-reach WHO")
        else:
            who(site, self.source)
            who(site, self.to)
            self.service()

    def service(self) -> Service | None:
        """What is asked for; None: anything."""
        if not self.what:
            return None
        found = named(self.what)
        if found is None:
            mend = nearest(self.what, SERVICES, listed="known, beside tcp/PORT and udp/PORT")
            raise Failed(f"there is no service `{self.what}`: {mend}")
        return found


@dataclass(frozen=True)
class Answered:
    """What was found."""

    verdict: Verdict
    openings: tuple[Opening, ...]
    stopped: str
    example: str
    described: Described

    @property
    def exit(self) -> int:
        """The code to end with."""
        return EXIT[self.verdict]

    @property
    def text(self) -> str:
        """For people."""
        return "\n".join([self.verdict, *self._lines()])

    def _lines(self) -> Iterator[str]:
        for each in self.openings:
            yield f"  {each}"
            for flow in each.flows:
                yield f"      line {flow.reason.line}: {self._why(flow)}"
            if not each.flows:
                yield "      NO LINE of the description asks for it"
            yield from (f"      by {rule}" for rule in each.rules)
        if self.stopped:
            rest = "the rest is" if self.openings else "it is"
            yield f"  {rest} stopped, by {self.stopped}"
            yield f"      such as {self.example}"

    def _why(self, flow: Flow) -> str:
        said = self.described.line(flow.reason.line)
        return f"{said} ({flow.reason}){f': {flow.note}' if flow.note else ''}"

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "verdict": self.verdict,
            "openings": [
                {
                    "from": each.source,
                    "to": each.destination,
                    "service": each.service,
                    "certain": each.certain,
                    "reasons": [str(flow.reason) for flow in each.flows],
                    "rules": list(each.rules),
                }
                for each in self.openings
            ],
            "stopped_by": self.stopped,
            "example": self.example,
        }


def answer(prover: Prover, question: Question, described: Described) -> Answered:
    """The answer, from the ruleset's own diagrams."""
    asker = Asker(prover)
    if question.reaching:
        found = asker.reaching(who(prover.site, question.reaching))
        sure = any(each.certain for each in found)
        verdict: Verdict = ("yes" if sure else "unknown") if found else "no"
        return Answered(verdict, found, "", "", described)
    ends = who(prover.site, question.source), who(prover.site, question.to)
    reply = asker.ask(*ends, question.service())
    return Answered(reply.verdict, reply.openings, reply.stopped, reply.example, described)
