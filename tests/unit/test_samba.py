"""Two servers, each no weaker and no wider than its users need."""

from __future__ import annotations

from configparser import ConfigParser
from typing import Any

import pytest

from gateway.features import samba
from gateway.site import Site

DEVICES = {
    "varicam": ("elscint-varicam", "cameras", "10.1.1.12"),
    "win95": ("windows-95", "cameras", "10.1.1.15"),
    "xp": ("windows-xp", "cameras", "10.1.1.16"),
    "pc": ("windows-11", "office", "10.1.2.11"),
    "mac": ("macos", "office", "10.1.2.21"),
    "mixed": ("windows-11", "cameras", "10.1.1.30"),
}


def site(described: dict[str, Any], **office: str) -> Site:
    devices = {
        name: {"profile": profile, "network": network, "address": address}
        for name, (profile, network, address) in DEVICES.items()
    }
    return Site.model_validate(
        {
            "name": "small",
            "networks": {
                "hospital": {"side": "outside", "nic": "hosp0", "address": "192.0.2.10/24"},
                "cameras": {"nic": "cam0", "address": "10.1.1.1/24"},
                "office": {"nic": "office0", "address": "10.1.2.1/24", **office},
            },
            "administration": {"from": ["office"]},
            "devices": devices,
            "shares": described,
        }
    )


BOTH = {
    "images": {"writers": ["varicam"], "readers": ["pc"]},
    "letters": {"writers": ["pc"]},
}


def read(described: Site, server: str) -> ConfigParser:
    """The server's configuration, as Samba would read its sections."""
    texts = {file.path: file.content.decode() for file in samba.files(described, ())}
    parser = ConfigParser(interpolation=None, delimiters=("=",))
    parser.read_string(texts[f"/etc/samba/{server}.conf"])
    return parser


def test_nothing_where_nobody_needs_it() -> None:
    empty = site({})
    assert not list(samba.files(empty, ()))
    assert not samba.packages(empty)
    assert not list(samba.units(empty))
    assert not samba.masked(empty)
    assert not list(samba.flows(empty))


def test_only_the_server_that_is_needed() -> None:
    assert list(samba.units(site({"letters": {"writers": ["pc"]}}))) == ["smbd-modern.service"]
    old = site({"images": {"writers": ["win95"]}})
    assert list(samba.units(old)) == ["smbd-legacy.service", "nmbd-legacy.service"]
    assert not [file for file in samba.files(old, ()) if "modern" in file.path]


def test_each_serves_its_own_users_on_its_own_network() -> None:
    legacy, modern = read(site(BOTH), "legacy"), read(site(BOTH), "modern")
    assert legacy["global"]["interfaces"] == "10.1.1.1/24"
    assert legacy["global"]["hosts allow"] == "10.1.1.12"
    assert legacy.sections() == ["global", "images"]
    assert legacy["images"]["valid users"] == legacy["images"]["write list"] == "varicam"
    assert modern["global"]["interfaces"] == "10.1.2.1/24"
    assert modern.sections() == ["global", "images", "letters"]
    assert modern["images"]["valid users"] == "pc"
    assert "write list" not in modern["images"]
    assert modern["letters"]["write list"] == "pc"


def test_servers_share_no_folder_of_state() -> None:
    keys = ("pid", "lock", "state", "cache")
    names = [*(f"{key} directory" for key in keys), "private dir", "ncalrpc dir", "smb ports"]
    legacy, modern = read(site(BOTH), "legacy")["global"], read(site(BOTH), "modern")["global"]
    assert all(legacy[name] != modern[name] for name in names)


@pytest.mark.parametrize(
    ("writers", "oldest", "lanman"),
    [
        (["varicam"], "LANMAN2", "yes"),
        (["win95"], "NT1", "yes"),  # it speaks NT1 but logs in as LANMAN does
        (["xp"], "NT1", "no"),
        (["xp", "varicam"], "LANMAN2", "yes"),
    ],
)
def test_as_weak_as_its_users_need(writers: list[str], oldest: str, lanman: str) -> None:
    found = read(site({"images": {"writers": writers}}), "legacy")["global"]
    assert (found["server min protocol"], found["lanman auth"]) == (oldest, lanman)


