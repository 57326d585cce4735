"""A box's namespace and one for each network, joined by veths named as the site's NICs.

The kernel's own source checks are switched off, so what is dropped the ruleset dropped.
"""

from __future__ import annotations

import os
import socket
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from gateway.empirical.wires import inside
from gateway.features import access, firewall, management
from gateway.policy import Flow
from gateway.run import run
from gateway.site import Site

DENIED = 0.35
"""Seconds to wait for what must not come; between namespaces what comes takes under 1 ms."""

BOX, PC, OTHER, CAMERA, STRANGER = "10.1.2.1", "10.1.2.5", "10.1.2.6", "10.1.1.9", "10.1.1.77"
HOSPITAL_BOX, SERVER, ADMIN = "192.0.2.10", "192.0.2.25", "192.0.2.50"

SITE: dict[str, Any] = {
    "name": "packets",
    "networks": {
        "hospital": {"side": "outside", "nic": "hosp0", "address": "192.0.2.10/24"},
        "cameras": {"nic": "cam0", "address": "10.1.1.1/24"},
        "office": {"nic": "office0", "address": "10.1.2.1/24"},
    },
    "administration": {"from": ["pc", ADMIN]},
    "devices": {
        "pc": {"profile": "linux", "network": "office", "address": PC},
        "picker": {"profile": "unix-camera", "network": "cameras", "address": CAMERA},
    },
    "access": [
        {"from": "pc", "to": "picker", "services": ["dicom", "ping"]},
        {"from": "office", "to": "outside", "services": ["web", "tcp/8000-8010"]},
        {"from": "office", "to": SERVER, "services": ["tcp/8005-8020"]},
    ],
}


def site_with(**changes: Any) -> Site:
    return Site.model_validate({**SITE, **changes})


def flows_of(site: Site) -> tuple[Flow, ...]:
    return (*access.flows(site), *management.flows(site))


class Wires:
    """The namespaces, and sockets in them."""

    def __init__(self) -> None:
        self.prefix = f"gwpk{os.getpid()}"
        self._open: list[socket.socket] = []
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        sides = {
            "hosp0": ("hospital", "192.0.2.10/24", [f"{SERVER}/24", f"{ADMIN}/24"]),
            "cam0": ("cameras", "10.1.1.1/24", [f"{CAMERA}/24", f"{STRANGER}/24"]),
            "office0": ("office", "10.1.2.1/24", [f"{PC}/24", f"{OTHER}/24"]),
        }
        self.ip("netns", "add", self.name("box"))
        for nic, (side, own, addresses) in sides.items():
            self.ip("netns", "add", self.name(side))
            self.ip("-n", self.name("box"), "link", "add", nic, "type", "veth",
                    "peer", "name", "eth0", "netns", self.name(side))  # fmt: skip
            self._address("box", nic, own)
            for address in addresses:
                self._address(side, "eth0", address)
            gateway = own.partition("/")[0]
            self.ip("-n", self.name(side), "route", "add", "default", "via", gateway)
        with self.inside("box"):
            for key in ("conf/all/rp_filter", "conf/default/rp_filter", "ip_forward"):
                Path("/proc/sys/net/ipv4", key).write_text("1" if key == "ip_forward" else "0")
            for nic in sides:
                Path("/proc/sys/net/ipv4/conf", nic, "rp_filter").write_text("0")

    def name(self, side: str) -> str:
        return f"{self.prefix}-{side}"

    def ip(self, *words: str) -> None:
        run(["ip", *words])

    def _address(self, side: str, nic: str, address: str) -> None:
        self.ip("-n", self.name(side), "link", "set", nic, "up")
        self.ip("-n", self.name(side), "link", "set", "lo", "up")
        nodad = ["nodad"] if ":" in address else ["brd", "+"]
        self.ip("-n", self.name(side), "addr", "add", address, "dev", nic, *nodad)

    def add_address(self, side: str, nic: str, address: str) -> None:
        self._address(side, nic, address)

    def inside(self, side: str) -> AbstractContextManager[None]:
        """This thread's new sockets, and its /proc/self/net, belong to that namespace."""
        return inside(self.name(side))

    def load(self, site: Site, flows: tuple[Flow, ...]) -> None:
        text = firewall.ruleset(site, flows).decode()
        run(["ip", "netns", "exec", self.name("box"), "nft", "-f", "-"], stdin=text)

    def nft(self, *words: str, stdin: str | None = None) -> str:
        where = ["ip", "netns", "exec", self.name("box"), "nft"]
        return run([*where, *words], stdin=stdin).stdout

    def socket(self, side: str, kind: int, bind: tuple[str, int]) -> socket.socket:
        family = socket.AF_INET6 if ":" in bind[0] else socket.AF_INET
        with self.inside(side):
            made = socket.socket(family, kind)
        self._open.append(made)
        made.settimeout(DENIED)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        made.bind(bind)
        return made

    def listen(self, side: str, address: str, port: int) -> socket.socket:
        made = self.socket(side, socket.SOCK_STREAM, (address, port))
        made.listen(8)
        return made

    def connect(self, side: str, source: str, to: tuple[str, int]) -> socket.socket | None:
        """A connection, or None if no answer came or the box's own kernel was told no."""
        made = self.socket(side, socket.SOCK_STREAM, (source, 0))
        try:
            made.connect(to)
        except (TimeoutError, PermissionError):
            return None
        return made

    def opens(self, side: str, source: str, to: tuple[str, int]) -> bool:
        made = self.connect(side, source, to)
        if made:
            made.close()
        return made is not None

    def pings(self, side: str, source: str, to: str) -> bool:
        """Whether an ICMP echo request is answered."""
        with self.inside(side):
            made = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._open.append(made)
        made.settimeout(DENIED)
        made.bind((source, 0))
        # Type 8, code 0, identifier and number 1, and the checksum of just that (RFC 792).
        made.sendto(bytes.fromhex("0800f7fd00010001"), (to, 0))
        try:
            answer, sender = made.recvfrom(2048)
        except TimeoutError:
            return False
        return sender[0] == to and answer[20] == 0

    def close(self) -> None:
        for each in self._open:
            each.close()
        for side in ("box", "hospital", "cameras", "office"):
            run(["ip", "netns", "del", self.name(side)], check=False)


def hears(receiver: socket.socket) -> tuple[bytes, str] | None:
    try:
        data, sender = receiver.recvfrom(2048)
    except TimeoutError:
        return None
    return data, sender[0]
