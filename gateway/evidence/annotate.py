"""The ruleset line by line, each with what it is there for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from gateway.audit.whole import Audit
from gateway.policy import Flow

Kind = Literal["", "reason", "doubt", "strange"]
_COMMENT = re.compile(r'comment "([^"]*)"')
_HANDLE = re.compile(r"# handle (\d+)$")
_REASON = re.compile(r"^(?P<reason>.+?)(?P<more> \+\d+ more)?$")
_COUNTER = re.compile(r"\bcounter packets 0 bytes 0\b")
_MOST_REASONS = 3


@dataclass(frozen=True)
class Line:
    """One line of the listing."""

    number: int
    text: str
    note: str = ""
    kind: Kind = ""


_HOOKS = {
    "prerouting": "what comes in by any card, before anything else is decided about it",
    "input": "what is for the box itself",
    "forward": "what passes the box from one network to another",
    "output": "what the box itself sends",
    "postrouting": "what leaves, after it was let through",
}
_GENERAL: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), note)
    for pattern, note in (
        (r"^table ", "a set of chains; a box may have several"),
        (r"^\t(set|map) ", "a list that rules below ask; one line a permission"),
        (r"type nat hook", "where sender addresses are exchanged for the box's own"),
        (r"ct state (established|related|invalid) ", "replies pass, strays do not"),
        (r"[io]ifname \"lo\" accept", "the box talking with itself"),
        (r"tcp flags & .*(stray|drop)", "a TCP conversation begins with a SYN alone"),
        (r"iifname \S+ oifname \S+ jump", "by the pair of networks"),
        (r"iifname \S+ (goto|jump)", "by the card that it came in by"),
        (r"oifname \S+ (goto|jump)", "by the card that it leaves by"),
        (r"goto (deny|spoofed|stray)", "whatever came this far was asked for by nobody"),
        (r"masquerade", "machines inside show themselves outside with the box's address"),
        (r"log prefix", "written to the log, a few a minute"),
        (r"ct helper set", "this conversation may announce another between the same two"),
        (r"icmp(v6)? type \{.*unreachable", "errors of a conversation that is permitted"),
        (r"nd-neighbor", "IPv6 machines of one wire find each other"),
        (r"\bdrop$", "stopped"),
    )
)


def annotate(audit: Audit) -> Iterator[Line]:
    """Every line, the handles of rules kept: they are what nft knows them by."""
    readable = audit.snapshot.commands["nft_readable"].out if audit.snapshot else ""
    known = _Known(audit)
    for number, text in enumerate((readable or audit.ruleset.text).splitlines(), 1):
        yield known.line(number, text)


class _Known:
    """What there is to say, by what a line shows of itself: a comment, a handle, its words."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit
        self.reasons: dict[str, list[Flow]] = {}
        for flow in audit.flows:
            self.reasons.setdefault(str(flow.reason), []).append(flow)
        self.doubts: dict[int, list[str]] = {}
        for each in audit.proof.differences:
            if each.rule:
                said = f"DIFFERENT: {each.sentence}"
                self.doubts.setdefault(each.rule.handle, []).append(said)
        for remark in audit.doubts:
            if remark.handle:  # a reason without a rule has none, nor has most of a listing
                said = f"{remark.kind.upper()}: {remark.said}"
                self.doubts.setdefault(remark.handle, []).append(said)
        since = audit.snapshot.box.get("since") if audit.snapshot else ""
        self.unused = f"no packet since {since}" if since else "no packet yet"
        self.strange: dict[int, str] = {}
        for odd in chain(audit.proof.strange, audit.proof.apart):
            if found := re.search(r"handle (\d+)", odd.where):
                self.strange[int(found[1])] = str(odd)

    def line(self, number: int, text: str) -> Line:
        found = _HANDLE.search(text)
        plain = _HANDLE.sub("", text).rstrip()
        # Tables, chains and sets have handles of their own, from another count.
        handle = int(found[1]) if found and not plain.endswith("{") else 0
        if handle in self.strange:
            return Line(number, text, f"NOT UNDERSTOOD: {self.strange[handle]}", "strange")
        reason = self.reason(plain)
        notes = [reason or _general(plain), *self.doubts.get(handle, ())]
        if len(notes) > 1:
            return Line(number, text, "; ".join(filter(None, notes)), "doubt")
        if handle and _COUNTER.search(plain) and " accept" in plain:
            notes.append(self.unused)
        return Line(number, text, "; ".join(filter(None, notes)), "reason" if reason else "")

    def reason(self, text: str) -> str:
        """The flow that a line's comment names, in words."""
        comment = _COMMENT.search(text)
        found = _REASON.match(comment[1]) if comment else None
        if comment is None or found is None:
            return ""
        words = set(re.findall(r"[\w.:/-]+", text.partition("comment")[0]))
        named = [self.reasons.get(each, []) for each in found["reason"].split(", ")]
        said = [_said(self.audit, _nearest(each, words)) for each in named[:_MOST_REASONS] if each]
        return "; ".join(said) or comment[1]


def _nearest(flows: list[Flow], words: set[str]) -> Flow:
    """One line may ask for several flows: the one whose addresses and ports the text has."""

    def shared(flow: Flow) -> int:
        ends = (*flow.source.addresses, *flow.destination.addresses)
        named = {str(each).removesuffix("/32").removesuffix("/128") for each in ends}
        ports = {str(each).partition("/")[2] for each in flow.service.ports}
        protocols = {each.protocol for each in flow.service.ports}
        return 4 * len(named & words) + 2 * len(ports & words) + len(protocols & words)

    return max(flows, key=shared)


def _said(audit: Audit, flow: Flow) -> str:
    what = f"{flow.source.name} to {flow.destination.name}: {flow.service.name}"
    why = flow.note or audit.described.line(flow.reason.line)
    owner = f", owner {flow.owner}" if flow.owner else ""
    until = f", until {flow.expires}" if flow.expires else ""
    line = f" (line {flow.reason.line}: {why}{owner}{until})" if flow.reason.line else ""
    return what + line


def _general(text: str) -> str:
    if hook := re.search(r"hook (\w+) priority .*policy (\w+)", text):
        fate = "stopped" if hook[2] == "drop" else "let through"
        where = _HOOKS.get(hook[1], f"the hook {hook[1]}")
        return f"{where}; what no rule decides is {fate}"
    return next((note for pattern, note in _GENERAL if pattern.search(text)), "")
