"""What somebody did by hand: found, told with who and when, not undone unasked, never lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from box_kit import BoxInAFolder, file

from gateway.box import baseline, drifting, packages, ruleset, undoing, who
from gateway.box.activate import Guard, activate
from gateway.box.drift import Finding, afresh, findings
from gateway.box.files import Paths
from gateway.box.process import Done, Failed
from gateway.box.status import compare

FOLDERS = ("/etc/ours.d", "/etc/systemd/system")
FILES = (file("/etc/ours.d/a"), file("/etc/b"), file("/etc/c", mode=0o600))


@pytest.fixture
def box(tmp_path: Path) -> BoxInAFolder:
    """A box with an installer's file in a folder of ours, and a generation."""
    made = BoxInAFolder(tmp_path)
    made.put("/etc/ours.d/installer", "was there\n")
    take(made)
    return made


def take(box: BoxInAFolder) -> None:
    archive = str(box.archive(FILES, folders=FOLDERS))
    assert box.run("stage", archive) == 0
    assert box.run("activate", "--confirm-within", "0") == 0


def lines(box: BoxInAFolder) -> list[str]:
    return [str(each) for each in findings(box.store)]


def spoil(box: BoxInAFolder) -> None:
    (box.root / "etc/b").write_text("by hand\n")
    (box.root / "etc/c").chmod(0o644)
    box.put("/etc/ours.d/mine", "by hand\n")
    box.put("/etc/systemd/system/x.service.d/override.conf", "by hand\n")


def test_a_box_that_nobody_touched_has_no_drift(box: BoxInAFolder) -> None:
    assert lines(box) == []
    assert compare(box.store, box.store.generation().manifest.digest, "")["refusal"] == ""


def test_what_was_changed_and_added_is_found(box: BoxInAFolder) -> None:
    spoil(box)
    assert lines(box) == [
        "/etc/b: content differs",
        "/etc/c: mode differs",
        "/etc/ours.d/mine: nobody asked for it",
        "/etc/systemd/system/x.service.d/override.conf: nobody asked for it",
    ]
    # What is not ours and was there is told when it changes, and left alone.
    (box.root / "etc/ours.d/installer").write_text("another\n")
    (found,) = [each for each in findings(box.store) if each.name == "/etc/ours.d/installer"]
    assert found.fate == "left"


def test_an_apply_refuses_over_drift_unless_told_to_and_loses_nothing(
    box: BoxInAFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(box)
    before = box.everything()
    refusal = compare(box.store, box.store.generation().manifest.digest, "")["refusal"]
    assert "/etc/b: content differs" in refusal
    assert "--overwrite-drift" in refusal
    assert box.run("activate", "1", "--confirm-within", "0") == 1
    assert box.everything() == before
    capsys.readouterr()
    assert box.run("activate", "1", "--confirm-within", "0", "--overwrite-drift") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert lines(box) == []
    assert box.everything()["/etc/b"] == (0o644, "text\n")
    assert "/etc/ours.d/mine" not in box.everything()
    assert "/etc/ours.d/installer" in box.everything()
    (folder,) = (box.store.paths.memory / "aside").iterdir()
    assert (folder / "etc/b").read_text() == "by hand\n"
    assert (folder / "etc/ours.d/mine").read_text() == "by hand\n"
    assert f"/etc/b: put aside in {folder}" in told["aside"]


def test_what_an_interrupted_switch_left_is_nobodys_work(box: BoxInAFolder) -> None:
    spoil(box)
    state = box.store.state()
    box.store.remember(replace(state, pending=1))
    assert compare(box.store, "", "")["refusal"] == ""
    work = undoing.Undoing(box.store, box.store.generation().manifest, told_to=False)
    work.look()
    work.put_aside()
    assert (work.afresh, work.aside) == (set(), [])
    # Control: the same, not interrupted.
    box.store.remember(state)
    with pytest.raises(Failed, match="changed by hand"):
        work.look()


def test_nothing_is_put_aside_before_something_leads_back(box: BoxInAFolder) -> None:
    spoil(box)
    before, aside = box.everything(), box.store.paths.memory / "aside"

    def arm(_program: Path, _seconds: float) -> None:
        assert box.everything() == before
        assert not aside.exists()
        raise Failed("no timer")

    manifest = box.store.generation().manifest
    for armed in (False, True):
        guard = Guard(keep=lambda _store: Path("p"), arm=arm, disarm=lambda: None)
        guard = replace(guard, arm=lambda _program, _seconds: None) if armed else guard
        work = undoing.Undoing(box.store, manifest, told_to=True)
        if armed:  # the control
            activate(box.store, confirm_within=60, guard=guard, undoing=work)
            assert (box.root / "etc/b").read_text() == "text\n"
        else:
            with pytest.raises(Failed, match="nothing was switched: no timer"):
                activate(box.store, confirm_within=60, guard=guard, undoing=work)
        assert aside.exists() == armed


def test_a_clock_that_was_set_back_does_not_throw_away_what_was_just_put_aside(
    box: BoxInAFolder,
) -> None:
    aside = box.store.paths.memory / "aside"
    for number in range(25):
        (aside / f"9999-01-{number:02}").mkdir(parents=True)
    spoil(box)
    assert box.run("activate", "1", "--confirm-within", "0", "--overwrite-drift") == 0
    names = sorted(each.name for each in aside.iterdir())
    assert len(names) == undoing.KEEP
    assert (aside / names[0] / "etc/b").read_text() == "by hand\n"
    assert names[1] == "9999-01-06", "the oldest went"


def test_a_switch_that_fails_tells_what_it_has_put_aside(box: BoxInAFolder) -> None:
    spoil(box)
    wrong = file("/etc/d", reload=("sh", "-c", "echo no tape; exit 1"))
    archive = str(box.archive((*FILES, wrong), folders=FOLDERS))
    assert box.run("stage", archive) == 0
    work = undoing.Undoing(box.store, box.store.generation().manifest, told_to=True)
    with pytest.raises(Failed, match="no tape") as failed:
        activate(box.store, undoing=work)
    assert "/etc/ours.d/mine: put aside in" in str(failed.value)
    assert box.store.state().active == 1


def test_a_rollback_is_not_held_up_by_drift_and_loses_nothing_of_it(box: BoxInAFolder) -> None:
    archive = str(box.archive((*FILES, file("/etc/d")), folders=FOLDERS))
    assert box.run("stage", archive) == 0
    assert box.run("activate", "--confirm-within", "0") == 0
    spoil(box)
    assert box.run("rollback", "--confirm-within", "0") == 0
    assert box.store.state().active == 1
    assert lines(box) == []
    (folder,) = (box.store.paths.memory / "aside").iterdir()
    assert (folder / "etc/b").read_text() == "by hand\n"
    assert (folder / "etc/ours.d/mine").read_text() == "by hand\n"


def test_staging_and_switching_in_one_go(
    box: BoxInAFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    files = (*FILES[:1], file("/etc/b", "another\n"), FILES[2])
    archive = str(box.archive(files, folders=FOLDERS))
    assert box.run("take", archive, "--confirm-within", "0") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["activated"], told["generation"], told["files"]) == (True, 2, ["/etc/b"])
    # What has to come before the switch comes first: packages, say.
    archive = str(box.archive(files, folders=FOLDERS, packages=("no-such-package",)))
    assert box.run("take", archive, "--confirm-within", "0") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["activated"], told["packages_missing"]) == (False, ["no-such-package"])
    assert box.store.state().active == 2


