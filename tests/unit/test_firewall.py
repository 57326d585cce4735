"""The ruleset: what is computed from the policy, and why it says so."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.features import access, firewall, nft
from gateway.policy import (
    SERVICES,
    Flow,
    PortRange,
    Reason,
    Service,
    box_end,
    end,
    network_end,
)
from gateway.run import run
from gateway.site import Site

WHY = Reason(("shares", "images", "writers", 0), 41)


def _site(**more: Any) -> Site:
    tree: dict[str, Any] = {
        "name": "small",
        "networks": {
            "hospital": {"side": "outside", "nic": "hosp0", "address": "192.0.2.10/24"},
            "cameras": {"nic": {"name": "cam0", "vlan": 20}, "address": "10.1.1.1/24"},
            "office": {"nic": "office0", "address": "10.1.2.1/24"},
        },
        "administration": {"from": ["pc"]},
        "devices": {
            "pc": {"profile": "linux", "network": "office", "address": "10.1.2.5"},
            "picker": {"profile": "unix-camera", "network": "cameras", "address": "10.1.1.9"},
        },
    }
    return Site.model_validate(tree | more)


def _flow(site: Site, source: str, to: str, service: str, reason: Reason = WHY) -> Flow:
    ends = end(site, source), end(site, to)
    assert ends[0]
    assert ends[1]
    return Flow(ends[0], ends[1], SERVICES[service], reason, "test")


def _text(site: Site, *flows: Flow) -> str:
    return firewall.ruleset(site, flows).decode()


def _block(text: str, head: str) -> list[str]:
    """The lines of a chain or set."""
    found = re.search(rf"^\t{head} \{{\n(.*?)^\t\}}", text, re.MULTILINE | re.DOTALL)
    assert found, f"no {head}"
    return [line.strip() for line in found[1].splitlines()]


def test_an_exact_flow_is_one_element_with_its_reason() -> None:
    site = _site()
    text = _text(site, _flow(site, "pc", "picker", "telnet"))
    assert _block(text, "set fwd_office_cameras_ip_exact") == [
        "type ipv4_addr . ipv4_addr . inet_proto . inet_service",
        "elements = {",
        '10.1.2.5 . 10.1.1.9 . tcp . 23 comment "shares.images.writers[0]:41",',
        "}",
    ]
    assert 'iifname "office0" oifname "cam0.20" jump fwd_office_cameras' in text


def test_without_flows_no_set_and_no_pair_is_there() -> None:
    text = _text(_site())
    assert "\tset " not in text
    assert not re.search(r"^\t\tiifname \S+ oifname", text, re.MULTILINE)
    assert _block(text, "chain in_office") == []


def test_nothing_of_the_old_ruleset_denies_while_the_new_one_is_loaded() -> None:
    """A verdict map of a chain that goes has lost its elements before the chain its hook.

    Measured by tests/bench/firewall.py: with maps, packets are lost at each load.
    """
    site = _site()
    text = _text(site, _flow(site, "pc", "picker", "telnet"))
    assert not re.search(r"\bv?map\b", re.sub(r"#.*", "", text))
    for hook in ("input", "forward", "output"):
        assert _block(text, f"chain {hook}")[1] == "ct state established accept"


def test_flows_that_ask_for_the_same_share_one_element() -> None:
    site = _site()
    flows = [
        _flow(site, "pc", "picker", "telnet", Reason(("access", index), 7)) for index in (0, 1, 0)
    ]
    elements = _block(_text(site, *flows), "set fwd_office_cameras_ip_exact")[2:-1]
    assert elements == ['10.1.2.5 . 10.1.1.9 . tcp . 23 comment "access[0]:7, access[1]:7",']


def test_flows_on_one_wire_never_reach_the_box() -> None:
    site = _site()
    assert _text(site, _flow(site, "pc", "office", "telnet")) == _text(site)


def test_ranges_that_overlap_become_rules_and_keep_their_reasons() -> None:
    site = _site()
    wide = _flow(site, "office", "outside", "web", Reason(("access", 0)))
    inner = _flow(site, "office", "192.0.2.25", "web", Reason(("access", 1)))
    text = _text(site, wide, inner)
    elements = _block(text, "set fwd_office_hospital_ip_range")
    assert len([line for line in elements if "access[0]" in line]) == 2
    rules = _block(text, "chain fwd_office_hospital")
    assert len([line for line in rules if line.endswith('accept comment "access[1]"')]) == 2
    alone = _text(site, inner)
    assert "access[1]" in " ".join(_block(alone, "set fwd_office_hospital_ip_range"))


def test_broadcasts_go_where_the_service_is_one() -> None:
    site = _site()
    office = network_end(site, "office")
    box = box_end(site, "office")
    heard = _text(site, Flow(office, box, SERVICES["netbios"], WHY, "test"))
    assert "10.1.2.0/24 . 10.1.2.255 . udp . 137-138" in heard
    assert "10.1.2.0/24 . 255.255.255.255 . udp . 137-138" in heard
    quiet = _text(site, Flow(office, box, SERVICES["ntp"], WHY, "test"))
    assert "10.1.2.255 . udp" not in quiet
    said = _text(site, Flow(box, office, SERVICES["dhcp-reply"], WHY, "test"))
    assert "10.1.2.1 . 255.255.255.255 . udp . 68" in said


def test_only_dhcp_lets_a_machine_without_an_address_speak() -> None:
    site = _site()
    office, box = network_end(site, "office"), box_end(site, "office")
    asked = _text(site, Flow(office, box, SERVICES["dhcp"], WHY, "test"))
    assert "0.0.0.0 . 255.255.255.255 . udp . 67" in asked
    assert any("udp sport 68 udp dport 67" in line for line in _block(asked, "chain from_office"))
    assert not any("sport 68" in line for line in _block(asked, "chain from_cameras"))
    assert "sport 68" not in _text(site, Flow(office, box, SERVICES["netbios"], WHY, "test"))


def test_a_side_drops_what_cannot_come_from_it() -> None:
    text = _text(_site())
    inside = _block(text, "chain from_office")
    assert "ip saddr 10.1.2.0/24 accept" in inside
    assert inside[-1] == "goto spoofed"
    outside = " ".join(_block(text, "chain from_hospital"))
    for never in ("10.1.1.0/24", "10.1.2.0/24", "127.0.0.0/8", "192.0.2.10/32"):
        assert never in outside


def test_ipv6_is_denied_and_says_so_unless_a_network_has_it() -> None:
    text = _text(_site())
    for name in ("hospital", "cameras", "office"):
        told = f'comment "IPv6 is denied: networks.{name} has no address6"'
        assert told in _block(text, f"chain from_{name}")[0]
        assert told in _block(text, f"chain out_{name}")[0]
    networks = _site().model_dump(mode="json")["networks"]
    networks["office"]["address6"] = "fd00:2::1/64"
    site = _site(networks=networks)
    asked = _text(site, Flow(network_end(site, "office"), box_end(site, "office"),
                             SERVICES["ntp"], WHY, "test"))  # fmt: skip
    assert "fd00:2::/64 . fd00:2::1 . udp . 123" in asked
    assert "networks.office has no address6" not in asked
    assert "networks.cameras has no address6" in asked


def test_inside_networks_hide_behind_the_box() -> None:
    rules = _block(_text(_site()), "chain postrouting")
    line = 'oifname "hosp0" ip saddr 10.1.2.0/24 counter masquerade comment "networks.office"'
    assert line in rules
    assert not any("192.0.2" in rule for rule in rules)


def test_the_order_of_flows_does_not_show() -> None:
    site = _site(access=[{"from": "pc", "to": "picker", "services": ["dicom", "ping", "telnet"]}])
    flows = tuple(access.flows(site))
    assert firewall.ruleset(site, flows) == firewall.ruleset(site, flows[::-1])


@pytest.mark.parametrize(
    ("count", "text"),
    [(1, "access[0]:1"), (2, "access[0]:1, access[1]:1")],
)
def test_a_comment_names_its_reasons(count: int, text: str) -> None:
    assert nft.comment(f"access[{index}]:1" for index in range(count)) == text


@given(st.lists(st.from_regex(r"[a-zé\[\]0-9.]{1,140}", fullmatch=True), min_size=1, max_size=40))
def test_a_comment_always_fits(reasons: list[str]) -> None:
    text = nft.comment(reasons)
    assert 0 < len(text.encode()) <= nft.COMMENT_LIMIT
    if more := re.search(r" \+(\d+) more$", text):
        kept = len(text[: more.start()].split(", "))
        assert kept + int(more[1]) == len(set(reasons))


_PERMITS = st.builds(
    nft.Permit,
    st.sampled_from([ip_network(text) for text in ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32")]),
    st.sampled_from([ip_network(text) for text in ("0.0.0.0/0", "192.0.2.0/24", "192.0.2.9/32")]),
    st.builds(
        lambda protocol, low, more: PortRange(protocol, low, low + more),
        st.sampled_from(["tcp", "udp"]),
        st.integers(1, 20),
        st.integers(0, 5),
    ),
)


@settings(max_examples=40)
@given(st.lists(_PERMITS, min_size=1, max_size=12))
def test_every_permit_is_there_once_and_no_set_overlaps(permits: list[nft.Permit]) -> None:
    made = nft.chain("in_x", {each: [f"r{hash(each)}"] for each in permits})
    said = [line for each in made.sets for line in each.elements]
    said += [rule for rule in made.rules if "comment" in rule]
    assert sorted(line.split('"')[1] for line in said) == sorted(f"r{hash(p)}" for p in {*permits})
    in_sets = [
        permit
        for permit in {*permits}
        if any(line.startswith(f'{permit.element()} comment "') for line in said)
    ]
    for permit in in_sets:
        same_set = [each for each in in_sets if each != permit and each.kind == permit.kind]
        assert not any(permit.overlaps(each) for each in same_set)


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft"), reason="nft -c asks the kernel, as root"
)
def test_nft_accepts_every_shape_and_refuses_a_broken_one() -> None:
    networks = _site().model_dump(mode="json")["networks"]
    for index, name in enumerate(networks):
        networks[name]["address6"] = f"2001:db8:{index}::1/64"
    site = _site(networks=networks)
    everything = Service("all", (PortRange("tcp", 1, 9), PortRange("udp", 67, 67)), True, True)
    ends = [network_end(site, name) for name in site.networks]
    ends += [box_end(site, name) for name in site.networks]
    ends += [each for who in ("pc", "outside", "198.51.100.0/24") if (each := end(site, who))]
    flows = tuple(
        replace(Flow(a, b, everything, WHY, "test"), reason=Reason(("x" * 130,), index))
        for index, (a, b) in enumerate((a, b) for a in ends for b in ends)
        if not (a.is_box and b.is_box)
    )
    text = _text(site, *flows)
    assert _nft_says(text) == ""
    assert "No such file" in _nft_says(text.replace("jump in_office", "jump in_nowhere"))


def _nft_says(text: str) -> str:
    # In a network namespace of its own: not even a check has a reason to look at the host's.
    return run(["unshare", "--net", "nft", "-c", "-f", "-"], stdin=text, check=False).stderr
