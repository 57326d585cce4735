"""The nightly count, the search of the ledger, and devices that are silent."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import random
import sqlite3
import subprocess
import sys
from bisect import bisect
from dataclasses import replace

import pytest

from intake import cli
from intake.lane import count, mail, rhythm, serve, silent, state, still
from intake.lane.lane import Lane
from intake.lane.ledger import Ledger
from intake.lane.settings import Settings
from intake.refused import Refused
from tests.intake import kit
from tests.intake.lane_kit import Store, drop, lane, names, settings, store

__all__ = ["lane", "settings", "store"]
MONDAY = dt.datetime(2026, 8, 31)


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What would have been mailed: subject and text."""
    sent: list[tuple[str, str]] = []

    def tell(whom: str, subject: str, text: str) -> None:
        if whom:
            sent.append((subject, text))

    monkeypatch.setattr(silent, "tell", tell)
    monkeypatch.setattr(mail, "tell", tell)
    return sent


def config(settings: Settings) -> list[str]:
    """The settings as the file that the box has."""
    path = settings.state / "intake.json"
    told: dict[str, object] = {"root": str(settings.root), "state": str(settings.state)}
    told |= {"mail": "nm@example.org", "devices": {"icon": {}, "varicam": {}}}
    path.write_text(json.dumps(told | {"archive": {"url": settings.archive.url}}))
    return ["--config", str(path)]


