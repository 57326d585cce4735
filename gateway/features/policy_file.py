"""The policy as data for the box: what its own program judges and compares by.

The same flows and the same permits that the firewall renders, with names and reasons. The box
needs them where text will not do: which conversations may live on after a switch, and which
flows a plan opens or closes (gateway/box/policy.py reads it).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gateway.features import firewall, nft
from gateway.features.shape import Feature
from gateway.policy import Flow
from gateway.render import RenderedFile
from gateway.site import Network, Site
from gateway.written import BOX

PATH = "/usr/lib/gateway/policy.json"
FORMAT = 1
ECHO = {4: ("icmp", 8), 6: ("icmpv6", 128)}
"""Protocol and type of an echo request (RFC 792, RFC 4443)."""


def network(described: Network) -> dict[str, Any]:
    """What tells on which side an address is."""
    addresses = [each for each in (described.address, described.address6) if each]
    return {
        "inside": described.inside,
        "prefixes": [str(each.network) for each in addresses],
        "own": [str(each.ip) for each in addresses],
    }


def flow(site: Site, one: Flow) -> dict[str, Any]:
    """A flow with everything it lets begin; nothing between two ends on one wire."""
    sides = [one.source.network or BOX, one.destination.network or BOX]
    seen = firewall.chain_name(one.source, one.destination) is not None
    permits = dict.fromkeys(firewall.permits(site, one)) if seen else ()
    told = {
        "source": one.source.name,
        "destination": one.destination.name,
        "service": one.service.name,
        "ports": str(one.service),
        "reason": str(one.reason),
        "feature": one.feature,
        "note": one.note,
        "permits": [[*sides, *_permit(each)] for each in permits],
    }
    return {**told, "helper": one.service.helper} if one.service.helper else told


def _permit(permit: nft.Permit) -> list[Any]:
    ends = [str(permit.source), str(permit.destination)]
    if permit.ports:
        return [*ends, permit.ports.protocol, permit.ports.low, permit.ports.high]
    protocol, kind = ECHO[permit.source.version]
    return [*ends, protocol, kind, kind]


def text(site: Site, flows: tuple[Flow, ...]) -> bytes:
    """The file: a line a flow, so that its text can be compared too."""
    networks = {name: network(each) for name, each in site.networks.items()}
    lines = [json.dumps(flow(site, each), ensure_ascii=False) for each in flows]
    head = f'"format": {FORMAT},\n"networks": {json.dumps(networks)},\n"flows": [\n'
    listed = ",\n".join(lines)
    return f"{{{head}{listed}\n]}}\n".encode()


def files(site: Site, flows: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """With the firewall, whose rules it explains."""
    yield RenderedFile(PATH, text(site, flows), "policy", first=True)


FEATURE = Feature("policy", files=files)
