"""Whatever goes wrong in a switch: the box is wholly in one generation, reachable, and works on.

`tests/bench/faults.py` kills at every step and at a hundred random moments; here are a few of each.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from fault_kit import PROGRAM, Patient, a_while, kill_group, unit

from gateway.problems import Failed
from gateway.render import RenderedFile
from gateway.run import run

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]
SOON = 4.0
"""Seconds until the watchdog of a test goes back."""


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    made = Patient.up(tmp_path_factory.mktemp("faults"), f"flt{os.getpid()}")
    try:
        yield made
    finally:
        made.lab.down()


@pytest.fixture
def box(patient: Patient) -> Patient:
    """In one of its generations, and nothing left of the test before."""
    clean = "umount -q /etc/x /etc /var/lib/gateway; rm -rf /run/x.*"
    patient.on_box("sh", "-c", clean, check=False)
    patient.idle()
    patient.ready()
    return patient


def extra(path: str, text: str = "x\n", **more: object) -> RenderedFile:
    return RenderedFile(path, text.encode(), "x", **more)  # type: ignore[arg-type]


def test_killed_at_a_step_it_goes_back_by_itself(box: Patient) -> None:
    old = box.whole()
    last = box.steps()
    old = box.whole()
    for step in (*range(8, last, last // 6), last - 1):
        box.killed_at(step, box.other(old), SOON)
        assert box.whole() == old
    box.take(box.other(old))
    assert box.whole() == box.other(old)


def test_without_a_watchdog_it_would_stay_in_between(box: Patient) -> None:
    """The control of all the others: so they see what they are to see."""
    old = box.whole()
    box.killed_at(30, box.other(old), 0)
    assert box.told("status")["state"] == "interrupted"
    assert box.look() not in box.looks.values()
    box.take(box.other(old))
    assert box.whole() == box.other(old)


def test_killed_at_random_moments(box: Patient) -> None:
    old = box.whole()
    for _ in range(3):
        switch = box.started("activate", str(box.other(old)), "--confirm-within", str(SOON))
        a_while(0.2, 1.5)
        box.kill_program()
        switch.wait()
        assert box.whole() == old


def test_a_switch_outlives_its_ssh_and_goes_back_unless_confirmed(box: Patient) -> None:
    old = box.whole()
    switch = box.started("activate", str(box.other(old)), "--confirm-within", str(SOON))
    a_while(0.3, 1.0)
    switch.kill()
    switch.wait()
    assert box.whole() == old


def test_ansible_killed_at_random_moments(box: Patient) -> None:
    number = box.apply("site.yml").generation
    for _ in range(2):
        job = box.apply_in_background("site-b.yml", within=10)
        a_while(2, 8)
        kill_group(job)
        box.whole()  # one or the other, wholly
        assert box.apply("site.yml").generation == number
    assert box.whole() == number


@pytest.mark.parametrize("seconds", [0.5, 1.0, 4.0])
def test_a_power_cut_leads_back(box: Patient, seconds: float) -> None:
    """Also after the switch (4 s): only what is confirmed is booted into."""
    old = box.whole()
    switch = box.started("activate", str(box.other(old)), "--confirm-within", "300")
    time.sleep(seconds)
    box.lab.power_cut()
    switch.wait()
    box.lab.boot()
    assert box.whole() == old
    box.take(box.other(old))
    # Control: what is confirmed is booted into.
    box.lab.power_cut()
    box.lab.boot()
    assert box.whole() == box.other(old)


def test_a_switch_that_hangs_is_ended(box: Patient) -> None:
    old = box.whole()
    hung = box.stage("site.yml", extra("/etc/x/h", reload=("sleep", "1000")))
    began = time.monotonic()
    box.started("activate", str(hung), "--confirm-within", str(SOON)).wait()
    assert box.whole() == old
    assert time.monotonic() - began < 60
    assert "sleep 1000" not in box.on_box("ps", "-eo", "args")


def test_a_firewall_that_locks_the_controller_out(box: Patient) -> None:
    number = box.apply("site.yml").generation
    text = (box.folder / "site.yml").read_text()
    (box.folder / "out.yml").write_text(text.replace("from: [reading-pc]", "from: [other-pc]"))
    with pytest.raises(Failed, match=r"goes back by itself"):
        box.apply("out.yml", within=15)
    assert box.whole() == number
    returned = box.told("status")["returned"]
    assert "was not confirmed in time" in returned
    box.apply("site-b.yml")
    assert box.whole() != number


def test_a_service_that_starts_and_dies_after_five_seconds(box: Patient) -> None:
    old = box.whole()
    torn = "/bin/sh -c 'sleep 5; echo the tape is torn; exit 3'"
    for restart in ("no", "always"):
        dying = unit("x-dies", f"Restart={restart}", torn)
        number = box.stage("site.yml", dying)
        assert "failed" not in box.told("activate", str(number))
        failed = run(box.ssh(PROGRAM, "confirm", str(number)), check=False, timeout=90).stderr
        for words in ("x-dies.service does not stay up", "the tape is torn", "back in generation"):
            assert words in failed
        assert box.whole() == old
    # Control: one that stays.
    box.learn(box.stage("site.yml", unit("x-lives", "Restart=no", "/bin/sleep infinity")))
    box.take(old)


def test_a_service_that_passes_its_check_and_does_not_start(box: Patient) -> None:
    old = box.whole()
    number = box.stage("site.yml", unit("x-bad", "Restart=no", "/bin/sh -c 'echo no tape; exit 7'"))
    failed = box.told("activate", str(number))["failed"]
    for words in (f"generation {number} failed", "units are started", "x-bad.service", "no tape"):
        assert words in failed
    assert box.whole() == old


def test_a_service_that_has_stopped_is_no_health(box: Patient) -> None:
    old = box.whole()
    box.told("activate", str(box.other(old)))
    box.on_box("systemctl", "stop", "dnsmasq")
    failed = run(box.ssh(PROGRAM, "confirm"), check=False, timeout=90).stderr
    assert "dnsmasq.service" in failed
    assert box.whole() == old


def test_a_checker_that_hangs_is_refused_by_its_name(box: Patient) -> None:
    old = box.whole()
    number = box.stage("site.yml", extra("/etc/x/c", check=("sleep", "1000")))
    failed = box.told("activate", str(number))["failed"]
    assert "/etc/x/c: sleep 1000 (exit 124): no end after 30 s" in failed
    assert "nothing was switched" in failed
    assert box.whole() == old


def test_etc_that_is_read_only(box: Patient) -> None:
    old = box.whole()
    box.on_box("sh", "-c", "mount --bind /etc /etc && mount -o remount,ro,bind /etc")
    failed = box.told("activate", str(box.other(old)))["failed"]
    box.on_box("umount", "/etc")
    assert "read-only" in failed
    assert "nothing was switched" in failed
    assert box.whole() == old
    box.take(box.other(old))


def test_a_disk_that_is_full_while_staging(box: Patient) -> None:
    old = box.whole()
    # Room for what is there, however many generations that are, and for one more.
    size = "$(($(du -sm /run/x.keep | cut -f1) + 8))M"
    small = f"mount -t tmpfs -o size={size} x /var/lib/gateway"
    keep = "cp -a /var/lib/gateway /run/x.keep"
    box.on_box("sh", "-c", f"{keep} && {small} && cp -a /run/x.keep/. /var/lib/gateway/")
    box.on_box("sh", "-c", "cat /dev/zero > /var/lib/gateway/fill", check=False)
    try:
        with pytest.raises(AssertionError, match="No space left on device"):
            box.stage("site.yml", extra("/etc/x/new", "new\n" * 100))
    finally:
        box.on_box("sh", "-c", "rm /var/lib/gateway/fill")
        again = box.stage("site.yml", extra("/etc/x/new", "new\n" * 100))
        box.on_box("umount", "/var/lib/gateway")
    assert again > old
    assert box.whole() == old


def test_a_disk_that_fills_up_while_switching(box: Patient) -> None:
    old = box.whole()
    box.on_box("sh", "-c", "mount -t tmpfs -o size=3M x /etc/x && echo a > /etc/x/a")
    # It fills up after everything was looked at: a checker of the very tree does it.
    fill = ("sh", "-c", "cat /dev/zero > /etc/x/fill; true")
    files = [extra("/etc/x/a", "a\n"), extra("/etc/x/late", "late\n" * 100)]
    hosts = extra("/etc/hosts", "127.0.0.1 other\n", check=fill)
    number = box.stage("site.yml", hosts, *files)
    failed = box.told("activate", str(number))["failed"]
    box.on_box("umount", "/etc/x")
    assert "No space left on device: '/etc/x/late'" in failed
    assert "files are placed" in failed
    assert box.whole() == old
    # And one that is full before is not even begun.
    box.on_box("sh", "-c", "mount -t tmpfs -o size=64k x /etc/x && echo a > /etc/x/a")
    failed = box.told("activate", str(number))["failed"]
    box.on_box("umount", "/etc/x")
    assert "nothing was switched" in failed
    assert "bytes free" in failed
    assert box.whole() == old


def test_a_generation_that_was_damaged_on_the_disk(box: Patient) -> None:
    old = box.whole()
    number = box.stage("site.yml", extra("/etc/x/d"))
    staged = f"/var/lib/gateway/generations/{number}/files/etc/x/d"
    box.on_box("sh", "-c", f"echo bad block > {staged}")
    failed = box.told("activate", str(number))["failed"]
    assert "/etc/x/d was damaged on the disk" in failed
    assert box.whole() == old
    anew = box.stage("site.yml", extra("/etc/x/d"))
    assert anew > number
    box.learn(anew)
    box.take(old)


def test_a_confirmed_ruleset_that_was_damaged_leaves_ssh_and_nothing_else(box: Patient) -> None:
    table = box.firewall(b"table inet x_c { }\n")
    number = box.stage("site.yml", table)
    box.learn(number)
    box.told("activate", str(box.both[1]), "--confirm-within", str(SOON))
    staged = f"/var/lib/gateway/generations/{number}/files/etc/nftables.conf"
    box.on_box("sh", "-c", f"echo bad block >> {staged}")
    deadline = time.monotonic() + 60
    while "gateway_rescue" not in box.on_box("nft", "list", "ruleset"):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    run(box.ssh("true"), timeout=30)
    assert "damaged" in box.on_box("journalctl", "-t", "gateway-box", "-n", "20")
    # The next apply mends it: the same tree is brought anew.
    assert box.stage("site.yml", table) != number
    box.take(box.both[1])
    assert box.whole() == box.both[1]


def test_the_watchdog_counts_on_a_clock_that_nobody_sets(box: Patient) -> None:
    """The box of a lab shares this machine's clock, so it is not set; test_box_confirm.py does."""
    old = box.whole()
    box.told("activate", str(box.other(old)), "--confirm-within", "8")
    shown = box.on_box("systemctl", "show", "gateway-return-*.timer")
    assert "TimersCalendar=" not in shown
    assert "TimersMonotonic={ OnActiveUSec=8s" in shown
    assert box.whole() == old


def test_a_second_apply_waits_for_the_first(box: Patient) -> None:
    old = box.whole()
    slow = box.stage("site.yml", extra("/etc/x/slow", reload=("sleep", "4")))
    switch = box.started("activate", str(slow), "--confirm-within", "60")
    time.sleep(1.5)
    assert f"`activate {slow}`" in box.told("status")["holder"]
    box.take(box.other(old))
    switch.wait()
    assert box.whole() == box.other(old)
