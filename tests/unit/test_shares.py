"""Who gets what through which server, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.features import shares
from gateway.problems import Fault
from gateway.sharing import grants, server_of
from gateway.site import Site

DEVICES = {
    "varicam": {"profile": "elscint-varicam", "network": "cameras", "address": "10.1.1.12"},
    "win95": {"profile": "windows-95", "network": "cameras", "address": "10.1.1.15"},
    "icon": {"profile": "siemens-icon", "network": "cameras", "address": "10.1.1.11"},
    "starcam": {"profile": "ge-starcam"},
    "pc": {"profile": "windows-11", "network": "office", "address": "10.1.2.11"},
    "mac": {"profile": "macos", "network": "office", "address": "10.1.2.21"},
    "picker": {"profile": "unix-camera", "network": "cameras", "address": "10.1.1.14"},
    "mac9": {"profile": "mac-os-9", "network": "office", "address": "10.1.2.23"},
    "oldsun": {"profile": "sunos-4", "network": "cameras", "address": "10.1.1.17"},
    "ward": {"profile": "windows-11", "network": "hospital", "address": "192.0.2.60"},
    "wardxp": {"profile": "windows-xp", "network": "hospital", "address": "192.0.2.61"},
    "wardsun": {"profile": "unix-camera", "network": "hospital", "address": "192.0.2.62"},
}


def site(described: dict[str, Any], **more: Any) -> Site:
    tree = {
        "name": "small",
        "networks": {
            "hospital": {"side": "outside", "nic": "hosp0", "address": "192.0.2.10/24"},
            "cameras": {"nic": "cam0", "address": "10.1.1.1/24"},
            "office": {"nic": "office0", "address": "10.1.2.1/24"},
            "empty": {"nic": "empty0", "address": "10.1.3.1/24"},
        },
        "administration": {"from": ["office"]},
        "devices": DEVICES,
        "shares": described,
    }
    return Site.model_validate({**tree, **more})


def faults(described: dict[str, Any], **more: Any) -> list[Fault]:
    return list(shares.problems(site(described, **more)))


def test_each_device_has_the_server_it_can_speak_to() -> None:
    empty = site({})
    found = {name: server_of(empty, name) for name in DEVICES}
    assert found == {
        "varicam": "legacy",
        "win95": "legacy",
        "icon": "afp",
        "starcam": None,
        "pc": "modern",
        "mac": "modern",
        "ward": "modern",
        "picker": "nfs",
        "mac9": "afp",
        "oldsun": None,  # NFS 2 exists no more
        "wardxp": None,  # SMB 1 never on the hospital's network
        "wardsun": None,  # nor NFS
    }


def test_a_network_gives_to_those_described_on_it_who_can() -> None:
    rights = list(grants(site({"images": {"writers": ["varicam"], "readers": ["cameras"]}})))
    assert [(each.device, each.writes) for each in rights] == [
        ("varicam", True),
        ("win95", False),
        ("icon", False),
        ("picker", False),
    ]
    assert rights[1].reason.path == ("shares", "images", "readers", 0)


def test_what_can_be_served_is_no_problem() -> None:
    assert faults({"images": {"writers": ["cameras", "ward"], "readers": ["office"]}}) == []


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("oldsun", "oldsun cannot use images: it speaks NFS 2, which no server in Debian 13 does"),
        ("wardsun", "which is too weak for the hospital's network"),
        ("starcam", "starcam cannot use images: it has no network"),
        ("wardxp", "which is too weak for the hospital's network"),
        ("empty", "nobody on empty can use images: no device is described there"),
    ],
)
def test_what_cannot_be_served_is_said_at_its_entry(who: str, words: str) -> None:
    (fault,) = faults({"images": {"writers": ["varicam"], "readers": ["pc", who]}})
    assert words in fault.message
    assert fault.path == ("shares", "images", "readers", 1)
    assert fault.mend


def test_a_network_where_nobody_can() -> None:
    only_sun = {"oldsun": DEVICES["oldsun"]}
    (fault,) = faults({"images": {"writers": ["cameras"]}}, devices=only_sun)
    assert fault.message.startswith("nobody on cameras can use images: oldsun speaks NFS 2")


@pytest.mark.parametrize("comment", ["100 % of it", "ends with \\"])
def test_comments_that_samba_would_change(comment: str) -> None:
    assert faults({"images": {"writers": ["pc"], "comment": comment}})
    assert not faults({"images": {"writers": ["pc"], "comment": "Séries \\ 影像 of it"}})


def test_a_device_named_as_a_user_of_debians() -> None:
    named = {"backup": DEVICES["pc"], "news": DEVICES["starcam"]}
    (fault,) = faults({"images": {"writers": ["backup"]}}, devices=named)
    assert fault.path == ("devices", "backup")


def test_accounts_groups_and_servers() -> None:
    writers = ["varicam", "icon", "picker"]
    described = {"images": {"writers": writers, "readers": ["office"]}, "none": {}}
    assert shares.accounts(site(described)) == {
        "primary_group": "gateway-devices",
        "groups": {
            "share-images-rw": ["icon", "picker", "varicam"],
            "share-images-ro": ["mac", "mac9", "pc"],
            "share-none-rw": [],
            "share-none-ro": [],
        },
        "users": {
            "icon": {"server": "afp", "lanman": False, "login": "randnum"},
            "mac": {"server": "modern", "lanman": False, "login": ""},
            "mac9": {"server": "afp", "lanman": False, "login": "dhx"},
            "pc": {"server": "modern", "lanman": False, "login": ""},
            "picker": {"server": "nfs", "lanman": False, "login": ""},
            "varicam": {"server": "legacy", "lanman": True, "login": ""},
        },
        "servers": {
            name: {
                "config": f"/etc/samba/{name}.conf",
                "private": f"/var/lib/samba/{name}/private",
                "runtime": f"/run/samba/{name}",
            }
            for name in ("legacy", "modern")
        },
    }


def test_names_of_groups_fit() -> None:
    longest = "a" * 15
    assert len(shares.writers_group(longest)) <= 32  # groupadd(8)


def test_a_site_without_shares_takes_the_accounts_away() -> None:
    (file,) = shares.files(site({}), ())
    assert file.path == "/etc/gateway/accounts.json"
    assert json.loads(file.content)["users"] == {}


def test_folders_are_closed_to_all_but_their_groups() -> None:
    _, folders = shares.files(site({"images": {"writers": ["pc"]}}), ())
    lines = folders.content.decode().splitlines()
    folder = next(line for line in lines if line.startswith("d /srv/gateway/shares/images "))
    acl = next(line for line in lines if line.startswith("a /srv/gateway/shares/images "))
    assert "2770 root share-images-rw" in folder
    entries = acl.split()[-1].split(",")
    for prefix in ("", "d:"):
        assert f"{prefix}o::---" in entries
        assert f"{prefix}g::rwx" in entries
        assert f"{prefix}g:share-images-ro:r-x" in entries
