"""A DOS translator in DOSBox: it really runs, for so long and no longer, and its output is stored.

DOSBox is that of the Debian 13 tree (``lab/translation.py``); these tests are skipped without it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from intake import sandbox
from intake.dos.translator import Translator, dos_name, translate
from intake.lane import serve
from intake.lane.lane import Lane
from intake.lane.settings import Settings
from intake.lane.settle import Settling
from intake.refused import Refused
from tests.intake import dos_program, kit
from tests.intake.lane_kit import BASE, Store, drop, names, settings, store

__all__ = ["settings", "store"]
COMMANDS = ("copy {in} C:\\SCAN.IMG", "TRANS.COM")
PIXELS = kit.counts(1, 6, 8).astype(">u2").tobytes()


@pytest.fixture
def dosbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "TOOLS", kit.tree())
    monkeypatch.setenv("INTAKE_TOOLS", str(kit.tree()))  # of the desk's own process


@pytest.fixture
def program(tmp_path: Path) -> Path:
    folder = tmp_path / "vendor"
    folder.mkdir()
    (folder / "TRANS.COM").write_bytes(dos_program.program())
    (folder / "HANG.COM").write_bytes(dos_program.HANG)
    return folder


def scan(folder: Path, name: str = "SCAN0001.IMG", **changed: str) -> Path:
    text = (BASE / "static.h33").read_text().replace("scan.i33", "SCAN.I33")
    for old, new in changed.items():
        assert old in text
        text = text.replace(old, new)
    (folder / name).write_bytes(dos_program.study(text.encode(), PIXELS))
    return folder / name


def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.mark.usefixtures("dosbox")
class TestTranslator:
    def test_it_translates(self, tmp_path: Path, program: Path) -> None:
        source = scan(tmp_path)
        made = translate(Translator(program, COMMANDS), [source], work(tmp_path))
        assert sorted(path.name for path in made.iterdir()) == ["SCAN.H33", "SCAN.I33"]
        assert (made / "SCAN.I33").read_bytes() == PIXELS
        assert sorted(path.name for path in program.iterdir()) == ["HANG.COM", "TRANS.COM"]

    def test_what_it_says_is_the_reason(self, tmp_path: Path, program: Path) -> None:
        (tmp_path / "A.IMG").write_bytes(b"short")
        with pytest.raises(
            Refused, match=r"reports an error; it says: [\s\S]*SCAN\.IMG is not a study"
        ):
            translate(Translator(program, COMMANDS), [tmp_path / "A.IMG"], work(tmp_path))

    def test_one_that_hangs_is_ended(self, tmp_path: Path, program: Path) -> None:
        began = time.monotonic()
        known = Translator(program, ("HANG.COM",), seconds=3)
        with pytest.raises(Refused, match="did not end within 3 s"):
            translate(known, [scan(tmp_path)], work(tmp_path))
        assert time.monotonic() - began < 15

    def test_no_file_is_no_success(self, tmp_path: Path, program: Path) -> None:
        with pytest.raises(Refused, match="made no file"):
            translate(Translator(program, ("dir c:",)), [scan(tmp_path)], work(tmp_path))


@pytest.mark.parametrize("there", [True, False])
def test_a_program_that_nobody_copied_is_said(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "star").mkdir()
    known = Translator(tmp_path / "star", COMMANDS)
    with pytest.raises(Refused, match=r"translator in \S+/star"):
        translate(known, [scan(tmp_path)], work(tmp_path))


@pytest.fixture
def lane(settings: Settings, program: Path) -> Iterator[Lane]:
    dos = {"varicam": Translator(program, COMMANDS, seconds=60)}
    made = Lane(replace(settings, dos=dos))
    yield made
    made.answers.stop()


def until(lane: Lane, moved: int) -> None:
    """The lane looks until so many groups went somewhere."""
    end = time.monotonic() + 60
    while moved > 0:
        moved -= lane.once()
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.usefixtures("dosbox")
class TestLane:
    def test_through_dos_into_the_archive_and_nobody_waits(self, lane: Lane, store: Store) -> None:
        incoming = lane.settings.folder("varicam") / "incoming"
        scan(incoming)
        scan(incoming, "C.IMG", Static="Curve")
        (incoming / "D.IMG").write_bytes(b"junk")
        assert lane.once() == 0
        drop(lane.settings, "a", "icon")
        assert lane.once() == 1, "another device does not wait for the translator"
        until(lane, 3)
        assert names(lane.settings, "done", "varicam") == ["SCAN0001.IMG"]
        quarantine = lane.settings.folder("varicam") / "quarantine"
        assert "SCAN.H33: line 18: 'type of data' is" in (quarantine / "C.IMG.txt").read_text()
        assert "SCAN.IMG is not a study" in (quarantine / "D.IMG.txt").read_text()
        assert len(store.objects) == 2
        assert sorted(path.name for path in (lane.settings.state / "dos").iterdir()) == ["lock"]

    def test_a_cut_lane_translates_no_file_twice(self, lane: Lane, store: Store) -> None:
        scan(lane.settings.folder("varicam") / "incoming")
        jobs = lane.settings.state / "dos"
        while not any(path.is_dir() and not path.suffix for path in jobs.glob("*")):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(lane.answers, "_all", None)  # the lane ends before it has the answer
                try:
                    lane.once()
                except TypeError:
                    break
            time.sleep(0.05)
        again = Lane(replace(lane.settings, dos={"varicam": Translator(Path("/none"), COMMANDS)}))
        until(again, 1)
        again.answers.stop()
        assert names(lane.settings, "done", "varicam") == ["SCAN0001.IMG"]
        assert len(store.objects) == 1

    def test_retry_is_a_new_job(self, lane: Lane, program: Path) -> None:
        code = (program / "TRANS.COM").read_bytes()
        (program / "TRANS.COM").write_bytes(b"\xb8\x01\x4c\xcd\x21")  # ends with 1
        scan(lane.settings.folder("varicam") / "incoming")
        until(lane, 1)
        assert "SCAN0001.IMG" in names(lane.settings, "quarantine", "varicam")
        (program / "TRANS.COM").write_bytes(code)
        serve.retry(lane.settings, "varicam", "SCAN0001.IMG")
        until(lane, 1)
        assert names(lane.settings, "done", "varicam") == ["SCAN0001.IMG"]


def test_names_that_dos_takes() -> None:
    assert dos_name("scan-1.img", 1) == "SCAN-1.IMG"
    assert dos_name("許功蓋.img", 2) == "FILE0002.IMG"
    assert dos_name("a longer name", 3) == "FILE0003.DAT"
    assert dos_name("x.img & del c:", 4) == "FILE0004.IMG"


def test_files_that_belong_together(tmp_path: Path) -> None:
    settling = Settling(tmp_path, 1, 100, (".hdr", ".img"))
    for name in ("A.IMG", "b.hdr", "C.LOG"):
        (tmp_path / name).write_bytes(b"x")
    assert [group.names for group in settling.ready(0)] == []
    assert [group.names for group in settling.ready(2)] == [("C.LOG",)]
    (tmp_path / "a.hdr").write_bytes(b"y")
    (tmp_path / "C.LOG").unlink()
    assert [group.names for group in settling.ready(3)] == [], "it may still grow"
    assert [group.names for group in settling.ready(5)] == [("a.hdr", "A.IMG")]
    assert ("b.hdr",) in {group.names for group in settling.ready(200)}, "handed on in the end"
