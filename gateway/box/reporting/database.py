"""The report site's database: made at the first start, by the user it belongs to.

``make``: before PostgreSQL starts, a cluster where there is none. It is made beside its place and
renamed when it is whole, so a power cut leaves none or all of it. ``roles``: once it runs, the two
roles and the database; each is made if it is missing, so the next start goes on where one ended.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAMS = "/usr/lib/postgresql/17/bin"
DATA = Path("/srv/gateway/reports/database/17")
SOCKET = "/run/gateway-database"
# The collation is PostgreSQL's own: one of the C library may change with it, and indexes break.
INITDB = (
    f"{PROGRAMS}/initdb",
    "--username=postgres",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--auth=reject",  # of the file that is not used: gateway's own says who may
)
ROLES = r"""
select 'create role "reports" login' where to_regrole('reports') is null \gexec
select 'create role "reports-owner" login' where to_regrole('"reports-owner"') is null \gexec
select 'create database reports owner "reports-owner"'
    where not exists (select from pg_database where datname = 'reports') \gexec
revoke all on database reports from public;
grant connect on database reports to "reports";
"""


def make(data: Path = DATA) -> None:
    """A cluster, if there is none."""
    if (data / "PG_VERSION").exists():
        return
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    subprocess.run([*INITDB, "-D", fresh], check=True, stdout=subprocess.DEVNULL)
    fresh.rename(data)
    folder = os.open(data.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def roles(socket: str = SOCKET) -> None:
    """Roles and database, those that are missing."""
    # `echo off`, no file of the user's: what is asked is here.
    words = [f"{PROGRAMS}/psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]
    words += ["--host", socket, "--username", "postgres", "--dbname", "postgres"]
    subprocess.run(words, input=ROLES, text=True, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make()
    else:
        roles()
