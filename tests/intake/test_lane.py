"""The lane: files settle, go to the archive once, or to quarantine with a reason."""

from __future__ import annotations

import io
import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from intake import cli
from intake.lane import serve
from intake.lane.lane import Lane
from intake.lane.ledger import write_csv
from intake.lane.settings import Archive, Settings, read
from intake.lane.settle import Settling
from intake.refused import Refused
from tests.intake import kit, lane_kit, test_raw
from tests.intake.lane_kit import Store, drop, lane, names, settings, store

__all__ = ["lane", "settings", "store"]
BASE = lane_kit.BASE


def test_a_file_goes_into_the_archive_and_to_done(lane: Lane, store: Store) -> None:
    drop(lane.settings)
    assert lane.once() == 1
    assert len(store.objects) == 1
    assert names(lane.settings, "done") == ["a.h33", "a.i33"]
    assert names(lane.settings, "incoming") == []
    (row,) = lane.ledger.rows()
    assert (row.state, row.objects) == ("done", tuple(store.objects))


def test_a_poison_file_goes_to_quarantine_and_holds_up_nobody(lane: Lane, store: Store) -> None:
    drop(lane.settings, "a", "icon", "static", Static="Curve")
    drop(lane.settings, "b")
    assert lane.once() == 2
    assert names(lane.settings, "quarantine") == ["a.h33", "a.h33.txt", "a.i33"]
    text = (lane.settings.root / "icon/quarantine/a.h33.txt").read_text()
    assert "line 18: 'type of data' is 'Curve': a curve is not an image" in text
    assert names(lane.settings, "done") == ["b.h33", "b.i33"]
    assert len(store.objects) == 1


def test_the_same_file_again_is_stored_once(lane: Lane, store: Store) -> None:
    for _ in range(3):
        drop(lane.settings)
        lane.once()
    assert len(store.objects) == 1
    assert names(lane.settings, "done") == ["a.h33", "a.i33"]
    assert len(list(lane.ledger.rows())) == 1


def test_another_file_of_the_same_name_stays_beside_it(lane: Lane, store: Store) -> None:
    for number in ("1", "2"):
        drop(lane.settings, "a", "icon", "static", A123456789=number)
        lane.once()
    assert len(store.objects) == 2
    # The pixels are the very same file, the headers are not.
    assert names(lane.settings, "done") == ["a.h33", "a.h33~2", "a.i33"]


def test_an_archive_that_is_down_is_waited_for_in_order(lane: Lane, store: Store) -> None:
    store.down = True
    drop(lane.settings, "a")
    drop(lane.settings, "b", "varicam")
    assert lane.once() == 0
    assert names(lane.settings, "incoming") == ["a.h33", "a.i33"]
    store.down = False
    assert lane.once() == 2
    assert names(lane.settings, "done") == ["a.h33", "a.i33"]


def test_what_comes_back_differently_is_not_done(lane: Lane, store: Store) -> None:
    store.spoiled = True
    drop(lane.settings)
    lane.once()
    text = (lane.settings.root / "icon/quarantine/a.h33.txt").read_text()
    assert "the archive has another object" in text


def test_a_full_disk_stops_intake_before_it_loses(settings: Settings, store: Store) -> None:
    full = Lane(replace(settings, reserve=1 << 60))
    drop(full.settings)
    assert full.once() == 0
    assert names(full.settings, "incoming") == ["a.h33", "a.i33"]
    assert store.objects == {}


