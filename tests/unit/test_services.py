"""Names, addresses, time, ssh and updates: what their features say."""

from __future__ import annotations

from typing import Any

from gateway import features
from gateway.site import Site
from gateway.tree import Tree


def _site(**more: Any) -> Site:
    tree: dict[str, Any] = {
        "name": "small",
        "networks": {
            "hospital": {"side": "outside", "nic": "hosp0", "address": "192.0.2.10/24"},
            "cameras": {"nic": "cam0", "address": "10.1.1.1/24"},
        },
        "administration": {"from": ["192.0.2.50"]},
        "devices": {
            "varicam": {"profile": "elscint-varicam", "network": "cameras", "address": "10.1.1.12"}
        },
    }
    return Site.model_validate(tree | more)


def _tree(site: Site) -> Tree:
    return features.tree_of(site, lambda _path: 7)


def _file(site: Site, path: str) -> str:
    return next(file.content.decode() for file in _tree(site).files if file.path == path)


def _flows(site: Site, service: str) -> set[tuple[str, str]]:
    flows = features.policy(site, lambda _path: 7)
    return {
        (flow.source.name, flow.destination.name) for flow in flows if flow.service.name == service
    }


def test_updates_go_through_the_proxy_or_directly() -> None:
    through = _site(hospital={"web_proxy": {"address": "192.0.2.80", "port": 3128}})
    assert _flows(through, "web-proxy") == {("box", "192.0.2.80")}
    assert _flows(through, "web") == set()
    assert 'Proxy "http://192.0.2.80:3128"' in _file(through, "/etc/apt/apt.conf.d/90gateway")
    directly = _site()
    assert _flows(directly, "web") == {("box", "outside")}
    assert "Proxy" not in _file(directly, "/etc/apt/apt.conf.d/90gateway")


def test_ssh_keys_are_placed_only_when_given() -> None:
    path = "/etc/ssh/authorized_keys.d/root"
    assert path not in [file.path for file in _tree(_site()).files]
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJf0 console"
    assert _file(_site(administration={"from": ["varicam"], "ssh_keys": [key]}), path) == key + "\n"


def test_dhcp_only_where_somebody_asks() -> None:
    assert _flows(_site(), "dhcp") == set()
    assert "dhcp-range" not in _file(_site(), "/etc/dnsmasq.conf")
    asking = {
        "pc": {
            "profile": "windows-95",
            "network": "cameras",
            "address": "10.1.1.15",
            "mac": "02:00:5e:10:01:15",
        }
    }
    site = _site(devices=asking)
    assert _flows(site, "dhcp") == {("cameras", "box")}
    assert _flows(site, "dhcp-reply") == {("box", "cameras")}
    assert "dhcp-host=02:00:5e:10:01:15,10.1.1.15,pc" in _file(site, "/etc/dnsmasq.conf")


def test_no_name_from_outside_leads_inside() -> None:
    """DNS rebinding. Tried in the lab with a lying name server: NXDOMAIN, and ours still known."""
    lines = _file(_site(), "/etc/dnsmasq.conf").splitlines()
    assert "bogus-nxdomain=10.1.1.0/24" in lines
    assert "bogus-nxdomain=127.0.0.0/8" in lines
    # The hospital's own private addresses are names that people need.
    assert not [line for line in lines if line.startswith(("stop-dns-rebind", "bogus-priv"))]


def test_devices_have_names() -> None:
    hosts = _file(_site(), "/etc/hosts")
    assert "10.1.1.12 varicam.home.arpa varicam" in hosts
    assert "10.1.1.1 gateway.home.arpa gateway" in hosts


def test_every_flow_has_its_line() -> None:
    flows = features.policy(_site(), lambda _path: 7)
    assert flows
    assert all(flow.reason.line == 7 for flow in flows)
