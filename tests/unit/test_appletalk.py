"""AppleTalk: for whom, on which card, and what is said where the kernel has none."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from test_macs_and_unix import content, opened, site

from gateway.box import appletalk as on_box
from gateway.cards.card import card
from gateway.features import appletalk, netatalk, shares
from gateway.sharing import server_of
from gateway.weak import cautions, weaknesses

ZONE = "Médecine nucléaire"
TABLE = "Interface\t  Address   Networks  Status\n{}"


def test_it_is_there_for_macs_that_need_it_in_a_zone_and_nowhere_else() -> None:
    images = {"images": {"writers": ["mac7", "pc"]}}
    there = site(images, ZONE)
    assert server_of(there, "mac7") == "afp"
    assert appletalk.FEATURE.units(there)
    for without in (site(images), site({"images": {"writers": ["picker", "mac9"]}}, ZONE)):
        assert not list(appletalk.files(without, ()))
        assert not [*appletalk.FEATURE.units(without), *appletalk.FEATURE.packages(without)]
        assert not list(cautions(without))


def test_one_card_and_its_zone() -> None:
    files = list(appletalk.files(site({"images": {"writers": ["icon"]}}, ZONE), ()))
    lines = content(files, appletalk.CONFIG).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        f'cam0 -router -phase 2 -net 100-110 -addr 100.1 -zone "{ZONE}"'
    ]
    assert json.loads(content(files, appletalk.SETTINGS))["card"] == "cam0"


def test_an_afpd_of_its_own_speaks_it_only_then() -> None:
    """One that serves both ways keeps those who come by TCP waiting (docs/decisions/0004)."""
    images = {"images": {"writers": ["icon", "mac7"]}}
    for zone, said in ((ZONE, True), (None, False)):
        described = site(images, zone)
        files = list(netatalk.files(described, ()))
        paths = {file.path for file in files}
        assert (netatalk.ZONE_CONFIG in paths) == said
        assert (netatalk.ZONE_UNIT in netatalk.units(described)) == said
        assert (f"{netatalk.SYSTEMD}/{netatalk.ZONE_UNIT}" in paths) == said
        by_tcp = f"{netatalk.SYSTEMD}/{netatalk.TCP_UNIT}"
        assert "appletalk" not in content(files, by_tcp).lower()
        assert "appletalk = yes" not in content(files, netatalk.CONFIG)
        assert "afp listen = 10.1.1.1\n" in content(files, netatalk.CONFIG)


def test_what_the_afpd_of_a_zone_is() -> None:
    images = {"images": {"writers": ["icon", "mac7"], "readers": ["mac9"]}}
    files = list(netatalk.files(site(images, ZONE), ()))
    told = content(files, netatalk.ZONE_CONFIG)
    assert "appletalk = yes" in told
    assert "afp listen = 127.0.0.1\n" in told
    # Who has not come by AppleTalk before is not let in by it.
    assert "valid users = icon mac7\n" in told
    assert "valid users = icon mac7 mac9\n" in content(files, netatalk.CONFIG)
    unit = content(files, f"{netatalk.SYSTEMD}/{netatalk.ZONE_UNIT}")
    for line in (
        f"ExecStart=/usr/sbin/afpd -d -F {netatalk.ZONE_CONFIG}",
        "PartOf=appletalk.service",
        "StandardOutput=null",
        "TemporaryFileSystem=/run/lock",
    ):
        assert line in unit.splitlines()
    assert "AF_APPLETALK" in unit


def test_without_a_mac_that_has_tcp_nobody_listens_for_one() -> None:
    described = site({"images": {"writers": ["mac7"]}}, ZONE)
    assert netatalk.units(described) == (netatalk.NAMES_UNIT, netatalk.ZONE_UNIT)
    # The numbers of files know the shares from the same configuration.
    assert "[images]" in content(list(netatalk.files(described, ())), netatalk.CONFIG)
    both = site({"images": {"writers": ["icon", "mac7"]}}, ZONE)
    assert netatalk.TCP_UNIT in netatalk.units(both)


def test_a_mac_without_tcp_has_no_port() -> None:
    described = site({"images": {"writers": ["icon", "mac7"]}}, ZONE)
    assert opened(list(netatalk.flows(described))) == {("icon", "tcp/548")}


def test_without_a_zone_the_mend_is_one() -> None:
    (fault,) = shares.problems(site({"images": {"writers": ["mac7"]}}))
    assert "speaks AFP over AppleTalk only, and cameras has no zone" in fault.message
    assert fault.mend.startswith("add `zone: …` to networks.cameras")


def test_who_is_let_in_and_who_loses_what_is_told() -> None:
    described = site({"images": {"writers": ["icon", "mac7"], "readers": ["mac9"]}}, ZONE)
    told = {each.device: str(each) for each in weaknesses(described)}
    assert "AppleTalk open to every machine on cameras" in told["icon"]
    assert "TCP to 10.1.1.11 on cameras only" in told["icon"]
    assert "TCP" not in told["mac7"]
    assert "AppleTalk" not in told["mac9"]
    (icon, mac7) = cautions(described)
    assert icon.endswith("without it icon comes by AFP over TCP")
    assert mac7.endswith("without it mac7 loses images")


def test_its_sheet_is_another_one() -> None:
    images = {"images": {"writers": ["icon"]}}
    by_zone = card(site(images, ZONE), "icon", "en")
    assert ZONE in [fact.value for fact in by_zone.network]
    assert by_zone.files
    assert not any("Server IP Address" in step for step in by_zone.files.help.steps)
    assert by_zone.files.weak == "weak_zone"
    by_tcp = card(site(images), "icon", "en")
    assert by_tcp.files
    assert any("Server IP Address" in step for step in by_tcp.files.help.steps)


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A box whose kernel has cam0, and an atalkd that says nothing."""
    (tmp_path / "cam0").mkdir()
    (tmp_path / "conf").write_text("cam0 -router\n")
    monkeypatch.setattr(on_box, "CARDS", tmp_path)
    monkeypatch.setattr(on_box, "CONFIG", tmp_path / "conf")
    monkeypatch.setattr(on_box, "IN_USE", tmp_path / "in-use")
    return tmp_path


