"""What on the box is not as its generation says, and who may have done it. It changes nothing.

A generation that is not whole (only its firewall is there, a switch was interrupted) has no
drift but only work that is left to do; ``expected`` gives none then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from . import accounts, baseline, packages, ruleset, services, who
from .files import Paths, differs, secrets_digest
from .manifest import ACCOUNTS, FIREWALL, NOTHING, Manifest
from .process import Failed
from .state import State
from .store import Store
from .switch import View, view

UNIT_FOLDERS = ("/etc/systemd/system", "/usr/lib/systemd/system")
MOST_RULES = 20
_MENDED_BY = {"rules": FIREWALL[0], "accounts": ACCOUNTS}


@dataclass(frozen=True)
class Finding:
    """One thing that is otherwise.

    ``kind`` is ``file``, ``added``, ``unit``, ``package``, ``rules`` or ``accounts``;
    ``fate`` is what an apply does to it. ``undone``: it is somebody's work, so an apply refuses
    until it is told to; ``mended``: nobody's; ``left``: it stays.
    """

    kind: str
    name: str
    what: str
    fate: Literal["undone", "mended", "left"] = "undone"
    when: str = ""
    who: str = ""

    def __str__(self) -> str:
        """One line, without who and when."""
        return f"{self.name}: {self.what}"

    def told(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "line": str(self)}


def findings(store: Store) -> list[Finding]:
    """Everything that differs from the active generation."""
    expected = _expected(store)
    if expected is None:
        return []
    paths, manifest = store.paths, expected.manifest
    looks: list[Callable[[], Iterable[Finding]]] = [
        lambda: files(paths, manifest),
        lambda: units(manifest),
        lambda: _packages(paths, manifest),
        lambda: _added(paths, manifest),
    ]
    if str(paths.root) == "/":  # the kernel and the accounts are the box's own
        looks.append(lambda: _rules(expected))
        # Passwords that came since are what the next switch is about, and no drift.
        if secrets_digest(paths) == store.state().secrets:
            looks.append(lambda: _accounts(paths, manifest))
    with ThreadPoolExecutor() as pool:  # they mostly wait for dpkg, systemctl, nft and pdbedit
        return [each for found in pool.map(lambda look: list(look()), looks) for each in found]


def may_be_refused(state: State) -> bool:
    """Whether drift can be somebody's work: what an interrupted switch left is only unfinished."""
    return state.active is not None and not state.only_first and state.pending is None


def manifest_of(store: Store) -> Manifest:
    """What the box was made to be last."""
    expected = _expected(store)
    return expected.manifest if expected else NOTHING


def _expected(store: Store) -> View | None:
    state = store.state()
    with suppress(Failed):  # a damaged one must not keep the next apply from mending it
        return view(store.generation(state.active), state.only_first) if state.active else None
    return None


def files(paths: Paths, manifest: Manifest) -> Iterator[Finding]:
    """Files of ours that are otherwise or gone."""
    for entry in manifest.files:
        if how := differs(paths, entry):
            what = "absent" if how == "absent" else f"{how} differs"
            yield Finding("file", entry.path, what)


def units(manifest: Manifest) -> Iterator[Finding]:
    """Units that do not run or would not start again, and Debian's that could.

    One that failed is told, but nobody's work is undone by starting it again.
    """
    for unit in services.units(manifest.units):
        if unit.file in ("masked", "masked-runtime"):
            yield Finding("unit", unit.name, "masked")
        elif not unit.runs:
            by_hand = unit.active == "inactive"
            yield Finding("unit", unit.name, unit.active, "undone" if by_hand else "mended")
        elif unit.file == "disabled":
            yield Finding("unit", unit.name, "will not start at boot")
    for unit in services.units(manifest.masked):
        if unit.file != "masked":
            yield Finding("unit", unit.name, "not masked")


def _packages(paths: Paths, manifest: Manifest) -> Iterator[Finding]:
    gone = packages.missing(manifest.packages)
    yield from (Finding("package", name, "not installed") for name in gone)
    known = baseline.read(paths)
    if known is None:
        return
    now = baseline.packages()
    for name in sorted(known.packages.keys() | now.keys()):
        was, package = known.packages.get(name), now.get(name)
        if (what := _package_change(was, package)) and name not in gone:
            yield Finding("package", name, what, "left")


def _package_change(was: baseline.Package | None, now: baseline.Package | None) -> str:
    if was is None:
        return f"installed ({now.version})" if now else ""
    if now is None:
        return f"removed (was {was.version})"
    if was.version != now.version:
        return f"{was.version} became {now.version}"
    return f"{now.want}, was {was.want}" if was.want != now.want else ""


