"""What an operator sees and what lives on when the description changes: plan, drift, data.

One small department, booted once; each test leaves it as it was.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import lab
from gateway import features
from gateway.apply import Summary, apply
from gateway.load import load
from gateway.problems import Failed
from gateway.run import run
from gateway.secrets import stored
from gateway.trial import Trial

# Beside other work on the machine, an apply takes a minute.
pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

HOSPITAL = "192.0.2.25"
HEAD = """\
name: changes
box: {name: gate, domain: nm.home.arpa}
networks:
  hospital: {side: outside, nic: hosp0, address: 192.0.2.10/24, router: 192.0.2.1}
  office: {nic: office0, address: 10.1.2.1/24}
hospital:
  dns: [192.0.2.53]
  web_proxy: {address: 192.0.2.80}
  mail_relay: 192.0.2.25
administration: {from: [console], mail: nm-admin@hospital.example}
devices:
  console: {profile: linux, network: office, address: 10.1.2.30}
  reading-pc: {profile: windows-11, network: office, address: 10.1.2.11, ae_title: READING}
"""
SHARES = "shares:\n  images: {writers: [reading-pc]}\n  faxes: {readers: [reading-pc]}\n"
FAX = """\
fax:
  modems: {line-1: {port: /dev/ttyS0, number: "07 555 0100"}}
  senders: [reading-pc]
  received: faxes
"""
ARCHIVE = "archive: {ae_title: NMARCHIVE, port: 104, writers: [reading-pc]}\n"
ACCESS = """\
access:
  - {from: office, to: outside, services: [tcp/9000]}
  - {from: office, to: outside, services: [tcp/9001]}
"""
WITHOUT_9000 = ACCESS.replace("  - {from: office, to: outside, services: [tcp/9000]}\n", "")
WHOLE = HEAD + SHARES + FAX + ARCHIVE + ACCESS
# A server that sends numbered lines without end, and a client that checks that none is missing.
SENDS = """
import socket, sys, threading, time
def talk(peer):
    number = 0
    try:
        while True:
            peer.sendall(b"%015d\\n" % number * 64); number += 1; time.sleep(0.01)
    except OSError:
        pass
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()
"""
HEARS = """
import socket, sys
stream = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20).makefile("rb")
wanted = 0
while True:
    for _ in range(64):
        line = stream.readline()
        assert line == b"%015d\\n" % wanted, (line, wanted)
    wanted += 1
    if wanted % 10 == 0:
        print(wanted, flush=True)
"""
# When each file last changed, wherever nothing changes by itself.
LOOK = r"""
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /var/log \
  -o -path /var/lib/systemd -o -path /var/lib/chrony -o -path /var/lib/samba \
  -o -path /var/spool -o -path /srv/gateway/archive \) -prune -o -type f -printf '%C@ %m %p\n' \
  | sort
ls /run | grep gateway
nft --stateless list ruleset
systemctl list-units --no-legend --plain --state=running '*.service' | grep -v -e session -e user
"""


class Department:
    """The lab's box, and its description as text."""

    def __init__(self, folder: Path, made: lab.Lab) -> None:
        self.folder = folder
        self.lab = made

    def trial(self, text: str) -> Trial:
        file = self.folder / "site.yml"
        file.write_text(text)
        return Trial(load(file), self.lab)

    def apply(self, text: str, **order: Any) -> Summary:
        trial = self.trial(text)
        return apply(trial.loaded, replace(trial.order, **order))

    def plan(self, text: str) -> dict[str, Any]:
        return self.apply(text, dry_run=True).plan

    def on_box(self, command: str) -> str:
        """By ssh, as somebody does who works on the box by hand."""
        return run(["ssh", *self.lab.ssh_options(), "box", command], check=False).stdout

    def drift(self) -> list[dict[str, Any]]:
        return list(json.loads(self.on_box("gateway-box drift").splitlines()[-1])["drift"])

    def password(self, device: str) -> str:
        trial = self.trial(WHOLE)
        order = trial.order
        return stored(trial.loaded.site, order.vault_path, order.password_file)[device]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Department]:
    folder = tmp_path_factory.mktemp("changes")
    (folder / "site.yml").write_text(WHOLE)
    name = f"changes{os.getpid()}"
    try:
        yield Department(folder, lab.up(folder / "site.yml", name))
    finally:
        lab.down(name)