@pytest.mark.parametrize("point", ["stored", "decided", "half moved"])
def test_cut_and_started_again(point: str, settings: Settings, store: Store) -> None:
    """The three places between which everything is atomic; random ones: test_lane_killed."""
    lane = Lane(settings)
    drop(settings)

    class Cut(BaseException):
        pass

    def cut(*_: object) -> None:
        raise Cut

    if point == "stored":
        lane.ledger.decide = cut  # type: ignore[method-assign]
    elif point == "decided":
        lane._carry_out = cut  # type: ignore[method-assign,assignment]
    else:
        lane.ledger.carried_out = cut  # type: ignore[method-assign]
    with pytest.raises(Cut):
        lane.once()
    lane.worker.stop()
    if point == "half moved":
        done, incoming = settings.root / "icon/done", settings.root / "icon/incoming"
        (done / "a.i33").rename(incoming / "a.i33")
    again = Lane(settings)
    again.once()
    again.worker.stop()
    assert len(store.objects) == 1
    assert names(settings, "done") == ["a.h33", "a.i33"]
    assert names(settings, "incoming") == []
    assert [row.state for row in again.ledger.rows()] == ["done"]


def test_links_and_pipes_end_in_quarantine(lane: Lane) -> None:
    incoming = lane.settings.root / "icon" / "incoming"
    (incoming / "link.h33").symlink_to("/etc/passwd")
    os.mkfifo(incoming / "pipe.h33")
    lane.once()
    assert names(lane.settings, "incoming") == []
    assert {"link.h33", "pipe.h33"} <= set(names(lane.settings, "quarantine"))


def test_a_translator_that_hangs_or_dies_is_replaced(lane: Lane, store: Store) -> None:
    drop(lane.settings)
    lane.once()
    assert lane.worker._process is not None
    lane.worker._process.kill()
    drop(lane.settings, "b", "icon", "static", A123456789="2")
    lane.once()
    assert len(store.objects) + len(names(lane.settings, "quarantine")) >= 2
    lane.worker._seconds = 0.0
    drop(lane.settings, "c", "icon", "static", A123456789="3")
    lane.once()
    text = (lane.settings.root / "icon/quarantine/c.h33.txt").read_text()
    assert "took more than 0 s" in text


@pytest.mark.parametrize("name", [b"\xe9t\xe9.h33", b"n" * 250 + b".h33", b"line\nfeed.h33"])
def test_a_name_that_is_no_text_or_too_long_stops_nothing(
    lane: Lane, store: Store, name: bytes
) -> None:
    incoming = lane.settings.root / "icon" / "incoming"
    (incoming / os.fsdecode(name)).write_bytes(b"no format")
    (incoming / os.fsdecode(b"l" + name[:200])).symlink_to("/etc/passwd")
    drop(lane.settings, "b")
    assert lane.once() == 3
    assert names(lane.settings, "done") == ["b.h33", "b.i33"]
    assert len(names(lane.settings, "quarantine")) == 4
    stream = io.StringIO()
    write_csv(lane.ledger.rows(), stream)
    assert stream.getvalue().encode().count(b"quarantined") == 2


def test_two_refused_files_of_one_name_have_a_reason_each(lane: Lane, store: Store) -> None:
    for what in ("Curve", "ROI"):
        drop(lane.settings, "a", "icon", "static", Static=what)
        lane.once()
    quarantine = lane.settings.root / "icon/quarantine"
    assert "is 'Curve'" in (quarantine / "a.h33.txt").read_text()
    assert "is 'ROI'" in (quarantine / "a.h33~2.txt").read_text()
    assert serve.retry(lane.settings, "icon", "a.h33~2") == ["a.h33", "a.i33"]
    assert "ROI" in (lane.settings.root / "icon/incoming/a.h33").read_text()
    assert "a.h33~2.txt" not in names(lane.settings, "quarantine")


def test_release_overwrites_nothing(lane: Lane, store: Store) -> None:
    drop(lane.settings)
    lane.once()
    good = (lane.settings.root / "icon/done/a.h33").read_bytes()
    drop(lane.settings, "a", "icon", "static", Static="Curve")
    lane.once()
    serve.release(lane.settings, "icon", "a.h33")
    assert (lane.settings.root / "icon/done/a.h33").read_bytes() == good
    assert "Curve" in (lane.settings.root / "icon/done/a.h33~2").read_text()