class TestStill:
    def test_it_is_logged_once_and_mailed_when_it_lasts(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[str] = []
        monkeypatch.setattr(still, "tell", lambda _whom, subject, _text: sent.append(subject))
        lane = still.Still("nm@example.org", 600)
        for now in (0, 2, 599):
            lane.stands("icon", "the archive does not answer", now)
        assert sent == []
        assert len(caplog.records) == 1
        lane.stands("icon", "the archive answers 503", 600)
        lane.stands("icon", "the archive answers 503", 700)
        assert sent == ["icon: its images are not taken in"]
        assert len(caplog.records) == 2
        lane.goes("icon")
        lane.goes("icon")
        assert sent[1:] == ["icon: its images are taken in again"]

    def test_what_is_short_is_not_mailed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(still, "tell", None)
        lane = still.Still("nm@example.org", 600)
        lane.stands("icon", "the archive does not answer", 0)
        lane.goes("icon")
        lane.stands("icon", "the archive does not answer", 5000)

    def test_the_lane_uses_it(self, lane: Lane, store: Store) -> None:
        store.down = True
        drop(lane.settings)
        lane.once()
        assert "icon" in lane.still._standing
        store.down = False
        lane.once()
        assert lane.still._standing == {}


class TestCount:
    def test_what_the_archive_lost_is_named(
        self,
        lane: Lane,
        store: Store,
        mails: list[tuple[str, str]],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        drop(lane.settings)
        lane.once()
        words = ["count", *config(lane.settings), "--mail"]
        assert cli.main(words) == 0
        assert "icon: 1 came in, 1 stored as 1 objects" in capsys.readouterr().out
        assert mails == []
        uid, data = store.objects.popitem()
        assert cli.main(words) == 1
        said = capsys.readouterr().out
        assert "icon: a.h33 a.i33, stored 2" in said
        assert f"{uid} is not in the archive" in said
        ((subject, text),) = mails
        assert subject == "1 objects are missing in the archive, 0 files wait"
        assert uid in text
        assert serve.retry(lane.settings, "icon", "a.h33") == ["a.h33", "a.i33"]
        lane.once()
        assert store.objects == {uid: data}
        assert cli.main(words) == 0

    def test_what_was_deleted_on_purpose_is_asked_for_no_more(
        self, lane: Lane, store: Store
    ) -> None:
        drop(lane.settings)
        lane.once()
        store.objects.clear()
        serve.release(lane.settings, "icon", "a.h33")
        assert names(lane.settings, "done") == ["a.h33", "a.i33"]
        assert all(each.right for each in count.count(lane.settings))

    def test_refused_and_waiting_files(self, lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
        drop(lane.settings, "a", "icon", "static", Static="Curve")
        lane.once()
        drop(lane.settings, "b")
        icon, _ = count.count(lane.settings)
        assert (icon.came, icon.done, icon.refused, icon.right) == (1, 0, 1, True)
        monkeypatch.setattr(count, "LONG", -1.0)
        icon, _ = count.count(lane.settings)
        assert icon.waiting == ("b.h33", "b.i33")
        assert not icon.right

    def test_an_archive_that_is_down_is_no_clean_count(
        self, lane: Lane, store: Store, mails: list[tuple[str, str]]
    ) -> None:
        drop(lane.settings)
        lane.once()
        store.down = True
        assert cli.main(["count", *config(lane.settings), "--mail"]) == 1
        assert mails[0][0] == "intake could not be counted"

    def test_a_lane_that_never_ran(self, settings: Settings) -> None:
        with pytest.raises(Refused, match="no ledger"):
            count.count(settings)


class TestLedger:
    def test_search(self, lane: Lane, capsys: pytest.CaptureFixture[str]) -> None:
        drop(lane.settings, "a")
        (lane.settings.root / "varicam/incoming/許.bin").write_bytes(b"no format")
        drop(lane.settings, "c", "icon", "static", Static="Curve")
        lane.once()
        words = config(lane.settings)

        def found(*more: str) -> list[str]:
            assert cli.main(["ledger", *words, *more]) == 0
            return [row["files"] for row in csv.DictReader(capsys.readouterr().out.splitlines())]

        (row,) = lane.ledger.search(device="icon", state="done")
        assert found() == ["a.h33 a.i33", "c.h33 c.i33", "許.bin"]
        assert found("--device", "varicam") == found("許") == ["許.bin"]
        assert found("--device", "icon", "--state", "quarantined") == ["c.h33 c.i33"]
        assert found("curve") == ["c.h33 c.i33"]
        assert found(row.objects[0]) == found(row.digest[:20]) == ["a.h33 a.i33"]
        today = dt.date.today()
        assert len(found("--since", str(today), "--until", str(today))) == 3
        assert found("--until", str(today - dt.timedelta(days=1))) == []
        assert found("no such thing") == []
        assert found("' OR 1 --") == []


class TestState:
    def test_what_lies_where_and_what_was_stored_last(
        self, lane: Lane, capsys: pytest.CaptureFixture[str]
    ) -> None:
        drop(lane.settings, "a")
        drop(lane.settings, "c", "icon", "static", Static="Curve")
        lane.once()
        drop(lane.settings, "b")
        (lane.settings.root / "icon/incoming/.half").touch()
        (lane.settings.root / "varicam/outgoing/x.h33").touch()
        (row,) = lane.ledger.search(device="icon", state="done")
        assert cli.main(["state", *config(lane.settings), "--json"]) == 0
        icon, varicam = json.loads(capsys.readouterr().out)
        told = {"name": "icon", "waiting": 2, "outgoing": 0, "quarantined": 2, "silent": False}
        assert icon == {**told, "last": row.settled}
        assert (varicam["outgoing"], varicam["last"], varicam["quarantined"]) == (1, "", 0)
        assert cli.main(["state", *config(lane.settings)]) == 0
        said = capsys.readouterr().out.splitlines()
        assert said[0].startswith("icon: 2 waiting, 0 to be fetched, last stored 2")
        assert said[1] == "varicam: 0 waiting, 1 to be fetched, none stored"

    def test_a_device_that_fell_silent(self, lane: Lane) -> None:
        """The lane's own clock wrote when they came: each working day of three months."""
        lane.ledger._db.executemany(
            "INSERT INTO intake (device, digest, names, originals, state, came, settled)"
            " VALUES ('icon', ?, '[]', '[]', 'done', ?, ?)",
            [(f"{n}", f"{at:%FT%T}+00:00", f"{at:%FT%T}+00:00") for n, at in enumerate(weeks(12))],
        )
        last = max(weeks(12))
        for days, quiet in ((1, False), (30, True)):
            icon, varicam = state.look(lane.settings, last + dt.timedelta(days=days))
            assert (icon.silent, varicam.silent) == (quiet, False)
        assert "SILENT" in icon.show()

    def test_a_lane_that_never_ran_has_stored_nothing(self, settings: Settings) -> None:
        assert {each.last for each in state.look(settings)} == {""}

    def test_who_only_looks_cannot_write(self, lane: Lane) -> None:
        drop(lane.settings)
        lane.once()
        book = Ledger.to_read(lane.settings.state)
        assert list(book.last_stored()) == ["icon"]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            book.carried_out(next(book.rows()), "done")

    def test_who_may_not_write_there_reads_all_the_same(self, lane: Lane) -> None:
        """As the report site's timer: while the lane runs, and when it has ended."""
        drop(lane.settings)
        lane.once()
        words = [sys.executable, "-m", "intake", "state", *config(lane.settings), "--json"]

        def told() -> str:
            away = ["bwrap", "--ro-bind", "/", "/", *words]
            here = {**os.environ, "PYTHONPATH": str(kit.ROOT)}
            done = subprocess.run(away, capture_output=True, text=True, check=True, env=here)
            return str(json.loads(done.stdout)[0]["last"])

        assert told()
        assert Ledger.place(lane.settings.state).with_name("ledger.sqlite-wal").exists()
        lane.ledger._db.close()
        assert not Ledger.place(lane.settings.state).with_name("ledger.sqlite-wal").exists()
        assert told()


def weeks(number: int, days: str = "12345", hours: tuple[int, ...] = (9, 14)) -> list[dt.datetime]:
    """Images at these hours on these days (Monday is 1), for that many weeks from MONDAY."""
    return [
        MONDAY + dt.timedelta(weeks=week, days=int(day) - 1, hours=hour)
        for week in range(number)
        for day in days
        for hour in hours
    ]


def after(arrivals: list[dt.datetime], days: float) -> rhythm.Verdict:
    """Asked that many days after the midnight behind the last arrival."""
    midnight = dt.datetime.combine(max(arrivals).date() + dt.timedelta(days=1), dt.time())
    return rhythm.judge(arrivals, midnight + dt.timedelta(days=days))


class TestRhythm:
    def test_a_weekend_is_no_silence(self) -> None:
        assert not after(weeks(12), 2.3).silent  # Monday, before nine

    def test_two_working_days_are(self) -> None:
        verdict = after(weeks(12), 2 + 1.6)  # Tuesday afternoon
        assert verdict.silent
        assert [day.weekday() for day in verdict.missed] == [0, 1]

    def test_one_working_day_is_not(self) -> None:
        assert not after(weeks(12), 3.3).silent  # Tuesday before nine

    def test_a_camera_used_on_tuesdays_only(self) -> None:
        tuesdays = weeks(12, "2")
        assert not after(tuesdays, 12.9).silent  # one Tuesday without
        assert after(tuesdays, 13.9).silent  # two

    def test_every_second_week_may_be_silent_for_a_month(self) -> None:
        rare = [each for each in weeks(12, "3") if (each - MONDAY).days // 7 % 2]
        assert not after(rare, 20).silent
        assert after(rare, 90).silent

    def test_a_new_device_is_not_judged(self) -> None:
        verdict = after(weeks(1), 30)
        assert not verdict.known
        assert not verdict.silent
        assert rhythm.judge([], MONDAY) == rhythm.Verdict()

    def test_few_weeks_make_it_careful(self) -> None:
        assert not after(weeks(3), 2 + 1.6).silent
        assert after(weeks(3), 2 + 4.6).silent

    def test_one_long_silence_before_does_not_teach_it_to_expect_the_next(self) -> None:
        holiday = [each for each in weeks(12) if not 21 <= (each - MONDAY).days < 42]
        assert after(holiday, 3.6).silent

    def test_a_thousand_files_on_one_day_change_nothing(self) -> None:
        burst = [MONDAY + dt.timedelta(days=40, minutes=n) for n in range(1000)]
        assert after(weeks(12) + burst, 3.6) == after([*weeks(12), burst[0]], 3.6)

    def test_false_alarms_are_rare(self) -> None:
        """A device that sends on nine of ten working days, asked each evening for ten years."""
        rng = random.Random(3)  # noqa: S311 - repeatable
        sends = [each for each in weeks(520, hours=(10,)) if rng.random() < 0.9]
        alarms = 0
        for start in range(60, 3600):
            now = MONDAY + dt.timedelta(days=start, hours=18)
            known = sends[bisect(sends, now - dt.timedelta(days=100)) : bisect(sends, now)]
            alarms += rhythm.judge(known, now).silent
        assert alarms <= 8, alarms


class TestSilent:
    def test_it_is_said_once_and_in_plain_words(
        self, lane: Lane, mails: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        known = replace(lane.settings, mail="nm@example.org")
        drop(lane.settings)
        lane.once()
        book = lane.ledger._db
        now = dt.datetime.now()
        began = (now - dt.timedelta(days=3)).replace(hour=10)
        for each in range(60):
            came = (began - dt.timedelta(days=each)).astimezone(dt.UTC).isoformat()
            book.execute(
                "INSERT INTO intake (device, digest, names, originals, state, came, settled)"
                " VALUES ('icon', ?, '[]', '[]', 'done', ?, ?)",
                (str(each), came, came),
            )
        assert not any(each.verdict.silent for each in silent.look(known)), "it sent just now"
        book.execute("DELETE FROM intake WHERE length(digest) > 4")
        icon, varicam = found = silent.look(known)
        assert icon.verdict.silent
        assert not varicam.verdict.silent
        assert silent.tell_once(known, found) == ["icon"]
        assert silent.tell_once(known, found) == [], "once"
        ((subject, text),) = mails
        assert subject == "icon sends no images"
        assert text.startswith(f"icon has sent no images since {silent.DAYS[began.weekday()]}")
        assert "Expected, and not come: " in text
        assert cli.main(["silent", *config(lane.settings)]) == 1
        assert "icon: SILENT since" in capsys.readouterr().out
        (known.root / "icon/incoming/b.h33").write_text("waits")
        found = silent.look(known)
        assert not found[0].verdict.silent, "a file that waits is a sign of life"
        assert silent.tell_once(known, found) == ["icon"]
        assert mails[-1][0] == "icon sends images again"
        assert cli.main(["silent", *config(lane.settings)]) == 0
