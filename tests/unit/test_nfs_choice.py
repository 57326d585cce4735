"""Which NFS server a box chooses, what each is told, and what is done for the kernel's."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from test_macs_and_unix import content, site

from gateway.box import nfs as on_box
from gateway.box import numbers, services
from gateway.box.process import Done, Failed
from gateway.box.services import Unit
from gateway.features import nfs

DESCRIBED = {"images": {"writers": ["picker"], "readers": ["adac"]}}


def told(box: Path) -> list[str]:
    """The commands that were run."""
    log = box / "commands"
    return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A box with nothing of NFS in its kernel; its commands only say that they were called."""
    for name in ("kernel", "run", "handles"):
        (tmp_path / name).mkdir()
    (tmp_path / "shares").write_text("of {uid:root}\n")

    def must(command: list[str]) -> Done:
        with (tmp_path / "commands").open("a") as log:
            log.write(f"{' '.join(command)}\n")
        return Done(tuple(command), 0, "y\n", "")

    monkeypatch.setattr(on_box, "KERNEL", tmp_path / "kernel")
    monkeypatch.setattr(on_box, "GANESHA", (tmp_path / "shares", tmp_path / "run/ganesha.conf"))
    monkeypatch.setattr(on_box, "EXPORTS", (tmp_path / "shares", tmp_path / "run/exports"))
    monkeypatch.setattr(on_box, "LOCK_PORTS", (tmp_path / "lock-port",))
    monkeypatch.setattr(on_box, "must", must)
    monkeypatch.setattr(on_box, "run", must)
    return tmp_path


@pytest.fixture
def with_kernel(box: Path) -> Path:
    """The same, and its kernel has the server."""
    (box / "kernel/threads").touch()
    return box


def test_only_the_chosen_server_is_told_of_the_shares(box: Path) -> None:
    assert on_box.main(["prepare"]) == 0
    assert [each.name for each in (box / "run").iterdir()] == ["ganesha.conf"]
    assert (box / "run/ganesha.conf").read_text() == "of 0\n"
    assert not told(box)


def test_the_kernel_is_prepared(with_kernel: Path) -> None:
    assert on_box.main(["prepare"]) == 0
    assert [each.name for each in (with_kernel / "run").iterdir()] == ["exports"]
    assert not told(with_kernel)
    assert (with_kernel / "lock-port").read_text() == "4045\n"


@pytest.mark.parametrize(
    ("chosen", "daemon", "before"),
    [
        ("exports", "rpc.mountd", ["exportfs -ra", "nfsconf --get nfsd vers3"]),
        ("ganesha.conf", "ganesha.nfsd", []),
    ],
)
def test_the_daemon_is_the_chosen_servers(
    box: Path, monkeypatch: pytest.MonkeyPatch, chosen: str, daemon: str, before: list[str]
) -> None:
    became: list[str] = []
    monkeypatch.setattr(os, "execv", lambda path, _words: became.append(Path(path).name))
    (box / "run" / chosen).touch()
    assert on_box.main(["serve"]) == 0
    assert became[0] == daemon
    assert told(box) == before


@pytest.mark.parametrize("vers3", ["y", "n"])
def test_nobody_mounts_where_all_have_version_4(
    box: Path, monkeypatch: pytest.MonkeyPatch, vers3: str
) -> None:
    became: list[str] = []
    monkeypatch.setattr(on_box, "must", lambda command: Done(command, 0, f"{vers3}\n", ""))
    monkeypatch.setattr(os, "execv", lambda _path, words: became.extend(words))
    (box / "run/exports").touch()
    assert on_box.main(["serve"]) == 0
    assert ("--no-tcp" in became) == (vers3 == "n")


