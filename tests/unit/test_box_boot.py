"""Only what is confirmed is booted into. systemd itself is in tests/lab/test_faults.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from box_kit import BoxInAFolder, file

from gateway.box import confirm, services, session
from gateway.box.activate import Guard, activate
from gateway.box.status import status

ONE, TWO = (file("/etc/a", f"{number}\n") for number in (1, 2))
GUARD = Guard(arm=lambda _program, _seconds: None, disarm=lambda: None)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What an early boot asks of the system beside files."""
    said: list[str] = []
    monkeypatch.setattr(services, "reload_units", lambda: said.append("reload units"))
    monkeypatch.setattr(confirm, "rescue", lambda: said.append("rescue"))
    monkeypatch.setattr(confirm, "_call_late", lambda _paths: said.append("late"))
    return said


@pytest.fixture
def box(tmp_path: Path) -> BoxInAFolder:
    return BoxInAFolder(tmp_path)


def switch(box: BoxInAFolder, *files: object) -> None:
    activate(box.store, box.stage(*files), confirm_within=60, guard=GUARD)  # type: ignore[arg-type]


def restart(monkeypatch: pytest.MonkeyPatch, name: str = "another boot") -> None:
    monkeypatch.setattr(session, "boot_id", lambda: name)


def test_an_unconfirmed_generation_is_left_at_the_next_boot(
    box: BoxInAFolder, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    noting = file("/etc/b", reload=box.noting("b"))
    box.apply(ONE, noting)
    before = box.everything()
    switch(box, TWO, noting, file("/etc/c"))
    box.noted()
    assert not confirm.boot(box.store), "its own boot: the unit is started by the switch itself"
    restart(monkeypatch)
    assert confirm.boot(box.store)
    assert asked == ["reload units", "late"]
    assert box.everything() == before
    assert box.noted() == [], "no service runs yet"
    assert status(box.store)["state"] == "unconfirmed", "until the late part has told each service"
    assert confirm.boot_late(box.store)
    assert box.noted() == ["b"]
    told = status(box.store)
    assert (told["state"], told["active"]) == ("active", 1)
    assert "restarted before generation 2 was confirmed" in told["returned"]
    # Control: what is confirmed is booted into.
    box.apply(TWO, noting)
    restart(monkeypatch, "a third boot")
    assert not confirm.boot(box.store)
    assert box.everything()["/etc/a"] == (0o644, "2\n")


def test_an_interrupted_switch_is_left_at_the_next_boot(
    box: BoxInAFolder, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    box.apply(ONE)
    number = box.stage(TWO)
    (box.root / "etc/a").write_text("2\n")  # as a power cut in the middle leaves it
    box.store.remember(replace(box.store.state(), pending=number, boot="before"))
    assert confirm.boot(box.store)
    assert box.everything()["/etc/a"] == (0o644, "1\n")
    # Again without the late part, as a second power cut: nothing is forgotten.
    restart(monkeypatch)
    assert confirm.boot(box.store)
    assert confirm.boot_late(box.store)
    assert not confirm.boot(box.store)
    assert not confirm.boot_late(box.store)


def test_a_box_without_anything_confirmed_is_closed_at_that_boot(
    box: BoxInAFolder, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    box.put("/etc/a", "the distribution's\n")
    before = box.everything()
    switch(box, ONE)
    restart(monkeypatch)
    assert confirm.boot(box.store)
    assert "rescue" in asked
    assert box.everything() == before
    assert confirm.boot_late(box.store)
    assert status(box.store)["state"] == "bare"


def test_a_new_switch_in_this_boot_is_not_undone_by_the_late_part(
    box: BoxInAFolder, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    box.apply(ONE)
    switch(box, TWO)
    restart(monkeypatch)
    assert confirm.boot(box.store)
    switch(box, TWO)
    assert not confirm.boot_late(box.store)
    assert box.everything()["/etc/a"] == (0o644, "2\n")
