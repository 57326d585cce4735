"""Switching: whole or not at all, and back to what was there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from box_kit import BoxInAFolder, file

from gateway.box import store as store_module
from gateway.box.drift import findings
from gateway.box.files import differs
from gateway.box.process import Failed
from gateway.box.state import State
from gateway.box.status import compare, status

SH = ("sh", "-n", "{file}")
GOOD, BAD = "if true; then :; fi\n", "if true; then :\n"


@pytest.fixture
def box(tmp_path: Path) -> BoxInAFolder:
    return BoxInAFolder(tmp_path)


def test_files_are_placed_with_their_modes_and_a_second_time_changes_nothing(
    box: BoxInAFolder,
) -> None:
    files = (file("/etc/a/b.conf"), file("/etc/key", "k\n", mode=0o600))
    assert box.apply(*files).files == ["/etc/a/b.conf", "/etc/key"]
    assert box.everything()["/etc/key"] == (0o600, "k\n")
    assert box.everything()["/etc/a/b.conf"] == (0o644, "text\n")
    before = box.state()
    assert not box.apply(*files).changed
    assert box.state() == before
    assert box.store.numbers() == [1]


def test_a_refused_tree_switches_nothing_and_every_checker_is_heard(box: BoxInAFolder) -> None:
    box.apply(file("/etc/one", GOOD, check=SH))
    before = box.everything()
    with pytest.raises(Failed) as refused:
        box.apply(file("/etc/one", BAD, check=SH), file("/etc/two", BAD, check=SH), file("/etc/x"))
    for word in ("nothing was switched", "/etc/one: sh -n", "/etc/two: sh -n", "end of file"):
        assert word in str(refused.value)
    assert box.everything() == before
    assert box.state()["active"] == 1
    # Control: the same files in good order are taken.
    box.apply(file("/etc/one", GOOD, check=SH), file("/etc/two", GOOD, check=SH), file("/etc/x"))
    assert "/etc/x" in box.everything()


def test_a_checker_sees_the_whole_staged_tree_and_not_the_box(box: BoxInAFolder) -> None:
    sees = ("sh", "-c", "test -f {root}/etc/part && ! test -e " + str(box.root) + "/etc/part")
    box.apply(file("/etc/whole", check=sees), file("/etc/part"))
    with pytest.raises(Failed, match="refused"):  # control: now it is on the box
        box.apply(file("/etc/whole", "new\n", check=sees), file("/etc/part"))


def test_a_missing_checker_and_an_unknown_owner_are_refusals(box: BoxInAFolder) -> None:
    stranger = replace(file("/etc/x", check=("no-such-checker",)), owner="nobody-knows")
    with pytest.raises(Failed) as refused:
        box.apply(stranger)
    assert "no-such-checker: command not found" in str(refused.value)
    assert "name not found: 'nobody-knows'" in str(refused.value)


def test_services_take_their_files_once_each_in_the_manifests_order(box: BoxInAFolder) -> None:
    files = [
        file("/etc/z", reload=box.noting("firewall")),
        file("/etc/b1", reload=box.noting("samba")),
        file("/etc/m", reload=box.noting("time")),
        file("/etc/b2", reload=box.noting("samba")),
        file("/etc/quiet"),
    ]
    box.apply(*files)
    assert box.noted() == ["firewall", "samba", "time"]
    box.apply(*files)
    assert box.noted() == []
    box.apply(*files[:3], file("/etc/b2", "other\n", reload=box.noting("samba")), files[4])
    assert box.noted() == ["samba"]


def test_a_failed_switch_leads_back_to_exactly_what_was_there(box: BoxInAFolder) -> None:
    box.put("/etc/chrony.conf", "the distribution's\n", 0o640)
    (box.root / "etc/resolv.conf").symlink_to("../run/resolv.conf")
    found = box.everything()
    wrong = [
        file("/etc/chrony.conf", "ours\n", reload=box.noting("chrony")),
        file("/etc/resolv.conf"),
        file("/etc/new/deep/x.conf"),
        file("/etc/bad", reload=("sh", "-c", "echo no such directive >&2; exit 3")),
    ]
    with pytest.raises(Failed) as failed:
        box.apply(*wrong)
    assert box.everything() == found
    for word in ("generation 1", "/etc/bad", "no such directive", "exit 3", "back in"):
        assert word in str(failed.value)
    assert replace(box.store.state(), boot="", returned="") == State()
    # Control: without the bad one they are placed.
    box.apply(*wrong[:3])
    assert box.everything()["/etc/chrony.conf"] == (0o644, "ours\n")


def test_a_failed_switch_reloads_what_it_had_changed_from_the_generation_before(
    box: BoxInAFolder,
) -> None:
    box.apply(file("/etc/a", "1\n", reload=box.noting("a")), file("/etc/same"))
    before = box.everything()
    box.noted()
    with pytest.raises(Failed, match="back in generation 1"):
        box.apply(
            file("/etc/a", "2\n", reload=box.noting("a")),
            file("/etc/same"),
            file("/etc/b", reload=box.noting("b", code=1)),
        )
    assert box.noted() == ["a", "b", "a", "b"]
    assert box.everything() == before
    assert box.state()["active"] == 1
    assert box.state()["pending"] is None


def test_a_path_that_nobody_claims_any_more_is_what_it_was(box: BoxInAFolder) -> None:
    box.put("/etc/default/d", "the distribution's\n", 0o600)
    found = box.everything()
    box.apply(file("/etc/default/d", "1\n"), file("/etc/deep/er/n"), file("/etc/keep"))
    box.apply(file("/etc/default/d", "2\n"), file("/etc/deep/er/n"), file("/etc/keep"))
    outcome = box.apply(file("/etc/keep"))
    assert outcome.removed == ["/etc/deep/er/n", "/etc/default/d"]
    assert box.everything() == found | {"/etc/keep": (0o644, "text\n")}


def test_what_stands_in_the_way_is_refused_before_anything_is_switched(box: BoxInAFolder) -> None:
    (box.root / "etc").mkdir()
    (box.root / "elsewhere").mkdir()
    (box.root / "etc/linked").symlink_to("../elsewhere")
    (box.root / "etc/folder").mkdir()
    box.put("/etc/plain", "x")
    before = box.everything()
    wrong = ("/etc/linked/x", "/etc/folder", "/etc/plain/x")
    with pytest.raises(Failed) as refused:
        box.apply(*(file(path) for path in wrong))
    assert all(path in str(refused.value) for path in wrong)
    assert box.everything() == before


def test_an_interrupted_switch_is_finished_and_every_service_looks_again(box: BoxInAFolder) -> None:
    files = [file("/etc/a", reload=box.noting("a")), file("/etc/b", reload=box.noting("b"))]
    box.apply(*files)
    box.noted()
    box.store.remember(replace(box.store.state(), pending=1))  # as a power cut leaves it
    assert status(box.store)["state"] == "interrupted"
    box.apply(*files)
    assert box.noted() == ["a", "b"]
    assert status(box.store)["state"] == "active"


def test_only_the_first_files_before_the_packages_and_back_to_them(box: BoxInAFolder) -> None:
    files = (file("/etc/wall", first=True), file("/etc/rest"))
    box.apply(*files, only_first=True)
    assert "/etc/rest" not in box.everything()
    assert status(box.store)["state"] == "half"
    half = box.everything()
    with pytest.raises(Failed, match="firewall and package sources only"):
        box.apply(*files, file("/etc/bad", reload=("false",)))
    assert box.everything() == half
    box.apply(*files)
    assert "/etc/rest" in box.everything()
    # On a box that has a generation, --first changes nothing.
    assert not box.apply(file("/etc/wall", "new\n", first=True), only_first=True).changed


def test_new_secrets_reach_the_accounts(box: BoxInAFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [file("/etc/gateway/accounts.json", reload=box.noting("accounts")), file("/etc/x")]
    box.apply(*files)
    box.noted()
    box.apply(*files)
    assert box.noted() == []
    box.put("/etc/gateway/secrets.json", '{"passwords": {}}\n', 0o600)
    box.apply(*files)
    assert box.noted() == ["accounts"]
    box.apply(*files)
    assert box.noted() == []


def test_drift_is_told_and_mended(box: BoxInAFolder) -> None:
    files = tuple(file(f"/etc/{name}", reload=box.noting(name)) for name in "abcd")
    box.apply(*files)
    manifest = box.store.generation().manifest
    assert findings(box.store) == []
    assert compare(box.store, manifest.digest, "")["current"]
    box.noted()
    (box.root / "etc/a").write_text("by hand\n")
    (box.root / "etc/b").chmod(0o666)
    (box.root / "etc/c").unlink()
    assert [str(each) for each in findings(box.store)] == [
        "/etc/a: content differs",
        "/etc/b: mode differs",
        "/etc/c: absent",
    ]
    assert not compare(box.store, manifest.digest, "")["current"]
    box.apply(*files)
    assert box.noted() == ["a", "b", "c"]
    assert not any(differs(box.store.paths, entry) for entry in manifest.files)


def test_ten_generations_are_kept_and_the_active_one_always(box: BoxInAFolder) -> None:
    box.apply(file("/etc/a", "0\n"))
    for number in range(1, 14):
        with pytest.raises(Failed):  # staged, refused: the first one stays active
            box.apply(file("/etc/a", f"{number}\n", check=("false",)))
    box.store.prune()
    assert box.store.numbers() == [1, *range(5, 15)]
    assert box.state()["active"] == 1


def test_going_back_to_an_earlier_description_uses_its_generation(box: BoxInAFolder) -> None:
    box.apply(file("/etc/a", "1\n"))
    box.apply(file("/etc/a", "2\n"))
    box.apply(file("/etc/a", "1\n"))
    assert box.store.numbers() == [1, 2]
    assert box.state()["active"] == 1
    assert box.everything()["/etc/a"] == (0o644, "1\n")


def test_two_at_once_do_not_mix(box: BoxInAFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = str(box.archive([file("/etc/a")]))
    monkeypatch.setattr(store_module, "LOCK_SECONDS", 0)
    with box.store.lock("test"):
        assert box.run("stage", archive) == 1
    assert box.run("stage", archive) == 0


def test_the_last_line_is_json(box: BoxInAFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        box.run("stage", str(box.archive([file("/etc/a"), file("/etc/b", check=("false",))]))) == 0
    )
    assert box.run("activate", "1") == 1
    told = capsys.readouterr()
    staged, refused = map(json.loads, told.out.splitlines())
    assert (staged["generation"], staged["changed"]) == (1, True)
    assert "/etc/b: false (exit 1)" in refused["failed"]
    assert refused["failed"] in told.err
