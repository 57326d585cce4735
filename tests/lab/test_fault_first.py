"""The very first generation, before anything is confirmed: back is what the installer left."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from fault_kit import SITE, Patient

import lab
from gateway.run import run

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]
CHANGED = r"""
find /etc -xdev -type f ! -name machine-id -exec sha256sum {} + | sort
find /etc -xdev -type l -printf '%p -> %l\n' | sort
ls /usr/sbin/gateway-box /usr/lib/gateway 2>&1 || true
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    folder = tmp_path_factory.mktemp("bare")
    (folder / "site.yml").write_text(SITE)
    made = lab.up(folder / "site.yml", f"fst{os.getpid()}")
    try:
        yield Patient(made, folder)
    finally:
        made.down()


def first(box: Patient, within: str) -> None:
    """Bring the archive to the bare box and take what comes before packages, as Ansible does."""
    box.send("site.yml")
    program = ("python3", "-I", "/run/x.zip")
    assert '"bare": true' in box.on_box(*program, "stage", "/run/x.zip")
    box.on_box(*program, "activate", "--first", "--confirm-within", within)
    assert "table inet gateway" in box.on_box("nft", "list", "ruleset")


def test_a_first_switch_that_nobody_confirms_is_taken_back(bare: Patient) -> None:
    before = bare.on_box("sh", "-c", CHANGED)
    first(bare, "3")
    assert bare.on_box("sh", "-c", CHANGED) != before
    assert bare.idle()["active"] is None
    assert bare.on_box("sh", "-c", CHANGED) == before
    run(bare.ssh("true"), timeout=30)


def test_a_power_cut_before_it_is_confirmed_leaves_a_closed_bare_box(bare: Patient) -> None:
    before = bare.on_box("sh", "-c", CHANGED)
    first(bare, "300")
    bare.lab.power_cut()
    bare.lab.boot()
    assert bare.idle()["active"] is None
    assert bare.on_box("sh", "-c", CHANGED) == before
    ruleset = bare.on_box("nft", "list", "ruleset")
    assert "gateway_rescue" in ruleset
    assert "policy drop" in ruleset
    run(bare.ssh("true"), timeout=30)  # closed, but for ssh


def test_and_then_an_apply_succeeds_and_a_power_cut_in_its_middle_leads_to_the_firewall(
    bare: Patient,
) -> None:
    job = bare.apply_in_background("site.yml", within=120)
    deadline = time.monotonic() + 120
    while "dnsmasq" not in bare.on_box("ls", "/usr/sbin"):  # its packages are coming
        assert time.monotonic() < deadline
        time.sleep(0.2)
    bare.lab.power_cut()
    job.wait()
    bare.lab.boot()
    state = bare.idle()
    assert (state["active"], state["only_first"]) == (1, True)
    assert "table inet gateway" in bare.on_box("nft", "list", "ruleset")
    active = bare.on_box("systemctl", "is-active", "dnsmasq.service", check=False)
    assert active.strip() != "active"
    assert bare.apply().generation == 1
    assert bare.told("status")["state"] == "active"
