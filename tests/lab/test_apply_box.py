"""A bare Debian 13 becomes the department's gateway, stays it, and comes back to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from department import PROGRAM, Department, booted

from gateway import features
from gateway.apply import apply
from gateway.archive import pack
from gateway.load import load
from gateway.problems import Failed
from gateway.render import RenderedFile
from gateway.run import run
from gateway.tree import Tree, write
from gateway.trial import Trial

pytestmark = pytest.mark.lab

SITE = Path(__file__).parent.parent.parent / "inventory" / "kaohsiung" / "site.yml"
PASSING = re.compile(r"session-|user[-@]|run-|systemd-(hostnamed|timedated|localed)")
"""Units that systemd starts and ends by itself: logins, and what answers on its bus."""


class Provisioned(Department):
    """The department of the article."""

    def stage(self, *more: RenderedFile, units: tuple[str, ...] = ()) -> str:
        """Stage the site's tree with more files and units; its generation."""
        loaded = load(self.site)
        tree = features.tree_of(loaded.site, loaded.source.line)
        more_paths = {file.path for file in more}
        files = [file for file in tree.files if file.path not in more_paths]
        tree = replace(tree, files=[*files, *more], units=[*tree.units, *units])
        assert isinstance(tree, Tree)
        pack(write(tree, self.folder / "build"), self.folder / "x.zip")
        run(["scp", "-q", *self.lab.ssh_options(), self.folder / "x.zip", "box:/run/x.zip"])
        return str(self.told("stage", "/run/x.zip")["generation"])

    def looks(self) -> tuple[str, ...]:
        """The box as its services know it: for a before and after."""
        hashes = "find /etc /usr/lib/gateway /usr/sbin/gateway-box -type f | sort | xargs sha256sum"
        return (
            self.on_box("sh", "-c", hashes + " | grep -v -e /etc/systemd/system/x"),
            self.on_box("nft", "--stateless", "list", "ruleset"),
            "\n".join(each for each in self.running() if not PASSING.match(each)),
        )

    def running(self) -> list[str]:
        """The units that run."""
        listed = self.on_box("systemctl", "list-units", "--state=running", "--no-legend", "--plain")
        return [line.split()[0] for line in listed.splitlines()]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provisioned]:
    folder = tmp_path_factory.mktemp("department")
    with booted(folder, SITE.read_text(), "apply") as made:
        yield Provisioned(folder, made)


@pytest.fixture(scope="module")
def box(bare: Provisioned) -> Provisioned:
    """Provisioned, and its first summary kept."""
    plan = bare.apply(dry_run=True)
    assert any(each["path"] == "/etc/nftables.conf" for each in plan.plan["files"])
    assert bare.on_box("sh", "-c", f"test -e {PROGRAM} || echo bare").strip() == "bare"
    summary = bare.apply()
    assert summary.changed
    assert "samba" in summary.packages
    assert "/etc/nftables.conf" in summary.files
    return bare


def test_a_second_run_changes_nothing_and_says_so(box: Provisioned) -> None:
    before = box.told("status")
    summary = box.apply()
    assert not summary.changed
    assert "nothing to change" in summary.lines()[0]
    assert box.told("status") == before
    assert before["state"] == "active"
    assert before["drift"] == []


def test_no_service_ran_as_the_distribution_has_it(box: Provisioned) -> None:
    for unit in ("smbd.service", "nmbd.service", "winbind.service"):
        said = box.on_box("journalctl", "-q", "-u", unit, "-o", "cat", check=False)
        assert "Started" not in said
    # Control: the question is one that a service of ours answers with yes, and once.
    for unit in ("chrony.service", "dnsmasq.service", "smbd-modern.service"):
        said = box.on_box("journalctl", "-q", "-u", unit, "-o", "cat")
        assert said.count(f"Started {unit}") == 1, said
    assert "policy-rc.d" not in box.on_box("ls", "/usr/sbin")


def test_no_password_is_in_a_log_or_a_world_readable_file(box: Provisioned) -> None:
    secrets = json.loads(box.on_box("cat", "/etc/gateway/secrets.json"))["passwords"]
    assert "varicam" in secrets
    assert box.on_box("stat", "-c", "%a %U", "/etc/gateway/secrets.json").strip() == "600 root"
    log = box.on_box("journalctl", "--no-pager", "-q")
    assert "sshd" in log
    readable = "find /etc /var/lib/gateway /run /tmp -xdev -type f -perm -004 -print0"
    for password in secrets.values():
        assert password not in log
        found = f"{readable} | xargs -0 grep -lF -e {password}"
        assert box.on_box("sh", "-c", found, check=False) == ""


