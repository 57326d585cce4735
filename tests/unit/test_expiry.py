"""Exceptions with an owner and a last day: said by check and policy, never by the configuration."""

from __future__ import annotations

import re
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway import cli, features
from gateway.expiry import expired
from gateway.features import proof
from gateway.load import load

ROOT = Path(__file__).parent.parent.parent
TODAY = date.today()


def gateway(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["gateway", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def described(folder: Path, *, days: int | None) -> Path:
    shutil.copy(ROOT / "tests/errors/clean.yml", folder / "site.yml")
    if days is not None:
        last = TODAY + timedelta(days=days)
        more = f"    reason: A trial\n    owner: Dr. Lin\n    expires: {last}\n"
        with (folder / "site.yml").open("a") as stream:
            stream.write(more)
    return folder


@pytest.mark.parametrize(("days", "over"), [(None, False), (1, False), (0, False), (-1, True)])
def test_over_is_after_the_last_day(tmp_path: Path, days: int | None, over: bool) -> None:
    site = load(described(tmp_path, days=days)).site
    assert [each.path for each in expired(site, TODAY)] == ([("access", 0)] if over else [])


def test_check_warns_and_still_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gateway(monkeypatch, "check", str(described(tmp_path, days=-1))) == 0
    said = capsys.readouterr().out.splitlines()[1]
    day = TODAY - timedelta(days=1)
    assert said == (
        f"expired: access[0]: office to outside, web: its last day was {day}; ask Dr. Lin"
    )
    assert gateway(monkeypatch, "check", str(described(tmp_path, days=1))) == 0
    assert "expired" not in capsys.readouterr().out


def test_policy_shows_owner_and_last_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gateway(monkeypatch, "policy", str(described(tmp_path, days=-1))) == 0
    day = TODAY - timedelta(days=1)
    assert f"A trial; owner: Dr. Lin; until {day} (OVER)" in capsys.readouterr().out
    assert gateway(monkeypatch, "policy", "--json", str(tmp_path)) == 0
    assert f'"expires": "{day}"' in capsys.readouterr().out


def test_a_day_changes_nothing_on_the_box(tmp_path: Path) -> None:
    # Or a box would differ from its own description overnight.
    trees = []
    for days in (1, -1):
        loaded = load(described(tmp_path, days=days))
        made = features.tree_of(loaded.site, loaded.source.line)
        trees.append({file.path: file.content for file in made.files})
    told = [tree.pop(proof.DESCRIPTION).decode() for tree in trees]
    assert trees[0] == trees[1]
    # The day as it is written is there, for the box's own audit to tell when it is over.
    days = [re.findall(r'"expires": "(.+?)"', each) for each in told]
    assert days[0] != days[1]
    assert told[0].replace(days[0][0], days[1][0]) == told[1]
