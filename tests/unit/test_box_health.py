"""Health: units that stay up, ports that answer; and what an unchanged box pays for it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import features
from gateway.box import health, services
from gateway.box.manifest import Probe
from gateway.box.services import Unit
from gateway.features.probes import HELLOS, probes
from gateway.load import load

UP = Unit("a.service", "loaded", "active", "running", "success", "notify", False, "enabled", 0)
SITE = Path("inventory/kaohsiung/site.yml")


@contextmanager
def server(answer: Callable[[bytes], bytes], kind: int = socket.SOCK_STREAM) -> Iterator[int]:
    """One that answers, on a port of loopback."""
    with socket.socket(socket.AF_INET, kind) as listening:
        listening.bind(("127.0.0.1", 0))

        def tcp() -> None:
            while True:
                try:
                    talking, _ = listening.accept()
                except OSError:
                    return
                with talking:
                    talking.settimeout(0.2)
                    try:
                        heard = talking.recv(4096)
                    except TimeoutError:
                        heard = b""
                    talking.sendall(answer(heard))

        def udp() -> None:
            while True:
                try:
                    heard, who = listening.recvfrom(4096)
                except OSError:
                    return
                listening.sendto(answer(heard), who)

        if kind == socket.SOCK_STREAM:
            listening.listen()
        threading.Thread(target=tcp if kind == socket.SOCK_STREAM else udp, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR) if kind == socket.SOCK_STREAM else None


def test_an_answer_is_what_was_expected_and_nothing_else() -> None:
    with server(lambda heard: b"SSH-2.0-x" if not heard else heard[::-1]) as port:
        probe = Probe("ssh", "tcp", "127.0.0.1", port, b"", b"SSH-2.0")
        assert health.ask(probe) == ""
        assert health.ask(replace(probe, send=b"abc", expect=b"cba")) == ""
        assert "hung up after b'cba'" in health.ask(replace(probe, send=b"abc", expect=b"x"))
    with server(lambda heard: heard, socket.SOCK_DGRAM) as port:
        assert health.ask(Probe("ntp", "udp", "127.0.0.1", port, b"x", b"")) == ""


def test_a_port_that_nobody_listens_on_is_told_with_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "PROBE_LIMIT", 0)
    with server(lambda _heard: b"") as port:
        pass
    (said,) = health.silent([Probe("smb", "tcp", "127.0.0.1", port, b"", b"")])
    assert said.startswith(f"smb at 127.0.0.1:{port}/tcp does not answer: Connection refused")


def looks(monkeypatch: pytest.MonkeyPatch, *what: Unit) -> None:
    """systemd says these one after the other, and the last one from then on."""
    left = list(what)
    show = lambda _names: [left.pop(0) if len(left) > 1 else left[0]]  # noqa: E731
    monkeypatch.setattr(services, "units", show)
    monkeypatch.setattr(services, "_last_words", lambda _unit: ": no tape")
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)


def test_a_unit_that_has_long_been_up_costs_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    looks(monkeypatch, replace(UP, up_since=time.monotonic() - 100, restarts=7))
    monkeypatch.setattr(time, "sleep", lambda _seconds: pytest.fail("it waits"))
    assert health.unsteady(["a.service"]) == []


def test_a_unit_that_dies_after_its_start_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    young = replace(UP, up_since=time.monotonic())
    looks(monkeypatch, young, young, replace(UP, active="failed", sub="failed"))
    (said,) = health.unsteady(["a.service"])
    assert said == "a.service does not stay up: failed (failed): no tape"


def test_a_unit_that_dies_and_is_restarted_again_and_again_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.monotonic()
    looks(monkeypatch, *(replace(UP, up_since=now, restarts=n) for n in (3, 4, 5)))
    assert "does not stay up" in health.unsteady(["a.service"])[0]
    # Control: one that tried again once, and then stays.
    steady = replace(UP, up_since=now - 7, restarts=4)
    looks(monkeypatch, replace(UP, up_since=now, restarts=3), steady)
    assert health.unsteady(["a.service"]) == []


def test_every_tcp_port_of_the_policy_on_the_box_is_asked() -> None:
    loaded = load(SITE)
    flows = features.policy(loaded.site, loaded.source.line)
    asked = {(probe.protocol, probe.address, probe.port) for probe in probes(flows)}
    wanted = {
        ("tcp", str(address.network_address), ports.low)
        for flow in flows
        if flow.destination.is_box and flow.feature != "access"
        for address in flow.destination.addresses
        for ports in flow.service.ports
        if ports.protocol == "tcp"
    }
    assert wanted <= asked
    assert {name for name, *_ in {(each.name,) for each in probes(flows)}} >= HELLOS.keys() - {
        "afp"
    }
