"""The Vagrantfile and the site it is of say the same, and Vagrant takes it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from gateway.ready import ready
from gateway.run import run

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "Vagrantfile").read_text()


def test_addresses_and_cards_are_those_of_the_site() -> None:
    site = ready(ROOT / "tests/vagrant").site
    assert f"BOX = '{site.outside.address.ip}'" in TEXT
    inside = site.networks["inside"].address.ip
    assert f"INSIDE = '{str(inside).rpartition('.')[0]}'" in TEXT
    told = {each.lower().replace(":", "") for each in re.findall(r"'([0-9a-f:]{12,17})'", TEXT)}
    cards = {str(each.nic.mac).replace(":", "") for each in site.networks.values()}
    assert cards <= told
    clients = re.search(r"\{ (.*?) \}\.each do \|name, last\|", TEXT)
    assert clients
    written = dict(re.findall(r"'([a-z]+)' => (\d+)", clients[1]))
    assert written == {
        name: str(each.address).rpartition(".")[2] for name, each in site.devices.items()
    }
    for name in re.findall(r"'((?:playbooks|tests)/[^']+)'", TEXT):
        assert (ROOT / name).is_file(), name


@pytest.mark.skipif(not shutil.which("vagrant"), reason="Vagrant is not installed")
def test_vagrant_takes_it_and_refuses_a_wrong_one(tmp_path: Path) -> None:
    home = {"VAGRANT_HOME": str(tmp_path / "home"), "VAGRANT_DEFAULT_PROVIDER": "libvirt"}
    for text, code in ((TEXT, 0), (TEXT.replace("vm.hostname", "vm.hostnam"), 1)):
        (tmp_path / "Vagrantfile").write_text(text)
        for folder in ("playbooks", "tests", "ansible.cfg"):
            if not (tmp_path / folder).exists():
                (tmp_path / folder).symlink_to(ROOT / folder)
        command = ["vagrant", "validate", "--ignore-provider"]
        done = run(command, check=False, env=home, cwd=tmp_path, timeout=120)
        assert done.returncode == code, done.stdout + done.stderr
