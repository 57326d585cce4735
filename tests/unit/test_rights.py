"""What a umask takes from the writers of a share is given back, there and nowhere else."""

from __future__ import annotations

import os
import stat
import struct
import threading
import time
from pathlib import Path

import pytest
from test_macs_and_unix import content, site

from gateway.box import rights
from gateway.features import nfs

SECONDS = 5


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def becomes(path: Path, wanted: int) -> bool:
    end = time.monotonic() + SECONDS
    while mode(path) != wanted and time.monotonic() < end:
        time.sleep(0.01)
    return mode(path) == wanted


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """A watched share with something in it."""
    folder = tmp_path / "share"
    (folder / "old").mkdir(parents=True)
    (folder / "old").chmod(0o2755)
    (folder / "old" / "a").write_text("a")
    (folder / "old" / "a").chmod(0o644)
    watch = rights.Watch((str(folder),))
    watch.begin()

    def run() -> None:
        while True:
            watch.look()

    threading.Thread(target=run, daemon=True).start()
    return folder


@pytest.mark.parametrize(
    ("given", "made"), [(0o644, 0o664), (0o755, 0o775), (0o444, 0o444), (0o2700, 0o2770), (0, 0)]
)
def test_the_group_may_do_what_the_owner_may(given: int, made: int) -> None:
    assert rights.widened(given) == made


def test_what_is_there_and_what_comes(share: Path) -> None:
    assert mode(share / "old") == 0o2775
    assert mode(share / "old" / "a") == 0o664
    (share / "new").mkdir(mode=0o755)
    (share / "new").chmod(0o2755)
    assert becomes(share / "new", 0o2775)
    for at in (share, share / "old", share / "new"):
        descriptor = os.open(at / "b", os.O_CREAT | os.O_WRONLY, 0o644)
        os.close(descriptor)
        (at / "b").chmod(0o644)
        assert becomes(at / "b", 0o664)


def test_a_folder_that_comes_full_or_gets_a_new_name(share: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "in").mkdir(parents=True)
    (elsewhere / "in" / "c").write_text("c")
    (elsewhere / "in" / "c").chmod(0o644)
    elsewhere.rename(share / "moved")
    assert becomes(share / "moved" / "in" / "c", 0o664)
    (share / "moved").rename(share / "again")
    time.sleep(0.2)
    (share / "again" / "in" / "d").write_text("d")
    (share / "again" / "in" / "d").chmod(0o600)
    assert becomes(share / "again" / "in" / "d", 0o660)


def test_what_the_owner_protects_stays_protected(share: Path) -> None:
    (share / "old" / "a").chmod(0o444)
    (share / "old" / "after").write_text("")
    (share / "old" / "after").chmod(0o644)
    assert becomes(share / "old" / "after", 0o664)  # so what came before it was looked at
    assert mode(share / "old" / "a") == 0o444


def test_nothing_is_changed_through_a_link(share: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    (outside / "secret").chmod(0o600)
    (share / "link").symlink_to(outside / "secret")
    (share / "folder").symlink_to(outside)
    watch = rights.Watch((str(share),))
    watch.take(f"{share}/folder/secret")
    watch.begin()
    assert mode(outside / "secret") == 0o600


def test_what_needs_nothing_is_only_looked_at(share: Path) -> None:
    assert rights.settled(f"{share}/old/a")
    assert rights.settled(f"{share}/gone")
    assert not rights.settled(f"{share}/old")  # a folder is watched, too
    (share / "old" / "a").rename(share.parent / "a")
    (share.parent / "a").chmod(0o644)
    assert not rights.settled(f"{share.parent}/a")


def test_events_as_the_kernel_writes_them() -> None:
    first = struct.pack("iIII", 3, rights.CREATE, 0, 16) + b"a\0".ljust(16, b"\0")
    second = struct.pack("iIII", -1, rights.OVERFLOW, 0, 0)
    assert list(rights.parts(first + second)) == [
        (3, rights.CREATE, "a"),
        (-1, rights.OVERFLOW, ""),
    ]


def test_it_runs_where_a_unix_system_writes_and_sees_those_shares_alone() -> None:
    written = site({"images": {"writers": ["picker"]}, "letters": {"readers": ["picker"]}})
    assert nfs.RIGHTS in nfs.units(written)
    unit = content(list(nfs.files(written, ())), f"/etc/systemd/system/{nfs.RIGHTS}")
    assert "rights.py /srv/gateway/shares/images\n" in unit
    assert "letters" not in unit
    read = site({"images": {"writers": ["pc"], "readers": ["picker"]}})
    assert nfs.RIGHTS not in nfs.units(read)


def test_a_change_of_the_server_leaves_the_portmappers_socket_alone() -> None:
    files = nfs.files(site({"images": {"writers": ["picker"]}}), ())
    told = {file.path.rpartition("/")[2]: file.reload[1:] for file in files}
    assert told["shares.conf"] == told[nfs.SERVER] == ("try-restart", nfs.SERVER)
    assert told[nfs.PORTMAP[0]][0] == "stop"  # and started with all that does not run
