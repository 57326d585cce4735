"""Addresses, names and time, as each device gets them from the box."""

from __future__ import annotations

import pytest

from gateway.verify.context import Context, web_address
from gateway.verify.plugin import Note
from lab import Lab


def test_lease(inside_device: str, lab: Lab, context: Context, note: Note) -> None:
    device = context.site.devices[inside_device]
    if not device.mac or not context.profile(inside_device).dhcp:
        pytest.skip("its address is set by hand")
    note(inside_device, "DHCP", f"is given {device.address}, router, name server and time server")
    lease = lab.lease(inside_device)
    box = context.box_address(inside_device)
    assert lease["ip"] == str(device.address)
    assert {lease["router"], lease["dns"], lease["ntpsrv"]} == {box}


@pytest.mark.alone
def test_control_no_lease_without_dnsmasq(lab: Lab, context: Context, note: Note) -> None:
    asking = [name for name, each in context.site.devices.items() if each.mac]
    if not asking:
        pytest.skip("no device asks for its address")
    note(asking[0], "DHCP", "control: no lease while dnsmasq is off, one when it is on again")
    assert lab.exec("box", ["systemctl", "stop", "dnsmasq.service"]).returncode == 0
    try:
        assert not lab.lease(asking[0])
    finally:
        assert lab.exec("box", ["systemctl", "start", "dnsmasq.service"]).returncode == 0
    assert lab.lease(asking[0])


def test_names(inside_device: str, lab: Lab, context: Context, note: Note) -> None:
    box, site = context.box_address(inside_device), context.site
    note(inside_device, "DNS", "finds every device by name, the hospital's names, and no nonsense")
    for name, device in site.devices.items():
        if device.address:
            assert _resolve(lab, inside_device, box, f"{name}.{site.box.domain}") == str(
                device.address
            )
    assert _resolve(lab, inside_device, box, f"{site.box.name}.{site.box.domain}") == box
    if site.hospital.dns:
        assert _resolve(lab, inside_device, box, "www.hospital.example") == web_address(lab)
    assert not _resolve(lab, inside_device, box, f"nobody.{site.box.domain}")


def _resolve(lab: Lab, device: str, server: str, name: str) -> str:
    asked = ["dig", "+short", "+tries=2", "+time=2", f"@{server}", name, "A"]
    return lab.exec(device, asked, timeout=15).stdout.strip()


def test_time(inside_device: str, lab: Lab, context: Context, note: Note) -> None:
    note(inside_device, "NTP", "gets the time from the box")
    box = context.box_address(inside_device)
    # RFC 5905, 7.3: version 4, mode 3 (client); the answer's mode is 4 and its stratum is set.
    code = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3);"
        f"s.sendto(bytes([0x23]) + bytes(47), ('{box}', 123)); answer = s.recv(100);"
        "print(answer[0] & 7, 0 < answer[1] < 16, len(answer))"
    )
    done = lab.exec(inside_device, ["python3", "-c", code], timeout=15)
    assert done.stdout.split() == ["4", "True", "48"], done.stderr
