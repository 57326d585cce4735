"""A file with the numbers of accounts and groups in place of their names.

The NFS servers' configurations want numbers, which only the box knows: ``{uid:NAME}`` and
``{gid:NAME}`` become what passwd(5) and group(5) say.
"""

from __future__ import annotations

import grp
import pwd
import re
from pathlib import Path

from .files import make_folder, write
from .process import Failed

PLACE = re.compile(r"\{(uid|gid):([a-z][a-z0-9-]*)\}")


def numbered(text: str) -> str:
    """The text with numbers. Raises Failed for a name that the box does not have."""
    return PLACE.sub(_number, text)


def _number(found: re.Match[str]) -> str:
    kind, name = found.groups()
    try:
        return str(pwd.getpwnam(name).pw_uid if kind == "uid" else grp.getgrnam(name).gr_gid)
    except KeyError:
        what = "user" if kind == "uid" else "group"
        raise Failed(f"the box has no {what} {name}: `gateway-box accounts` makes it") from None


def put(source: Path, target: Path) -> None:
    """Write a file again, with numbers."""
    make_folder(target.parent)
    write(target, numbered(source.read_text("utf-8")).encode())
