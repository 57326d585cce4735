"""Confirm, or go back: what counts as a confirmation, and what every way back leads to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from box_kit import BoxInAFolder, file

from gateway.box import confirm, session, watchdog
from gateway.box import lock as lock_module
from gateway.box.activate import Guard, activate
from gateway.box.lock import Busy, hold, holder
from gateway.box.process import Failed
from gateway.box.session import Process
from gateway.box.state import State, read_state
from gateway.box.status import compare, status

ONE, TWO, THREE = (file("/etc/a", f"{number}\n") for number in (1, 2, 3))


@pytest.fixture
def box(tmp_path: Path) -> BoxInAFolder:
    return BoxInAFolder(tmp_path)


class Watch:
    """A watchdog that only notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.guard = Guard(
            keep=lambda _store: Path("program"),
            arm=lambda _program, seconds: self.asked.append(f"arm {seconds:.0f}"),
            disarm=lambda: self.asked.append("disarm"),
        )


@pytest.fixture
def watch() -> Watch:
    return Watch()


def switch(box: BoxInAFolder, watch: Watch, *files: object) -> None:
    activate(box.store, box.stage(*files), confirm_within=60, guard=watch.guard)  # type: ignore[arg-type]


def connected(began: float) -> Callable[[], Process]:
    return lambda: Process(100, 90, "sshd-session", began)


