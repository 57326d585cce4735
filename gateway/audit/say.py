"""A difference as a sentence for somebody who is no programmer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.audit import packets
from gateway.audit.answer import Difference, Packet
from gateway.audit.fields import ESTABLISHED, INVALID, NEW, RELATED, SYN, SYN_OF, TCP, UNTRACKED
from gateway.audit.packets import Words
from gateway.audit.trace import Trace
from gateway.flow import Flow
from gateway.problems import show_path

MOST_RANGES = 4
"""So many of a difference's ranges are shown."""


def path_of(flow: Flow) -> str:
    """The place in the description that asked for a flow, without its line, which may move."""
    return show_path(flow.reason.path)


def paths_in(comment: str) -> frozenset[str]:
    """The places that the comment of a rule or element names: ``access[0]:176, +2 more``."""
    parts = (part.strip() for part in comment.split(","))
    return frozenset(re.sub(r"(:\d+)?( \+\d+ more)?$", "", part) for part in parts)


def names(comment: str, flow: Flow) -> bool:
    """Whether the comment of a rule or element names the reason of a flow."""
    return path_of(flow) in paths_in(comment)


def flow(each: Flow) -> str:
    """A flow with its reason."""
    return f"{each.source.name} → {each.destination.name} {each.service.name} ({each.reason})"


def difference(found: Difference, words: Words) -> Iterator[str]:
    """A difference in lines: the sentence, and below it what shows it and what decides it."""
    sure = "" if found.certain else "perhaps "
    yield f"{sure}{found.kind}: {found.sentence}"
    yield f"    packet: {words.packet(found.packet)}"
    for region in found.regions[:MOST_RANGES]:
        yield f"    all of: {words.region(region)}"
    if len(found.regions) > MOST_RANGES:
        yield f"    and {len(found.regions) - MOST_RANGES} ranges more (--json has them)"
    yield f"    decided by: {found.rule or found.decided}"


def sentence(kind: str, packet: Packet, flows: tuple[Flow, ...], way: Trace, words: Words) -> str:
    """What is wrong, in one or two sentences."""
    if kind == "opened":
        return f"{_subject(packet, words)} is let through. {_nobody(flows)}"
    if kind == "closed":
        return f"{_subject(packet, words)} is stopped. {_asked(flows)}"
    if kind == "helper":
        return (
            f"{_subject(packet, words)} is let through, but whether the kernel reads along, to "
            f"know the second conversation that it announces, is not as described. {_asked(flows)}"
        )
    return _translation(packet, way, words)


def _translation(packet: Packet, way: Trace, words: Words) -> str:
    end = dict(way.fields)
    subject = _subject(packet, words)
    if end.get("dnat"):
        return (
            f"{subject} is sent on to another address. The description translates nothing inward."
        )
    if end.get("snat"):
        return f"{subject} gets another source address, and should keep its own."
    return f"{subject} leaves with its inside address: the hospital should see the box's alone."


def _subject(packet: Packet, words: Words) -> str:
    get = dict(packet.fields)
    source = words.who(get["source"], get["family"])
    target = words.who(get["destination"], get["family"])
    where = {
        "input": f"from {words.side(get['iif'])} to the box",
        "output": f"from the box to {words.side(get['oif'])}",
        "forward": f"from {words.side(get['iif'])} to {words.side(get['oif'])}",
    }[packet.path]
    return f"{_what(packet)}, {source} → {target}, {where},"


def _what(packet: Packet) -> str:
    get = dict(packet.fields)
    service = packets.service(packet)
    if get["state"] == ESTABLISHED:
        return f"What follows in a conversation ({service})"
    if get["state"] == RELATED:
        return f"What belongs to another conversation ({service})"
    if get["state"] == INVALID:
        return f"A packet that belongs to no conversation ({service})"
    if get["state"] == UNTRACKED:
        return f"A packet outside any conversation ({service})"
    stray = get["protocol"] == TCP and get["flags"] & SYN_OF != SYN and not get["fragment"]
    if get["state"] == NEW and stray:
        return f"A packet from the middle of no known conversation ({service})"
    return f"A new conversation ({service})"


def _nobody(flows: tuple[Flow, ...]) -> str:
    if not flows:
        return "No line of the description asks for it."
    lines = ", ".join(dict.fromkeys(str(flow.reason) for flow in flows))
    return f"The rule that lets it through names {lines}, which asks for less."


def _asked(flows: tuple[Flow, ...]) -> str:
    if not flows:
        return "Every site needs it (see the assumptions)."
    shown = [flow(each) for each in flows[:3]]
    more = f" and {len(flows) - 3} more" if len(flows) > 3 else ""
    return f"The description asks for it: {', '.join(shown)}{more}."
