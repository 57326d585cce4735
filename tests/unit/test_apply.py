"""What `gateway apply` tells of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.apply import SWITCHING, Connection, Order, Reader, apply
from gateway.load import load
from gateway.problems import Failed

SITE = Path("inventory/smallest/site.yml")


def read(*events: dict[str, Any]) -> Reader:
    steps: list[str] = []
    reader = Reader(steps.append)
    for event in events:
        whole = {"seconds": 1.0, "changed": False, "message": "", "stderr": "", "said": None}
        reader.line(json.dumps(whole | {"task": "generation : Do it"} | event))
    return reader


def test_a_run_that_changed_something_says_what() -> None:
    said = {"changed": True, "generation": 3, "files": ["/etc/a"], "started": ["b.service"]}
    reader = read({"event": "begin"}, {"event": "ok", "changed": True, "said": said})
    assert not reader.failure
    text = "\n".join(reader.summary.lines())
    assert "/etc/a" in text
    assert "b.service" in text
    assert "generation 3 is active" in text


def test_a_run_that_changed_nothing_says_so() -> None:
    same = {"current": True, "generation": 7, "reasons": []}
    assert (
        "nothing to change: generation 7" in read({"event": "ok", "said": same}).summary.lines()[0]
    )
    assert "nothing" not in read({"event": "ok", "said": {"changed": True}}).summary.lines()[0]


def test_what_the_box_lacks_is_a_warning_each_time() -> None:
    lacks = "fax-modem-line-1.service waits for /dev/ttyS0: there is no such device"
    said = {"changed": True, "generation": 3, "files": ["/etc/a"], "warnings": [lacks]}
    assert read({"event": "ok", "said": said}).summary.lines()[-1] == f"warning: {lacks}"
    same = {"current": True, "generation": 3, "reasons": [], "warnings": [lacks]}
    assert read({"event": "ok", "said": same}).summary.lines()[1:] == [f"warning: {lacks}"]
    # Control: a box that lacks nothing, and one that is to be changed, which will tell itself.
    assert len(read({"event": "ok", "said": {**same, "warnings": []}}).summary.lines()) == 1
    assert not read({"event": "ok", "said": {**same, "current": False}}).summary.warnings


def test_which_server_serves_is_told() -> None:
    said = {"changed": True, "generation": 3, "chosen": ["nfs-shares.service served by Ganesha"]}
    assert "chosen      1  nfs-shares.service served by Ganesha" in "\n".join(
        read({"event": "ok", "said": said}).summary.lines()
    )
    without = read({"event": "ok", "said": {**said, "chosen": []}}).summary
    assert not any(line.startswith("chosen") for line in without.lines())


def test_a_failure_is_told_in_the_boxs_own_words() -> None:
    reader = read({"event": "failed", "stderr": "x", "said": {"failed": "generation 4 is refused"}})
    assert reader.failure == "Do it: generation 4 is refused"
    assert read({"event": "failed", "stderr": "no python\n"}).failure == "Do it: no python"
    assert "does not answer: gone" in read({"event": "unreachable", "message": "gone"}).failure


def test_a_box_that_does_not_answer_after_a_switch_is_said_to_go_back() -> None:
    switch = {"event": "begin", "task": "generation : Check the generation and switch to it"}
    gone = {"event": "unreachable", "message": "gone"}
    assert "goes back by itself" in read(switch, gone).failure
    assert "goes back by itself" not in read({**switch, "task": "generation : x"}, gone).failure
    # The tasks are called so.
    for task in SWITCHING:
        assert any(task in path.read_text() for path in Path("roles").rglob("*.yml"))


def test_noise_between_the_events_is_no_event() -> None:
    reader = Reader(lambda _step: None)
    for line in ("", "[WARNING]: x", "[]", '{"a": 1}', "{"):
        reader.line(line)
    assert not reader.failure
    assert reader.summary.steps == []


def test_an_inventory_for_a_host_and_for_this_machine() -> None:
    host = Connection("192.0.2.10", "admin", 2222, "-F x").inventory("gateway")
    values = host["gateways"]["hosts"]["gateway"]
    assert values["ansible_host"] == "192.0.2.10"
    assert values["ansible_become"] is True
    assert Connection("h").inventory("g")["gateways"]["hosts"]["g"]["ansible_become"] is False
    local = Connection(local=True).inventory("gateway")["gateways"]["hosts"]["gateway"]
    assert local == {"ansible_connection": "local"}


def test_without_a_host_it_says_what_to_give(tmp_path: Path) -> None:
    site = tmp_path / "site.yml"
    site.write_text(SITE.read_text())
    (tmp_path / "password").write_text("secret\n")
    order = Order(site, password_file=tmp_path / "password")
    with pytest.raises(Failed, match=r"hosts\.yml is not there.*--host"):
        apply(load(site), order)
