"""Wrong descriptions: a folder a case, ``site.yml`` and exactly what ``gateway check`` says.

Each case is ``clean.yml`` with a few lines changed, so what is refused is what was changed.
``GATEWAY_UPDATE_GOLDEN=1`` writes ``expected.txt`` anew; the diff is then read by a person.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from gateway import cli

ERRORS = Path(__file__).parent / "errors"
CASES = sorted(path.parent for path in ERRORS.glob("*/site.yml"))
MOST_LINES_CHANGED = 8
WHOLE_FILES = {"not-a-mapping", "only-comments", "no-networks", "no-inside"}
JARGON = re.compile(r"Input should|validation error|should match|pydantic|ValueError|\^\[", re.I)


def check(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["gateway", "check", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    assert not printed.err
    return int(ended.value.code or 0), printed.out


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_wrong_is_said_exactly(
    case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(case)
    code, said = check(["site.yml"], monkeypatch, capsys)
    expected = case / "expected.txt"
    if os.environ.get("GATEWAY_UPDATE_GOLDEN"):
        expected.write_text(said)
    assert code == 1
    assert said == expected.read_text()
    assert not JARGON.search(re.sub(r"(?m)^ {4}(?!mend).*", "", said))
    # Each problem has its place, its caret and its way out.
    problems = re.findall(r"(?m)^site\.yml:\d+:\d+: .+$", said)
    assert len(problems) == len(re.findall(r"(?m)^ *\t*\^$", said))
    assert len(problems) == said.count("\n    mend: ")


def test_the_unchanged_description_is_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(ERRORS / "clean.yml", tmp_path / "site.yml")
    code, said = check([str(tmp_path)], monkeypatch, capsys)
    summary, *weak = said.splitlines()
    assert (code, summary) == (0, "clean: 3 networks, 4 devices, 1 share: no problems")
    assert [line.split(":")[:2] for line in weak] == [["weak", " win95"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_the_clean_one_with_few_lines_changed(case: Path) -> None:
    if case.name.split("-", 1)[1] in WHOLE_FILES:
        return
    lines = [path.read_text().splitlines() for path in (ERRORS / "clean.yml", case / "site.yml")]
    changed = [line for line in difflib.ndiff(*lines) if line.startswith(("- ", "+ "))]
    assert 0 < len(changed) <= MOST_LINES_CHANGED


def test_json_says_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(next(case for case in CASES if case.name.endswith("-all-at-once")))
    code, text = check(["site.yml"], monkeypatch, capsys)
    json_code, said = check(["site.yml", "--json"], monkeypatch, capsys)
    problems = json.loads(said)
    assert code == json_code == 1
    assert all(
        set(each) == {"file", "line", "column", "path", "message", "mend"} for each in problems
    )
    for each in problems:
        assert f"{each['file']}:{each['line']}:{each['column']}: {each['message']}\n" in text
    assert len(problems) == text.count("mend: ")
    assert [each["path"] for each in problems][1] == "devices.icon.ae_title"


def test_json_of_a_clean_description_is_an_empty_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = check([str(ERRORS / "clean.yml"), "--json"], monkeypatch, capsys)
    assert (code, json.loads(said)) == (0, [])
