"""How the verbs end, and what they print for people and for programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway import cli

ROOT = Path(__file__).parent.parent.parent
SITE = str(ROOT / "inventory" / "smallest")
GATEWAY = [sys.executable, "-m", "gateway.cli"]


def gateway(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["gateway", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    text = (ROOT / "inventory/smallest/site.yml").read_text().replace("windows-95", "windows-59")
    (tmp_path / "site.yml").write_text(text)
    return str(tmp_path)


@pytest.mark.parametrize("verb", ["check", "policy"])
def test_folder_and_file_are_the_same(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gateway(monkeypatch, verb, SITE) == 0
    by_folder = capsys.readouterr().out
    assert gateway(monkeypatch, verb, f"{SITE}/site.yml") == 0
    assert capsys.readouterr().out == by_folder != ""


def test_check_by_typer_is_the_check_of_the_short_way(
    wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for site, code in ((SITE, 0), (wrong, 1)):
        for option in ([], ["--json"]):
            assert gateway(monkeypatch, "check", site, *option) == code
            short = capsys.readouterr()
            assert gateway(monkeypatch, "check", *option, "--", site) == code  # not the short way
            assert capsys.readouterr() == short


@pytest.mark.parametrize("verb", [("policy",), ("policy", "--json"), ("render", "--out", "OUT")])
def test_every_verb_refuses_a_wrong_description(
    verb: tuple[str, ...],
    wrong: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = str(tmp_path / "out")
    words = [word.replace("OUT", out) for word in verb]
    assert gateway(monkeypatch, words[0], wrong, *words[1:]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "there is no profile `windows-59`" in printed.err
    assert not Path(out).exists()
    assert gateway(monkeypatch, words[0], SITE, *words[1:]) == 0  # the control


def test_policy_says_who_what_and_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gateway(monkeypatch, "policy", SITE, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert gateway(monkeypatch, "policy", SITE) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == len(rows) + 1
    lines = (ROOT / "inventory/smallest/site.yml").read_text().splitlines()
    ssh = next(row for row in rows if row["service"] == "ssh")
    assert (ssh["source"], ssh["destination"], ssh["ports"]) == ("reading-pc", "box", "tcp/22")
    path, line = ssh["reason"].rsplit(":", 1)
    assert path == "administration.from[0]"
    assert lines[int(line) - 1] == "  from: [reading-pc]"


def test_render_writes_a_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gateway(monkeypatch, "render", SITE, "--out", str(tmp_path)) == 0
    manifest = json.loads((tmp_path / "gateway" / "manifest.json").read_text())
    said = f"{tmp_path}/gateway: {len(manifest['files'])} files\n"
    assert capsys.readouterr().out == said


def test_render_to_where_nothing_can_be_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gateway(monkeypatch, "render", SITE, "--out", "/dev/null/here") == cli.FAILED
    assert capsys.readouterr().err.startswith("gateway: cannot write to /dev/null/here")


def test_profiles(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert gateway(monkeypatch, "profiles", "--json") == 0
    known = json.loads(capsys.readouterr().out)
    assert gateway(monkeypatch, "profiles") == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in table[1:]] == list(known)
    assert known["elscint-varicam"]["limits"]["share_name"] == 12


def test_schema(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert gateway(monkeypatch, "schema") == 0
    assert capsys.readouterr().out == (ROOT / "docs/site.schema.json").read_text()


@pytest.mark.parametrize("words", [("chek",), ("check",), ("check", "--jsn", "x"), ("render", "x")])
def test_usage(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gateway(monkeypatch, *words) == 2
    assert "Usage: gateway" in capsys.readouterr().err


def test_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*GATEWAY, "schema"], stdout=writer, stderr=subprocess.PIPE, check=False, text=True
    )
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode in (1, cli.BROKEN_PIPE)


def test_ctrl_c_is_quiet(tmp_path: Path) -> None:
    pipe = tmp_path / "site.yml"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        ["env", "--default-signal=INT", *GATEWAY, "check", str(pipe)],  # CI may have it ignored
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    writer = os.open(pipe, os.O_WRONLY)  # returns once it has opened it
    stat = Path(f"/proc/{process.pid}/stat")
    while stat.read_text().rpartition(")")[2].split()[0] != "S":
        time.sleep(0.01)  # until it sleeps, in its read: Python minds a signal only after a call
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    os.close(writer)
    assert (process.returncode, out, err) == (cli.INTERRUPTED, "", "")