def test_a_device_with_a_raw_profile(settings: Settings, store: Store, tmp_path: Path) -> None:
    (tmp_path / "starcam.yml").write_text(test_raw.PROFILE)
    lane = Lane(replace(settings, raw={"icon": tmp_path / "starcam.yml"}))
    incoming = lane.settings.root / "icon/incoming"
    (incoming / "A.DAT").write_bytes(test_raw.whole(test_raw.header()))
    (incoming / "B.DAT").write_bytes(test_raw.whole(test_raw.header())[:-1])
    (lane.settings.root / "varicam/incoming/A.DAT").write_bytes(b"STAR")
    assert lane.once() == 3
    lane.answers.stop()
    assert names(settings, "done") == ["A.DAT"]
    assert names(settings, "quarantine") == ["B.DAT", "B.DAT.txt"]
    assert "A.DAT" in names(settings, "quarantine", "varicam"), "by no profile, by no guess"
    assert len(store.objects) == 1


def test_retry_and_release(lane: Lane, store: Store) -> None:
    path = drop(lane.settings, "a", "varicam")
    raw = path.read_bytes().replace(b"LIN, MEI HUA", "許, 功蓋".encode("big5"))
    path.write_bytes(raw)
    lane.once()
    assert names(lane.settings, "done", "varicam") == ["a.h33", "a.i33"]
    other = drop(lane.settings, "a", "icon")
    other.write_bytes(raw)
    lane.once()
    assert "a.h33.txt" in names(lane.settings, "quarantine")
    assert serve.retry(lane.settings, "icon", "a.h33") == ["a.h33", "a.i33"]
    assert names(lane.settings, "incoming") == ["a.h33", "a.i33"]
    lane.once()
    serve.release(lane.settings, "icon", "a.i33")
    assert names(lane.settings, "quarantine") == []
    assert [row.state for row in lane.ledger.rows("device = 'icon'")] == ["released"]
    with pytest.raises(Refused, match="no file"):
        serve.retry(lane.settings, "icon", "a.h33")


def test_the_ledger_as_csv_runs_no_formula(lane: Lane) -> None:
    drop(lane.settings, "=1+1")
    lane.once()
    stream = io.StringIO()
    write_csv(lane.ledger.rows(), stream)
    assert "'=1+1" in stream.getvalue()


def test_a_file_counts_when_it_stands_still_and_is_whole(tmp_path: Path) -> None:
    settling = Settling(tmp_path, quiet=10, patience=100)
    (tmp_path / "a.h33").write_text((BASE / "static.h33").read_text())
    assert settling.ready(0) == []
    assert settling.ready(11) == [], "its data is not there"
    (tmp_path / "SCAN.I33").write_bytes(b"1")
    assert settling.ready(12) == []
    (tmp_path / "SCAN.I33").write_bytes(b"12")
    os.utime(tmp_path / "SCAN.I33", (1, 1))
    assert settling.ready(20) == [], "it grew"
    (group,) = settling.ready(31)
    assert group.names == ("a.h33", "SCAN.I33")


def test_what_waits_in_vain_is_handed_on(tmp_path: Path) -> None:
    settling = Settling(tmp_path, quiet=1, patience=100)
    (tmp_path / "a.h33").write_text((BASE / "static.h33").read_text())
    (tmp_path / "lonely.i33").write_bytes(b"x")
    assert settling.ready(0) == settling.ready(50) == []
    assert {group.names for group in settling.ready(101)} == {("a.h33",), ("lonely.i33",)}


def test_settings_name_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"root": "/x", "state": "/y", "devices": {}, "archive": {}}')
    with pytest.raises(Refused, match="url"):
        read(tmp_path / "x.json")


def test_a_devices_folder_may_lie_elsewhere_and_come_back(
    tmp_path: Path, settings: Settings, store: Store
) -> None:
    """A person removes `incoming`; it is made again, and the other device never waited."""
    own = tmp_path / "share" / "icon"
    lane = Lane(replace(settings, folders={"icon": own}))
    shutil.rmtree(own)
    drop(settings, "b", "varicam")
    assert lane.once() == 1
    for path in (settings.root / "varicam" / "done").iterdir():
        path.rename(own / "incoming" / path.name)
    assert lane.once() == 1
    assert sorted(path.name for path in (own / "done").iterdir()) == ["b.h33", "b.i33"]
    lane.worker.stop()


