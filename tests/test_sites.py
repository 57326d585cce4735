"""Golden trees: a folder a case, ``site.yml`` and the exact tree it must render to.

``make golden`` writes them anew; the diff is then read by a person.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from gateway import features, tree
from gateway.load import load

OWN_CODE = "usr/lib/gateway"
CASES = sorted(path.parent for path in Path(__file__).parent.glob("sites/*/site.yml"))


def _render(case: Path, out: Path) -> dict[str, bytes]:
    loaded = load(case / "site.yml")
    assert not list(features.problems(loaded.site))
    folder = tree.write(features.tree_of(loaded.site, loaded.source.line), out)
    return _contents(folder)


def _contents(folder: Path) -> dict[str, bytes]:
    """Every file but the box's own code, which has tests of its own and is no site's."""
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and OWN_CODE not in str(path)
    }
    found["manifest.json"] = _without_own_code(found["manifest.json"])
    return found


def _without_own_code(manifest: bytes) -> bytes:
    tree = json.loads(manifest)
    tree["version"] = "any"
    tree["files"] = [each for each in tree["files"] if OWN_CODE not in each["path"]]
    return (json.dumps(tree, indent=1, ensure_ascii=False) + "\n").encode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_tree_is_exactly_the_expected_one(case: Path, tmp_path: Path) -> None:
    found = _render(case, tmp_path)
    expected = case / "expected"
    if os.environ.get("GATEWAY_UPDATE_GOLDEN"):
        shutil.rmtree(expected, ignore_errors=True)
        for name, content in found.items():
            (expected / name).parent.mkdir(parents=True, exist_ok=True)
            (expected / name).write_bytes(content)
    wanted = _contents(expected)
    assert sorted(found) == sorted(wanted)
    for name, content in found.items():
        assert content.decode() == wanted[name].decode(), name


@pytest.mark.parametrize("case", CASES[:1], ids=lambda case: case.name)
def test_the_same_input_gives_the_same_bytes(case: Path, tmp_path: Path) -> None:
    first, second = _render(case, tmp_path / "1"), _render(case, tmp_path / "2")
    manifests = [next((tmp_path / each).glob("*/manifest.json")).read_bytes() for each in "12"]
    assert first == second
    assert manifests[0] == manifests[1]


def test_a_change_of_the_site_changes_the_tree(tmp_path: Path) -> None:
    """The negative control: were everything golden by not being rendered, this would fail."""
    case = CASES[0]
    text = (case / "site.yml").read_text()
    (tmp_path / "site.yml").write_text(
        text + "\nupdates: {mirror: http://mirror.hospital.example}\n"
    )
    changed = _render(tmp_path, tmp_path / "out")
    assert changed != _contents(case / "expected")
    assert "files/etc/apt/sources.list" in changed
