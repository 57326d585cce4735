"""The box that hosts.yml names, as ssh is told of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gateway import cli, hosts
from gateway.problems import Failed

ROOT = Path(__file__).parent.parent.parent


def inventory(folder: Path, values: str, names: str = "box") -> Path:
    file = folder / "hosts.yml"
    each = "".join(f"    {name}: {values}\n" for name in names.split())
    file.write_text(f"gateways:\n  hosts:\n{each}" if each else "gateways: {}\n")
    return file


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ("{ansible_host: 192.0.2.10, ansible_user: root}", ["--", "root@192.0.2.10"]),
        ("{}", ["--", "box"]),
        (
            "{ansible_port: 2222, ansible_user: nm, ansible_become: true}",
            ["-p", "2222", "-o", "BatchMode=yes", "--", "nm@box", "sudo", "-n"],
        ),
        (
            "{ansible_ssh_common_args: '-F /x -J jump', ansible_ssh_private_key_file: /k}",
            ["-F", "/x", "-J", "jump", "-i", "/k", "-o", "BatchMode=yes", "--", "box"],
        ),
    ],
)
def test_ssh_is_told_what_ansible_would_be(tmp_path: Path, values: str, ends: list[str]) -> None:
    words = hosts.ssh_words(inventory(tmp_path, values))
    assert words[-len(ends) :] == ends


def test_none_or_several_or_this_machine_is_said(tmp_path: Path) -> None:
    for values, names, why in (
        ("{}", "one two", "there is: one, two"),
        ("{}", "", "there is: none"),
        ("{ansible_connection: local}", "box", "is not reached by ssh"),
    ):
        with pytest.raises(Failed, match=why):
            hosts.ssh_words(inventory(tmp_path, values, names))


def test_status_asks_the_box_of_hosts_yml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "inventory/smallest/site.yml").read_text()
    (tmp_path / "site.yml").write_text(text.replace("name: smallest", "name: nowhere-at-all", 1))
    monkeypatch.setattr(sys, "argv", ["gateway", "status", str(tmp_path)])
    for given, why in (("", "no lab"), ("{ansible_host: 127.0.0.1, ansible_port: 1}", "refused")):
        if given:
            inventory(tmp_path, given)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == cli.FAILED
        assert why in capsys.readouterr().err