@pytest.fixture(scope="module")
def box(bare: Department) -> Department:
    """Planned while it was bare, then provisioned."""
    before = bare.on_box(LOOK)
    planned = bare.plan(WHOLE)
    assert bare.on_box(LOOK) == before
    assert planned["bare"]
    assert "samba" in planned["packages"]["install"]
    summary = bare.apply(WHOLE)
    assert sorted(summary.packages) == planned["packages"]["install"]
    # A package may bring a file with what we want in it.
    assert set(summary.files) <= {each["path"] for each in planned["files"]}
    assert len(summary.files) > 0.9 * len(planned["files"])
    return bare


class Stream:
    """A download from the hospital through the box, watched."""

    def __init__(self, made: lab.Lab, port: int) -> None:
        where = [HOSPITAL, str(port)]
        self._processes = []
        self._told: list[str] = []
        self._begin(made.command(HOSPITAL, ["python3", "-u", "-c", SENDS, *where]))
        self.waits_for_more()
        self._begin(made.command("reading-pc", ["python3", "-u", "-c", HEARS, *where]))
        self.waits_for_more()

    def _begin(self, command: list[str]) -> None:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._processes.append(process)
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self._told.append(line)

    def waits_for_more(self, seconds: float = 10) -> bool:
        """Whether something new arrives in that time."""
        known, deadline = len(self._told), time.monotonic() + seconds
        while time.monotonic() < deadline:
            if len(self._told) > known:
                return True
            time.sleep(0.05)
        return False

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@contextmanager
def stream(made: lab.Lab, port: int) -> Iterator[Stream]:
    watched = Stream(made, port)
    try:
        yield watched
    finally:
        watched.end()


class Session:
    """An SMB session that stays open: what it is told to make is on the box, or not any more."""

    def __init__(self, made: lab.Lab, password: str) -> None:
        self._lab, self._made = made, 0
        words = "smbclient //10.1.2.1/images -U reading-pc -m SMB3"
        null = subprocess.DEVNULL
        self._client = subprocess.Popen(
            made.command("reading-pc", ["env", f"PASSWD={password}", *words.split()]),
            stdin=subprocess.PIPE, stdout=null, stderr=null, text=True,
        )  # fmt: skip
        assert self.works()

    def works(self) -> bool:
        """Whether it can make a folder still; smbclient never opens a session again."""
        self._made += 1
        assert self._client.stdin
        try:
            self._client.stdin.write(f"mkdir session{self._made}\n")
            self._client.stdin.flush()
        except BrokenPipeError:
            return False
        there = ["test", "-d", f"/srv/gateway/shares/images/session{self._made}"]
        deadline = time.monotonic() + 10
        while self._lab.exec("box", there).returncode:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def end(self) -> None:
        self._client.kill()
        self._client.wait()
        self._lab.exec("box", ["sh", "-c", "rmdir /srv/gateway/shares/images/session*"])


def test_a_plan_says_what_an_apply_does_and_does_nothing(box: Department) -> None:
    changed = WHOLE.replace(
        "writers: [reading-pc]}\n  faxes", "writers: [reading-pc, console]}\n  faxes"
    )
    changed = changed.replace("[tcp/9000]", "[tcp/9002]")
    assert box.plan(WHOLE) == {}
    before = box.on_box(LOOK)
    planned = box.plan(changed)
    assert box.on_box(LOOK) == before
    flows = {way: [f"{each['source']} {each['service']}" for each in planned["flows"][way]]
             for way in ("opens", "closes")}  # fmt: skip
    assert flows == {"opens": ["office tcp/9002", "console smb"], "closes": ["office tcp/9000"]}
    summary = box.apply(changed)
    assert sorted(summary.files) == sorted(each["path"] for each in planned["files"])
    assert summary.reloaded == planned["units"]["reload"]
    assert box.on_box(LOOK) != before
    box.apply(WHOLE)