def test_a_folder_that_is_a_link_stands_still_alone(
    tmp_path: Path, settings: Settings, store: Store
) -> None:
    """Otherwise who may write one share could have files of another moved."""
    lane = Lane(settings)
    icon = settings.root / "icon"
    icon.rename(tmp_path / "elsewhere")
    icon.symlink_to(tmp_path / "elsewhere")
    drop(settings, "a", "icon")
    drop(settings, "b", "varicam", "static", A123456789="2")
    assert lane.once() == 1
    assert names(settings, "done", "varicam") == ["b.h33", "b.i33"]
    icon.unlink()
    (tmp_path / "elsewhere").rename(icon)
    assert lane.once() == 1
    lane.worker.stop()


def test_the_archives_own_file_says_how_to_ask_it(
    tmp_path: Path, settings: Settings, store: Store
) -> None:
    """It may come later than the lane; until then files wait."""
    credentials = tmp_path / "store.json"
    lane = Lane(replace(settings, archive=Archive(credentials=str(credentials))))
    drop(settings)
    assert lane.once() == 0
    way = {"url": settings.archive.url, "user": "store", "password": "x"}
    credentials.write_text(json.dumps(way))
    assert lane.once() == 1
    assert len(store.objects) == 1
    lane.worker.stop()


@pytest.mark.parametrize(
    ("key", "told", "wrong"),
    [
        ("dos", {"icon": {"program": "/opt/x"}}, "commands are needed"),
        ("dos", {"icon": {"program": "/opt/x", "commands": "TRANS"}}, "no list"),
        ("dos", {"nobody": {"program": "/opt/x", "commands": ["TRANS"]}}, "no such device"),
        ("raw", {"nobody": "/etc/x.yml"}, "no such device"),
    ],
)
def test_settings_of_dos_and_raw(tmp_path: Path, key: str, told: object, wrong: str) -> None:
    good: dict[str, object] = {"root": "/x", "state": "/y", "devices": {"icon": {}}}
    good |= {"archive": {"url": "http://127.0.0.1"}}
    (tmp_path / "x.json").write_text(json.dumps(good))
    assert read(tmp_path / "x.json").dos == {}
    (tmp_path / "x.json").write_text(json.dumps(good | {key: told}))
    with pytest.raises(Refused, match=wrong):
        read(tmp_path / "x.json")


def test_what_the_settings_point_to_is_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: dict[str, object] = {"root": "/x", "state": "/y", "devices": {"icon": {}, "star": {}}}
    told |= {"archive": {"url": "http://127.0.0.1"}, "raw": {"star": str(tmp_path / "star.yml")}}
    told |= {"dos": {"icon": {"program": str(tmp_path / "vendor"), "commands": ["TRANS"]}}}
    (tmp_path / "x.json").write_text(json.dumps(told))
    words = ["settings", "--config", str(tmp_path / "x.json")]
    (tmp_path / "star.yml").write_text("title: no profile\n")
    assert cli.main(words) == 1
    assert "star.yml" in capsys.readouterr().err
    (tmp_path / "star.yml").write_text(test_raw.PROFILE)
    assert cli.main(words) == 1
    assert "icon: its translator's folder" in capsys.readouterr().err
    (tmp_path / "vendor").mkdir()
    assert cli.main(words) == 0


@pytest.mark.lab
def test_lane_killed_at_random_moments(tmp_path: Path) -> None:
    script = str(kit.ROOT / "tests" / "intake" / "lane_kill.py")
    began = time.monotonic()
    done = kit.judged(["python3", script, str(tmp_path / "work"), "15"], tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert b"15 kills" in done.stdout, (done.stdout, time.monotonic() - began)