@pytest.mark.parametrize("versions", ["+3 +4 +4.1 +4.2\n", "-3 +4 +4.1 +4.2\n"])
def test_version_3_is_told_of_no_lock_manager(
    with_kernel: Path, monkeypatch: pytest.MonkeyPatch, versions: str
) -> None:
    monkeypatch.setattr(on_box, "_await", lambda _handles: None)
    monkeypatch.setenv("MAINPID", "1")
    (with_kernel / "run/exports").touch()
    (with_kernel / "kernel/versions").write_text(versions)
    assert on_box.main(["open"]) == 0
    begun, *taken_away = told(with_kernel)
    assert begun == "rpc.nfsd"
    expected = [f"rpcinfo -d 100021 {each}" for each in (1, 3, 4)]
    assert taken_away == (expected if "+3" in versions else [])


def test_ganesha_needs_nothing_of_the_kernel(box: Path) -> None:
    for step in ("open", "close"):
        assert on_box.main([step]) == 0
    assert not told(box)


def test_the_kernels_is_closed_whatever_was_chosen(with_kernel: Path) -> None:
    assert on_box.main(["close"]) == 0
    assert told(with_kernel) == ["rpc.nfsd 0", "exportfs -ua -f"]


def test_nobody_is_let_in_before_mountd_listens(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_box, "PATIENCE", 0.0)
    handles = box / "handles"
    (handles / "3").symlink_to("/proc/7/net/rpc/auth.unix.ip/channel")
    with pytest.raises(Failed, match="does not listen"):
        on_box._await(handles)
    (handles / "4").symlink_to("/proc/7/net/rpc/nfsd.fh/channel")
    on_box._await(handles)


def test_a_failure_is_told(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (box / "shares").write_text("of {uid:nobody-there}\n")
    assert on_box.main(["prepare"]) == 1
    assert "the box has no user nobody-there" in capsys.readouterr().err
    assert on_box.main(["dance"]) == 2


def test_the_kernels_exports_name_each_client_with_its_own_rights() -> None:
    text = content(list(nfs.files(site(DESCRIBED), ())), nfs.EXPORTS)
    reader, writer = sorted(line for line in text.splitlines() if line.startswith("/"))[::-1]
    assert writer.startswith("/images 10.1.1.14(rw,fsid=1,")
    assert writer.endswith(",anonuid={uid:picker},anongid={gid:share-images-rw})")
    assert reader.startswith("/images 10.1.1.16(ro,fsid=1,")
    assert reader.endswith(",anonuid={uid:adac},anongid={gid:share-images-ro})")
    for line in (writer, reader):
        assert ",all_squash," in line
        assert ",subtree_check," in line
    assert numbers.PLACE.sub("1", text).count("{") == 0


def test_the_kernels_listens_by_tcp_inside_and_to_the_versions_in_use() -> None:
    text = content(list(nfs.files(site(DESCRIBED), ())), nfs.KERNEL)
    for line in ("udp = n", "host = 10.1.1.1", "vers3 = y", "vers4 = n", "port = 20048"):
        assert f"\n{line}\n" in text


def test_which_server_it_is_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    up = Unit(nfs.SERVER, "loaded", "active", "running", "success", "simple", False, "enabled", 0)
    said = replace(up, status="served by the kernel")
    other = replace(up, name="apache2.service", status="Processing requests...")
    monkeypatch.setattr(services, "units", lambda _names: [said, other])
    assert said.state == "active (running), served by the kernel"
    assert other.state == "active (running)"
    assert services.chosen(services.units(())) == [f"{nfs.SERVER} served by the kernel"]


def test_its_mount_does_not_fail_where_the_kernel_has_none() -> None:
    text = content(list(nfs.files(site(DESCRIBED), ())), f"/etc/systemd/system/{nfs.MOUNT}")
    assert "ConditionPathExists=/sys/module/nfsd\n" in text
    assert "ConditionVirtualization=!container\n" in text
    assert nfs.MOUNT not in nfs.units(site(DESCRIBED))  # so nobody asks whether it is there


def test_who_verifies_knows_the_same_words_and_port() -> None:
    assert f"{services.SERVED}the kernel" == nfs.BY_KERNEL
    assert on_box.LOCK_PORT == nfs.LOCK_PORT
