"""What must not be refused, and what the folders of tests/errors leave out.

Every description here is the clean one of tests/errors with a few lines changed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.load import Loaded, load
from gateway.problems import Problem, Refused

CLEAN = (Path(__file__).parent.parent / "errors" / "clean.yml").read_text()
IPV6 = (
    ("address: 192.0.2.10/24", "address: 192.0.2.10/24\n    address6: 2001:db8::10/64"),
    ("address: 10.1.2.1/24", "address: 10.1.2.1/24\n    address6: fd00:2::1/64"),
)


def described(tmp_path: Path, *edits: tuple[str, str]) -> Loaded:
    text = CLEAN
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "site.yml").write_text(text)
    return load(tmp_path)


ACCEPTED = {
    "untagged and VLANs on one card": [("nic: eth2", "nic: {name: eth1, vlan: 20}")],
    "a point-to-point link outside": [
        ("address: 192.0.2.10/24", "address: 192.0.2.0/31"),
        ("[192.0.2.53]", "[198.51.100.53]"),
    ],
    "no router, and nothing beyond": [("    router: 192.0.2.1\n", "")],
    "IPv6": IPV6,
    "a router that announces itself": [
        *IPV6,
        ("router: 192.0.2.1", "router: 192.0.2.1\n    router6: fe80::1"),
    ],
    "from outside to inside": [("from: office\n    to: outside", "from: outside\n    to: icon")],
    "an address inside, from elsewhere": [
        ("from: office\n    to: outside", "from: office\n    to: 10.1.1.77"),
    ],
    "a hospital network": [("to: outside", "to: 198.51.100.0/24")],
    "part of a network inside": [("to: outside", "to: 10.1.1.64/26")],
    "a device on the hospital's network": [
        (
            "    profile: ge-starcam",
            "    profile: linux\n    network: hospital\n    address: 192.0.2.9",
        ),
    ],
    "a writer whose network reads": [("[win95]", "[win95, reading-pc]")],
    "a share named as a network": [("  images:", "  office:")],
    "an AE title of 16": [("ae_title: WIN95", "ae_title: ACQUISITION_PC95")],
    "a share name of 12": [("  images:", "  cameraimages:")],
    "a MAC without DHCP on its network": [
        ("    address: 10.1.2.11", '    address: 10.1.2.11\n    mac: "02:00:5e:10:02:11"'),
    ],
    "ports": [("[web]", "[tcp/1, udp/65535, tcp/8000-8010]")],
    "the neighbours of the lent addresses": [
        ("address: 10.1.1.11", "address: 10.1.1.99"),
        ("address: 10.1.1.12", "address: 10.1.1.200"),
    ],
}


@pytest.mark.parametrize("edits", ACCEPTED.values(), ids=ACCEPTED)
def test_this_is_allowed(edits: list[tuple[str, str]], tmp_path: Path) -> None:
    assert described(tmp_path, *edits).site.name == "clean"


REFUSED = {
    "IPv6 networks that overlap": (
        [*IPV6, ("fd00:2::1/64", "2001:db8::1:1/48")],
        "2001:db8::/48 overlaps `hospital`",
    ),
    "an IPv6 address elsewhere": (
        [*IPV6, ("address: 10.1.2.11", "address: 10.1.2.11\n    address6: fd00:3::11")],
        "fd00:3::11 is outside fd00:2::/64",
    ),
    "an IPv6 router elsewhere": (
        [*IPV6, ("router: 192.0.2.1", "router: 192.0.2.1\n    router6: 2001:db8:1::1")],
        "2001:db8:1::1 is outside 2001:db8::/64",
    ),
    "IPv4 to IPv6": (
        [*IPV6, ("from: office\n    to: outside", "from: icon\n    to: 2001:db8:9::1")],
        "have no IP version in common",
    ),
    "the last address that is lent": (
        [("address: 10.1.1.12", "address: 10.1.1.199")],
        "the range takes in 10.1.1.199, the fixed address of `win95`",
    ),
    "everything, in numbers": (
        [("to: outside", "to: 0.0.0.0/0")],
        "0.0.0.0/0 takes in `cameras` (10.1.1.0/24) and more",
    ),
    "the hospital's network to itself": (
        [("from: office\n    to: outside", "from: 198.51.100.7\n    to: 192.0.2.9")],
        "are both on `hospital`",
    ),
    "a box called as a device": (
        [("  name: gateway", "  name: icon")],
        "`icon` is the name of the box already",
    ),
}


@pytest.mark.parametrize(("edits", "message"), REFUSED.values(), ids=REFUSED)
def test_this_is_not(edits: list[tuple[str, str]], message: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        described(tmp_path, *edits)
    assert message in str(caught.value)


def test_who_uses_a_share_by_the_entry_that_gives_most(tmp_path: Path) -> None:
    site = described(tmp_path, ("[win95]", "[cameras, reading-pc]")).site
    assert list(site.users_of("images")) == [
        ("reading-pc", "writers", 1),
        ("icon", "writers", 0),
        ("win95", "writers", 0),
    ]


def test_the_caret_stands_below_what_is_meant() -> None:
    """On a terminal 核 is two cells wide, and a tab as wide as it likes."""
    source = "\t{comment: 核子, adress: 10.1.1.1}"
    column = source.index("adress") + 1
    shown = Problem("site.yml", 1, column, "unknown key", source=source).show().splitlines()
    assert shown[1] == f"    {source}"
    assert shown[2] == "    \t" + " " * (len("{comment: , ") + 4) + "^"
