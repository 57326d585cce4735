"""The lab's plan and its addresses: pure, so tried without a lab."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.problems import Failed
from gateway.site import Site
from lab.addresses import allocate
from lab.plan import Plan
from lab.remains import Remains

ROOT = Path(__file__).parent.parent.parent


def site(**changes: Any) -> Site:
    text = (ROOT / "inventory/smallest/site.yml").read_text()
    return Site.model_validate({**yaml.safe_load(text), **changes})


@pytest.fixture
def kaohsiung() -> Plan:
    text = (ROOT / "inventory/kaohsiung/site.yml").read_text()
    return Plan("kaohsiung", Site.model_validate(yaml.safe_load(text)))


def test_each_device_has_its_address_mac_and_the_box_as_router(kaohsiung: Plan) -> None:
    place = kaohsiung.place("win95")
    assert [nic.addresses for nic in place.nics] == [("10.1.1.15/24",)]
    assert place.nics[0].mac == "02:00:5e:10:01:15"
    assert place.routes == ("default via 10.1.1.1",)
    assert place.resolvers == ("10.1.1.1",)
    assert place.namespace == "gw.kaohsiung.win95"


def test_box_has_the_sites_own_cards(kaohsiung: Plan) -> None:
    cards = {nic.name: nic.bridge for nic in kaohsiung.places["box"].nics}
    assert cards == {"hosp0": "hospital", "cam0": "cameras", "office0": "office"}


def test_hospital_holds_every_address_of_its_services(kaohsiung: Plan) -> None:
    has = set(kaohsiung.places["hospital"].addresses)
    assert {"192.0.2.1", "192.0.2.53", "192.0.2.123", "192.0.2.80", "192.0.2.25"} <= has
    assert str(kaohsiung.web_address) in has
    assert kaohsiung.place("192.0.2.25").who == "hospital", "found by a service's address"
    assert kaohsiung.place("192.0.2.50").who == "192.0.2.50", "an administrator's is a place"


def test_nobody_has_an_address_twice(kaohsiung: Plan) -> None:
    every = [address for place in kaohsiung.places.values() for address in place.addresses]
    assert len(every) == len(set(every))
    large = yaml.safe_load((ROOT / "inventory/large/site.yml").read_text())
    places = Plan("large", Site.model_validate(large)).places.values()
    every = [address for place in places for address in place.addresses]
    # A box's VLANs have their card's MAC, as everywhere.
    macs = [nic.mac for place in places for nic in place.nics if place.who != "box"]
    assert len(every) == len(set(every))
    assert len(macs) == len(set(macs))


def test_vlans_are_wires_of_their_own_beside_their_unplugged_card() -> None:
    networks = site().model_dump(mode="json")["networks"]
    networks["inside"]["nic"] = {"name": "eth1", "vlan": 20}
    cards = {nic.name: nic.bridge for nic in Plan("v", site(networks=networks)).places["box"].nics}
    assert cards == {"eth0": "hospital", "eth1.20": "inside", "eth1": None}


def test_given_addresses_are_free_and_outside_the_lent_range() -> None:
    networks = site().model_dump(mode="json")["networks"]
    networks["inside"]["dhcp"] = {"first": "10.1.1.200", "last": "10.1.1.254"}
    devices = {"a": {"profile": "linux", "network": "inside"}, "b": {"profile": "linux"}}
    given = allocate(site(networks=networks, devices={**devices, "c": devices["a"]}, shares={}))
    assert str(given["a"]) == "10.1.1.199"
    assert str(given["c"]) == "10.1.1.198"
    assert str(given["guest@inside"]) == "10.1.1.197"
    assert "b" not in given, "it has no network"


def test_a_full_network_gives_no_guest() -> None:
    networks = site().model_dump(mode="json")["networks"]
    networks["inside"]["address"] = "10.1.1.1/30"
    devices = {"a": {"profile": "linux", "network": "inside", "address": "10.1.1.2"}}
    full = site(networks=networks, devices=devices, shares={}, administration={"from": ["a"]})
    assert "guest@inside" not in Plan("full", full).places


def test_servers_beyond_the_router_keep_off_the_sites_networks() -> None:
    assert Plan("a", site()).web_address == ip_address("198.51.100.80")
    networks = site().model_dump(mode="json")["networks"]
    networks["inside"]["address"] = "198.51.100.1/24"
    moved = Plan("b", site(networks=networks, devices={}, shares={}))
    assert moved.web_address == ip_address("203.0.113.80")


def test_a_mirror_named_by_its_address_is_the_hospitals() -> None:
    own = Plan("own", site(updates={"mirror": "http://192.0.2.99/mirror", "proxy": "none"}))
    assert own.place("192.0.2.99").who == "hospital"
    with pytest.raises(Failed, match=r"there is no `192\.0\.2\.99`"):
        Plan("none", site()).place("192.0.2.99")


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("reading-pc", "reading-pc"),
        ("inside", "camera-pc"),
        ("192.0.2.50", "192.0.2.50"),
        ("192.0.2.32/28", "192.0.2.32/28"),
    ],
)
def test_ssh_starts_where_the_administrator_is(who: str, expected: str) -> None:
    plan = Plan("a", site(administration={"from": [who]}))
    assert plan.administrator.who == expected
    assert "/" not in plan.administrator.namespace


def test_an_administrator_beyond_the_lab_is_refused() -> None:
    with pytest.raises(Failed, match="no place in the lab"):
        Plan("a", site(administration={"from": ["203.0.113.5"]})).administrator  # noqa: B018


def test_a_device_with_one_of_the_labs_own_names_is_refused() -> None:
    devices = {"hospital": {"profile": "linux", "network": "inside", "address": "10.1.1.9"}}
    with pytest.raises(Failed, match="calls something `hospital`"):
        Plan("a", site(devices=devices, shares={})).places  # noqa: B018


@pytest.mark.parametrize("name", ["../etc", "", "a/b", ".", "a.b", "A", "a" * 16, "a-"])
def test_no_name_leads_out_of_the_labs_folders(name: str) -> None:
    with pytest.raises(Failed, match="cannot be a lab's name"):
        Remains(name)


def test_one_labs_prefix_is_not_anothers() -> None:
    other = Plan("a-b", site())
    assert not other.switch.startswith(Plan("a", site()).prefix)


def test_a_reader_of_reports_on_the_hospitals_side_has_a_place(kaohsiung: Plan) -> None:
    """The outsider, whom nobody named, is none of them."""
    (address,) = kaohsiung.place("192.0.2.128/26").addresses
    assert ip_address(address) in ip_network("192.0.2.128/26")
    (outsider,) = kaohsiung.place("outsider").addresses
    assert ip_address(outsider) not in ip_network("192.0.2.128/26")
