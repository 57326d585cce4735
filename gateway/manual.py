"""The page about every key of a site description, made from its JSON Schema."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

from gateway import reporting, written
from gateway.schema import Schema, block_of, schema

HEAD = """\
# What a site description says

Made by `gateway schema --markdown` from the model; do not change it by hand. A block is a set of
`key: value` lines, indented below its name. Keys in **bold** must be given.

Names are small letters, digits and dashes, up to 15, a letter first. What is not asked for is
denied. `gateway check SITE` says what is wrong, where, and how to mend it.

Kinds of devices that are not built in (`gateway profiles` lists those that are) may stand beside
the description, one file each: `profiles/NAME.yml`, of the same form as those in
`gateway/devices/`. One that is to stand in for a built-in profile says so with `replaces: NAME`.
"""


def markdown() -> str:
    """Every block with its keys: meaning, what may be written, default."""
    tree = schema()
    blocks = {"Site": tree, **tree["$defs"]}
    order = _as_met("Site", blocks)
    parts = [HEAD, *("\n".join(_block(name, blocks[name])) for name in order)]
    return "\n".join(parts).rstrip() + "\n"


def _as_met(name: str, blocks: dict[str, Schema]) -> list[str]:
    """The blocks in the order in which a reader of the description meets them."""
    found = [name]
    for key in blocks[name].get("properties", {}).values():
        for other in _blocks_in(key):
            found += [each for each in _as_met(other, blocks) if each not in found]
    return found


def _blocks_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for each in value.values():
            yield from _blocks_in(each)
    if isinstance(value, list):
        for each in value:
            yield from _blocks_in(each)


def _block(name: str, block: Schema) -> Iterator[str]:
    title = "The whole" if name == "Site" else name
    yield f"## {title}\n"
    words = inspect.getdoc(block_of(name)) or ""
    yield " ".join(words.split()) + "\n"
    yield "| key | meaning | what is written | default |"
    yield "|---|---|---|---|"
    needed = block.get("required", ())
    for key, value in block["properties"].items():
        shown = f"**`{key}`**" if key in needed else f"`{key}`"
        cells = (shown, _meaning(value), _written(value), _default(value))
        yield "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
    yield ""


def _meaning(value: Schema) -> str:
    """The key's own words, else those of the block that stands there."""
    if words := value.get("description"):
        return str(words)
    block = next(_blocks_in(value), "")
    return (inspect.getdoc(block_of(block)) or "").replace("\n", " ") if block else ""


def _default(value: Schema) -> str:
    given = value.get("default")
    return "" if given in (None, "", [], {}) or isinstance(given, dict) else f"`{_json(given)}`"


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _written(value: Schema) -> str:  # noqa: PLR0911 - one for each kind of schema there is
    """What may be written, in words."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"a block: [{name}](#{name.lower()})"
    if "anyOf" in value:
        several = (_written(each) for each in value["anyOf"] if each.get("type") != "null")
        return ", or ".join(dict.fromkeys(several))
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{each}`" for each in value["enum"])
    if value.get("type") == "array":
        return f"a list of: {_written(value['items'])}"
    if value.get("type") == "object":
        inner: Schema = value.get("additionalProperties") or next(
            iter(value.get("patternProperties", {}).values()), {}
        )
        return f"by name, each {_written(inner)}"
    if value.get("type") in ("integer", "number"):
        return _number(value)
    return _text(value)


def _number(value: Schema) -> str:
    low, high = value.get("minimum"), value.get("maximum")
    return f"a whole number, {low} to {high}" if low is not None else "a whole number"


def _text(value: Schema) -> str:
    kinds = {"ipv4": "an IPv4 address", "ipv6": "an IPv6 address"}
    kinds |= {"ipv4interface": "address/length", "ipv6interface": "IPv6 address/length"}
    kind = kinds.get(value.get("format", "")) or _PATTERNS.get(value.get("pattern", ""))
    if kind:
        return kind
    longest = value.get("maxLength")
    return f"text, up to {longest} characters" if longest else "text"


def _pattern(annotated: Any) -> str:
    return str(annotated.__metadata__[0].pattern)


_PATTERNS = {
    _pattern(reporting.FileName): "a file beside the description, as `reports.pem`",
    _pattern(reporting.Dn): "a name in the directory, as `ou=staff,dc=hospital,dc=example`",
    _pattern(written.Name): "a name",
    _pattern(written.NicName): "a card's name, as `eth0`",
    _pattern(written.Mac): "a MAC address, as `02:00:5e:10:00:01`",
    _pattern(written.AETitle): "an AE title, up to 16 characters",
    _pattern(written.Domain): "a domain, as `nm.home.arpa`",
    _pattern(written.Url): "a web address, as `http://mirror.hospital.example/debian`",
    _pattern(written.SshKey): "a public key, as `ssh-ed25519 AAAA… name@pc`",
    _pattern(written.Email): "a mail address, as `it@hospital.example`",
    _pattern(written.ServiceName): "a service, or ports as `tcp/8042`, `udp/5000-5010`",
    _pattern(written.DosLine): "a line of DOS, as `TRANS.EXE {in}`",
    _pattern(written.DosEnding): "an ending, as `.IMG`",
    _pattern(written.Who): "a device, a network, an address, or a network's address/length",
}
