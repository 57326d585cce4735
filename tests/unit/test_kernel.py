"""What the kernel is told, in the order in which systemd-sysctl takes it."""

from __future__ import annotations

from typing import Any

from gateway.features import FEATURES, kernel
from gateway.site import Site


def _settings(address6: str | None = None) -> dict[str, str]:
    office: dict[str, Any] = {"nic": {"name": "in0", "vlan": 20}, "address": "10.1.2.1/24"}
    site = Site.model_validate(
        {
            "name": "small",
            "networks": {
                "hospital": {"side": "outside", "nic": "hosp0", "address": "192.0.2.10/24"},
                "office": office | ({"address6": address6} if address6 else {}),
            },
            "administration": {"from": ["192.0.2.50"]},
        }
    )
    text = next(file.content.decode() for file in kernel.files(site, ()) if "sysctl" in file.path)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    keys = [line.partition(" = ")[0] for line in lines]
    assert len(keys) == len(set(keys)), "a setting twice"
    return {key: line.partition(" = ")[2] for key, line in zip(keys, lines, strict=True)}


def test_forwarding_comes_first_because_it_resets_others() -> None:
    settings = _settings()
    assert next(iter(settings.items())) == ("net.ipv4.ip_forward", "1")
    assert settings["net.ipv4.conf.*.rp_filter"] == "1"
    assert settings["-net.netfilter.nf_conntrack_tcp_loose"] == "0"


def test_ipv6_is_off_but_on_loopback() -> None:
    settings = _settings()
    assert settings["-net.ipv6.conf.all.forwarding"] == "0"
    assert settings["-net/ipv6/conf/hosp0/disable_ipv6"] == "1"
    assert settings["-net/ipv6/conf/in0.20/disable_ipv6"] == "1"
    assert settings["-net.ipv6.conf.lo.disable_ipv6"] == "0"


def test_ipv6_is_on_where_a_network_has_it() -> None:
    settings = _settings("fd00:2::1/64")
    assert settings["-net.ipv6.conf.all.forwarding"] == "1"
    assert settings["-net/ipv6/conf/in0.20/disable_ipv6"] == "0"
    assert settings["-net/ipv6/conf/hosp0/disable_ipv6"] == "1"
    assert settings["-net.ipv6.conf.*.accept_ra"] == "0"


def test_it_forwards_only_after_the_firewall_stands() -> None:
    names = [feature.name for feature in FEATURES]
    assert names.index("firewall") < names.index("kernel")
