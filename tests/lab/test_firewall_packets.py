"""The rendered ruleset against real packets: who reaches whom, and who does not.

Each test has its negative control: with the flow left out the same packet fails, or the other
way round.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from packet_wires import (
    ADMIN,
    BOX,
    CAMERA,
    HOSPITAL_BOX,
    OTHER,
    PC,
    SERVER,
    SITE,
    STRANGER,
    Wires,
    flows_of,
    hears,
    site_with,
)

from gateway.features import firewall
from gateway.policy import (
    SERVICES,
    Flow,
    Reason,
    box_end,
    device_end,
    network_end,
    outside_host,
)

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="needs root and nft"),
]


@pytest.fixture
def wires() -> Iterator[Wires]:
    made = Wires()
    yield made
    made.close()


def test_a_device_reaches_the_port_it_may_and_no_other(wires: Wires) -> None:
    site = site_with()
    wires.listen("box", BOX, 22)
    wires.listen("box", BOX, 23)
    assert wires.opens("office", PC, (BOX, 23)), "without a ruleset everything is open"
    wires.load(site, flows_of(site))
    assert wires.opens("office", PC, (BOX, 22))
    assert not wires.opens("office", PC, (BOX, 23))
    assert not wires.opens("office", OTHER, (BOX, 22)), "another address"
    wires.load(site, ())
    assert not wires.opens("office", PC, (BOX, 22))


def test_the_box_is_reached_only_by_its_address_on_the_own_side(wires: Wires) -> None:
    site = site_with()
    wires.listen("box", "0.0.0.0", 22)  # noqa: S104 - the point is what is let through to it
    wires.load(site, flows_of(site))
    assert wires.opens("office", PC, (BOX, 22))
    assert not wires.opens("office", PC, (HOSPITAL_BOX, 22))
    assert not wires.opens("office", PC, ("10.1.1.1", 22))
    assert wires.opens("hospital", ADMIN, (HOSPITAL_BOX, 22))
    assert not wires.opens("hospital", SERVER, (HOSPITAL_BOX, 22))


def test_between_networks_only_the_pair_that_the_site_names(wires: Wires) -> None:
    site = site_with()
    wires.listen("cameras", CAMERA, 104)
    wires.listen("office", PC, 104)
    wires.load(site, flows_of(site))
    assert wires.opens("office", PC, (CAMERA, 104))
    assert not wires.opens("office", OTHER, (CAMERA, 104)), "another source"
    assert not wires.opens("cameras", CAMERA, (PC, 104)), "the other direction"
    assert wires.pings("office", PC, CAMERA)
    assert not wires.pings("office", OTHER, CAMERA)
    without = site_with(access=[])
    wires.load(without, flows_of(without))
    assert not wires.opens("office", PC, (CAMERA, 104))


def test_the_hospital_sees_the_boxs_address_only(wires: Wires) -> None:
    site = site_with()
    server = wires.listen("hospital", SERVER, 80)
    wires.load(site, flows_of(site))
    assert wires.connect("office", OTHER, (SERVER, 80))
    assert server.accept()[1][0] == HOSPITAL_BOX
    text = firewall.ruleset(site, flows_of(site)).decode()
    wires.nft("-f", "-", stdin=text.replace(" masquerade ", " accept "))
    # The server's own answer finds its way back in this test alone: its route is the box.
    assert wires.connect("office", OTHER, (SERVER, 80))
    assert server.accept()[1][0] == OTHER
    assert not wires.opens("cameras", CAMERA, (SERVER, 80)), "nobody asked for it"
    assert not wires.opens("hospital", SERVER, (PC, 104)), "nothing comes in"


def test_ranges_that_overlap_are_both_permitted_to_their_last_port(wires: Wires) -> None:
    site = site_with()
    for port in (7999, 8000, 8010, 8011, 8020, 8021):
        wires.listen("hospital", SERVER, port)
        wires.listen("hospital", ADMIN, port)
    wires.load(site, flows_of(site))
    to_server = [wires.opens("office", OTHER, (SERVER, port)) for port in (7999, 8000, 8020, 8021)]
    to_admin = [wires.opens("office", OTHER, (ADMIN, port)) for port in (7999, 8000, 8010, 8011)]
    assert to_server == [False, True, True, False]
    assert to_admin == [False, True, True, False]


def test_a_borrowed_source_address_is_dropped(wires: Wires) -> None:
    # A permitted address, asked from a wire it is not on.
    base = site_with()
    reason = Reason(("test",))
    everyone = replace(
        network_end(base, "cameras"), addresses=network_end(base, "office").addresses
    )
    too_much = Flow(everyone, box_end(base, "cameras"), SERVICES["ntp"], reason, "test")
    fair = Flow(
        network_end(base, "cameras"), box_end(base, "cameras"), SERVICES["ntp"], reason, "test"
    )
    wires.add_address("cameras", "lo", "10.1.2.77/32")
    service = wires.socket("box", socket.SOCK_DGRAM, ("10.1.1.1", 123))
    wires.load(base, (too_much, fair))
    spoofer = wires.socket("cameras", socket.SOCK_DGRAM, ("10.1.2.77", 0))
    honest = wires.socket("cameras", socket.SOCK_DGRAM, (STRANGER, 0))
    honest.sendto(b"mine", ("10.1.1.1", 123))
    assert hears(service) == (b"mine", STRANGER)
    spoofer.sendto(b"spoofed", ("10.1.1.1", 123))
    assert hears(service) is None
    spoofed = wires.nft("list", "chain", "inet", "gateway", "spoofed")
    assert "counter packets 1 " in spoofed
    text = firewall.ruleset(base, (too_much, fair)).decode()
    wires.nft("-f", "-", stdin=text.replace("goto spoofed", "accept"))
    spoofer.sendto(b"spoofed", ("10.1.1.1", 123))
    assert hears(service) == (b"spoofed", "10.1.2.77"), "it was the source check that dropped it"


def test_from_outside_nobody_has_an_inside_address(wires: Wires) -> None:
    site = site_with(access=[{"from": "outside", "to": "picker", "services": ["tcp/104"]}])
    wires.listen("cameras", CAMERA, 104)
    wires.load(site, flows_of(site))
    wires.add_address("hospital", "lo", "10.1.2.99/32")
    wires.add_address("hospital", "lo", "198.51.100.7/32")
    wires.ip("-n", wires.name("box"), "route", "add", "198.51.100.7/32", "via", SERVER)
    wires.ip("-n", wires.name("box"), "route", "add", "10.1.2.99/32", "via", SERVER)
    assert wires.opens("hospital", "198.51.100.7", (CAMERA, 104))
    assert not wires.opens("hospital", "10.1.2.99", (CAMERA, 104))


def test_the_box_begins_nothing_by_itself(wires: Wires) -> None:
    site = site_with()
    wires.listen("hospital", SERVER, 25)
    mail = Flow(
        box_end(site, "hospital"),
        outside_host(site, SERVER),
        SERVICES["mail"],
        Reason(("test",)),
        "test",
    )
    wires.load(site, (*flows_of(site), mail))
    assert wires.opens("box", HOSPITAL_BOX, (SERVER, 25))
    wires.load(site, flows_of(site))
    assert not wires.opens("box", HOSPITAL_BOX, (SERVER, 25))
    wires.listen("box", "127.0.0.1", 25)
    assert wires.opens("box", "127.0.0.1", ("127.0.0.1", 25)), "but with itself"


IPV6 = {
    "cameras": {"nic": "cam0", "address": "10.1.1.1/24", "address6": "fd00:1::1/64"},
    "office": {"nic": "office0", "address": "10.1.2.1/24", "address6": "fd00:2::1/64"},
}


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="a kernel without IPv6")
def test_ipv6_only_where_a_network_has_it(wires: Wires) -> None:
    wires.add_address("box", "office0", "fd00:2::1/64")
    wires.add_address("office", "eth0", "fd00:2::5/64")
    wires.listen("box", "fd00:2::1", 22)
    assert wires.opens("office", "fd00:2::5", ("fd00:2::1", 22)), "without a ruleset it is open"
    site = site_with()
    wires.load(site, flows_of(site))
    assert not wires.opens("office", "fd00:2::5", ("fd00:2::1", 22))
    devices = {**SITE["devices"], "pc": {**SITE["devices"]["pc"], "address6": "fd00:2::5"}}
    asked = site_with(networks={**SITE["networks"], **IPV6}, devices=devices)
    # Neighbours that were met before do not count.
    wires.ip("-n", wires.name("box"), "neigh", "flush", "all")
    wires.ip("-n", wires.name("office"), "neigh", "flush", "all")
    wires.load(asked, flows_of(asked))
    assert wires.opens("office", "fd00:2::5", ("fd00:2::1", 22))
    assert not wires.opens("office", "fd00:2::5", ("fd00:2::1", 23))


@pytest.mark.parametrize("address", ["10.1.1.255", "255.255.255.255", "10.1.1.1"])
def test_a_netbios_broadcast_is_heard(wires: Wires, address: str) -> None:
    site = site_with()
    netbios = Flow(
        device_end(site, "picker"),
        box_end(site, "cameras"),
        SERVICES["netbios"],
        Reason(("test",)),
        "test",
    )
    service = wires.socket("box", socket.SOCK_DGRAM, ("", 137))
    device = wires.socket("cameras", socket.SOCK_DGRAM, (CAMERA, 137))
    stranger = wires.socket("cameras", socket.SOCK_DGRAM, (STRANGER, 137))
    wires.load(site, (netbios,))
    device.sendto(b"who has", (address, 137))
    assert hears(service) == (b"who has", CAMERA)
    stranger.sendto(b"who has", (address, 137))
    assert hears(service) is None
    if address != "10.1.1.1":
        denied = wires.nft("list", "chain", "inet", "gateway", "deny_in")
        assert "counter packets 1 " in denied.partition("no log")[0], "dropped as noise"


def test_a_machine_without_an_address_asks_for_one_where_dhcp_is(wires: Wires) -> None:
    site = site_with()
    everyone, box = network_end(site, "cameras"), box_end(site, "cameras")
    flows = (
        Flow(everyone, box, SERVICES["dhcp"], Reason(("test",)), "test"),
        Flow(box, everyone, SERVICES["dhcp-reply"], Reason(("test",)), "test"),
    )
    wires.ip("-n", wires.name("cameras"), "addr", "flush", "dev", "eth0")
    wires.ip("-n", wires.name("cameras"), "route", "add", "default", "dev", "eth0")
    server = wires.socket("box", socket.SOCK_DGRAM, ("", 67))
    asking = wires.socket("cameras", socket.SOCK_DGRAM, ("", 68))
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
    server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"cam0")
    wires.load(site, ())
    asking.sendto(b"discover", ("255.255.255.255", 67))
    assert hears(server) is None
    wires.load(site, flows)
    asking.sendto(b"discover", ("255.255.255.255", 67))
    assert hears(server) == (b"discover", "0.0.0.0")  # noqa: S104 - who asks has none yet
    server.sendto(b"offer", ("255.255.255.255", 68))
    assert hears(asking) == (b"offer", "10.1.1.1")


def test_a_card_the_site_does_not_name_is_deaf(wires: Wires) -> None:
    site = site_with()
    wires.listen("box", BOX, 22)
    wires.load(site, flows_of(site))
    wires.ip("-n", wires.name("box"), "link", "set", "office0", "down")
    wires.ip("-n", wires.name("box"), "link", "set", "office0", "name", "usb0")
    wires.ip("-n", wires.name("box"), "link", "set", "usb0", "up")
    assert not wires.opens("office", PC, (BOX, 22))
    wires.ip("-n", wires.name("box"), "link", "set", "usb0", "down")
    wires.ip("-n", wires.name("box"), "link", "set", "usb0", "name", "office0")
    wires.ip("-n", wires.name("box"), "link", "set", "office0", "up")
    assert wires.opens("office", PC, (BOX, 22))