@pytest.mark.parametrize("server", ["legacy", "modern"])
def test_a_device_cannot_change_its_password_nor_use_up_the_box(server: str) -> None:
    """SAMR (rpcclient chgpasswd2 to 4) changed them in the lab, and no `apply` noticed."""
    found = read(site(BOTH), server)["global"]
    assert found["check password script"] == "/usr/bin/false"
    assert found["access based share enum"] == "yes"
    assert int(found["max smbd processes"]) >= 2 * len(DEVICES)


def test_caching_is_left_to_the_kernel_only_where_both_serve() -> None:
    modern = read(site(BOTH), "modern")
    assert modern["images"]["kernel oplocks"] == "yes"
    assert "kernel oplocks" not in modern["letters"]


@pytest.mark.parametrize(("who", "costs"), [("pc", False), ("mac", True)])
def test_what_macs_need_costs_nobody_where_there_is_none(who: str, costs: bool) -> None:
    described = site({"letters": {"writers": ["pc"], "readers": [who]}})
    objects = read(described, "modern")["global"]["vfs objects"].split()
    assert ("fruit" in objects) is costs
    assert "streams_xattr" in objects


def test_a_daemon_sees_only_the_shares_it_serves() -> None:
    units = {file.path: file.content.decode() for file in samba.files(site(BOTH), ())}
    legacy = units["/etc/systemd/system/smbd-legacy.service"]
    assert "BindPaths=/srv/gateway/shares/images\n" in legacy
    assert "letters" not in legacy


@pytest.mark.parametrize("unit", ["smbd-legacy", "nmbd-legacy", "smbd-modern"])
def test_nobody_else_on_the_box_reads_the_names_of_open_files(unit: str) -> None:
    """They are in locking.tdb, which Samba makes 0644: `nobody` read a patient's name there."""
    units = {file.path: file.content.decode() for file in samba.files(site(BOTH), ())}
    lines = units[f"/etc/systemd/system/{unit}.service"].splitlines()
    for kind in ("State", "Cache", "Logs"):
        assert f"{kind}DirectoryMode=0700" in lines
    # Which of its processes are alive is asked there as a device's account.
    assert "RuntimeDirectoryMode=0710" in lines
    assert "Group=gateway-devices" in lines


def test_flows_of_an_old_device_are_ipv4_and_both_ways() -> None:
    found = [
        (flow.source.name, flow.destination.name, flow.service.name, flow.reason.path)
        for flow in samba.flows(site({"images": {"writers": ["varicam"]}}))
    ]
    path = ("shares", "images", "writers", 0)
    assert found == [
        ("varicam", "box", "netbios-session", path),
        ("varicam", "box", "netbios", path),
        ("box", "varicam", "netbios", path),
    ]


def test_one_flow_a_device_with_its_first_reason() -> None:
    described = site(
        {"images": {"readers": ["office"]}, "letters": {"writers": ["pc"]}},
        address6="fd00:2::1/64",
    )
    flows = {flow.source.name: flow for flow in samba.flows(described)}
    assert sorted(flows) == ["mac", "pc"]
    assert flows["pc"].reason.path == ("shares", "images", "readers", 0)
    assert flows["pc"].note == "shares: images, letters"
    assert [str(each) for each in flows["pc"].destination.addresses] == [
        "10.1.2.1/32",
        "fd00:2::1/128",
    ]


def test_both_kinds_on_one_network_use_different_ports() -> None:
    flows = samba.flows(site({"images": {"writers": ["varicam", "mixed"]}}))
    ports = {(flow.source.name, flow.service.name) for flow in flows if not flow.source.is_box}
    assert ("mixed", "smb") in ports
    assert ("mixed", "netbios-session") not in ports
    assert ("varicam", "smb") not in ports
