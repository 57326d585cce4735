"""docs/site.md is the model's own words, whole and up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import manual
from gateway.schema import schema

ROOT = Path(__file__).parent.parent.parent


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "site.md").read_text()
    assert page == manual.markdown(), "gateway schema --markdown > docs/site.md"


def test_every_key_is_on_it_with_its_meaning() -> None:
    tree, page = schema(), manual.markdown()
    blocks = {"The whole": tree, **tree["$defs"]}
    told = {part.split("\n", 1)[0]: part for part in page.split("\n## ")[1:]}
    assert set(told) == set(blocks)
    for name, block in blocks.items():
        rows = [line.split(" | ") for line in told[name].splitlines() if line.startswith("| ")]
        keys = {row[0].strip("| *`"): row for row in rows[1:]}
        assert set(keys) == set(block["properties"])
        if name not in ("The whole",):
            assert all(row[1].strip() for row in keys.values()), name


def test_a_key_without_words_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = schema()
    tree["$defs"]["Share"]["properties"]["extra"] = {"type": "string"}
    monkeypatch.setattr(manual, "schema", lambda: tree)
    assert "| `extra` |  | text |  |" in manual.markdown()
    assert manual.markdown() != (ROOT / "docs" / "site.md").read_text()
