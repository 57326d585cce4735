"""How the box asks its own services whether they answer, before a switch is confirmed.

Every TCP port that the policy opens on the box has to take a connection; where one real request
is cheap, it is made. All of it is data: the manifest carries it, gateway-box sends and compares.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.policy import Flow, PortRange, Service

NOT_OURS = ("access",)
"""What an administrator opens by himself may have nobody behind it."""


@dataclass(frozen=True, order=True)
class Probe:
    """One question. Without ``send`` and ``expect`` a connection is enough.

    ``expect``: what the answer must contain; nothing: any answer.
    """

    name: str
    protocol: str
    address: str
    port: int
    send: bytes = b""
    expect: bytes = b""

    def entry(self) -> dict[str, object]:
        """As the manifest has it."""
        where = {"name": self.name, "protocol": self.protocol, "address": self.address}
        return {**where, "port": self.port, "send": self.send.hex(), "expect": self.expect.hex()}


@dataclass(frozen=True)
class Hello:
    """The cheapest real request of a service, and what its answer contains."""

    protocol: str
    send: bytes
    expect: bytes


def _version_bind() -> bytes:
    # RFC 4892: the server's own version, class CHAOS; it needs nobody else for the answer.
    name = b"\x07version\x04bind\x00"
    return b"gw" + struct.pack(">5H", 0, 1, 0, 0, 0) + name + struct.pack(">2H", 16, 3)


def _rpc_null(program: int, version: int) -> bytes:
    # RFC 5531: procedure 0 of every program does nothing and answers; one record over TCP.
    call = b"gway" + struct.pack(">5I", 0, 2, program, version, 0) + bytes(16)
    return struct.pack(">I", 0x80000000 | len(call)) + call


def _associate() -> bytes:
    # DICOM PS3.8, 9.3.2: a stranger's wish to verify; to be refused is an answer too.
    def item(kind: int, content: bytes) -> bytes:
        return struct.pack(">BBH", kind, 0, len(content)) + content

    syntaxes = item(0x30, b"1.2.840.10008.1.1") + item(0x40, b"1.2.840.10008.1.2")
    items = item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, b"\x01\x00\x00\x00" + syntaxes)
    items += item(0x50, item(0x51, struct.pack(">I", 16384)))
    titles = b"GATEWAY".ljust(16) + b"HEALTH".ljust(16)
    content = struct.pack(">HH", 1, 0) + titles + bytes(32) + items
    return struct.pack(">BBI", 1, 0, len(content)) + content


HELLOS: Mapping[str, Hello] = {
    "afp": Hello("tcp", bytes([0, 3, 0, 1]) + bytes(12), b"\x01\x03"),  # DSIGetStatus
    "dicom": Hello("tcp", _associate(), b""),
    "dns": Hello("udp", _version_bind(), b"gw"),
    "nfs": Hello("tcp", _rpc_null(100003, 3), b"gway\x00\x00\x00\x01"),
    "nfs-mount": Hello("tcp", _rpc_null(100005, 3), b"gway\x00\x00\x00\x01"),
    "ntp": Hello("udp", b"\x23" + bytes(47), b""),  # RFC 5905: version 4, a client's
    "portmap": Hello("tcp", _rpc_null(100000, 2), b"gway\x00\x00\x00\x01"),
    "ssh": Hello("tcp", b"", b"SSH-2.0"),
}
"""By the service's name (policy.SERVICES). Samba and HylaFAX hear out nobody but their clients, by
address, and the box is none: that they take a connection is enough."""


def probes(flows: Iterable[Flow]) -> tuple[Probe, ...]:
    """The questions for what the policy opens on the box, each once."""
    return tuple(
        sorted(
            {
                probe
                for flow in flows
                if flow.destination.is_box and flow.feature not in NOT_OURS
                for address in flow.destination.addresses
                for ports in flow.service.ports
                for probe in _of(flow.service, str(address.network_address), ports)
            }
        )
    )


def _of(service: Service, address: str, ports: PortRange) -> Iterator[Probe]:
    hello = HELLOS.get(service.name)
    if hello and hello.protocol == ports.protocol:
        yield Probe(service.name, ports.protocol, address, ports.low, hello.send, hello.expect)
    elif ports.protocol == "tcp" and ports.low == ports.high:
        yield Probe(service.name, ports.protocol, address, ports.low)