def test_drift_is_told_and_mended(box: Provisioned) -> None:
    box.on_box("sh", "-c", "echo '# by hand' >> /etc/chrony/chrony.conf; systemctl stop dnsmasq")
    drift = box.told("status")["drift"]
    assert drift == ["/etc/chrony/chrony.conf: content differs", "dnsmasq.service: inactive"]
    with pytest.raises(Failed, match="changed by hand"):
        box.apply()
    summary = box.apply(overwrite_drift=True)
    assert summary.files == ["/etc/chrony/chrony.conf"]
    assert summary.started == ["dnsmasq.service"]
    assert "systemctl try-restart chrony.service" in summary.reloaded
    assert box.told("status")["drift"] == []


def test_what_a_checker_refuses_is_not_switched_to(box: Provisioned) -> None:
    before = box.looks()
    wrong = RenderedFile(
        "/etc/dnsmasq.conf",
        b"no-such-option\n",
        "test",
        check=("dnsmasq", "--test", "--conf-file={file}"),
    )
    number = box.stage(wrong)
    told = box.told("activate", number)
    assert "nothing was switched" in told["failed"]
    assert "/etc/dnsmasq.conf" in told["failed"]
    assert "bad option at line 1" in told["failed"]
    assert box.looks() == before


def test_a_service_that_does_not_start_leads_back(box: Provisioned) -> None:
    before, active = box.looks(), box.told("status")["active"]
    unit = b"[Service]\nExecStart=/bin/sh -c 'echo no tape in the drive; exit 7'\n"
    unit += b"[Install]\nWantedBy=multi-user.target\n"
    files = (
        RenderedFile("/etc/systemd/system/x-broken.service", unit, "test"),
        RenderedFile("/etc/nftables.conf", b"flush ruleset\n", "test", first=True,
                     reload=("nft", "-f", "/etc/nftables.conf")),
    )  # fmt: skip
    told = box.told("activate", box.stage(*files, units=("x-broken.service",)))
    assert "x-broken.service is failed" in told["failed"]
    assert "no tape in the drive" in told["failed"]
    assert f"back in generation {active}" in told["failed"]
    assert box.looks() == before
    assert box.told("status")["drift"] == []
    # Control: the same unit, working, is taken.
    works = RenderedFile(
        "/etc/systemd/system/x-works.service",
        unit.replace(b"echo no tape in the drive; exit 7", b"exec sleep infinity"),
        "test",
    )
    assert "failed" not in box.told("activate", box.stage(works, units=("x-works.service",)))
    assert box.on_box("systemctl", "is-active", "x-works.service").strip() == "active"
    # And a site that does not want it any more gets rid of it.
    assert box.apply().stopped == ["x-works.service"]
    assert box.on_box("systemctl", "is-active", "x-works.service", check=False) != "active\n"
    assert box.looks() == before


def test_a_change_of_the_site_reloads_what_it_concerns_and_no_more(box: Provisioned) -> None:
    text = box.site.read_text()
    box.site.write_text(text.replace("192.0.2.123", "192.0.2.124"))
    try:
        summary = box.apply()
    finally:
        box.site.write_text(text)
    assert "/etc/chrony/chrony.conf" in summary.files
    assert not any("smbd" in command for command in summary.reloaded)
    assert not summary.packages
    assert "/etc/chrony/chrony.conf" in box.apply().files


def test_the_labs_ssh_keeps_a_connection_for_the_next_command(
    box: Provisioned, tmp_path: Path
) -> None:
    kept = ["-o", f"ControlPath={tmp_path}/ssh", "-o", "ControlPersist=20"]
    ssh = ["ssh", *box.lab.ssh_options(), *kept]
    run([*ssh, "-o", "ControlMaster=auto", "box", "true"])
    try:
        # Control: it has no other way there than the connection that is kept.
        run([*ssh, "-o", "ProxyCommand=false", "box", "true"])
    finally:
        run([*ssh, "-O", "exit", "box"], check=False)
    with pytest.raises(Failed):
        run([*ssh, "-o", "ProxyCommand=false", "box", "true"])


def test_a_box_that_does_not_answer_is_said_to(box: Provisioned) -> None:
    loaded = load(box.site)
    order = Trial(loaded, box.lab).order
    nowhere = replace(
        order.connection, port=1, ssh_args="-o ConnectTimeout=2 -o ProxyCommand=false"
    )
    with pytest.raises(Failed, match="the box does not answer"):
        apply(loaded, replace(order, connection=nowhere))
