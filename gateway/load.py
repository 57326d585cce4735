"""YAML text becomes a Site, or every Problem at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from pydantic import ValidationError
from yaml.reader import Reader

from gateway.checks import faults
from gateway.marked import Node, Place, compose
from gateway.problems import Fault, Path, Problem, Refused, show_path
from gateway.profiles import Profile, profiles
from gateway.site import Site

MAX_BYTES = 1024 * 1024
MAX_SHOWN = 200
FILE_NAME = "site.yml"
OWN_PROFILES = "profiles"
RAW_PROFILES = "raw"
"""The folder beside a description for kinds of devices that are not built in."""
# YAML's own line breaks; str.splitlines also breaks at form feeds, which would shift the lines.
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True)
class Source:
    """The text of a description: which path stands in which line."""

    file: str
    lines: tuple[str, ...] = field(repr=False)
    root: Node = field(repr=False)

    def line(self, path: Path) -> int:
        """The line a path stands in, or its nearest known ancestor; counts from 1."""
        return self.place(path, on_key=True).line

    def place(self, path: Path, *, on_key: bool = False) -> Place:
        """Where the value (or the key) of a path begins; of its nearest ancestor, if absent."""
        key, node = self.root.place, self.root
        for step in path:
            if step not in node.entries:
                return key
            key, node = node.entries[step]
        return key if on_key else node.place

    def problem(self, fault: Fault) -> Problem:
        """A fault with its place in the file."""
        place = self.place(fault.path, on_key=fault.on_key)
        return _problem(self.file, self.lines, place, fault)


@dataclass(frozen=True)
class Loaded:
    """A description without problems, and the text it came from."""

    site: Site
    source: Source


def load(path: File) -> Loaded:
    """The site that a file (or ``site.yml`` in a folder) describes.

    Raises Refused with every problem that can be seen at once.
    """
    file = _file_of(path)
    text = _read(file)
    lines = tuple(_BREAK.split(text))
    name = str(file)
    root, slips = compose(text)
    problems = [
        _problem(name, lines, slip.place, Fault(slip.path, slip.message, slip.mend))
        for slip in slips
    ]
    if root is None:
        raise Refused(problems)
    source = Source(name, lines, root)
    if not isinstance(root.value, dict):
        wanted = Fault((), "a site is described by `key: value` lines", "begin with `name: …`")
        raise Refused([*problems, source.problem(wanted)])
    raw = {each.stem: _read(each) for each in sorted((file.parent / RAW_PROFILES).glob("*.yml"))}
    context = {
        "profiles": _own_profiles(file.parent / OWN_PROFILES),
        "raw": raw,
        "certificates": {each.name: _read(each) for each in _certificates(root.value, file.parent)},
    }
    site, found = _validate(root.value, context)
    # What the text already got wrong in a place is said once, in the text's own words.
    known = {slip.path for slip in slips}
    problems += [source.problem(fault) for fault in found if fault.path not in known]
    if site is None or problems:
        raise Refused(list(dict.fromkeys(problems)))
    return Loaded(site, source)


def _problem(file: str, lines: tuple[str, ...], place: Place, fault: Fault) -> Problem:
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    return Problem(
        file=file,
        line=place.line,
        column=place.column,
        message=fault.message,
        path=show_path(fault.path),
        mend=fault.mend,
        source=line if len(line) <= MAX_SHOWN else "",
    )


def _certificates(tree: dict[str, Any], folder: File) -> list[File]:
    """The files that ``reports`` names and that are there. What it says was not yet looked at."""
    reports = tree.get("reports")
    blocks = (reports, reports.get("ldap")) if isinstance(reports, dict) else ()
    named = [each.get("certificate") for each in blocks if isinstance(each, dict)]
    plain = [each for each in named if isinstance(each, str) and re.fullmatch(r"[\w.-]+", each)]
    return [folder / each for each in dict.fromkeys(plain) if (folder / each).is_file()]


def _own_profiles(folder: File) -> dict[str, Profile]:
    """The profiles that a site brings. Raises Refused with every problem in them."""
    found: dict[str, Profile] = {}
    problems: list[Problem] = []
    for file in sorted(folder.glob("*.yml")):
        try:
            found[file.stem] = _own_profile(file)
        except Refused as refused:
            problems += refused.problems
    if problems:
        raise Refused(problems)
    return found


def _own_profile(file: File) -> Profile:
    text = _read(file)
    root, slips = compose(text)
    lines = tuple(_BREAK.split(text))
    problems = [
        _problem(str(file), lines, slip.place, Fault(slip.path, slip.message, slip.mend))
        for slip in slips
    ]
    if root is None or problems:
        raise Refused(problems)
    source = Source(str(file), lines, root)
    if not isinstance(root.value, dict):
        wanted = Fault((), "a profile is `key: value` lines", "begin with `title: …`")
        raise Refused([source.problem(wanted)])
    try:
        profile = Profile.model_validate(root.value)
    except ValidationError as error:
        from gateway.wording import reword  # only a wrong profile needs it

        wrong = reword(error, root.value, Profile)
        raise Refused([source.problem(fault) for fault in wrong]) from None
    if fault := _name_fault(file.stem, profile):
        raise Refused([source.problem(fault)])
    return profile


def _name_fault(name: str, profile: Profile) -> Fault | None:
    """A profile may stand in for a built-in one, if it says so."""
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,13}[a-z0-9])?", name):
        message = f"`{name}` is no name for a profile: up to 15 small letters, digits and dashes"
        return Fault((), message, "rename the file")
    if name in profiles() and profile.replaces != name:
        message = f"there is a built-in profile `{name}`"
        return Fault((), message, f"rename the file, or add `replaces: {name}` if it is meant")
    if profile.replaces and (profile.replaces != name or name not in profiles()):
        message = f"`{name}` cannot replace `{profile.replaces}`"
        return Fault(("replaces",), message, "it may name a built-in profile, the file's own name")
    return None


def _validate(tree: dict[str, Any], context: dict[str, Any]) -> tuple[Site | None, list[Fault]]:
    """The site and all its faults; no site when the model itself refuses the tree."""
    try:
        site = Site.model_validate(tree, context=context)
    except ValidationError as error:
        from gateway.wording import reword  # only a wrong description needs it

        wrong = reword(error, tree)
        return None, wrong + _faults_of_the_rest(tree, wrong, context)
    return site, list(faults(site))


def _faults_of_the_rest(
    tree: dict[str, Any], wrong: list[Fault], context: dict[str, Any]
) -> list[Fault]:
    """What the rules across fields find once the wrong values are left out.

    Only where leaving them out makes a site that stands, and only in other blocks than theirs:
    a rule must not complain about a gap that was made here.
    """
    bad = [fault.path for fault in wrong]
    # Everything refers to networks and to whole blocks, and without an entry of a list the
    # indexes behind it would name other lines.
    if any(len(path) < 2 or path[0] == "networks" or isinstance(path[-1], int) for path in bad):
        return []
    try:
        site = Site.model_validate(_without(tree, (), set(bad)), context=context)
    except ValidationError:
        return []
    return [fault for fault in faults(site) if not _touches(fault.path, bad)]


def _without(value: Any, path: Path, bad: set[Path]) -> Any:
    if isinstance(value, dict):
        return {
            key: _without(each, (*path, key), bad)
            for key, each in value.items()
            if (*path, key) not in bad
        }
    if isinstance(value, list):
        return [_without(each, (*path, index), bad) for index, each in enumerate(value)]
    return value


def _touches(path: Path, bad: Iterable[Path]) -> bool:
    blocks = [each[:-1] for each in bad]
    return any(block[: len(path)] == path[: len(block)] for block in blocks if block)


def _file_of(path: File) -> File:
    try:
        return path / FILE_NAME if path.is_dir() else path
    except OSError as error:  # a folder above it that may not be entered, a name too long
        raise _refused(path, *_unopened(path, error)) from None


def _read(file: File) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused(file, *_unopened(file, error)) from None
    except ValueError:  # a NUL in the name
        raise _refused(file, "this is no file name", "give the path of a site.yml") from None
    if len(raw) > MAX_BYTES:
        raise _refused(
            file, "larger than 1 MiB, which no description is", "give the path of a site.yml"
        )
    if b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refused(file, "this is a binary file, not text", "give the path of a site.yml")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"line {line} is not UTF-8 text (byte 0x{raw[error.start]:02x})"
        raise _refused(file, message, "save the file as UTF-8 in your editor") from None
    _only_printable(file, text)
    return text


def _unopened(file: File, error: OSError) -> tuple[str, str]:
    if isinstance(error, FileNotFoundError):
        if file.parent.is_dir() and file.name == FILE_NAME:
            return f"the folder has no {FILE_NAME}", "give a folder with one, or the file itself"
        return "there is no such file", "give the path of a site.yml or of its folder"
    if isinstance(error, PermissionError):
        return "it may not be read by you", f"chmod it, or try as its owner: ls -l {file}"
    return f"it cannot be read: {error.strerror}", "give the path of a site.yml or of its folder"


def _only_printable(file: File, text: str) -> None:
    found = Reader.NON_PRINTABLE.search(text)
    if found is None:
        return
    before = _BREAK.split(text[: found.start()])
    lines = tuple(_BREAK.split(text))
    place = Place(len(before), len(before[-1]) + 1)
    shown = tuple(re.sub(r"[^\t -~\xa0-\U0010ffff]", "?", line) for line in lines)
    message = f"the character U+{ord(found.group()):04X} cannot be printed"
    fault = Fault((), message, "remove it")
    raise Refused([_problem(str(file), shown, place, fault)])


def _refused(file: File, message: str, mend: str) -> Refused:
    return Refused([Problem(str(file), 0, 0, message, mend=mend)])
