"""What a user does: ``gateway try``, looks around, applies again, restarts the box.

One lab for all of it, in the order of the file, since a boot and an installation cost a minute.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paper
import pytest
from reading_journey import IMPRESSION, Journey

from gateway.load import load
from gateway.trial import begin
from gateway.verify.test_reading import until
from lab import Lab, find

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]
ROOT = Path(__file__).parents[2]
NAME = "test-try"


def gateway(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway.cli", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200)


@pytest.fixture(scope="module")
def tried() -> Iterator[subprocess.CompletedProcess[str]]:
    """``gateway try`` on the article's department, left up."""
    yield gateway("try", "inventory/kaohsiung", "--name", NAME, "--keep", "--json")
    gateway("lab", "down", NAME)


@pytest.fixture
def up(tried: subprocess.CompletedProcess[str]) -> Lab:
    assert tried.returncode == 0, tried.stderr
    return find(NAME)


@pytest.fixture(scope="module")
def journey(
    tried: subprocess.CompletedProcess[str], tmp_path_factory: pytest.TempPathFactory
) -> Journey:
    assert tried.returncode == 0, tried.stderr
    return Journey.of(find(NAME), tmp_path_factory.mktemp("journey"))


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done.stdout)["evidence"]
    return found


def test_everything_is_as_described(tried: subprocess.CompletedProcess[str]) -> None:
    assert tried.returncode == 0, tried.stdout[-3000:] + tried.stderr[-3000:]
    found = rows(tried)
    assert {row["result"] for row in found} == {"passed", "skipped"}
    assert {row["device"] for row in found} >= {"box", "varicam", "win95", "mac-1", "outsider"}
    assert {row["protocol"] for row in found} >= {"LANMAN2", "NT1", "SMB3", "DHCP", "DNS", "NTP"}


def test_a_study_is_reported_in_a_browser(journey: Journey) -> None:
    """Sent by a camera, seen, reported, signed, read from the hospital's side, with an addendum."""
    journey.run()
    assert IMPRESSION in paper.text(journey.pdf)


def test_control_a_browser_that_may_not_is_refused(journey: Journey) -> None:
    journey.refused()


def test_a_second_apply_changes_nothing_and_says_so(up: Lab) -> None:
    options = " ".join(up.ssh_options())
    vault = up.state_dir / "vault.yml"
    words = ["--host", up.ssh_host, "--ssh-args", options, "--vault", str(vault)]
    key = ["--vault-password-file", str(up.state_dir / "vault-password")]
    again = gateway("apply", "inventory/kaohsiung", *words, *key)
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("nothing to change")


def test_control_a_broken_box_fails_the_checks(up: Lab) -> None:
    """The evidence can fail: a rule opened by hand and a service stopped are both found."""
    rule = ["nft", "insert", "rule", "inet", "gateway", "input", "tcp", "dport", "4444", "accept"]
    assert up.exec("box", rule).returncode == 0
    assert up.exec("box", ["systemctl", "stop", "chrony"]).returncode == 0
    which = "test_ports_from_outside or test_units_run or test_time"
    broken = gateway("verify", "inventory/kaohsiung", "--lab", NAME, "--json", "-k", which)
    assert broken.returncode == 1
    failed = {row["device"] for row in rows(broken) if row["result"] == "failed"}
    assert failed >= {"outsider", "box", "varicam"}
    assert up.exec("box", ["nft", "-f", "/etc/nftables.conf"]).returncode == 0
    assert up.exec("box", ["systemctl", "start", "chrony"]).returncode == 0


def test_a_box_is_verified_by_ssh_alone(up: Lab) -> None:
    """As a real one is, whose devices cannot be entered; a file changed by hand is the control."""
    by_ssh = ["verify", "inventory/kaohsiung", "--host", up.ssh_host, "--json"]
    by_ssh += ["--ssh-config", str(up.ssh_config)]
    right = gateway(*by_ssh)
    assert right.returncode == 0, right.stderr
    passed = {row["protocol"] for row in rows(right) if row["result"] == "passed"}
    assert passed >= {"systemd", "files", "nftables", "sockets"}
    conf = "/etc/chrony/chrony.conf"
    up.exec("box", ["sh", "-c", f"cp -p {conf} /run/kept && echo '# by hand' >>{conf}"], check=True)
    wrong = gateway(*by_ssh)
    up.exec("box", ["cp", "-p", "/run/kept", conf], check=True)
    assert wrong.returncode == 1
    why = [row["why"] for row in rows(wrong) if row["result"] == "failed"]
    assert len(why) == 1
    assert f"not as rendered: {conf}" in why[0]


def test_its_fax_is_the_report(journey: Journey) -> None:
    """It has been on the line since the journey. The faxes that came before are the control."""
    came = paper.pages(journey.fax_that_came())
    (asked,) = paper.pages(journey.pdf)
    assert len(came) == 1
    assert paper.alike(asked, came[0]) > 0.75
    earlier = [page for each in journey.earlier.values() for page in paper.pages(each)]
    assert earlier
    assert max(paper.alike(asked, each) for each in earlier) < 0.4
    # Its page says that it has arrived; the one that had to wait is taken, or there too.
    assert until(lambda: journey.fax_states() in ({"done"}, {"done", "taken"}), 60)


def test_after_a_restart_of_the_box_all_is_as_before(up: Lab) -> None:
    up.reboot()
    which = "test_box or test_share or test_ports_from_outside or test_lease"
    after = gateway("verify", "inventory/kaohsiung", "--lab", NAME, "--json", "-k", which)
    assert after.returncode == 0, after.stdout[-3000:] + after.stderr[-2000:]


def test_down_leaves_nothing(up: Lab) -> None:
    assert gateway("lab", "down", NAME).returncode == 0
    names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    assert f"gw.{NAME}." not in names.stdout
    assert NAME not in Path("/proc/mounts").read_text()


def test_a_stocked_box_runs_nothing_of_its_packages() -> None:
    """The bare image, which has not even the program, is the control for what is asked."""
    loaded = load(ROOT / "inventory" / "kaohsiung")
    for bare, has_samba in ((False, True), (True, False)):
        made = begin(loaded, f"{NAME}-stock", print, bare=bare)
        try:
            there = made.exec("box", ["test", "-x", "/usr/sbin/smbd"]).returncode == 0
            assert there is has_samba
            listening = made.exec("box", ["ss", "-Hltun"], check=True).stdout
            assert [line.split()[4].rpartition(":")[2] for line in listening.splitlines()] == [
                "22"
            ] * 2
            failed = ["systemctl", "--failed", "--plain", "--no-legend"]
            assert made.exec("box", failed, check=True).stdout == ""
        finally:
            made.down()
