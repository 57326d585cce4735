"""What the model refuses, in an operator's words: the key, what was given, what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel, StringConstraints, ValidationError

from gateway import reporting, written
from gateway import site as model
from gateway.nearest import nearest
from gateway.problems import Fault, Path, show_path

Details = dict[str, Any]
KEY = "[key]"


def shown(value: object) -> str:
    """A given value, short enough for a message."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a block"
    if isinstance(value, list):
        return "a list"
    # A line break or an escape sequence must not reach the terminal as such.
    text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(value))
    return f"`{text if len(text) <= 40 else text[:37] + '...'}`"


def reword(
    error: ValidationError, tree: Details, root: type[BaseModel] = model.Site
) -> list[Fault]:
    """A fault for every error of the model ``root``, each in words of its own."""
    return [
        _fault({**details, "root": root, "loc": _untagged(details["loc"])}, tree)
        for details in error.errors(include_url=False)
        # A list is also "too short" when each of its entries is refused by itself.
        if not (details["type"] == "too_short" and details["input"])
    ]


def _untagged(path: Path) -> Path:
    """pydantic names the kind of protocol that it took an entry for; the text does not."""
    tagged = len(path) > 2 and path[0] == "protocols" and isinstance(path[1], int)
    return path[:2] + path[3:] if tagged else path


