"""What gateway-box would do to which box. That it does it, the booted box shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.box import sids
from gateway.box.accounts import (
    Account,
    Passwords,
    Server,
    System,
    Wanted,
    login_steps,
    main,
    passdb_steps,
    system_steps,
    write_randnum,
)
from gateway.box.files import Paths
from gateway.box.numbers import numbered
from gateway.box.process import Failed

WANTED = Wanted(
    primary_group="gateway-devices",
    groups={"share-images-rw": frozenset({"varicam"}), "share-images-ro": frozenset({"pc"})},
    users={"varicam": Account("legacy", lanman=True), "pc": Account("modern", lanman=False)},
    servers={"legacy": Server("/etc/samba/legacy.conf", "/p", "/r")},
)
BARE = System(users={"root": 0}, groups={"root": (0, frozenset())}, expiry={"root": ""})
DONE = System(
    users={"root": 0, "varicam": 900, "pc": 900},
    groups={
        "root": (0, frozenset()),
        "gateway-devices": (900, frozenset()),
        "share-images-rw": (901, frozenset({"varicam"})),
        "share-images-ro": (902, frozenset({"pc"})),
    },
    expiry={"varicam": "", "pc": ""},
)
PASSWORDS = Passwords(
    wanted={"varicam": "ABCDEFGH", "pc": "abcdefgh"}, key=b"k" * 32, known={}, folders={}
)
RECORD = "varicam:900:AA:BB:[U]:LCT-1:"


def said(wanted: Wanted, system: System) -> list[str]:
    return [step.said for step in system_steps(wanted, system)]


def test_a_bare_box_gets_everything() -> None:
    assert said(WANTED, BARE) == [
        "group gateway-devices made",
        "group share-images-ro made",
        "group share-images-rw made",
        "account pc made",
        "account varicam made",
        "group share-images-ro: pc",
        "group share-images-rw: varicam",
    ]


def test_a_box_that_is_right_gets_nothing() -> None:
    assert said(WANTED, DONE) == []


def test_a_device_that_is_taken_out_loses_all() -> None:
    without = replace(
        WANTED,
        users={"varicam": WANTED.users["varicam"]},
        groups={"share-images-rw": frozenset({"varicam"}), "share-images-ro": frozenset()},
    )
    assert said(without, DONE) == ["group share-images-ro: nobody", "account pc closed"]
    closed = replace(DONE, expiry={"varicam": "", "pc": "1"})
    assert "account pc closed" not in said(without, closed)
    assert "account pc opened again" in said(WANTED, closed)


def test_a_share_that_is_taken_out_leaves_its_group_empty() -> None:
    without = replace(WANTED, groups={"share-images-rw": frozenset({"varicam"})})
    assert said(without, DONE) == ["group share-images-ro: nobody"]


def test_a_member_that_somebody_added_by_hand_goes() -> None:
    by_hand = {**DONE.groups, "share-images-rw": (901, frozenset({"varicam", "root"}))}
    assert said(WANTED, replace(DONE, groups=by_hand)) == ["group share-images-rw: varicam"]


def test_a_user_that_is_not_ours_is_left_alone() -> None:
    theirs = replace(BARE, users={"root": 0, "varicam": 1000})
    with pytest.raises(Failed, match="a user varicam that is not a device's"):
        said(WANTED, theirs)


def known(record: str, *, lanman: bool = True, typed: str = "ABCDEFGH") -> Passwords:
    was = replace(PASSWORDS, wanted={**PASSWORDS.wanted, "varicam": typed})
    digest = was.fingerprint("varicam", record, Account("legacy", lanman))
    return replace(PASSWORDS, known={"legacy/varicam": digest})


def test_a_password_is_set_once_and_from_stdin() -> None:
    (step,) = passdb_steps(WANTED, "legacy", {}, PASSWORDS)
    assert step.stdin == "ABCDEFGH\nABCDEFGH\n"
    assert "ABCDEFGH" not in " ".join((*step.command, step.said))
    assert not list(passdb_steps(WANTED, "legacy", {"varicam": RECORD}, known(RECORD)))


@pytest.mark.parametrize(
    "before",
    [known(RECORD, typed="OLD"), known("changed by hand"), known(RECORD, lanman=False)],
    ids=["password", "record", "lanman"],
)
def test_a_password_is_set_again_when_something_changed(before: Passwords) -> None:
    steps = passdb_steps(WANTED, "legacy", {"varicam": RECORD}, before)
    assert [step.said for step in steps] == ["password of varicam set in legacy"]


def test_a_stranger_in_the_database_goes() -> None:
    records = {"varicam": RECORD, "pc": "pc:…"}
    steps = list(passdb_steps(WANTED, "legacy", records, known(RECORD)))
    assert [step.said for step in steps] == ["password of pc removed from legacy"]


def box(folder: Path, wanted: dict[str, Any], passwords: dict[str, Any]) -> Paths:
    paths = Paths(folder)
    paths.secrets.parent.mkdir(parents=True)
    paths.on_box("/etc/gateway/accounts.json").write_text(json.dumps(wanted))
    paths.secrets.write_text(json.dumps({"passwords": passwords}))
    return paths


TREE: dict[str, Any] = {
    "primary_group": "gateway-devices",
    "groups": {"share-images-rw": ["varicam"]},
    "users": {"varicam": {"server": "legacy", "lanman": True}},
    "servers": {},
}


@pytest.mark.parametrize("passwords", [{}, {"varicam": ""}, {"varicam": 5}, {"varicam": "a\nb"}])
def test_a_missing_password_is_said_before_anything_is_done(
    tmp_path: Path, passwords: dict[str, Any]
) -> None:
    paths = box(tmp_path, TREE, passwords)
    wanted = Wanted.read(paths.on_box("/etc/gateway/accounts.json"))
    with pytest.raises(Failed, match="has no password for varicam: `gateway apply`"):
        Passwords.read(paths, wanted)
    paths.secrets.write_text('{"passwords": {"varicam": "GOOD"}}')
    assert Passwords.read(paths, wanted).wanted == {"varicam": "GOOD"}


@pytest.mark.parametrize(
    "change",
    [
        {"users": {"-x": {"server": "legacy", "lanman": True}}},
        {"groups": {"share images": []}},
        {"groups": {"share-images-rw": ["nobody-known"]}},
    ],
)
def test_odd_names_reach_no_command(tmp_path: Path, change: dict[str, Any]) -> None:
    paths = box(tmp_path, {**TREE, **change}, {})
    with pytest.raises(Failed):
        Wanted.read(paths.on_box("/etc/gateway/accounts.json"))


def test_it_says_what_is_wrong_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    if Path("/etc/gateway/accounts.json").exists():
        pytest.skip("this machine is a box")
    assert main([]) == 1
    assert "accounts.json is not there" in capsys.readouterr().err


MACS = Wanted(
    primary_group="gateway-devices",
    groups={},
    users={
        "icon": Account("afp", lanman=False, login="randnum"),
        "mac9": Account("afp", lanman=False, login="dhx"),
        "picker": Account("nfs", lanman=False),
    },
    servers={},
)
MAC_PASSWORDS = Passwords(
    wanted={"icon": "abcdefgh", "mac9": "long enough for dhx"}, key=b"k" * 32, known={}, folders={}
)


def test_a_mac_logs_in_one_way_only() -> None:
    """The account of one that changed its way loses the password that the other way asks."""
    users = dict.fromkeys(MACS.users, 900)
    groups = {"gateway-devices": (900, frozenset[str]())}
    hashed = {"icon": "$y$old", "mac9": "$y$own"}
    box = System(users, groups, expiry={}, passwords=hashed)
    assert said(MACS, box) == ["password of icon removed"]
    steps = list(login_steps(MACS, box, MAC_PASSWORDS))
    assert [(step.command, step.stdin) for step in steps] == [
        (("chpasswd",), "mac9:long enough for dhx\n")
    ]
    known = {"afp/mac9": MAC_PASSWORDS.fingerprint("mac9", "$y$own", MACS.users["mac9"])}
    assert not list(login_steps(MACS, box, replace(MAC_PASSWORDS, known=known)))
    known["afp/mac9"] = "another"
    assert list(login_steps(MACS, box, replace(MAC_PASSWORDS, known=known)))


def test_the_file_of_old_macs(tmp_path: Path) -> None:
    file = tmp_path / "afppasswd"
    assert list(write_randnum(MACS, MAC_PASSWORDS, file, dry_run=True))
    assert not file.exists()
    assert list(write_randnum(MACS, MAC_PASSWORDS, file, dry_run=False))
    assert file.read_text() == "icon:6162636465666768:" + "*" * 16 + ":" + "*" * 8 + "\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert not list(write_randnum(MACS, MAC_PASSWORDS, file, dry_run=False))
    assert list(write_randnum(replace(MACS, users={}), MAC_PASSWORDS, file, dry_run=False))
    assert not file.exists()


def test_numbers_in_place_of_names() -> None:
    assert numbered("a {uid:root} {gid:root} {other} {uid:}") == "a 0 0 {other} {uid:}"
    with pytest.raises(Failed, match="no user nobody-at-all"):
        numbered("{uid:nobody-at-all}")


def test_what_samba_would_look_up_is_told_beforehand() -> None:
    root = ("IDMAP/UID2SID/0", "S-1-22-1-0")
    assert list(sids.entries([])) == [root]
    assert list(sids.entries(["root"])) == [root, ("IDMAP/GID2SID/0", "S-1-22-2-0")]
    with pytest.raises(Failed, match="no group nobody-at-all"):
        list(sids.entries(["nobody-at-all"]))