def test_a_generation_that_is_not_whole_has_no_baseline(tmp_path: Path) -> None:
    box = BoxInAFolder(tmp_path)
    assert baseline.read(box.store.paths) is None
    assert findings(box.store) == []


def test_packages_that_changed_are_told_and_left(
    box: BoxInAFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = baseline.Package
    was = {"a": package("1"), "b": package("1"), "c": package("1"), "d": package("1")}
    monkeypatch.setattr(baseline, "packages", lambda: was)
    baseline.note(box.store.paths, (), ())
    now = {"a": package("2"), "b": package("1", "hold"), "d": package("1"), "e": package("3")}
    monkeypatch.setattr(baseline, "packages", lambda: now)
    found = [each for each in findings(box.store) if each.kind == "package"]
    assert [str(each) for each in found] == [
        "a: 1 became 2",
        "b: hold, was install",
        "c: removed (was 1)",
        "e: installed (3)",
    ]
    assert {each.fate for each in found} == {"left"}


def test_what_a_package_brought_is_told_and_left(
    box: BoxInAFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(box)
    monkeypatch.setattr(packages, "owned", lambda files: {"/etc/ours.d/mine"} & set(files))
    found = {each.name: each.fate for each in findings(box.store) if each.kind == "added"}
    dropin = "/etc/systemd/system/x.service.d/override.conf"
    assert found == {"/etc/ours.d/mine": "left", dropin: "undone"}


def test_a_letter_goes_once_about_the_same_drift(box: BoxInAFolder) -> None:
    letters: list[str] = []

    def send(_paths: Paths, subject: str, text: str) -> Done:
        letters.append(f"{subject}\n{text}")
        return Done((), 0, "", "")

    drifting.write_home(box.store, send)
    assert letters == []
    spoil(box)
    for _ in range(3):
        drifting.write_home(box.store, send)
    assert len(letters) == 1
    assert "/etc/b: content differs" in letters[0]
    (box.root / "etc/ours.d/a").unlink()
    drifting.write_home(box.store, send)
    assert len(letters) == 2
    memory = box.store.paths.memory / "drift.json"
    told = json.loads(memory.read_text())
    memory.write_text(json.dumps({**told, "written": told["written"] - 8 * 86400}))
    drifting.write_home(box.store, send)
    assert len(letters) == 3, "a week later once more"


def test_who_must_look_again(box: BoxInAFolder) -> None:
    reload = ("/usr/bin/systemctl", "try-restart", "x.service")
    files = (file("/etc/nftables.conf"), file("/etc/x.conf", reload=reload), file("/etc/y"))
    box.run("stage", str(box.archive(files)))
    manifest = box.store.generation().manifest
    assert afresh([Finding("rules", "firewall", "added")], manifest) == {"/etc/nftables.conf"}
    dropin = Finding("added", "/etc/systemd/system/x.service.d/o.conf", "")
    assert afresh([dropin], manifest) == {"/etc/x.conf"}
    assert afresh([Finding("file", "/etc/y", "content differs")], manifest) == set()


NOW = datetime(2026, 11, 22, 14, 0, 0).astimezone()


def journal(*entries: tuple[int, str]) -> str:
    return "\n".join(
        json.dumps(
            {
                "__REALTIME_TIMESTAMP": str(int((NOW.timestamp() + seconds) * 1e6)),
                "MESSAGE": message,
            }
        )
        for seconds, message in entries
    )


LOGIN = "Accepted publickey for root from 10.1.2.5 port 4000 ssh2: ED25519 SHA256:abc"
LOGOUT = "Disconnected from user root 10.1.2.5 port 4000"
SUDO = "   anna : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/vi /etc/hosts"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([(-60, LOGIN)], "logged in then: root from 10.1.2.5 (ED25519 SHA256:abc)"),
        ([(-60, LOGIN), (60, LOGOUT)], "logged in then: root from 10.1.2.5 (ED25519 SHA256:abc)"),
        ([(-60, LOGIN), (-30, LOGOUT)], ""),
        ([(60, LOGIN)], ""),
        ([(-60, LOGIN), (-5, SUDO)], "anna by sudo at 2026-11-22 13:59:55: /usr/bin/vi /etc/hosts"),
        ([(-3600, SUDO)], ""),
        ([(-5, "pam_unix(login:session): session opened for user root(uid=0) by (uid=0)")],
         "logged in then: root at the console"),
        ([(-5, "a line of something else")], ""),
    ],
)  # fmt: skip
def test_who_was_there(entries: Sequence[tuple[int, str]], expected: str) -> None:
    assert who.read_journal(journal(*entries)).who(NOW, "hosts") == expected