def test_a_switch_waits_for_a_confirmation_by_a_new_connection(
    box: BoxInAFolder, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.apply(ONE)
    old = session.boottime() - 1  # began is counted in ticks: a little before is not surely older
    switch(box, watch, TWO)
    assert watch.asked == ["arm 60"]
    told = status(box.store)
    assert (told["state"], told["active"], told["confirmed"]) == ("unconfirmed", 2, 1)
    assert 50 < told["seconds_left"] <= 60
    assert "not confirmed" in compare(box.store, told["manifest"], "")["reasons"][0]
    monkeypatch.setattr(session, "connection", connected(old))
    with pytest.raises(Failed, match="older than the switch"):
        confirm.confirm(box.store, guard=watch.guard)
    assert box.state()["confirmed"] == 1
    monkeypatch.setattr(session, "connection", connected(session.boottime() + 1))
    assert "opened after" in confirm.confirm(box.store, 2, watch.guard)
    assert watch.asked == ["arm 60", "disarm"]
    assert box.state()["confirmed"] == 2
    assert box.state()["before"] == 1
    assert "already" in confirm.confirm(box.store, guard=watch.guard)


def test_on_the_box_itself_it_may_be_confirmed_and_that_is_said(
    box: BoxInAFolder, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "connection", lambda: None)
    switch(box, watch, ONE)
    assert "on the box itself" in confirm.confirm(box.store, guard=watch.guard)


def test_only_what_is_active_can_be_confirmed(box: BoxInAFolder, watch: Watch) -> None:
    with pytest.raises(Failed, match="no generation yet"):
        confirm.confirm(box.store, guard=watch.guard)
    box.apply(ONE)
    switch(box, watch, TWO)
    with pytest.raises(Failed, match="generation 1 is not active, generation 2 is"):
        confirm.confirm(box.store, 1, watch.guard)
    box.store.remember(replace(box.store.state(), pending=2))
    with pytest.raises(Failed, match="interrupted"):
        confirm.confirm(box.store, guard=watch.guard)


def late(box: BoxInAFolder) -> None:
    """Let the time for a confirmation be over."""
    box.store.remember(replace(box.store.state(), deadline=session.boottime() - 5))


def test_without_a_confirmation_the_box_goes_back(box: BoxInAFolder, watch: Watch) -> None:
    noting = file("/etc/b", "1\n", reload=box.noting("b"))
    box.apply(ONE, noting)
    before = box.everything()
    switch(box, watch, TWO, file("/etc/b", "2\n", reload=box.noting("b")), file("/etc/c"))
    box.noted()
    assert not confirm.time_out(box.store), "before its time it does nothing"
    assert box.state()["active"] == 2
    late(box)
    assert confirm.time_out(box.store)
    assert box.everything() == before
    assert box.noted() == ["b"]
    told = status(box.store)
    assert (told["state"], told["active"]) == ("active", 1)
    assert "generation 2 was not confirmed in time" in told["returned"]
    assert [event.what for event in box.store.generation(2).record.events] == [
        "staged",
        "active",
        "rolled back",
    ]
    assert not confirm.time_out(box.store), "a second time there is nothing to do"
    # Control: what was confirmed stays, however late it is.
    switch(box, watch, TWO)
    confirm.confirm(box.store, guard=watch.guard)
    late(box)
    assert not confirm.time_out(box.store)
    assert box.everything()["/etc/a"] == (0o644, "2\n")


def test_a_first_generation_that_nobody_confirms_leaves_what_was_there(
    box: BoxInAFolder, watch: Watch
) -> None:
    box.put("/etc/a", "the distribution's\n")
    before = box.everything()
    switch(box, watch, ONE, file("/etc/deep/er"))
    late(box)
    assert confirm.time_out(box.store)
    assert box.everything() == before
    assert status(box.store)["state"] == "bare"


def test_the_clock_on_the_wall_decides_nothing(
    box: BoxInAFolder, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.apply(ONE)
    switch(box, watch, TWO)
    real = time.time
    for hours in (-1, 1):
        monkeypatch.setattr(time, "time", lambda hours=hours: real() + 3600 * hours)
        assert 50 < (status(box.store)["seconds_left"] or 0) <= 60
        assert not confirm.time_out(box.store)
    now = session.boottime()
    monkeypatch.setattr(session, "boottime", lambda: now + 61)
    assert confirm.time_out(box.store)


def test_where_no_watchdog_can_be_armed_nothing_is_switched(box: BoxInAFolder) -> None:
    box.apply(ONE)
    before = box.everything()

    def broken(_program: Path, _seconds: float) -> None:
        raise Failed("the watchdog cannot be armed: systemd-run: command not found")

    guard = Guard(arm=broken, disarm=lambda: None)
    with pytest.raises(Failed, match=r"nothing was switched: the watchdog cannot be armed"):
        activate(box.store, box.stage(TWO), confirm_within=60, guard=guard)
    assert box.everything() == before
    assert status(box.store)["state"] == "active"


def test_a_watchdog_that_systemd_did_not_arm_is_no_watchdog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd-run may end well and the timer be gone: it is looked at."""
    for name, text in {"systemd-run": "exit 0", "systemctl": "echo ActiveState=inactive"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr("gateway.box.process.PATH", str(tmp_path))
    with pytest.raises(Failed, match="not armed"):
        watchdog.arm(tmp_path / "program.zip", 5)
    (tmp_path / "systemctl").write_text("#!/bin/sh\necho ActiveState=active SubState=waiting\n")
    watchdog.arm(tmp_path / "program.zip", 5)


def test_the_program_that_leads_back_is_whole_and_of_its_own(box: BoxInAFolder) -> None:
    kept = watchdog.keep_program(box.store.paths)
    with zipfile.ZipFile(kept) as archive:
        assert {"__main__.py", "box/confirm.py", "box/__main__.py"} <= set(archive.namelist())
    done = subprocess.run(
        [sys.executable, "-IB", str(kept), "--help"], capture_output=True, text=True, check=True
    )
    assert "confirm" in done.stdout
    before = kept.stat().st_mtime_ns
    assert watchdog.keep_program(box.store.paths).stat().st_mtime_ns == before


def test_a_failed_switch_goes_back_to_what_is_confirmed_not_to_what_was_tried(
    box: BoxInAFolder, watch: Watch
) -> None:
    box.apply(ONE)
    before = box.everything()
    switch(box, watch, TWO)
    with pytest.raises(Failed, match="back in generation 1"):
        switch(box, watch, THREE, file("/etc/bad", reload=("false",)))
    assert box.everything() == before
    assert watch.asked == ["arm 60", "arm 60", "disarm"]


def test_what_an_interrupted_write_left_is_swept_away(box: BoxInAFolder) -> None:
    box.apply(ONE)
    before = box.everything()
    box.put("/etc/.a.gateway-new", "half of")
    box.put("/etc/.other.gateway-new", "nobody of ours")
    box.store.remember(replace(box.store.state(), pending=1))
    assert confirm.leave(box.store, "interrupted")
    left = {"/etc/.other.gateway-new": (0o644, "nobody of ours")}
    assert box.everything() == before | left


def test_a_damaged_generation_is_refused_with_its_file(box: BoxInAFolder) -> None:
    box.apply(ONE)
    number = box.stage(TWO)
    staged = box.store.generation(number).staged("/etc/a")
    staged.write_text("bad block\n")
    with pytest.raises(Failed, match=r"generation 2 is refused.*\n.*/etc/a was damaged"):
        activate(box.store, number)
    assert box.everything()["/etc/a"] == (0o644, "1\n")
    # The same tree again is brought anew, and taken.
    assert box.apply(TWO).files == ["/etc/a"]
    assert box.state()["active"] == 3


def test_secrets_go_back_with_their_generation(box: BoxInAFolder, watch: Watch) -> None:
    accounts = file("/etc/gateway/accounts.json", reload=box.noting("accounts"))
    box.put("/etc/gateway/secrets.json", "old\n", 0o600)
    box.apply(accounts, ONE)
    box.noted()
    box.put("/etc/gateway/secrets.json", "new\n", 0o600)
    switch(box, watch, accounts, TWO)
    assert box.noted() == ["accounts"]
    late(box)
    assert confirm.time_out(box.store)
    assert box.store.paths.secrets.read_text() == "old\n"
    assert box.noted() == ["accounts"]


def test_rollback_leads_to_the_generation_confirmed_before(box: BoxInAFolder, watch: Watch) -> None:
    box.apply(ONE)
    with pytest.raises(Failed, match="confirmed before this one"):
        confirm.rollback_target(box.store)
    box.apply(TWO)
    assert confirm.rollback_target(box.store) == 1
    switch(box, watch, THREE)
    assert confirm.leave(box.store, "an administrator asked for it", watch.guard)
    assert box.state()["active"] == 2, "what is not confirmed is left for what is"
    assert not confirm.leave(box.store, "again", watch.guard)


def test_a_generation_that_a_way_leads_to_is_never_pruned(box: BoxInAFolder, watch: Watch) -> None:
    box.apply(ONE)
    box.apply(TWO)
    for number in range(3, 20):
        switch(box, watch, file("/etc/a", f"{number}\n"))
    box.store.prune()
    assert box.store.numbers()[:2] == [1, 2]
    assert (box.state()["confirmed"], box.state()["before"]) == (2, 1)
    assert len(box.store.numbers()) == 12


def test_the_state_of_an_older_program_is_read(tmp_path: Path) -> None:
    old = {"active": 4, "only_first": False, "since": "x", "secrets": "s", "pending": None}
    (tmp_path / "state.json").write_text(json.dumps(old))
    state = read_state(tmp_path / "state.json")
    assert state.settled
    assert (state.active, state.confirmed) == (4, 4)
    (tmp_path / "state.json").write_text(json.dumps({**old, "confirmed": 3, "of_tomorrow": 1}))
    assert read_state(tmp_path / "state.json").confirmed == 3
    assert read_state(tmp_path / "none.json") == State()
    (tmp_path / "state.json").write_text("[]")
    with pytest.raises(Failed, match="cannot be read"):
        read_state(tmp_path / "state.json")


def test_who_waits_for_the_lock_is_told_who_holds_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with hold(lock, "activate 7", 0):
        with pytest.raises(Busy, match=f"`activate 7`, pid {os.getpid()}, by .* since"):
            hold(lock, "stage", 0).__enter__()
        assert holder(lock) is not None
    assert holder(lock) is None
    with hold(lock, "stage", 0):
        pass


HANG = """
import sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from gateway.box.lock import hold
with hold(Path({lock!r}), {doing!r}, 0):
    print("held", flush=True)
    import subprocess
    subprocess.run(["sleep", "60"])
"""


@pytest.mark.parametrize(("doing", "ended"), [("activate 7", True), ("packages", False)])
def test_a_switch_that_hangs_is_ended_and_nothing_else_is(
    box: BoxInAFolder, doing: str, ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = box.store.paths.lock
    root = str(Path(__file__).parent.parent.parent)
    script = HANG.format(root=root, lock=str(lock), doing=doing)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as hung:
        assert hung.stdout
        hung.stdout.readline()
        watchdog.end_hung(box.store.paths)
        try:
            code = hung.wait(timeout=1)
        except subprocess.TimeoutExpired:
            code = None
        hung.kill()
    assert (code == -9) is ended
    assert lock.read_text(), "it had no time to clear it"
    assert holder(lock) is None
    with hold(lock, "next", 1):  # a dead holder holds nothing
        pass
    assert lock_module.holder(lock) is None


def test_the_ssh_connection_of_a_process_is_found(tmp_path: Path) -> None:
    """Listener 80 (child of 1), connection 90, its session 95, sudo 97, we 99."""
    chain = [(80, 1, "sshd"), (90, 80, "sshd-session"), (95, 90, "sshd-session")]
    chain += [(97, 95, "sudo (x)"), (99, 97, "python3")]
    for pid, parent, name in chain:
        (tmp_path / str(pid)).mkdir()
        rest = " ".join(["0"] * 17 + [str(pid * 100)] + ["0"] * 10)
        (tmp_path / str(pid) / "stat").write_text(f"{pid} ({name}) S {parent} {rest}\n")
    assert session.connection(tmp_path, 99) == Process(90, 80, "sshd-session", 90.0)
    assert session.connection(tmp_path, 80) is None


def test_list_show_and_diff(box: BoxInAFolder, capsys: pytest.CaptureFixture[str]) -> None:
    box.apply(ONE, file("/etc/key", "k1\n", mode=0o600), file("/etc/gone"))
    box.apply(TWO, file("/etc/key", "k2\n", mode=0o600), file("/etc/come", mode=0o755))
    capsys.readouterr()
    assert box.run("list") == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.split()[:2] == ["1", "confirmed"]
    assert second.split()[:3] == ["*", "2", "confirmed"]
    assert [each["active"] for each in json.loads(last)["generations"]] == [False, True]
    assert box.run("diff", "1", "2") == 0
    told = capsys.readouterr().out
    for line in ("-1\n", "+2\n", "+ file: /etc/come", "- file: /etc/gone", "not shown"):
        assert line in told
    assert "k1" not in told
    assert box.run("show", "2") == 0
    assert "/etc/key 0600" in capsys.readouterr().out
    assert box.run("show", "9") == 1
    assert "there is no generation 9 here" in capsys.readouterr().err


def test_a_return_is_told_by_mail_where_the_box_sends_any(box: BoxInAFolder, watch: Watch) -> None:
    sent = box.root / "sent"
    script = f"#!/bin/sh\ncat > {sent}\n"
    box.apply(ONE)
    for there in (False, True):
        switch(box, watch, TWO)
        late(box)
        if there:
            box.put("/usr/sbin/sendmail", script, 0o755)
            box.put("/etc/hostname", "gw1\n")
        assert confirm.time_out(box.store)
        assert sent.exists() is there
    text = sent.read_text()
    assert "To: root\nSubject: gw1: back in generation 1\n" in text
    assert "generation 2 was not confirmed in time" in text


def test_a_damaged_manifest_of_the_active_generation_blocks_nothing(
    box: BoxInAFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    box.apply(ONE)
    manifest = box.store.paths.memory / "generations/1/manifest.json"
    manifest.write_text("bad block")
    assert box.run("list") == 0
    assert "damaged" in capsys.readouterr().out
    assert box.run("status") == 1
    assert "generation 1" in capsys.readouterr().err
    # The same tree again, and a failing one: there is no way back, and that is said.
    archive = str(box.archive([ONE]))
    assert box.run("stage", archive) == 0
    assert box.run("activate", "2", "--confirm-within", "0") == 0, capsys.readouterr().err
    assert box.state()["confirmed"] == 2
    assert box.run("status") == 0
