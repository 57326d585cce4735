"""What an operator sees and what lives on when the description changes: plan, drift, data.

One small department, booted once; each test leaves it as it was.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from department import Department, booted

import lab
from gateway import features
from gateway.problems import Failed
from gateway.secrets import stored

# Beside other work on the machine, an apply takes a minute.
pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

ROOT = Path(__file__).parent.parent.parent
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


class Changing(Department):
    """Its box is asked by ssh, as by somebody who works on it by hand."""

    def plan(self, text: str) -> dict[str, Any]:
        return self.apply(text, dry_run=True).plan

    def drift(self) -> list[dict[str, Any]]:
        return list(json.loads(self.by_hand("gateway-box drift").splitlines()[-1])["drift"])

    def password(self, device: str) -> str:
        trial = self.trial(WHOLE)
        order = trial.order
        return stored(trial.loaded.site, order.vault_path, order.password_file)[device]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Changing]:
    folder = tmp_path_factory.mktemp("changes")
    with booted(folder, WHOLE, "changes") as made:
        yield Changing(folder, made)


@pytest.fixture(scope="module")
def box(bare: Changing) -> Changing:
    """Planned while it was bare, then provisioned."""
    before = bare.by_hand(LOOK)
    planned = bare.plan(WHOLE)
    assert bare.by_hand(LOOK) == before
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


def test_a_plan_says_what_an_apply_does_and_does_nothing(box: Changing) -> None:
    changed = WHOLE.replace(
        "writers: [reading-pc]}\n  faxes", "writers: [reading-pc, console]}\n  faxes"
    )
    changed = changed.replace("[tcp/9000]", "[tcp/9002]")
    assert box.plan(WHOLE) == {}
    before = box.by_hand(LOOK)
    planned = box.plan(changed)
    assert box.by_hand(LOOK) == before
    flows = {way: [f"{each['source']} {each['service']}" for each in planned["flows"][way]]
             for way in ("opens", "closes")}  # fmt: skip
    assert flows == {"opens": ["office tcp/9002", "console smb"], "closes": ["office tcp/9000"]}
    summary = box.apply(changed)
    assert sorted(summary.files) == sorted(each["path"] for each in planned["files"])
    assert summary.reloaded == planned["units"]["reload"]
    assert box.by_hand(LOOK) != before
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


def test_drift_is_told_refused_and_on_demand_undone(box: Changing) -> None:
    assert box.drift() == []
    box.by_hand(BY_HAND)
    found = box.drift()
    assert {each["line"] for each in found} == FOUND
    (edited,) = [each for each in found if each["name"] == "/etc/chrony/chrony.conf"]
    assert "root from 10.1.2.30" in edited["who"], "the administrator's place in the lab"
    assert edited["when"]
    before = box.by_hand("cat /etc/chrony/chrony.conf; nft list ruleset | grep -c 8080")
    with pytest.raises(Failed, match="changed by hand") as refused:
        box.apply(WHOLE)
    assert "in_office: tcp dport 8080 accept" in str(refused.value)
    assert box.by_hand("cat /etc/chrony/chrony.conf; nft list ruleset | grep -c 8080") == before
    box.by_hand("apt-mark unhold chrony")  # an apply leaves packages, and would take it for so
    summary = box.apply(WHOLE, overwrite_drift=True)
    assert box.drift() == []
    (aside,) = [each for each in summary.aside if each.startswith("/etc/chrony/chrony.conf:")]
    kept = aside.split()[-1] + "/etc/chrony/chrony.conf"
    assert "# by hand" in box.by_hand(f"cat {kept}")
    assert box.by_hand("nft list ruleset | grep -c 8080").strip() == "0"
    assert box.by_hand("systemctl is-active dnsmasq postfix").split() == ["active"] * 2
    session = Session(box.lab, box.password("reading-pc"))
    session.end()


def letters(box: Changing, words: str) -> list[str]:
    """The letters at the relay that are about something: others may write, too."""
    found = sorted((box.lab.folder("hospital") / "mail").glob("*.eml"))
    return [text for each in found if words in (text := each.read_text())]


def test_the_timer_writes_to_the_administrator(box: Changing) -> None:
    assert box.drift() == []
    before = len(letters(box, "not as described"))
    assert "gateway-drift.timer" in box.by_hand("systemctl list-timers gateway-drift.timer")
    box.by_hand("systemctl start gateway-drift.service")
    assert len(letters(box, "not as described")) == before, "no drift, no letter"
    box.by_hand("chmod 600 /etc/hosts; systemctl start gateway-drift.service")
    deadline = time.monotonic() + 20
    while not (found := letters(box, "/etc/hosts: mode differs")):
        assert time.monotonic() < deadline, "no letter came"
        time.sleep(0.2)
    assert "nm-admin@hospital.example" in found[-1]
    box.by_hand("chmod 644 /etc/hosts")


def ansible(box: Changing, *words: str) -> subprocess.CompletedProcess[str]:
    """The playbook by hand, as README has it, with an inventory beside the site."""
    order = box.trial().order
    values = {
        "ansible_host": order.connection.host,
        "ansible_user": "root",
        "ansible_ssh_common_args": order.connection.ssh_args,
        "gateway_site": "{{ inventory_dir }}/site.yml",
    }
    (box.folder / "hosts.yml").write_text(json.dumps({"gateways": {"hosts": {"gate": values}}}))
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [program, "-i", str(box.folder), "--vault-password-file", str(order.password_file)]
    command += ["-e", f"gateway_vault={order.vault_path}"]  # a site's own lies beside it
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, *words, "playbooks/site.yml"],
        check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_the_playbook_by_hand_does_the_same(box: Changing) -> None:
    before = box.by_hand(LOOK)
    box.trial(WHOLE.replace("[tcp/9000]", "[tcp/9005]"))
    look = ansible(box, "--check")
    assert look.returncode == 0, look.stdout + look.stderr
    assert "WARNING" not in look.stderr, "the site beside hosts.yml is no inventory"
    assert box.by_hand(LOOK) == before
    done = ansible(box, "-e", "gateway_confirm_within=77")
    assert done.returncode == 0, done.stdout + done.stderr
    status = box.told("status")
    assert status["state"] == "active"
    assert "9005" in box.by_hand("nft list ruleset")
    # By the same way: armed, and then confirmed by a connection that the box took for a new one.
    journal = box.by_hand("journalctl -t gateway-box -o cat -n 20")
    assert f"generation {status['active']} is active, to be confirmed within 77 s" in journal
    assert f"generation {status['active']} is confirmed" in journal
    # Control: what was done by hand is not undone unasked.
    box.by_hand("chmod 600 /etc/hosts")
    box.trial(WHOLE)
    refused = ansible(box)
    assert refused.returncode != 0
    assert "/etc/hosts: mode differs" in refused.stdout
    assert box.apply(WHOLE, overwrite_drift=True).changed
    assert box.drift() == []


def test_a_return_is_mailed(box: Changing) -> None:
    others = [each for each in box.told("list")["generations"] if not each["active"]]
    if not others:
        number = box.apply(WHOLE.replace("[tcp/9000]", "[tcp/9005]")).generation
        box.apply(WHOLE)
    else:
        number = others[-1]["generation"]
    said = f"generation {number} was not confirmed in time"
    before = len(letters(box, said))
    told = box.told("activate", str(number), "--confirm-within", "3")
    assert told["changed"]
    deadline = time.monotonic() + 60
    while len(found := letters(box, said)) == before:
        assert time.monotonic() < deadline, "no letter came"
        time.sleep(0.3)
    text = found[-1]
    assert "nm-admin@hospital.example" in text
    assert box.told("status")["state"] == "active"
    assert "was not confirmed in time" in box.told("status")["returned"]
    assert box.apply(WHOLE).changed is False


def test_a_conversation_ends_with_its_flow_and_no_other_does(box: Changing) -> None:
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


def test_a_download_and_an_smb_session_survive_what_does_not_concern_them(box: Changing) -> None:
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


def test_a_feature_that_goes_keeps_its_data_and_finds_it_again(box: Changing) -> None:
    before = box.by_hand("gateway-box list >/dev/null; systemctl list-unit-files --state=enabled")
    box.by_hand("echo study > /srv/gateway/shares/images/a.ima")
    archived = box.by_hand("find /srv/gateway/archive -type f | wc -l")
    summary = box.apply(HEAD + ACCESS)
    units = {"smbd-modern.service", "fax-queue.service", "gateway-archive.service"}
    assert units <= set(summary.stopped)
    assert "/etc/samba/modern.conf" in summary.removed
    (packages,) = [each for each in summary.kept if "apt-get purge" in each]
    assert {"samba", "hylafax-server", "orthanc"} <= set(re.split(r"[ ,:`]+", packages))
    assert sorted(each for each in summary.kept if each != packages) == [
        "faxes that were sent and received stay in /var/spool/hylafax",
        "the archive's images stay in /srv/gateway/archive",
        "the files of share faxes stay in /srv/gateway/shares/faxes",
        "the files of share images stay in /srv/gateway/shares/images",
    ]
    for unit in units:
        state = box.by_hand(f"systemctl is-active {unit}; systemctl is-enabled {unit}").split()
        assert state in (["inactive", "not-found"], ["inactive", "disabled"]), unit
    assert box.by_hand("ls /etc/samba/modern.conf /etc/orthanc/gateway.json 2>/dev/null") == ""
    assert box.drift() == []
    # What the packages brought is there and must not come up as the distribution has it.
    box.lab.reboot()
    running = box.by_hand("systemctl list-units --plain --no-legend --state=running")
    assert not any(
        name in running for name in ("smbd", "nmbd", "winbind", "orthanc", "hylafax", "fax")
    )
    assert "dnsmasq" in running
    assert box.by_hand("cat /srv/gateway/shares/images/a.ima") == "study\n"
    box.apply(WHOLE)
    assert box.by_hand("cat /srv/gateway/shares/images/a.ima") == "study\n"
    assert box.by_hand("find /srv/gateway/archive -type f | wc -l") >= archived
    after = box.by_hand("gateway-box list >/dev/null; systemctl list-unit-files --state=enabled")
    assert after == before
    session = Session(box.lab, box.password("reading-pc"))
    session.end()
    assert box.drift() == []