def started(monkeypatch: pytest.MonkeyPatch, box: Path, cards: str, code: int = 0) -> list[int]:
    """What stands for atalkd: it leaves its process and the kernel's table. Gives who was ended."""
    ended: list[int] = []

    def run(command: list[str], **_more: Any) -> subprocess.CompletedProcess[str]:
        assert Path(command[2]).read_text() == "cam0 -router\n"
        Path(command[4]).write_text("4711\n")
        (box / "in-use").write_text(TABLE.format(cards))
        return subprocess.CompletedProcess(command, code, "", "Must specify -router")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(os, "kill", lambda pid, _signal: ended.append(pid))
    return ended


SETTINGS = on_box.Settings("cam0", "without it mac7 loses images")


def test_it_is_held_to_its_card(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = started(monkeypatch, box, "lo  0000:00\ncam0  0064:01  0064-006E  0\n")
    assert on_box.begin(SETTINGS, box) == 4711
    assert ended == []
    ended = started(monkeypatch, box, "cam0  0064:01\nhosp0  FF00:01\n")
    with pytest.raises(SystemExit, match="hosp0, which is not its card"):
        on_box.begin(SETTINGS, box)
    assert ended == [4711]


def test_without_its_card_it_is_not_even_started(
    box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(monkeypatch, box, "", code=1)
    with pytest.raises(SystemExit, match=r"atalkd \(exit 1\): Must specify"):
        on_box.begin(SETTINGS, box)
    (box / "cam0").rmdir()
    with pytest.raises(SystemExit, match="no card cam0"):
        on_box.begin(SETTINGS, box)


def test_a_kernel_without_it_is_told_to_systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings").write_text(json.dumps({"card": "cam0", "without": SETTINGS.without}))
    monkeypatch.setattr(on_box, "SETTINGS", tmp_path / "settings")
    monkeypatch.setattr(on_box, "in_kernel", lambda: False)
    monkeypatch.setattr(signal, "pause", lambda: None)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        on_box.main()
        said = systemd.recv(4096).decode().splitlines()
    assert said == [
        f"STATUS=waits for AppleTalk, which this kernel has not: {SETTINGS.without}",
        "READY=1",
    ]