def _added(paths: Paths, manifest: Manifest) -> Iterator[Finding]:
    known = baseline.read(paths)
    if known is None:
        return
    there = baseline.others(paths, manifest.paths, watched(manifest))
    packaged = packages.owned([name for name in there if name not in known.others])
    for name, digest in there.items():
        if name in packaged:
            yield Finding("added", name, "it came with a package", "left")
        elif name not in known.others:
            yield Finding("added", name, "nobody asked for it")
        elif known.others[name] != digest:  # its package's work, or somebody's: an apply leaves it
            yield Finding("added", name, "it is not ours, and it was changed", "left")


def watched(manifest: Manifest) -> tuple[str, ...]:
    """The folders in which every file is ours, or was there when we came."""
    return tuple(dict.fromkeys((*manifest.folders, *UNIT_FOLDERS[:1])))


def _rules(expected: View) -> Iterator[Finding]:
    path, _unit = FIREWALL
    if path not in expected.manifest.paths:
        return
    try:
        lines = ruleset.differences(expected.staged(path))
    except Failed as error:
        yield Finding("rules", "firewall", f"cannot be compared: {error}", "left")
        return
    yield from (Finding("rules", "firewall", line) for line in lines[:MOST_RULES])
    if len(lines) > MOST_RULES:
        yield Finding("rules", "firewall", f"and {len(lines) - MOST_RULES} more rules")


def _accounts(paths: Paths, manifest: Manifest) -> Iterator[Finding]:
    if ACCOUNTS not in manifest.paths:
        return
    try:
        for line in accounts.apply(paths, dry_run=True):
            yield Finding("accounts", "accounts", f"to be mended: {line}")
    except (Failed, OSError) as error:
        yield Finding("accounts", "accounts", f"cannot be compared: {error}", "left")


def afresh(found: Sequence[Finding], manifest: Manifest) -> set[str]:
    """The paths of ours whose services must look again for this to be mended."""
    again = {path for kind, path in _MENDED_BY.items() if kind in {each.kind for each in found}}
    for each in found:
        folder = Path(each.name).parent.name
        if each.kind == "added" and folder.endswith(".d"):  # a drop-in of a unit
            unit = folder.removesuffix(".d")
            again |= {entry.path for entry in manifest.files if unit in entry.reload}
    return again & manifest.paths


def with_who(found: Sequence[Finding], paths: Paths) -> list[Finding]:
    """The same, each with when it happened and who was there, where the box knows."""
    if not found:
        return []
    history = who.package_history()
    moments = [_MOMENTS.get(each.kind, _never)(paths, each.name) for each in found]
    past = who.past([each for each in moments if each])
    return [_told_of(each, at, past, history) for each, at in zip(found, moments, strict=True)]


def _told_of(
    found: Finding, at: datetime | None, past: who.Past, history: dict[str, who.Done]
) -> Finding:
    if found.kind == "package":
        done = history.get(found.name) if "hold" not in found.what else None  # no log has that
        return replace(found, when=done.at, who=done.by) if done else found
    if at is None:
        return found
    about = Path(found.name).name if found.kind in ("file", "added") else found.name
    return replace(found, when=who.clock(at), who=past.who(at, about))


def _changed(paths: Paths, name: str) -> datetime | None:
    """When a file last changed, or its folder, if it is gone."""
    target = paths.on_box(name)
    for place in (target, *target.parents):
        try:
            # The time of the inode: nobody sets that one by hand (inode(7)).
            return who.moment(place.lstat().st_ctime)
        except OSError:
            continue
    return None


def _unit_changed(paths: Paths, name: str) -> datetime | None:
    masked = paths.on_box(f"{UNIT_FOLDERS[0]}/{name}")
    if masked.is_symlink():
        return who.moment(masked.lstat().st_ctime)
    return services.changed(name)


def _database_changed(paths: Paths, _name: str) -> datetime | None:
    """The newest of the places where accounts and passwords are kept."""
    try:
        servers = accounts.Wanted.read(accounts.wanted_file(paths)).servers.values()
    except (Failed, OSError, KeyError, TypeError):
        return None
    files = [Path("/etc/shadow"), *(Path(each.private, "passdb.tdb") for each in servers)]
    times = [each.stat().st_mtime for each in files if each.exists()]
    return who.moment(max(times)) if times else None


def _never(_paths: Paths, _name: str) -> datetime | None:
    return None


_MOMENTS: dict[str, Callable[[Paths, str], datetime | None]] = {
    "file": _changed,
    "added": _changed,
    "unit": _unit_changed,
    "accounts": _database_changed,
}
