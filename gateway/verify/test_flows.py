"""What the policy opens is open, and nothing else is."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from gateway.policy import End, Flow
from gateway.verify.context import Context, outsider_address, web_address
from gateway.verify.passing import Passed, passed
from gateway.verify.plugin import Note
from gateway.verify.reach import SOON, connect, meet
from lab import Lab

UNASKED = 4444
"""A port that no description opens: its silence shows that the firewall drops."""
SERVED = (("hospital", 80), ("hospital", 25))
SEND_MAIL = """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], 25, timeout=float(sys.argv[4])) as relay:
    relay.sendmail(f"{sys.argv[2]}@nm.example", "ward@hospital.example", "Subject: " + sys.argv[3])
"""


def test_web(inside_device: str, lab: Lab, context: Context, note: Note) -> None:
    allowed = context.permits(_address(context, inside_device), web_address(lab), "tcp", 80)
    done = "a page, which sees the box's address" if allowed else "no page: nobody asked for it"
    note(inside_device, "HTTP", done)
    page = lab.exec(
        inside_device,
        ["curl", "-s", "-m", "5" if allowed else str(SOON), f"http://{web_address(lab)}/"],
    )
    seen = f"you are {context.site.outside.address.ip}"
    assert (seen in page.stdout) if allowed else not page.stdout, page.stdout


def test_mail(inside_device: str, lab: Lab, context: Context, note: Note) -> None:
    relay = context.site.hospital.mail_relay
    if relay is None:
        pytest.skip("the hospital has no mail relay")
    allowed = context.permits(_address(context, inside_device), str(relay), "tcp", 25)
    note(inside_device, "SMTP", "a message arrives" if allowed else "no mail: nobody asked for it")
    subject = f"{inside_device}-{time.monotonic_ns()}"
    wait = "5" if allowed else str(SOON)
    send = ["python3", "-c", SEND_MAIL, str(relay), inside_device, subject, wait]
    sent = lab.exec(inside_device, send, timeout=20)
    assert (sent.returncode == 0) == allowed, sent.stderr
    arrived = lab.exec("hospital", ["sh", "-c", f"grep -rqs {subject} /data/mail"])
    assert (arrived.returncode == 0) == allowed


def test_what_was_asked_for_is_open(lab: Lab, context: Context, note: Note) -> None:
    """One connection for each forwarded flow of TCP; outside, the server sees the box."""
    tried = 0
    note("every device", "TCP", "reaches what access: allows; outside sees the box's one address")
    for flow in _forwarded(context):
        source = _a_machine(context, flow.source)
        destination, address = _a_server(lab, context, flow.destination)
        if source is None or destination is None:
            continue
        for ports in flow.service.ports:
            # The hospital's own servers have tests of their own, with real clients.
            if ports.protocol == "tcp" and (destination, ports.low) not in SERVED:
                met = meet(lab, source, destination, address, ports.low)
                assert met.passed, f"{source} to {address} {ports}: {met.answer} ({flow.reason})"
                outside = flow.destination.network == context.site.outside_name
                expected = context.site.outside.address.ip if outside else _address(context, source)
                assert met.seen == str(expected)
                tried += 1
    if not tried:
        pytest.skip("access: asks for nothing")


def test_between_networks_nothing_else(
    inside_device: str, lab: Lab, context: Context, note: Note
) -> None:
    site = context.site
    note(inside_device, "TCP", f"reaches no other network's devices on port {UNASKED}")
    own = site.devices[inside_device].network
    for name in site.inside:
        others = [each for each in site.devices_on(name).values() if each.address]
        if name != own and others:
            assert connect(lab, inside_device, str(others[0].address), UNASKED) == "silent"
    assert connect(lab, inside_device, web_address(lab), UNASKED) == "silent"


@pytest.mark.alone
def test_control_without_masquerade_nothing_comes_back(
    lab: Lab, context: Context, note: Note
) -> None:
    """NAT off, the client must fail; on again, it works."""
    flow = next(
        (
            each
            for each in _forwarded(context)
            if _is_web(each) and _a_machine(context, each.source)
        ),
        None,
    )
    if flow is None:
        pytest.skip("nobody may use the web")
    source = _a_machine(context, flow.source)
    assert source
    note(source, "HTTP", "control: no answer without masquerade, an answer with it")
    assert meet(lab, source, "hospital", web_address(lab), 443).passed
    lab.exec("box", ["nft", "flush", "chain", "inet", "gateway", "postrouting"])
    try:
        assert not meet(lab, source, "hospital", web_address(lab), 443).passed
    finally:
        assert lab.exec("box", ["nft", "-f", "/etc/nftables.conf"]).returncode == 0
    assert meet(lab, source, "hospital", web_address(lab), 443).passed


def test_ports_from_outside(lab: Lab, context: Context, note: Note) -> None:
    outside = context.site.outside.address.ip
    expected = _open_to(context, outsider_address(lab), str(outside))
    note("outsider", "TCP, UDP", f"all 65,535 ports of the box: {_said(expected)}")
    assert passed(lab, "outsider", outsider_address(lab), str(outside)) == expected


def test_ports_from_inside(inside_device: str, lab: Lab, context: Context, note: Note) -> None:
    address, box = _address(context, inside_device), context.box_address(inside_device)
    expected = _open_to(context, address, box)
    note(inside_device, "TCP, UDP", f"all 65,535 ports of the box: {_said(expected)}")
    assert passed(lab, inside_device, address, box) == expected


@pytest.mark.alone
def test_control_a_port_opened_by_hand_is_seen(lab: Lab, context: Context, note: Note) -> None:
    outside = str(context.site.outside.address.ip)
    note("outsider", "TCP, UDP", f"control: port {UNASKED} opened by hand is found")
    rule = [
        "nft",
        "insert",
        "rule",
        "inet",
        "gateway",
        "input",
        "udp",
        "dport",
        str(UNASKED),
        "accept",
    ]
    assert lab.exec("box", rule).returncode == 0
    try:
        found = passed(lab, "outsider", outsider_address(lab), outside)
    finally:
        assert lab.exec("box", ["nft", "-f", "/etc/nftables.conf"]).returncode == 0
    assert found - _open_to(context, outsider_address(lab), outside) == {("udp", UNASKED)}


def test_outsider_reaches_no_device(lab: Lab, context: Context, note: Note) -> None:
    site = context.site
    note("outsider", "TCP", "reaches no device, though it knows the way")
    devices = [each for each in site.devices.values() if each.network in site.inside]
    for device in devices[:3]:
        assert connect(lab, "outsider", str(device.address), 104) == "silent"


def _forwarded(context: Context) -> Iterator[Flow]:
    for flow in context.flows:
        if not flow.source.is_box and not flow.destination.is_box:
            yield flow


def _is_web(flow: Flow) -> bool:
    return flow.service.name == "web" and flow.destination.name == "outside"


def _a_machine(context: Context, end: End) -> str | None:
    """A simulated machine that is this end of a flow."""
    site = context.site
    if end.name in site.devices:
        return end.name
    return next(iter(site.devices_on(end.name)), None) if end.name in site.inside else None


def _a_server(lab: Lab, context: Context, end: End) -> tuple[str | None, str]:
    if end.name in ("outside", context.site.outside_name):
        return "hospital", web_address(lab)
    if (name := _a_machine(context, end)) is not None:
        return name, str(context.site.devices[name].address)
    return "hospital", str(end.addresses[0].network_address)


def _address(context: Context, device: str) -> str:
    return str(context.site.devices[device].address)


def _open_to(context: Context, source: str, box: str) -> Passed:
    """What the policy opens of the box's address to a source address."""
    candidates = {
        (ports.protocol, port)
        for flow in context.flows
        for ports in flow.service.ports
        for port in range(ports.low, ports.high + 1)
    }
    return frozenset(each for each in candidates if context.permits(source, box, *each))


def _said(ports: Passed) -> str:
    listed = ", ".join(f"{protocol}/{port}" for protocol, port in sorted(ports))
    return f"only {listed} open" if listed else "none open"
