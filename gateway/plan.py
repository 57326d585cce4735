"""What an apply would do to a box, as a person reads it: flows first, then the rest, then text.

The box itself has compared (gateway/box/plan.py); this only shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

OPENS, CLOSES, CHANGES, HEAD, DIM = "green", "red", "yellow", "bold", "dim"
OWN = ("/usr/lib/gateway/", "/usr/sbin/gateway-box")
"""Our own program and data on the box: named in one line, their text is in the repository."""
_MARKS = {
    "new": ("+", OPENS, "new"),
    "content": ("~", CHANGES, "changes"),
    "standing": ("~", CHANGES, "changes"),
    "replaced": ("~", CHANGES, "replaces what is there"),
    "removed": ("-", CLOSES, "is removed"),
    "given back": ("-", CLOSES, "is again what it was before"),
}
_COMMANDS = {
    "nft": "the firewall takes its new rules at once",
    "gateway-box": "accounts and passwords are set",
    "systemd-tmpfiles": "folders are made, with their rights",
    "systemd-sysctl": "the kernel takes its settings",
}
_UNITS = {
    "stop": "stops and is disabled",
    "start": "starts",
    "mask": "is stopped and masked",
}


def show(plan: Mapping[str, Any], *, whole: bool = False) -> Iterator[Text]:
    """The plan, line by line; ``whole``: with the text of new and removed files too."""
    where = "nothing of ours" if plan["bare"] else f"generation {plan['active']}"
    yield Text(f"the box has {where}; an apply would change:", HEAD)
    if not plan["changed"]:
        yield Text("  nothing")
    yield from _drift(plan["drift"])
    yield from _flows(plan["flows"])
    yield from _conversations(plan["ends"])
    yield from _packages(plan["packages"])
    yield from _units(plan["units"])
    yield from _kept(plan["kept"])
    yield from _files(plan["files"])
    yield from _diffs(plan["files"], whole=whole)


def counts(plan: Mapping[str, Any]) -> str:
    """One line for those who want no more."""
    flows = plan["flows"]
    told = (
        (len(flows["opens"]), "flow opens", "flows open"),
        (len(flows["closes"]), "flow closes", "flows close"),
        (len(plan["packages"]["install"]), "package comes", "packages come"),
        (sum(map(len, plan["units"].values())), "step for services", "steps for services"),
        (len(plan["files"]), "file changes", "files change"),
    )
    return ", ".join(f"{n} {one if n == 1 else more}" for n, one, more in told if n) or "nothing"


def _title(text: str) -> Iterator[Text]:
    yield Text("")
    yield Text(text, HEAD)


def _drift(found: list[dict[str, Any]]) -> Iterator[Text]:
    if found:
        yield from _title("Changed by hand")
    words = {"undone": "would be undone", "mended": "would be mended", "left": "stays"}
    for each in found:
        color = CLOSES if each["fate"] == "undone" else CHANGES
        yield Text(f"  ! {each['line']}: {words[each['fate']]}", color)
        if known := ", ".join(each[key] for key in ("when", "who") if each[key]):
            yield Text(f"      {known}", DIM)


def _flows(flows: Mapping[str, Any]) -> Iterator[Text]:
    if not flows["known"]:
        yield from _title("Flows (the box has no policy of ours yet: all others close)")
    elif flows["opens"] or flows["closes"]:
        yield from _title("Flows")
    changes = [("+", "opens", OPENS, each) for each in flows["opens"]]
    changes += [("-", "closes", CLOSES, each) for each in flows["closes"]]
    ends = [f"{each['source']} → {each['destination']}" for *_, each in changes]
    whats = [_what(each["service"], each["ports"]) for *_, each in changes]
    wide, wider = (max(map(len, each), default=0) for each in (ends, whats))
    for (mark, verb, color, each), end, what in zip(changes, ends, whats, strict=True):
        why = ("was " if mark == "-" else "") + each["reason"]
        why += f", {each['note']}" if each["note"] else ""
        yield Text.assemble(
            (f"  {mark} {verb:6} {end:{wide}}  {what:{wider}}", color), (f"  {why}", DIM)
        )


def _what(service: str, ports: str) -> str:
    return service if service == ports else f"{service} ({ports})"


def _conversations(ends: list[str]) -> Iterator[Text]:
    if ends:
        yield from _title("Conversations that go on now and would end")
    yield from (Text(f"  - {each}", CLOSES) for each in ends)


def _packages(packages: Mapping[str, list[str]]) -> Iterator[Text]:
    if any(packages.values()):
        yield from _title("Packages")
    for name in packages["install"]:
        yield Text(f"  + {name} is installed, with what it needs", OPENS)
    for name in packages["unneeded"]:
        yield Text(f"  - {name} is no longer needed: it stays, and nothing of it starts", CHANGES)


def _units(units: Mapping[str, list[str]]) -> Iterator[Text]:
    if any(units.values()):
        yield from _title("Services, in this order")
    for unit in units["stop"]:
        yield Text(f"  - {unit} {_UNITS['stop']}", CLOSES)
    for unit in units["mask"]:
        yield Text(f"  - {unit} {_UNITS['mask']}", CLOSES)
    for command in units["reload"]:
        yield Text(f"  ~ {_said(command)}", CHANGES)
    for unit in units["start"]:
        yield Text(f"  + {unit} {_UNITS['start']}", OPENS)


def _said(command: str) -> str:
    """``systemctl try-restart x.service`` as what becomes of x.service."""
    words = command.split()
    if told := _COMMANDS.get(words[0].rpartition("/")[2]):
        return told
    if words[0].endswith("systemctl") and len(words) > 2:
        verb = {"try-restart": "restarts", "try-reload-or-restart": "reloads"}.get(words[1])
        if verb:
            units = words[2:]
            return f"{', '.join(units)} {verb if len(units) == 1 else verb.removesuffix('s')}"
    return f"runs {command}"


def _kept(kept: list[str]) -> Iterator[Text]:
    if kept:
        yield from _title("Data")
    yield from (Text(f"  {line}") for line in kept)


def _files(files: list[dict[str, Any]]) -> Iterator[Text]:
    own = [each for each in files if each["path"].startswith(OWN)]
    others = [each for each in files if each not in own]
    if files:
        yield from _title("Files")
    if own:
        yield Text(f"  ~ {len(own)} of gateway-box itself, and its policy", CHANGES)
    for each in others:
        mark, color, what = _MARKS[each["what"]]
        told = f"  {mark} {each['path']} {what}"
        if sizes := _sizes(each["diff"]):
            told += f" ({sizes})"
        if each.get("hidden"):
            told += " (not for all to read: its text is not shown)"
        if each.get("before"):
            told += f", {each['before']} becomes {each['after']}"
        yield Text(told, color)


def _sizes(diff: str) -> str:
    lines = diff.splitlines()[2:]
    more = sum(line.startswith("+") for line in lines)
    less = sum(line.startswith("-") for line in lines)
    return " ".join(word for word, n in ((f"+{more}", more), (f"-{less}", less)) if n)


def _diffs(files: list[dict[str, Any]], *, whole: bool) -> Iterator[Text]:
    shown = [
        each["diff"]
        for each in files
        if each["diff"]
        and (whole or (each["what"] == "content" and not each["path"].startswith(OWN)))
    ]
    if shown:
        yield from _title("Text")
    for diff in shown:
        for line in diff.splitlines():
            color = {"+": OPENS, "-": CLOSES, "@": "cyan"}.get(line[:1], "")
            yield Text(line, HEAD if line.startswith(("+++", "---")) else color)
