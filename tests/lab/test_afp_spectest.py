"""Netatalk's own test of an AFP server, against the shares as they are rendered.

It logs in with a clear-text password only, which the box refuses, and needs two accounts with one
password. So, in this lab only: afpd gets a copy of its configuration with that one line changed,
laid over the real one in its unit's view, and the accounts get a password of 8 letters. Whatever
else it finds (volumes, rights, forks, locks, names) is as on a real box.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import lab
from gateway.features import netatalk
from gateway.load import load
from gateway.trial import Trial

pytestmark = pytest.mark.lab

SITE = """
name: spectest
networks:
  hospital: {side: outside, nic: hosp0, address: 192.0.2.10/24, router: 192.0.2.1}
  cameras: {nic: cam0, address: 10.1.1.1/24}
hospital:
  dns: [192.0.2.53]
  web_proxy: {address: 192.0.2.80}
administration: {from: [192.0.2.50]}
devices:
  mac-1: {profile: mac-os-9, network: cameras, address: 10.1.1.11}
  mac-2: {profile: mac-os-9, network: cameras, address: 10.1.1.12}
shares:
  one: {writers: [mac-1, mac-2]}
  two: {writers: [mac-1, mac-2]}
"""
PASSWORD = "SPECTEST"  # noqa: S105 - of this lab
OVERLAY = f"""
sed 's/uam list = .*/uam list = uams_clrtxt.so/' {netatalk.CONFIG} >/run/spectest.conf
printf 'mac-1:{PASSWORD}\\nmac-2:{PASSWORD}\\n' | chpasswd
unit=/run/systemd/system/afp-shares.service.d && mkdir -p $unit
printf '[Service]\\nBindReadOnlyPaths=/run/spectest.conf:{netatalk.CONFIG}\\n' >$unit/spectest.conf
systemctl daemon-reload && systemctl restart afp-shares.service
timeout 20 sh -c 'until ss -Hltn | grep -q :548; do sleep 0.2; done'
"""
# As Mac OS 9 speaks it: version 2.2, and without what needs a server prepared by hand.
TEST = ["afp_spectest", "-C", "-2", "-x", "-h", "10.1.1.1"]
TEST += ["-u", "mac-1", "-d", "mac-2", "-w", PASSWORD, "-s", "one", "-S", "two"]
FEWEST = 140
ON_PURPOSE = {
    # The folder's ACL decides who may do what; a Mac cannot take that away.
    "FPSetDirParms:test82",
    "FPSetDirParms:test351",
    "FPSetDirParms:test352",
    "FPSetFileDirParms:test358",
    # Types and creators by a file's extension (extmap.conf(5)): no rule is made up for them.
    "FPGetFileDirParms:test371",
    "FPGetFileDirParms:test380",
}
NOT_UNDERSTOOD = {"FPMoveAndRename:test138"}
"""It fails here, and why is not known yet. Named, so that every other failure is seen."""


@pytest.fixture(scope="module")
def department(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Lab]:
    folder = tmp_path_factory.mktemp("spectest")
    site = Path(folder, "site.yml")
    site.write_text(SITE)
    name = f"spectest{os.getpid()}"
    try:
        up = lab.up(site, name)
        Trial(load(site), up).apply(lambda _step: None)
        yield up
    finally:
        lab.down(name)


def run(department: lab.Lab) -> str:
    return department.exec("mac-1", TEST, timeout=300).stdout


def test_netatalks_own_test(department: lab.Lab) -> None:
    # The negative control: the box as it is takes no clear-text password.
    assert "Login failed" in run(department)
    department.exec("box", ["sh", "-e"], stdin=OVERLAY, check=True)
    said = run(department)
    passed = re.findall(r"(?m)^(\w+:test\d+):.* - PASSED$", said)
    failed = set(re.findall(r"(?m)^(\w+:test\d+):.* - FAILED$", said))
    assert len(passed) >= FEWEST, said
    assert failed <= ON_PURPOSE | NOT_UNDERSTOOD, failed - ON_PURPOSE - NOT_UNDERSTOOD
