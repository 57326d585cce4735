"""Samba is told beforehand what it would look up for each file: the SIDs of root and of groups.

To decide who may open a file smbd turns the accounts and groups of its ACL into SIDs. It remembers
only what winbindd told it, and there is none: so it asks the user and group databases again for
each file. For root and a share's groups, which have no entry in Samba's own database, they always
say the same: S-1-22-1-UID and S-1-22-2-GID, Samba's own domains of UNIX users and groups. That is
put into its cache (net(8), ``net cache``). A cache without it only makes smbd slower.

Usage: ``gateway-box sids CONFIG GROUP…``, some seconds after smbd has started: the cache lies in
/run, and a ``net`` a group (40 ms each) would take most of a second out of each switch.
"""

from __future__ import annotations

import grp
import sys
from collections.abc import Iterator

from .process import Failed, must

VALID = "52w"  # weeks; nothing here can become untrue


def entries(groups: list[str]) -> Iterator[tuple[str, str]]:
    """Keys and values of the cache. Raises Failed for a group that the box does not have."""
    yield "IDMAP/UID2SID/0", "S-1-22-1-0"
    for name in groups:
        try:
            number = grp.getgrnam(name).gr_gid
        except KeyError:
            raise Failed(f"the box has no group {name}: `gateway-box accounts` makes it") from None
        yield f"IDMAP/GID2SID/{number}", f"S-1-22-2-{number}"


def main(argv: list[str]) -> int:
    """Fill the cache of one server; 1 and why, if it cannot."""
    try:
        config, *groups = argv
    except ValueError:
        print("usage: gateway-box sids CONFIG GROUP…", file=sys.stderr)
        return 2
    try:
        for key, value in entries(groups):
            must(["net", f"--configfile={config}", "cache", "add", key, value, VALID])
    except Failed as failed:
        print(f"gateway-box sids: {failed}", file=sys.stderr)
        return 1
    return 0
