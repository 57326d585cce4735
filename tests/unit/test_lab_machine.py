"""What a lab refuses, in one clear message each; where packages come from."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import namedtuple
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gateway.problems import Failed
from lab import images, machine, mirror, stock

TARGETS = """\
http://mirror.example/debian bookworm main
http://mirror.example/debian bookworm main
http://mirror.example/debian bookworm-updates main
http://sec.example/debian-security bookworm-security main
https://other.example/apt stable main
http://mirror.example/debian bookworm contrib
"""


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine on which nothing is refused; each test takes one thing away."""
    monkeypatch.setenv("GATEWAY_LAB_CACHE", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, 9_000_000_000))
    texts = {"/proc/filesystems": "nodev\toverlay\n", "/proc/self/mounts": "x /cg cgroup2 rw 0 0\n"}
    monkeypatch.setattr(machine, "_read", lambda path: texts[path])
    return tmp_path


def test_nothing_is_refused_where_all_is_there(able: Path) -> None:
    machine.check()


@pytest.mark.parametrize(
    ("where", "what", "message"),
    [
        ("os.geteuid", lambda: 1000, "needs root.*sudo"),
        ("shutil.which", lambda name: None if name == "bwrap" else "/x", "install.* bubblewrap`$"),
        ("lab.machine._read", lambda _: "x /cg cgroup2 rw 0 0\n", "no overlayfs"),
        ("lab.machine._read", lambda _: "nodev overlay x\n", "cgroup version 2 is not mounted"),
        ("sys.platform", "darwin", "needs Linux.*Vagrantfile"),
    ],
)
def test_one_message_for_what_is_missing(
    able: Path, monkeypatch: pytest.MonkeyPatch, where: str, what: Any, message: str
) -> None:
    monkeypatch.setattr(machine, "_load_overlay", lambda: False)
    monkeypatch.setattr(where, what)
    with pytest.raises(Failed, match=message) as raised:
        machine.check()
    assert "\n" not in str(raised.value)


def test_too_little_space_says_how_much_and_where(
    able: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(7_000_000))
    with pytest.raises(Failed, match=rf"2000 MB in {able}, and 7 MB are free there"):
        machine.check()


def answers(monkeypatch: pytest.MonkeyPatch, targets: str, config: str = "") -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        text = targets if command[0] == "apt-get" else config
        return subprocess.CompletedProcess(command, 0, text, "")

    monkeypatch.setattr(mirror, "run", run)


def test_mirror_is_the_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, TARGETS)
    found = mirror.read()
    assert found.main == "http://mirror.example/debian"
    assert found.sources == (
        ("http://mirror.example/debian", "trixie"),
        ("http://mirror.example/debian", "trixie-updates"),
        ("http://sec.example/debian-security", "trixie-security"),
    )
    assert found.hosts == (mirror.Host("mirror.example", 80), mirror.Host("sec.example", 80))


def test_a_proxy_of_apts_own_is_the_only_server_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = 'Acquire::http::Proxy "http://u:p@proxy.example:3128";\nAcquire::Retries "3";\n'
    answers(monkeypatch, TARGETS, settings)
    found = mirror.read()
    assert found.hosts == (mirror.Host("proxy.example", 3128),)
    assert found.settings == ('Acquire::http::Proxy "http://u:p@proxy.example:3128";',)


def test_a_mirror_list_is_followed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listed = tmp_path / "mirrors"
    listed.write_text("https://cloud.example/debian\nhttps://two.example/debian\n")
    answers(monkeypatch, f"mirror+file:{listed} bookworm main\n")
    found = mirror.read()
    assert found.main == "https://cloud.example/debian"
    assert found.hosts == (mirror.Host("cloud.example", 443),)
    assert mirror.as_http(found.main) == "http://cloud.example/debian"


def test_no_mirror_and_other_ways_of_fetching_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "")
    with pytest.raises(Failed, match="no Debian mirror"):
        mirror.read()
    answers(monkeypatch, "cdrom://disk/ bookworm main\n")
    with pytest.raises(Failed, match="http and https only"):
        mirror.read().hosts  # noqa: B018


def test_a_mirror_that_does_not_answer_is_said_with_its_address(tmp_path: Path) -> None:
    if not Path("/usr/lib/apt/apt-helper").exists():
        pytest.skip("no apt here")
    silent = mirror.Mirror("http://127.0.0.1:9/debian", None, False, None, ())
    with pytest.raises(Failed, match=r"does not give us Debian 13: http://127\.0\.0\.1:9/debian/d"):
        mirror.probe(silent, tmp_path)


def aged(tree: Path, seconds: float) -> Path:
    tree.mkdir()
    then = time.time() - seconds
    os.utime(tree, (then, then))
    return tree


def test_half_built_and_old_images_are_swept_but_not_those_in_use(tmp_path: Path) -> None:
    day = images.UNUSED_DAYS * 86400
    aged(tmp_path / f"{images.TEMPORARY}x", 0)
    aged(tmp_path / "box-old", day + 60)
    in_use = aged(tmp_path / "world-used", day + 60)
    aged(tmp_path / "box-of-another-version", day - 60)
    images._sweep(tmp_path, frozenset({in_use}))
    left = {each.name for each in tmp_path.iterdir()}
    assert left == {"world-used", "box-of-another-version"}


def test_the_stocks_used_last_are_kept(tmp_path: Path) -> None:
    found = [aged(tmp_path / f"{images.STOCK}-{age}", age) for age in range(images.STOCKS_KEPT + 2)]
    images._sweep(tmp_path, frozenset({found[-1]}))
    assert set(tmp_path.iterdir()) == {*found[: images.STOCKS_KEPT], found[-1]}


def test_a_stock_is_of_its_packages_its_pins_and_a_week() -> None:
    monday, sunday, next_monday = date(2026, 11, 16), date(2026, 11, 22), date(2026, 11, 23)
    pin = {"/etc/apt/preferences.d/x": b"Package: *\n"}
    one = stock.recipe(["samba", "acl"], pin, monday)
    again = stock.recipe(["acl", "samba"], {**pin, "/etc/hosts": b"x"}, sunday)
    assert one.folder == again.folder
    others = [
        stock.recipe(["samba"], pin, monday),
        stock.recipe(["samba", "acl"], {"/etc/apt/preferences.d/x": b""}, monday),
        stock.recipe(["samba", "acl"], {}, monday),
        stock.recipe(["samba", "acl"], pin, next_monday),
    ]
    assert len({one.folder, *(each.folder for each in others)}) == 5
    assert one.folder.startswith(f"{images.STOCK}-")


def test_another_package_is_another_image() -> None:
    more = images.Recipe("box", "important", (*images.BOX.packages, "x"), images.BOX.hooks)
    same = images.Recipe("box", "important", images.BOX.packages, images.BOX.hooks)
    assert more.folder != images.BOX.folder == same.folder


def test_a_whole_tree_is_used_without_asking_the_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_LAB_CACHE", str(tmp_path))
    monkeypatch.setattr(mirror, "read", lambda: pytest.fail("asked"))
    for recipe in (images.BOX, images.WORLD):
        (tmp_path / "images" / recipe.folder).mkdir(parents=True)
    assert images.get(print).box == tmp_path / "images" / images.BOX.folder