def test_who_ran_a_command_about_it_goes_before_who_ran_another() -> None:
    other = SUDO.replace("anna", "bert").replace("/etc/hosts", "/etc/motd")
    past = who.read_journal(journal((-60, SUDO), (-5, other)))
    assert past.who(NOW, "hosts").startswith("anna")
    assert past.who(NOW, "motd").startswith("bert")
    assert past.who(NOW - timedelta(seconds=30), "motd").startswith("anna")


def test_packages_are_told_by_the_command_that_changed_them() -> None:
    dpkg = (
        "2026-11-20 10:00:00 startup archives unpack\n"
        "2026-11-20 10:00:01 install sl:amd64 <none> 5.02\n"
        "2026-11-20 10:00:02 status installed sl:amd64 5.02\n"
        "2026-11-21 09:00:05 upgrade samba:amd64 4.22.1 4.22.2\n"
        "2026-11-22 08:00:00 remove cowsay:all 3.03 <none>\n"
    )
    apt = (
        "\nStart-Date: 2026-11-20  10:00:00\nCommandline: apt-get install --option=x=y sl\n"
        "Requested-By: anna (1000)\nInstall: sl\nEnd-Date: 2026-11-20  10:00:03\n"
        "\nStart-Date: 2026-11-21  09:00:00\nCommandline: /usr/bin/unattended-upgrade\n"
        "Upgrade: samba\nEnd-Date: 2026-11-21  09:01:00\n"
    )
    found = who.read_packages(dpkg, apt)
    assert found["sl"] == who.Done(
        "2026-11-20 10:00:01", "install", "anna (1000): apt-get install sl"
    )
    assert found["samba"].by == "/usr/bin/unattended-upgrade"
    assert found["cowsay"] == who.Done("2026-11-22 08:00:00", "remove", "by dpkg")


def ruleset_of(*elements: str, rule: str = "") -> str:
    listed = ",\n\t\t\t     ".join(elements)
    return (
        "table inet gateway {\n\tset s {\n\t\ttype ipv4_addr . inet_service\n"
        f"\t\telements = {{ {listed} }}\n\t}}\n\n\tchain input {{\n"
        f"\t\ttype filter hook input priority filter; policy drop;\n{rule}\t}}\n}}\n"
    )


def test_a_sets_order_is_no_difference_and_a_rule_is() -> None:
    one = '10.1.1.1 . 80 comment "a, b"'
    two = '10.1.1.2 . 80 comment "c"'
    plain = ruleset.normal(ruleset_of(one, two))
    assert plain == ruleset.normal(ruleset_of(two, one))
    assert f"table inet gateway, s: element {one}" in plain
    more = ruleset.normal(ruleset_of(one, two, rule="\t\ttcp dport 8080 accept\n"))
    assert set(more) - set(plain) == {"table inet gateway, input: tcp dport 8080 accept"}
