from __future__ import annotations

from ipaddress import ip_network

import pytest

from gateway.policy import SERVICES, end, service, side_of
from gateway.site import Site

SITE = Site.model_validate(
    {
        "name": "small",
        "networks": {
            "hospital": {"side": "outside", "nic": "hosp0", "address": "192.0.2.10/24"},
            "cameras": {"nic": "cam0", "address": "10.1.1.1/24"},
        },
        "administration": {"from": ["cameras"]},
        "devices": {
            "varicam": {"profile": "elscint-varicam", "network": "cameras", "address": "10.1.1.12"},
            "starcam": {"profile": "ge-starcam"},
        },
    }
)


def test_services_by_name_and_by_port() -> None:
    assert service("web") is SERVICES["web"]
    found = service("udp/5000-5010")
    assert found
    assert str(found) == "udp/5000-5010"


@pytest.mark.parametrize("text", ["webb", "tcp/0", "tcp/65536", "tcp/20-10", "sctp/80", "tcp/"])
def test_no_such_service(text: str) -> None:
    assert service(text) is None


def test_ends_know_their_side() -> None:
    def network_of(who: str) -> str | None:
        found = end(SITE, who)
        assert found
        return found.network

    assert network_of("varicam") == "cameras"
    assert network_of("10.1.1.99") == "cameras"
    assert network_of("198.51.100.7") == "hospital"
    assert network_of("outside") == "hospital"


def test_a_device_without_a_network_is_no_end() -> None:
    assert end(SITE, "starcam") is None
    assert end(SITE, "nobody") is None


def test_a_prefix_wider_than_a_network_is_outside() -> None:
    assert side_of(SITE, ip_network("10.1.0.0/16")) == "hospital"
    assert side_of(SITE, ip_network("10.1.1.0/25")) == "cameras"
