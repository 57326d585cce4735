"""The report site's PostgreSQL: no network, no passwords, its own folder and configuration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.render import RenderedFile, fill

UNIT = "gateway-database.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
FOLDER = "/srv/gateway/reports"
DATABASE = f"{FOLDER}/database"
KEYS = f"{FOLDER}/keys"
VERSION = "17"
PROGRAMS = f"/usr/lib/postgresql/{VERSION}/bin"
CONFIGS = "/etc/gateway/database"
SOCKET = "/run/gateway-database"
LIBRARY = "/usr/lib/gateway/reporting"
NO_CLUSTER = "/etc/postgresql-common/createcluster.conf"
SOURCE = Path(__file__).parent.parent / "box" / "reporting"
NAME = "reports"
WEB, OWNER = "reports", "reports-owner"
"""Users of the box, and the roles of the same names."""
OWN = "reports-own"
"""The group of both: the socket and the site's key."""
PACKAGES = (f"postgresql-{VERSION}",)
# Debian's would listen on loopback, with whatever cluster there is.
MASKED = ("postgresql.service", f"postgresql@{VERSION}-main.service")
RESTART = ("/usr/bin/systemctl", "try-restart", UNIT)


def files() -> Iterator[RenderedFile]:
    """Its configuration and unit; first of all that the package makes no cluster."""
    content = fill(f"{NO_CLUSTER[1:]}.j2")
    yield RenderedFile(NO_CLUSTER, content, "reports", first=True)
    for module in sorted(SOURCE.glob("*.py")):
        path = f"{LIBRARY}/{module.name}"
        yield RenderedFile(path, module.read_bytes(), "reports")
    values = {
        "folder": CONFIGS,
        "data": f"{DATABASE}/{VERSION}",
        "socket": SOCKET,
        "name": NAME,
        "web": WEB,
        "owner": OWNER,
    }
    # It reads its settings, whoever asks; it says the first that it cannot understand.
    check = (f"{PROGRAMS}/postgres", "-C", "listen_addresses", "-c", "config_file={file}")
    for name, judged in (("postgresql.conf", check), ("pg_hba.conf", ()), ("pg_ident.conf", ())):
        path = f"{CONFIGS}/{name}"
        content = fill(f"{path[1:]}.j2", **values)
        yield RenderedFile(path, content, "reports", check=judged, reload=RESTART)
    unit = fill(
        f"{UNIT_FILE[1:]}.j2",
        own=OWN,
        library=LIBRARY,
        postgres=PROGRAMS,
        config=f"{CONFIGS}/postgresql.conf",
        runtime=Path(SOCKET).name,
        data_parent=DATABASE,
    )
    yield RenderedFile(UNIT_FILE, unit, "reports", reload=RESTART)
