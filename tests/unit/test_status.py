"""What the box says of itself, and the table that is made of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from gateway import status
from gateway.box import report
from gateway.problems import Failed
from gateway.status import Line, fetch, lines, size

SAID: dict[str, Any] = {
    "active": 3,
    "state": "active",
    "drift": [],
    "parts": {
        "services": [{"name": "a.service", "runs": True, "state": "active (running)"}],
        "disk": [{"name": "/", "bytes": 1000, "free": 500}],
        "time": [{"source": "192.0.2.123", "stratum": 3, "offset": 0.001, "synchronised": True}],
        "updates": [{"waiting": [], "known": int(time.time())}],
    },
}

CERTIFICATE = {"name": "certificate", "until": "2999-01-31", "fingerprint": "EE:32"}
INTAKE: dict[str, Any] = {"name": "icon", "waiting": 1, "outgoing": 0, "quarantined": 0}
INTAKE |= {"last": "", "silent": False}


def bad(told: dict[str, Any]) -> list[str]:
    return [line.part for line in lines(told) if line.good is False]


def changed(part: str, **values: Any) -> dict[str, Any]:
    row = {**SAID["parts"][part][0], **values}
    return {**SAID, "parts": {**SAID["parts"], part: [row]}}


def test_a_box_that_is_well() -> None:
    assert bad(SAID) == []
    assert next(lines(SAID)) == Line("box", "generation 3", "active", good=True)


@pytest.mark.parametrize(
    ("told", "part"),
    [
        ({**SAID, "drift": ["/etc/hosts: content differs"]}, "drift"),
        ({**SAID, "state": "interrupted"}, "box"),
        (changed("services", runs=False), "services"),
        (changed("disk", free=50), "disk"),
        (changed("time", synchronised=False), "time"),
        (changed("time", offset=2.5), "time"),
        (changed("updates", waiting=["openssl"]), "updates"),
        (changed("updates", known=0), "updates"),
        ({**SAID, "parts": {"intake": [{**INTAKE, "quarantined": 1}]}}, "intake"),
        ({**SAID, "parts": {"archive": [{"failed": "no answer"}]}}, "archive"),
        ({**SAID, "parts": {"reports": [{**CERTIFICATE, "until": "2020-01-31"}]}}, "reports"),
    ],
)
def test_what_is_not_well_is_marked(told: dict[str, Any], part: str) -> None:
    assert bad(told) == [part]


def test_every_part_has_its_line() -> None:
    assert set(report.PARTS) == set(status._LINES)


def test_sizes() -> None:
    sizes = [size(each) for each in (0, 999, 1000, 1_500_000, 3 * 10**12, None)]
    assert sizes == ["0 B", "999 B", "1.0 KB", "1.5 MB", "3.0 TB", "too large to count in time"]


def test_one_trip_and_clear_words_when_it_fails() -> None:
    answer = json.dumps(SAID)
    assert fetch(["sh", "-c", f"echo noise; echo '{answer}'", "--"]) == SAID
    for script, words in (
        ("echo no route >&2; exit 255", "exit 255.: no route"),
        ("""echo '{"failed": "locked"}'""", "locked"),
        ("echo 5", "could not tell"),
    ):
        with pytest.raises(Failed, match=words):
            fetch(["sh", "-c", script, "--"])


def test_what_the_tools_print_is_read() -> None:
    text = (
        "1795363200 02:00:5e:10:02:11 10.1.2.11 reading-pc 01:02\n"
        "0 02:00:5e:10:02:99 10.1.2.150 * *\nduid 00:01\n123 456 ::1 x *\n"
    )
    assert [each["address"] for each in report.leases(text)] == ["10.1.2.11", "10.1.2.150"]
    line = "C0000235,192.0.2.53,4,1795363200.1,-0.000012,0.0,0.0,0,0,0,0.1,0.2,64.0,Normal\n"
    assert report.tracking(line) == {
        "source": "192.0.2.53",
        "stratum": 4,
        "offset": -0.000012,
        "synchronised": True,
    }
    assert not report.tracking(line.replace("Normal", "Not synchronised"))["synchronised"]
    said = "Reading\nInst openssl [3.5.1] (3.5.4 Debian:13/stable [amd64])\nConf openssl\n"
    assert report.waiting(said) == ["openssl"]
    card = {"ifname": "cam0", "operstate": "UP", "stats64": {"rx": {"bytes": 5, "errors": 1}}}
    assert report.nic(card)["errors"] == 1


def test_a_part_that_fails_does_not_take_the_others_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_store: object) -> report.Rows:
        raise OSError("no such thing")

    parts = {"time": broken, "disk": lambda _store: [{"name": "/"}], "fax": lambda _store: []}
    monkeypatch.setattr(report, "PARTS", parts)
    assert report.report(None) == {  # type: ignore[arg-type]
        "time": [{"failed": "no such thing"}],
        "disk": [{"name": "/"}],
    }


def test_modems_say_how_they_are(tmp_path: Path) -> None:
    (tmp_path / "ttyS0").write_text("Running and idle\n")
    (tmp_path / "ttyS1").write_text("Waiting for modem to come ready\n")
    (tmp_path / "ttyS1.info").write_text("nothing of it\n")
    rows = report.modems(tmp_path)
    shown = [status._LINES["fax"](row) for row in (*rows, {"name": "received", "count": 2})]
    assert [(each.name, each.state, each.good) for each in shown] == [
        ("modem ttyS0", "Running and idle", None),
        ("modem ttyS1", "Waiting for modem to come ready", False),
        ("received", "2", None),
    ]


def test_image_files_that_wait_are_no_fault() -> None:
    told = {**SAID, "parts": {"intake": [INTAKE]}}
    assert bad(told) == []
    line = next(each for each in lines(told) if each.part == "intake")
    assert line.state == "1 waiting, 0 to be fetched, none stored"
    told = {**SAID, "parts": {"intake": [{**INTAKE, "silent": True}]}}
    line = next(each for each in lines(told) if each.part == "intake")
    assert line.state.endswith("none stored; silent, though it usually would have sent something")


def test_the_certificate_of_the_report_site_is_told_with_its_fingerprint() -> None:
    told = {**SAID, "parts": {"reports": [CERTIFICATE]}}
    (line,) = [each for each in lines(told) if each.part == "reports"]
    assert line.good
    assert line.state == "until 2999-01-31; its authority's SHA-256: EE:32"
    hospitals = {**SAID, "parts": {"reports": [{**CERTIFICATE, "fingerprint": ""}]}}
    assert list(lines(hospitals))[-1].state == "until 2999-01-31"
