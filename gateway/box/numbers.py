"""A file with the numbers of accounts and groups in place of their names.

NFS-Ganesha's configuration wants numbers, which only the box knows: ``{uid:NAME}`` and
``{gid:NAME}`` become what passwd(5) and group(5) say.
"""

from __future__ import annotations

import grp
import pwd
import re
import sys
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


def main(argv: list[str]) -> int:
    """``gateway-box numbers SOURCE TARGET``; 1 and why, if it cannot."""
    try:
        source, target = (Path(word) for word in argv)
    except ValueError:
        print("usage: gateway-box numbers SOURCE TARGET", file=sys.stderr)
        return 2
    try:
        make_folder(target.parent)
        write(target, numbered(source.read_text("utf-8")).encode())
    except (Failed, OSError) as failed:
        print(f"gateway-box numbers: {failed}", file=sys.stderr)
        return 1
    return 0
