"""What a flow is, apart from any description: who may open what to whom, and why.

Standard library only: it travels to the box with the audit (features/proof.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from gateway.problems import Path, show_path

IPNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, order=True)
class PortRange:
    """Ports of one transport protocol, both ends included."""

    protocol: str
    low: int
    high: int

    def __str__(self) -> str:
        ports = str(self.low) if self.low == self.high else f"{self.low}-{self.high}"
        return f"{self.protocol}/{ports}"


@dataclass(frozen=True)
class Service:
    """What is opened: ports, or ICMP echo (``ping``).

    ``broadcast``: it is also sent to the network's broadcast addresses, as NetBIOS and DHCP are.
    ``helper``: it announces a second connection between the same two machines, which the
    kernel's connection tracking helper of that name reads (nft(8), ct helper).
    """

    name: str
    ports: tuple[PortRange, ...] = ()
    ping: bool = False
    broadcast: bool = False
    helper: Literal["", "ftp"] = ""

    def __str__(self) -> str:
        return ", ".join(str(port) for port in self.ports) or "icmp echo"


@dataclass(frozen=True)
class End:
    """One end of a flow.

    ``network`` is the side its packets come from or go to, None for the box itself;
    ``addresses`` is what they carry there.
    """

    name: str
    network: str | None
    addresses: tuple[IPNetwork, ...]

    @property
    def is_box(self) -> bool:
        """Whether the box itself is this end."""
        return self.network is None


@dataclass(frozen=True, order=True)
class Reason:
    """The place in the description that asked for a flow. ``line`` counts from 1; 0: not known."""

    path: Path
    line: int = 0

    def __str__(self) -> str:
        return f"{show_path(self.path)}:{self.line}" if self.line else show_path(self.path)


@dataclass(frozen=True)
class Flow:
    """``source`` may open ``service`` to ``destination``, because of ``reason``.

    Replies are part of it. ``feature`` is who asked; ``note`` is the description's own words,
    ``owner`` who answers for it and ``expires`` the last day it is meant for.
    """

    source: End
    destination: End
    service: Service
    reason: Reason
    feature: str
    note: str = ""
    owner: str = ""
    expires: date | None = None

    def expired(self, today: date) -> bool:
        """Whether the last day it was meant for is over."""
        return self.expires is not None and self.expires < today

    def at_line(self, line: int) -> Flow:
        """The same flow, its reason's line known."""
        return replace(self, reason=replace(self.reason, line=line))