def _fault(details: Details, tree: Details) -> Fault:
    path: Path = tuple(details["loc"])
    kind = details["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path, details["root"])
    if kind == "missing":
        return _missing(path)
    if path and path[-1] == KEY:
        what, mend = _mismatch(details)
        return Fault(path[:-1], f"`{path[-2]}` {what}", mend, on_key=True)
    path = _written(path, tree)
    what, mend = _REWORDED.get(kind, _anything)(details)
    # An empty value has no place of its own worth a caret; its key has.
    return Fault(path, f"{show_path(path)} {what}", mend, on_key=details["input"] is None)


def _written(path: Path, tree: Any) -> Path:
    """As much of a path as stands in the text: `nic: eth1` means `nic: {name: eth1}`."""
    for length, step in enumerate(path):
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            return path[:length]
    return path


def _unknown_key(path: Path, root: type[BaseModel]) -> Fault:
    key = str(path[-1])
    known = list(keys_at(path[:-1], root))
    where = f" in {show_path(path[:-1])}" if path[:-1] else ""
    mend = nearest(key, known, listed="keys here")
    if key == "<<":
        mend = "write the values out: blocks are not merged here"
    return Fault(path, f"unknown key `{key}`{where}", mend, on_key=True)


def _missing(path: Path) -> Fault:
    key = str(path[-1])
    owner = show_path(path[:-1]) or "the description"
    mend = f"add `{_EXAMPLES.get(key, key + ': …')}`"
    return Fault(path[:-1], f"{owner} has no `{key}`", mend, on_key=True)


_EXAMPLES = {
    "networks": "networks: {hospital: {side: outside, …}, office: {nic: …, address: …}}",
    "name": "name: kaohsiung",
    "administration": "administration: {from: [console]}",
    "from": "from: [console]",
    "to": "to: outside",
    "services": "services: [web]",
    "profile": "profile: windows-11",
    "nic": "nic: eth0",
    "address": "address: 10.1.1.1/24",
    "first": "first: 10.1.1.100",
    "last": "last: 10.1.1.199",
    "share": "share: images",
    "devices": "devices: {varicam: {share: images}}",
    "program": "program: starcam",
    "commands": 'commands: ["TRANS.EXE {in}"]',
}


def keys_at(path: Path, root: type[BaseModel] = model.Site) -> Iterable[str]:
    """The keys that the model knows in the block at a path."""
    parts: tuple[type[BaseModel], ...] = (root,)
    inside_mapping = False
    for step in path:
        if inside_mapping or isinstance(step, int):
            inside_mapping = False  # a name of the operator's, or an index: the same model
            continue
        found = {
            info.alias or name: info for part in parts for name, info in part.model_fields.items()
        }
        if str(step) not in found:
            return ()
        annotation = found[str(step)].annotation
        inside_mapping = getattr(annotation, "__origin__", None) is dict
        parts = tuple(_parts_in(annotation))
    names = (info.alias or name for each in parts for name, info in each.model_fields.items())
    return list(dict.fromkeys(names))


def _parts_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _parts_in(each)


def _pattern(annotated: Any) -> str:
    constraints = next(each for each in get_args(annotated) if isinstance(each, StringConstraints))
    return str(constraints.pattern)


_WANTED: dict[str, tuple[str, str]] = {
    _pattern(written.Name): (
        "is no name: up to 15 small letters, digits and dashes, a letter first",
        "reading-pc",
    ),
    _pattern(written.NicName): (
        "is no name for a card: up to 15 small letters and digits, a letter first",
        "eth0",
    ),
    _pattern(written.Mac): (
        "is no MAC address: six pairs of small hexadecimal digits, colons between",
        "02:00:5e:10:00:01",
    ),
    _pattern(written.AETitle): (
        "is no AE title: printable ASCII without backslash, no space at either end",
        "ICON1",
    ),
    _pattern(written.Domain): ("is no domain: small letters, digits, dashes, dots", "home.arpa"),
    _pattern(written.Url): ("is no web address", "http://mirror.hospital.example/debian"),
    _pattern(written.SshKey): (
        "is no public ssh key: the whole line of an id_*.pub file",
        "ssh-ed25519 AAAA… name@pc",
    ),
    _pattern(written.Email): ("is no mail address", "ward@hospital.example"),
    _pattern(written.ProxyUser): (
        "is no name to log in with here: up to 64 characters of ASCII, no blank and no colon",
        "nm-gateway",
    ),
    _pattern(written.ServiceName): (
        "is no service: a known name, or tcp/PORT, udp/PORT, tcp/FIRST-LAST",
        "web or tcp/8042",
    ),
    _pattern(written.Prose): ("holds a character that steers the terminal", "plain text"),
    _pattern(written.DosLine): (
        "is no line of DOS: up to 110 characters of ASCII, no blank or bracket first",
        "TRANS.EXE {in}",
    ),
    _pattern(written.DosEnding): ("is no ending of a file: a dot, letters and digits", ".IMG"),
    _pattern(reporting.FileName): ("is no .pem or .crt beside the description", "reports.pem"),
    _pattern(reporting.Dn): ("is no name in a directory", "ou=staff,dc=hospital,dc=example"),
    _pattern(reporting.Attribute): ("is no attribute of a person", "uid"),
    _pattern(written.Who): (
        "is no device, network or address: small letters, digits, dots, dashes",
        "office or 192.0.2.50",
    ),
}
_WANTED_IN: dict[str, tuple[str, str]] = {
    "workgroup": ("is no workgroup: up to 15 capitals, digits and dashes", "NUCMED"),
    "timezone": ("is no time zone", "Asia/Taipei"),
    "comment": ("holds a line break or tab", "one line of text"),
    "port": ("is no serial port: a device of the box that is called /dev/tty…", "/dev/ttyS0"),
    "number": ("is no telephone number: digits, blanks, dots and dashes", '"07 555 0100"'),
    "prefix": ("is no prefix: up to four digits and commas, a comma for a pause", '"0,"'),
}


def _mismatch(details: Details) -> tuple[str, str]:
    given = details["input"]
    if not isinstance(given, str) or details["type"] != "string_pattern_mismatch":
        return _not_text(details)
    last = str(details["loc"][-1])
    what, example = (
        _WANTED.get(details["ctx"]["pattern"]) or _WANTED_IN.get(last) or ("is not right", "")
    )
    if last == KEY:
        return what, f"such as {example}"
    return f"{shown(given)} {what}", f"such as {example}"


def _not_text(details: Details) -> tuple[str, str]:
    given = details["input"]
    if given is None:
        return "is empty", "write its value behind the colon, or remove the line"
    if isinstance(given, int):
        return f"is the number {given}, but text is wanted", f'quote it: "{given}"'
    return f"wants one text, not {shown(given)}", "write it on the same line, behind the colon"


def _not_a_number(details: Details) -> tuple[str, str]:
    if details["input"] is None:
        return _not_text(details)
    return f"wants a whole number, not {shown(details['input'])}", "such as 104"


def _too_small(details: Details) -> tuple[str, str]:
    least = details["ctx"]["ge"]
    return f"is {details['input']}, too small", f"the smallest is {least}"


def _too_large(details: Details) -> tuple[str, str]:
    most = details["ctx"]["le"]
    return f"is {details['input']}, too large", f"the largest is {most}"


def _too_long(details: Details) -> tuple[str, str]:
    given, most = str(details["input"]), details["ctx"]["max_length"]
    return f"has {len(given)} characters", f"at most {most} fit"


def _not_an_address(version: int, example: str) -> Callable[[Details], tuple[str, str]]:
    def words(details: Details) -> tuple[str, str]:
        if not isinstance(details["input"], str):
            return _not_text(details)
        return f"{shown(details['input'])} is no IPv{version} address", f"such as {example}"

    return words


def _not_one_of(details: Details) -> tuple[str, str]:
    choices = [str(each).strip("'") for each in _choices(details)]
    if not isinstance(details["input"], str):
        return _not_text(details)
    return f"cannot be {shown(details['input'])}", nearest(
        details["input"], choices, listed="it is one of"
    )


def _choices(details: Details) -> list[str]:
    return str(details["ctx"]["expected"]).replace(" or ", ", ").split(", ")


def _not_a_block(details: Details) -> tuple[str, str]:
    if details["input"] is None:
        return "is empty", "write its keys below it, indented, or remove the line"
    keys = ", ".join(keys_at(tuple(details["loc"]), details["root"]))
    return (
        f"wants a block of keys, not {shown(details['input'])}",
        f"keys here: {keys}" if keys else "write them below it, indented",
    )


def _not_a_list(details: Details) -> tuple[str, str]:
    given = details["input"]
    if given is None:
        return "is empty", "write a list behind it: [one, two], or remove the line"
    if isinstance(given, dict):
        return "wants a list, not a block", "begin each entry with `- `"
    return f"wants a list, not {shown(given)}", f"write [{given}]"


def _too_few(details: Details) -> tuple[str, str]:
    if isinstance(details["input"], dict):
        return "is an empty block", "name at least one, as `name: {…}`"
    return "is an empty list", "name at least one"


def _own_words(details: Details) -> tuple[str, str]:
    message = str(details["ctx"]["error"])
    what, _, mend = message.partition(": ")
    return what, mend


def _no_protocol(_details: Details) -> tuple[str, str]:
    return "says no protocol that is known", "begin it with `speaks: smb`, or afp, or nfs"


def _anything(details: Details) -> tuple[str, str]:
    return f"cannot be {shown(details['input'])}", "see docs/site.schema.json for what is wanted"


_REWORDED: dict[str, Callable[[Details], tuple[str, str]]] = {
    "string_type": _not_text,
    "string_pattern_mismatch": _mismatch,
    "string_too_long": _too_long,
    "int_type": _not_a_number,
    "int_parsing": _not_a_number,
    "int_parsing_size": _not_a_number,
    "greater_than_equal": _too_small,
    "less_than_equal": _too_large,
    "ip_v4_address": _not_an_address(4, "10.1.1.11"),
    "ip_v6_address": _not_an_address(6, "2001:db8::11"),
    "ip_v4_interface": _not_an_address(4, "10.1.1.1/24"),
    "ip_v6_interface": _not_an_address(6, "2001:db8::1/64"),
    "literal_error": _not_one_of,
    "model_type": _not_a_block,
    "model_attributes_type": _not_a_block,
    "dict_type": _not_a_block,
    "tuple_type": _not_a_list,
    "list_type": _not_a_list,
    "too_short": _too_few,
    "value_error": _own_words,
    "union_tag_invalid": _no_protocol,
    "union_tag_not_found": _no_protocol,
}
