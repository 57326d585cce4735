"""The audit that a box makes of itself: what it carries, and what it does with the answer."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from box_kit import BoxInAFolder, file

from gateway import features
from gateway.audit.allowed import permissions
from gateway.audit.carried import carried, read
from gateway.box import audited, process
from gateway.box.files import Paths
from gateway.box.process import Done
from gateway.features import proof
from gateway.load import load
from gateway.problems import Failed

ROOT = Path(__file__).parent.parent.parent
SITES = sorted((*ROOT.glob("inventory/*/site.yml"), *ROOT.glob("tests/sites/*/site.yml")))
PROVED = {"answer": "PROVED", "fails": False, "when": "2026-11-22T12:00:00Z", "lines": []}
DIFFERENT = {**PROVED, "answer": "DIFFERENT", "fails": True, "lines": ["opened: it", "    by: x"]}


@pytest.mark.parametrize("site", SITES, ids=lambda each: each.parent.name)
def test_what_is_carried_permits_the_same(site: Path) -> None:
    loaded = load(site)
    flows = features.policy(loaded.site, loaded.source.line)
    ground, again = read(carried(loaded.site, flows).decode())
    assert again == flows
    assert list(permissions(ground, again)) == list(permissions(loaded.site, flows))
    assert list(permissions(ground, again[1:])) != list(permissions(loaded.site, flows))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "networks": {"a": {}}}']
)
def test_what_is_no_description_is_said(text: str) -> None:
    with pytest.raises(Failed, match="the description"):
        read(text)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program and what it reads, as they lie on a box."""
    folder = tmp_path_factory.mktemp("box")
    loaded = load(ROOT / "inventory/smallest/site.yml")
    for each in features.tree_of(loaded.site, loaded.source.line).files:
        if each.path.startswith((f"{proof.PROGRAM}/", proof.DESCRIPTION)):
            target = folder / each.path[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(each.content)
    return folder / proof.PROGRAM[1:]


def run(library: Path) -> subprocess.CompletedProcess[str]:
    # -S: what pip has installed here is not there, as on the box.
    words = [sys.executable, "-ISB", str(library)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_the_program_needs_nothing_but_python(library: Path) -> None:
    words = "import sys; sys.path.insert(0, sys.argv[1]); import gateway.audit.on_box as o; "
    words += "print(o.__file__); assert 'pydantic' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-ISBc", words, str(library)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(library))
    assert not list(library.rglob("*.pyc")), "that would be drift"


def test_without_a_description_there_is_no_answer(library: Path) -> None:
    hidden = library.parent / "audit.json"
    text = hidden.read_bytes()
    hidden.write_text("{")
    try:
        done = run(library)
    finally:
        hidden.write_bytes(text)
    assert (done.returncode, done.stdout) == (3, "")
    assert "the description that the box carries cannot be read" in done.stderr


@pytest.fixture
def box(tmp_path: Path) -> BoxInAFolder:
    made = BoxInAFolder(tmp_path)
    made.put(audited.UNIT_FILE, "[Service]")
    made.apply(file("/etc/a"))
    return made


class Letters:
    """A mail service that takes everything, or nothing."""

    def __init__(self, *, ok: bool = True) -> None:
        self.sent: list[tuple[str, str]] = []
        self.ok = ok

    def __call__(self, _paths: Paths, subject: str, text: str) -> Done:
        self.sent.append((subject, text))
        return Done(("sendmail",), 0 if self.ok else 1, "", "")


def saying(told: object) -> audited.Ask:
    return lambda: Done(("audit",), 0, json.dumps(told), "")


def test_an_answer_is_kept_and_reported(box: BoxInAFolder) -> None:
    assert audited.kept(box.store)[0]["said"] == "not audited yet"
    letters = Letters()
    audited.audit(box.store, by_mail=True, ask=saying(PROVED), send=letters)
    (row,) = audited.kept(box.store)
    assert (row["answer"], row["said"], letters.sent) == ("PROVED", "", [])


def test_a_difference_is_told_once(box: BoxInAFolder) -> None:
    letters = Letters()
    for _ in range(2):
        told = audited.audit(box.store, by_mail=True, ask=saying(DIFFERENT), send=letters)
    assert told["lines"][-1] == "DIFFERENT"
    ((subject, text),) = letters.sent
    assert subject == "firewall: DIFFERENT"
    assert "    by: x" in text
    (row,) = audited.kept(box.store)
    assert (row["answer"], row["fails"], row["said"]) == ("DIFFERENT", True, "opened: it")
    audited.audit(box.store, by_mail=True, ask=saying(PROVED), send=letters)
    audited.audit(box.store, by_mail=True, ask=saying(DIFFERENT), send=letters)
    assert len(letters.sent) == 2, "it was right in between"


def test_an_audit_that_cannot_answer_is_no_proof(box: BoxInAFolder) -> None:
    letters = Letters()
    failed = Done(("audit",), 3, "", "nft: not found")
    audited.audit(box.store, by_mail=True, ask=lambda: failed, send=letters)
    (row,) = audited.kept(box.store)
    assert (row["answer"], row["fails"]) == ("", True)
    assert "nft: not found" in row["said"]
    assert "nft: not found" in letters.sent[0][1]


def test_an_old_answer_is_no_proof(box: BoxInAFolder) -> None:
    audited.audit(box.store, ask=saying({**PROVED, "when": "2020-01-01T00:00:00Z"}))
    assert audited.kept(box.store)[0]["fails"]


def test_a_switch_in_between_makes_the_answer_nobodys(box: BoxInAFolder) -> None:
    def meanwhile() -> Done:
        state = box.store.state()
        box.store.remember(replace(state, switched=state.switched + 1))
        return saying(PROVED)()

    told = audited.audit(box.store, ask=meanwhile)
    assert told["answer"] == ""
    assert audited.kept(box.store)[0]["said"] == "not audited yet"
    audited.audit(box.store, ask=saying(PROVED))
    assert audited.kept(box.store)[0]["answer"] == "PROVED"


def test_a_confirmation_in_between_changes_nothing(box: BoxInAFolder) -> None:
    def meanwhile() -> Done:
        box.store.remember(replace(box.store.state(), deadline=0.0))
        return saying(PROVED)()

    assert audited.audit(box.store, ask=meanwhile)["answer"] == "PROVED"


def test_the_answer_about_another_generation_is_not_shown(box: BoxInAFolder) -> None:
    audited.audit(box.store, ask=saying(PROVED))
    box.apply(file("/etc/a", "other\n"))
    assert audited.kept(box.store)[0]["said"] == "being audited"


def test_a_switch_begins_an_audit(box: BoxInAFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[bool] = []
    monkeypatch.setattr(audited, "begin", lambda _: begun.append(box.store.state().pending is None))
    box.apply(file("/etc/a"))
    assert begun == [], "nothing was switched"
    box.apply(file("/etc/a", "other\n"))
    assert begun == [True], "it audits what the state says is there"


def test_a_switch_that_fails_audits_what_is_back(
    box: BoxInAFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int | None] = []
    monkeypatch.setattr(audited, "begin", lambda _: begun.append(box.store.state().active))
    before = box.store.state().active
    with pytest.raises(process.Failed):
        box.apply(file("/etc/a", "other\n", reload=("false",)))
    assert begun == [before]


def test_an_audit_that_cannot_begin_is_no_reason_to_go_back(
    box: BoxInAFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_systemd(_: object) -> None:
        raise process.Failed("no systemd")

    monkeypatch.setattr(audited, "begin", no_systemd)
    outcome = box.apply(file("/etc/a", "other\n"))
    assert outcome.warnings == ["the rules are not audited: no systemd"]
