"""What taking an archive into use would do to this box. It changes nothing, and writes nothing.

The archive's own program does it, from the archive, so it also answers on a bare box.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import conntrack, orphans, packages, services
from .claims import Claims
from .drift import findings, with_who
from .files import Paths, owner_of
from .manifest import NOTHING, Entry, Manifest
from .policy import PATH, Flow, Policy, parse
from .process import Failed
from .store import Store, read_archive
from .switch import View, view

READABLE = 0o004
"""A file that not everybody may read may hold a secret: its content is not shown."""
MAX_DIFF = 1 << 20

Rows = list[dict[str, Any]]


def plan(store: Store, archive: Path) -> dict[str, Any]:
    """Every difference that an apply would make, for programs; gateway/plan.py shows it."""
    manifest, contents = read_archive(archive)
    state = store.state()
    before = view(store.generation(state.active), state.only_first) if state.active else View()
    claims, paths = Claims(store.paths), store.paths
    files = [row for entry in manifest.files if (row := _placed(paths, entry, contents))]
    gone = [_given_back(paths, claims, path, command) for path, command in
            claims.unwanted(manifest.paths).items()]  # fmt: skip
    after = _parsed(contents.get(f"files{PATH}"))
    drift = with_who(findings(store), paths)
    told: dict[str, Any] = {
        "active": state.active,
        "bare": state.active is None,
        "files": files + gone,
        "packages": _packages(before.manifest, manifest),
        "units": _units(claims, manifest, {row["path"] for row in files}, gone),
        "flows": flows(_policy_of(before), after),
        "ends": conntrack.unpermitted(after) if after else [],
        "kept": orphans.data(paths, before.manifest, manifest),
        "drift": [each.told() for each in drift],
    }
    changes = (told["files"], *told["packages"].values(), *told["units"].values())
    return {**told, "changed": any(changes)}


def _placed(paths: Paths, entry: Entry, contents: dict[str, bytes]) -> dict[str, Any] | None:
    """How a path of the tree would change; None if it would not."""
    target, new = paths.on_box(entry.path), contents[f"files{entry.path}"]
    row: dict[str, Any] = {"path": entry.path, "reload": shlex.join(entry.reload)}
    wanted = _standing(entry.mode, entry.owner, entry.group)
    if not target.is_symlink() and not target.exists():
        told = "" if not entry.mode & READABLE else _diff(b"", new, entry.path)
        return {**row, "what": "new", "after": wanted, "diff": told}
    if target.is_symlink() or not target.is_file():
        return {**row, "what": "replaced", "after": wanted, "diff": "", "before": "no plain file"}
    found = target.lstat()
    old, mode = target.read_bytes(), found.st_mode & 0o7777
    standing = _standing(mode, *_names(found.st_uid, found.st_gid))
    if old == new and standing == wanted and _same_owner(found.st_uid, found.st_gid, entry):
        return None
    hidden = not (mode & READABLE and entry.mode & READABLE)
    row |= {"what": "content" if old != new else "standing", "diff": ""}
    if standing != wanted:
        row |= {"before": standing, "after": wanted}
    if old != new:
        row |= {"hidden": True} if hidden else {"diff": _diff(old, new, entry.path)}
    return row


def _same_owner(uid: int, gid: int, entry: Entry) -> bool:
    try:
        return (uid, gid) == owner_of(entry)
    except Failed:  # a package brings that account
        return False


def _standing(mode: int, owner: str, group: str) -> str:
    return f"{mode:04o} {owner}:{group}"


def _names(uid: int, gid: int) -> tuple[str, str]:
    import grp
    import pwd

    try:
        owner = pwd.getpwuid(uid).pw_name
    except KeyError:
        owner = str(uid)
    try:
        return owner, grp.getgrgid(gid).gr_name
    except KeyError:
        return owner, str(gid)


def _given_back(
    paths: Paths, claims: Claims, path: str, command: tuple[str, ...]
) -> dict[str, Any]:
    """What becomes of a path that nobody wants any more."""
    target = paths.on_box(path)
    row = {"path": path, "reload": shlex.join(command), "diff": ""}
    was = claims.was(path)
    row["what"] = "removed" if was == "absent" else "given back"
    if was == "absent" and target.is_file() and target.stat().st_mode & READABLE:
        row["diff"] = _diff(target.read_bytes(), b"", path)
    return row


def _diff(old: bytes, new: bytes, path: str) -> str:
    """Unified, or a word on why there is none."""
    if len(old) + len(new) > MAX_DIFF:
        return "(too large to compare)\n"
    try:
        before, after = (each.decode().splitlines(keepends=True) for each in (old, new))
    except UnicodeDecodeError:
        return "(no text)\n"
    ends = [path if each else "/dev/null" for each in (old, new)]
    lines = difflib.unified_diff(before, after, ends[0], ends[1])
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def _packages(before: Manifest, after: Manifest) -> dict[str, list[str]]:
    """What is installed, and what is no longer needed: that stays, and nothing of it starts."""
    return {
        "install": packages.missing(after.packages),
        "unneeded": orphans.unneeded(before, after),
    }


def _units(
    claims: Claims, manifest: Manifest, touched: Iterable[str], gone: Rows
) -> dict[str, list[str]]:
    """What a switch would do to services, in its order."""
    touched = set(touched)
    commands = [each.reload for each in manifest.files if each.path in touched and each.reload]
    said = [shlex.join(each) for each in dict.fromkeys(commands)]
    stopped = [each.name for each in services.units(claims.to_stop(manifest.units))
               if each.load == "loaded"]  # fmt: skip
    for row in gone:  # what is about a unit that stops, or a file that is gone, does nothing
        idle = [*stopped, row["path"]] if row["what"] == "removed" else stopped
        if row["reload"] not in ("", *said) and not any(name in row["reload"] for name in idle):
            said.append(row["reload"])
    now = services.units(manifest.units)
    masked = services.units(manifest.masked)
    return {
        "stop": stopped,
        "reload": said,
        "start": [each.name for each in now if not each.runs],
        "mask": [each.name for each in masked if each.file != "masked"],
    }


def _policy_of(where: View) -> Policy | None:
    if PATH not in where.manifest.paths or where.manifest is NOTHING:
        return None
    return _parsed(where.staged(PATH).read_bytes())


def _parsed(data: bytes | None) -> Policy | None:
    return parse(data) if data else None


def flows(before: Policy | None, after: Policy | None) -> dict[str, Any]:
    """The flows that open and close: by what they let begin, not by how they are written.

    A flow opens if it lets begin what no single permit did before; it closes the same way.
    """
    old, new = before or Policy(), after or Policy()
    return {
        "known": before is not None,
        "opens": [_row(flow) for flow in new.flows if not all(map(old.covers, flow.permits))],
        "closes": [_row(flow) for flow in old.flows if not all(map(new.covers, flow.permits))],
    }


def _row(flow: Flow) -> dict[str, Any]:
    told = asdict(flow)
    del told["permits"]
    return told
