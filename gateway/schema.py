"""The JSON Schema of a description: editors complete and check with it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from gateway import imaging, reporting, site
from gateway.policy import SERVICES
from gateway.profiles import profiles

Schema = dict[str, Any]
PORTS = r"^(tcp|udp)/\d{1,5}(-\d{1,5})?$"
MODULES = (site, imaging, reporting)
"""Where the blocks of a description are."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> Schema:
    """What a ``site.yml`` may say, with the words of the model for every key."""
    tree = site.Site.model_json_schema()
    blocks: dict[str, Schema] = {**tree["$defs"], "Site": tree}
    for part, name, words in _words_below_fields():
        fields = blocks.get(part, {}).get("properties", {})
        field = fields.get(_alias(part, name))
        if field is not None:
            field["description"] = words
    _as_people_write(blocks)
    return {"$schema": DIALECT, **tree, "title": "Gateway site description"}


def _as_people_write(blocks: dict[str, Schema]) -> None:
    """What the model does not tell pydantic: short forms, and names that are known."""
    card = blocks["Network"]["properties"]["nic"]
    by_name = blocks["Nic"]["properties"]["name"]["pattern"]
    words = card.pop("description", "")
    card.clear()
    short = {"type": "string", "pattern": by_name}
    card.update(anyOf=[short, {"$ref": "#/$defs/Nic"}], description=words)
    device = blocks["Device"]["properties"]["profile"]
    # A site may bring its own (profiles/NAME.yml): the known ones are what an editor offers.
    words, name = device.pop("description", ""), dict(device)
    device.clear()
    device.update(anyOf=[{"enum": sorted(profiles())}, name], description=words)
    services = blocks["Access"]["properties"]["services"]["items"]
    del services["pattern"]
    services.update(anyOf=[{"enum": sorted(SERVICES)}, {"pattern": PORTS}])


def block_of(name: str) -> type[BaseModel]:
    """The block of a class's name."""
    found: list[type[BaseModel]] = [vars(each)[name] for each in MODULES if name in vars(each)]
    return found[0]


def _alias(part: str, name: str) -> str:
    return block_of(part).model_fields[name].alias or name


def _words_below_fields() -> Iterator[tuple[str, str, str]]:
    """Class, field and the string below it, from the model's source."""
    for part in (part for each in MODULES for part in ast.parse(inspect.getsource(each)).body):
        if not isinstance(part, ast.ClassDef):
            continue
        for field, below in zip(part.body, part.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
                and isinstance(below.value.value, str)
            ):
                yield part.name, field.target.id, inspect.cleandoc(below.value.value)
