"""What of a description the audit looks at: cards, addresses, sides.

A ``Site`` is such a ground; on the box, where no pydantic is, what the tree brought is one
(audit/carried.py). Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
)
from typing import Protocol

from gateway.flow import IPNetwork


class Card(Protocol):
    """A network card."""

    @property
    def interface(self) -> str:
        """What the kernel calls it."""


class Wire(Protocol):
    """One side of the box."""

    @property
    def nic(self) -> Card:
        """The box's card there."""

    @property
    def inside(self) -> bool:
        """Whether it is ours."""

    @property
    def address(self) -> IPv4Interface:
        """The box's own address there."""

    @property
    def address6(self) -> IPv6Interface | None:
        """Its IPv6 address; None: there is no IPv6."""

    @property
    def network(self) -> IPv4Network:
        """All addresses there."""


class Machine(Protocol):
    """A device, by its network and its fixed addresses."""

    @property
    def network(self) -> str | None:
        """The network that it is on, if any."""

    @property
    def address(self) -> IPv4Address | None:
        """Its IPv4 address."""

    @property
    def address6(self) -> IPv6Address | None:
        """Its IPv6 address."""


class Ground(Protocol):
    """Networks and devices."""

    @property
    def name(self) -> str:
        """What the department is called."""

    @property
    def networks(self) -> Mapping[str, Wire]:
        """Every side of the box by name."""

    @property
    def inside(self) -> Mapping[str, Wire]:
        """Our own of them."""

    @property
    def outside(self) -> Wire:
        """The hospital's."""

    @property
    def outside_name(self) -> str:
        """And its name."""

    @property
    def devices(self) -> Mapping[str, Machine]:
        """The described machines by name."""


def side_of(site: Ground, addresses: IPNetwork) -> str:
    """The network that addresses belong to: an inside one that holds them all, else outside."""
    for name, network in site.inside.items():
        for own in (network.address, network.address6):
            if own and own.version == addresses.version and addresses.subnet_of(own.network):  # type: ignore[arg-type]
                return name
    return site.outside_name