BY_HAND = """
echo '# by hand' >> /etc/chrony/chrony.conf
chmod 600 /etc/hosts
systemctl stop dnsmasq
systemctl mask --quiet postfix
mkdir -p /etc/systemd/system/chrony.service.d
echo '[Service]\nNice=5' > /etc/systemd/system/chrony.service.d/mine.conf
nft add rule inet gateway in_office tcp dport 8080 accept
apt-mark hold chrony
printf 'another1\nanother1\n' | smbpasswd -c /etc/samba/modern.conf -s -a reading-pc
"""
FOUND = {
    "/etc/chrony/chrony.conf: content differs",
    "/etc/hosts: mode differs",
    "dnsmasq.service: inactive",
    "postfix.service: masked",
    "/etc/systemd/system/chrony.service.d/mine.conf: nobody asked for it",
    "firewall: added: table inet gateway, in_office: tcp dport 8080 accept",
    "chrony: hold, was install",
    "accounts: to be mended: password of reading-pc set in modern",
}


def test_drift_is_told_refused_and_on_demand_undone(box: Department) -> None:
    assert box.drift() == []
    box.on_box(BY_HAND)
    found = box.drift()
    assert {each["line"] for each in found} == FOUND
    (edited,) = [each for each in found if each["name"] == "/etc/chrony/chrony.conf"]
    assert "root from 10.1.2.30" in edited["who"], "the administrator's place in the lab"
    assert edited["when"]
    before = box.on_box("cat /etc/chrony/chrony.conf; nft list ruleset | grep -c 8080")
    with pytest.raises(Failed, match="changed by hand") as refused:
        box.apply(WHOLE)
    assert "in_office: tcp dport 8080 accept" in str(refused.value)
    assert box.on_box("cat /etc/chrony/chrony.conf; nft list ruleset | grep -c 8080") == before
    summary = box.apply(WHOLE, overwrite_drift=True)
    assert [each for each in box.drift() if each["fate"] != "left"] == []
    (aside,) = [each for each in summary.aside if each.startswith("/etc/chrony/chrony.conf:")]
    kept = aside.split()[-1] + "/etc/chrony/chrony.conf"
    assert "# by hand" in box.on_box(f"cat {kept}")
    assert box.on_box("nft list ruleset | grep -c 8080").strip() == "0"
    assert box.on_box("systemctl is-active dnsmasq postfix").split() == ["active"] * 2
    session = Session(box.lab, box.password("reading-pc"))
    session.end()
    box.on_box("apt-mark unhold chrony")


def test_the_timer_writes_to_the_administrator(box: Department) -> None:
    letters = box.lab.folder("hospital") / "mail"
    before = len(list(letters.glob("*.eml")))
    assert "gateway-drift.timer" in box.on_box("systemctl list-timers gateway-drift.timer")
    box.on_box("systemctl start gateway-drift.service")
    assert len(list(letters.glob("*.eml"))) == before, "no drift, no letter"
    box.on_box("chmod 600 /etc/hosts; systemctl start gateway-drift.service")
    deadline = time.monotonic() + 20
    while len(list(letters.glob("*.eml"))) == before and time.monotonic() < deadline:
        time.sleep(0.2)
    newest = max(letters.glob("*.eml"), key=lambda each: each.stat().st_mtime).read_text()
    assert "/etc/hosts: mode differs" in newest
    assert "nm-admin@hospital.example" in newest
    box.on_box("chmod 644 /etc/hosts")


