"""The examples are clean and as large as they say, and the schema they name is the current one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from gateway import features
from gateway.load import load
from gateway.problems import Refused
from gateway.schema import schema

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted(path.parent for path in ROOT.glob("inventory/*/site.yml"))
SCHEMA = ROOT / "docs" / "site.schema.json"


def test_all_examples_are_here() -> None:
    assert [each.name for each in EXAMPLES] == ["kaohsiung", "large", "smallest"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.name)
def test_an_example_is_clean(example: Path) -> None:
    loaded = load(example)
    assert list(features.problems(loaded.site)) == []
    assert features.policy(loaded.site, loaded.source.line)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.name)
def test_an_example_with_one_key_misspelt_is_not(example: Path, tmp_path: Path) -> None:
    text = (example / "site.yml").read_text().replace("devices:", "devises:", 1)
    (tmp_path / "site.yml").write_text(text)
    with pytest.raises(Refused, match="did you mean `devices`"):
        load(tmp_path)


def test_their_size() -> None:
    large, smallest = load(ROOT / "inventory/large").site, ROOT / "inventory/smallest/site.yml"
    assert (len(large.inside), len(large.devices)) == (4, 60)
    assert any(network.nic.vlan for network in large.networks.values())
    assert len(smallest.read_text().splitlines()) <= 20


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.name)
def test_they_name_the_schema_and_fulfil_it(example: Path) -> None:
    text = (example / "site.yml").read_text()
    first = text.splitlines()[0]
    assert first == "# yaml-language-server: $schema=../../docs/site.schema.json"
    assert (example / first.split("=")[1]).resolve() == SCHEMA
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    tree = yaml.safe_load(text)
    assert list(validator.iter_errors(tree)) == []
    tree["devices"]["reading-pc" if "large" not in str(example) else "ct-1"]["profil"] = "x"
    assert list(validator.iter_errors(tree)) != []


def test_the_schema_in_docs_is_the_current_one() -> None:
    assert json.loads(SCHEMA.read_text()) == schema(), "gateway schema > docs/site.schema.json"


def test_the_schema_is_one_and_explains_its_keys() -> None:
    made = schema()
    Draft202012Validator.check_schema(made)
    blocks = {**made["$defs"], "Site": made}
    silent = {
        f"{block}.{key}"
        for block, parts in blocks.items()
        for key, field in parts.get("properties", {}).items()
        if "description" not in field and "$ref" not in field and block != "Site"
    }
    assert not silent
