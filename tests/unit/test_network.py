"""Cards and addresses: which files systemd-networkd gets, and what is in them."""

from __future__ import annotations

import configparser
from typing import Any

from gateway.features import network
from gateway.problems import show_path
from gateway.site import Site

OUTSIDE = {"side": "outside", "nic": "hosp0", "address": "192.0.2.10/24", "router": "192.0.2.1"}
MAC = "02:00:00:00:00:01"


def _site(**inside: Any) -> Site:
    return Site.model_validate(
        {
            "name": "small",
            "networks": {"hospital": OUTSIDE, **inside},
            "administration": {"from": ["192.0.2.50"]},
        }
    )


def _files(site: Site) -> dict[str, str]:
    return {
        file.path.removeprefix("/etc/systemd/network/05-gateway-"): file.content.decode()
        for file in network.files(site, ())
    }


def _section(text: str, name: str) -> dict[str, str]:
    """A section that names nothing twice."""
    parsed = configparser.ConfigParser(comment_prefixes=("#",), interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read_string(text)
    return dict(parsed[name])


def test_the_outside_has_its_address_and_its_router_and_learns_nothing() -> None:
    files = _files(_site())
    assert set(files) == {"/etc/network/interfaces", "hosp0.network"}
    settings = _section(files["hosp0.network"], "Network")
    assert settings["Address"] == "192.0.2.10/24"
    assert settings["Gateway"] == "192.0.2.1"
    for learnt in ("DHCP", "LinkLocalAddressing", "IPv6AcceptRA", "LLDP", "LLMNR", "MulticastDNS"):
        assert settings[learnt] == "no"


def test_an_inside_network_has_no_router() -> None:
    files = _files(_site(cameras={"nic": "cam0", "address": "10.1.1.1/24"}))
    assert "Gateway" not in files["cam0.network"]
    assert _section(files["cam0.network"], "Network")["Address"] == "10.1.1.1/24"


def test_a_card_gets_its_name_by_its_mac_and_only_then() -> None:
    assert not [name for name in _files(_site()) if name.endswith(".link")]
    files = _files(_site(cameras={"nic": {"name": "cam0", "mac": MAC}, "address": "10.1.1.1/24"}))
    assert _section(files["cam0.link"], "Match") == {"MACAddress": MAC, "Type": "ether"}
    assert _section(files["cam0.link"], "Link") == {"Name": "cam0"}


def test_vlans_hang_on_a_card_that_has_no_address() -> None:
    site = _site(
        one={"nic": {"name": "in0", "mac": MAC, "vlan": 10}, "address": "10.1.1.1/24"},
        two={"nic": {"name": "in0", "vlan": 20}, "address": "10.1.2.1/24"},
    )
    files = _files(site)
    assert set(files) == {
        "/etc/network/interfaces", "hosp0.network", "in0.link", "in0.network",
        "in0.10.netdev", "in0.10.network", "in0.20.netdev", "in0.20.network",
    }  # fmt: skip
    assert "VLAN=in0.10\nVLAN=in0.20\n" in files["in0.network"]
    assert "Address=" not in files["in0.network"]
    assert _section(files["in0.20.netdev"], "VLAN") == {"Id": "20"}
    assert "VLAN=" not in files["in0.10.network"]


def test_a_card_may_carry_a_network_and_a_vlan_beside_it() -> None:
    site = _site(
        one={"nic": "in0", "address": "10.1.1.1/24"},
        two={"nic": {"name": "in0", "vlan": 20}, "address": "10.1.2.1/24"},
    )
    settings = _section(_files(site)["in0.network"], "Network")
    assert settings["Address"] == "10.1.1.1/24"
    assert settings["VLAN"] == "in0.20"


def test_ipv6_only_where_it_is_asked_for() -> None:
    site = _site(
        cameras={"nic": "cam0", "address": "10.1.1.1/24"},
        office={"nic": "office0", "address": "10.1.2.1/24", "address6": "fd00:2::1/64"},
    )
    files = _files(site)
    assert "LinkLocalAddressing=ipv6" in files["office0.network"]
    assert "Address=fd00:2::1/64" in files["office0.network"]
    assert "LinkLocalAddressing=no" in files["cam0.network"]


def test_a_name_too_long_for_the_kernel_is_refused_at_its_place() -> None:
    nic = {"name": "cameras000000", "vlan": 10}
    faults = list(network.problems(_site(cameras={"nic": nic, "address": "10.1.1.1/24"})))
    assert [show_path(fault.path) for fault in faults] == ["networks.cameras.nic.name"]
    assert "16 characters" in faults[0].message
    shorter = {"name": "cameras00000", "vlan": 10}
    assert not list(network.problems(_site(cameras={"nic": shorter, "address": "10.1.1.1/24"})))


def test_cards_have_their_names_before_the_firewall_asks_for_them() -> None:
    cards = [file for file in network.files(_site(), ()) if "systemd/network" in file.path]
    assert cards
    assert all(file.first for file in cards)
