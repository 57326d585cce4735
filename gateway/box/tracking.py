"""Connection tracking on a bare box, before its first ruleset."""

from __future__ import annotations

from .process import Done, run

TABLE = "gateway_tracking"
RULESET = f"""
add table inet {TABLE}
flush table inet {TABLE}
table inet {TABLE} {{
	chain prerouting {{
		type filter hook prerouting priority filter; policy accept;
		ct state established
	}}
}}
"""
"""It lets everything pass. That a rule asks for a state at all makes the kernel track."""


def begin() -> Done | None:
    """Make the kernel track connections, unless a ruleset of ours does so already.

    The first ruleset takes no connection for established that the kernel has not tracked, so
    it would cut the very one it came by. Every ssh round trip after this one is seen; the
    ruleset's own flush removes the table.
    """
    if run(["nft", "list", "table", "inet", "gateway"]).ok:
        return None
    return run(["nft", "-f", "-"], stdin=RULESET)