def test_a_conversation_ends_with_its_flow_and_no_other_does(box: Department) -> None:
    with stream(box.lab, 9000) as gone, stream(box.lab, 9001) as stays:
        # Control: the firewall alone, without what gateway-box does after it, ends nothing.
        trial = box.trial(HEAD + SHARES + FAX + ARCHIVE + WITHOUT_9000)
        tree = features.tree_of(trial.loaded.site, trial.loaded.source.line)
        rules = next(each.content for each in tree.files if each.path == "/etc/nftables.conf")
        box.lab.exec("box", ["nft", "-f", "-"], stdin=rules.decode(), check=True)
        assert gone.waits_for_more()
        summary = box.apply(HEAD + SHARES + FAX + ARCHIVE + WITHOUT_9000, overwrite_drift=True)
        assert summary.ended == [f"tcp 10.1.2.11 → {HOSPITAL} port 9000"]
        gone.waits_for_more(0.5)  # what was on its way
        assert not gone.waits_for_more(3)
        assert stays.waits_for_more()
    box.apply(WHOLE)


def test_a_download_and_an_smb_session_survive_what_does_not_concern_them(box: Department) -> None:
    session = Session(box.lab, box.password("reading-pc"))
    try:
        with stream(box.lab, 9001) as download:
            summary = box.apply(WHOLE.replace("[tcp/9000]", "[tcp/9002, tcp/9003]"))
            assert "nft -f /etc/nftables.conf" in summary.reloaded
            assert download.waits_for_more()
            assert session.works()
            # Control: a change of the share is one that concerns the session.
            summary = box.apply(WHOLE.replace("images: {", "images: {comment: Studies, "))
            assert any("smbd-modern" in each for each in summary.reloaded)
            assert download.waits_for_more()
            assert not session.works()
    finally:
        session.end()
    box.apply(WHOLE)


def test_a_feature_that_goes_keeps_its_data_and_finds_it_again(box: Department) -> None:
    before = box.on_box("gateway-box list >/dev/null; systemctl list-unit-files --state=enabled")
    box.on_box("echo study > /srv/gateway/shares/images/a.ima")
    archived = box.on_box("find /srv/gateway/archive -type f | wc -l")
    summary = box.apply(HEAD + ACCESS)
    units = {"smbd-modern.service", "fax-queue.service", "gateway-archive.service"}
    assert units <= set(summary.stopped)
    assert "/etc/samba/modern.conf" in summary.removed
    assert sorted(summary.kept) == [
        "faxes that were sent and received stay in /var/spool/hylafax",
        "the archive's images stay in /srv/gateway/archive",
        "the files of share faxes stay in /srv/gateway/shares/faxes",
        "the files of share images stay in /srv/gateway/shares/images",
    ]
    for unit in units:
        state = box.on_box(f"systemctl is-active {unit}; systemctl is-enabled {unit}").split()
        assert state in (["inactive", "not-found"], ["inactive", "disabled"]), unit
    assert box.on_box("ls /etc/samba/modern.conf /etc/orthanc/gateway.json 2>/dev/null") == ""
    assert box.drift() == []
    # What the packages brought is there and must not come up as the distribution has it.
    box.lab.reboot()
    running = box.on_box("systemctl list-units --plain --no-legend --state=running")
    assert not any(
        name in running for name in ("smbd", "nmbd", "winbind", "orthanc", "hylafax", "fax")
    )
    assert "dnsmasq" in running
    assert box.on_box("cat /srv/gateway/shares/images/a.ima") == "study\n"
    box.apply(WHOLE)
    assert box.on_box("cat /srv/gateway/shares/images/a.ima") == "study\n"
    assert box.on_box("find /srv/gateway/archive -type f | wc -l") >= archived
    after = box.on_box("gateway-box list >/dev/null; systemctl list-unit-files --state=enabled")
    assert after == before
    session = Session(box.lab, box.password("reading-pc"))
    session.end()
    assert box.drift() == []
