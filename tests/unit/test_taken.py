"""The users and groups that a box makes for itself: no device is called as one, whoever made it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway import features
from gateway.features import shares
from gateway.load import load
from gateway.site import Site

ROOT = Path(__file__).parent.parent.parent
SITE = load(ROOT / "inventory/kaohsiung").site
CLEAN = load(ROOT / "tests/errors/clean.yml").site


def told(site: Site) -> set[str]:
    return {each.name for feature in features.FEATURES for each in feature.taken(site)}


def made(site: Site) -> set[str]:
    """By systemd-sysusers (sysusers.d(5): type, name, …) and with the devices' accounts."""
    files = {
        each.path: each.content.decode()
        for f in features.FEATURES
        for each in f.files(site, ())
        if each.path.startswith("/etc/sysusers.d/") or each.path == shares.ACCOUNTS
    }
    accounts = json.loads(files.pop(shares.ACCOUNTS))
    lines = [line.split() for text in files.values() for line in text.splitlines()]
    names = {line[1] for line in lines if line and line[0] in ("u", "u!", "g", "m", "r")}
    return names | set(accounts["groups"]) | {accounts["primary_group"]}


@pytest.mark.parametrize("site", [SITE, CLEAN], ids=["everything", "little"])
def test_each_one_that_the_tree_makes_is_told(site: Site) -> None:
    assert made(site) == told(site)


def test_what_is_not_described_takes_no_names() -> None:
    """So a device may be called `intake` where there is none; with one it may not be."""
    assert {"intake", "reports", "reports-web", "archive-read"} <= told(SITE)
    assert {name for name in told(CLEAN) if not name.startswith(("share-", "gateway-"))} == set()


def test_no_program_of_the_boxs_makes_another() -> None:
    """The units' users are described, Debian's, or made by systemd for the time they run."""
    for feature in features.FEATURES:
        for file in feature.files(SITE, ()):
            if not file.path.startswith("/etc/systemd/system/"):
                continue
            lines = file.content.decode().splitlines()
            users = {line.partition("=")[2] for line in lines if line.startswith("User=")}
            if "DynamicUser=yes" not in lines:
                known = told(SITE) | shares.DEBIAN_USERS
                assert users <= known, (file.path, users - known)
