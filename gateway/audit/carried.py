"""The description as the box carries it, for the audit that it makes of itself.

What the audit asks of a site, and its flows, as JSON: made from the description, never from
what the firewall's feature renders of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    ip_network,
)
from typing import Any

from gateway.flow import End, Flow, PortRange, Reason, Service
from gateway.ground import Ground, Machine, Wire
from gateway.problems import Failed

FORMAT = 1
Json = Any
"""What json.loads gives."""


@dataclass(frozen=True)
class CarriedCard:
    """A card."""

    interface: str


@dataclass(frozen=True)
class CarriedWire:
    """One side of the box."""

    nic: CarriedCard
    inside: bool
    address: IPv4Interface
    address6: IPv6Interface | None

    @property
    def network(self) -> IPv4Network:
        """All addresses there."""
        return self.address.network


@dataclass(frozen=True)
class CarriedMachine:
    """A device."""

    network: str | None
    address: IPv4Address | None
    address6: IPv6Address | None


@dataclass(frozen=True)
class CarriedGround:
    """A description, as far as the audit asks for it."""

    name: str
    networks: Mapping[str, CarriedWire]
    devices: Mapping[str, CarriedMachine]

    @cached_property
    def inside(self) -> Mapping[str, CarriedWire]:
        """Our own networks."""
        return {name: each for name, each in self.networks.items() if each.inside}

    @cached_property
    def outside_name(self) -> str:
        """The hospital's side."""
        return next(name for name, each in self.networks.items() if not each.inside)

    @property
    def outside(self) -> CarriedWire:
        """The hospital's side."""
        return self.networks[self.outside_name]


def carried(site: Ground, flows: Iterable[Flow]) -> bytes:
    """A description and its flows, a line each, so that two of them can be compared as text."""
    head = {
        "format": FORMAT,
        "name": site.name,
        "networks": {name: _wire(each) for name, each in site.networks.items()},
        "devices": {name: _machine(each) for name, each in site.devices.items()},
    }
    lines = [f"{_text(name)}: {_text(value)}" for name, value in head.items()]
    listed = ",\n".join(_text(_flow(each)) for each in flows)
    return ("{" + ",\n".join(lines) + f',\n"flows": [\n{listed}\n]}}\n').encode()


def read(text: str) -> tuple[CarriedGround, tuple[Flow, ...]]:
    """The same again. Raises Failed where it is not what ``carried`` wrote."""
    try:
        told = json.loads(text)
        if told["format"] != FORMAT:
            raise Failed(f"the description is of the form {told['format']}, not {FORMAT}")
        networks = {name: _read_wire(each) for name, each in told["networks"].items()}
        devices = {name: _read_machine(each) for name, each in told["devices"].items()}
        flows = tuple(_read_flow(each) for each in told["flows"])
        ground = CarriedGround(told["name"], networks, devices)
        ground.outside  # noqa: B018 - it is asked for, so there must be one
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as why:
        said = f"{type(why).__name__}: {why}"
        raise Failed(f"the description that the box carries cannot be read ({said})") from None
    return ground, flows


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _wire(wire: Wire) -> dict[str, Json]:
    return {
        "card": wire.nic.interface,
        "inside": wire.inside,
        "address": str(wire.address),
        "address6": _or_none(wire.address6),
    }


def _read_wire(told: Json) -> CarriedWire:
    six = told["address6"]
    return CarriedWire(
        CarriedCard(told["card"]),
        bool(told["inside"]),
        IPv4Interface(told["address"]),
        IPv6Interface(six) if six else None,
    )


def _machine(machine: Machine) -> list[str | None]:
    return [machine.network, _or_none(machine.address), _or_none(machine.address6)]


def _read_machine(told: Json) -> CarriedMachine:
    network, four, six = told
    return CarriedMachine(
        network, IPv4Address(four) if four else None, IPv6Address(six) if six else None
    )


def _end(end: End) -> list[Json]:
    return [end.name, end.network, [str(each) for each in end.addresses]]


def _read_end(told: Json) -> End:
    name, network, addresses = told
    return End(name, network, tuple(ip_network(each) for each in addresses))


def _flow(flow: Flow) -> dict[str, Json]:
    service = flow.service
    told: dict[str, Json] = {
        "source": _end(flow.source),
        "destination": _end(flow.destination),
        "service": service.name,
        "ports": [[each.protocol, each.low, each.high] for each in service.ports],
        "also": [name for name in ("ping", "broadcast") if getattr(service, name)],
        "helper": service.helper,
        "reason": [list(flow.reason.path), flow.reason.line],
        "feature": flow.feature,
    }
    words = {"note": flow.note, "owner": flow.owner, "expires": _or_none(flow.expires)}
    return told | {name: value for name, value in words.items() if value}


def _read_flow(told: Json) -> Flow:
    (path, line), also, expires = told["reason"], told["also"], told.get("expires")
    ports = tuple(PortRange(*each) for each in told["ports"])
    return Flow(
        _read_end(told["source"]),
        _read_end(told["destination"]),
        Service(told["service"], ports, "ping" in also, "broadcast" in also, told["helper"]),
        Reason(tuple(path), line),
        told["feature"],
        told.get("note", ""),
        told.get("owner", ""),
        date.fromisoformat(expires) if expires else None,
    )
