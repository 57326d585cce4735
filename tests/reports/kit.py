"""A PostgreSQL and a configuration of a test run's own, with the two roles of a box."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

BIN = Path("/usr/lib/postgresql/17/bin")
ROLES = """
create role "reports" login;
create role "reports-owner" login;
create database reports owner "reports-owner";
"""

CHROMIUM = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
"""A Chromium that no person looks at, and that asks nobody on the network."""


class Cluster:
    """A PostgreSQL that only its socket's folder reaches."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"

    def start(self) -> None:
        """Make and start it. Syncing is off: a test's data need not live."""
        quiet = {"stdout": subprocess.DEVNULL, "check": True}
        make = [
            BIN / "initdb",
            "-D",
            self.data,
            "-A",
            "trust",
            "-U",
            "postgres",
            "-N",
            "-E",
            "UTF8",
        ]
        subprocess.run([*make, "--locale=C.UTF-8"], **quiet)  # type: ignore[call-overload]
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=off"
        pg = [BIN / "pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "-o", options]
        subprocess.run([*pg, "start"], **quiet)  # type: ignore[call-overload]
        self.sql("postgres", ROLES)

    def sql(self, database: str, text: str, user: str = "postgres") -> str:
        """Run SQL; what it prints."""
        words = [BIN / "psql", "-h", self.folder, "-U", user, "-d", database, "-qAt"]
        done = subprocess.run(
            [*words, "-v", "ON_ERROR_STOP=1"], input=text, text=True, capture_output=True
        )
        if done.returncode:
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    def stop(self) -> None:
        """At once."""
        words = [BIN / "pg_ctl", "-D", self.data, "-m", "immediate", "stop"]
        subprocess.run(words, stdout=subprocess.DEVNULL, check=False)


def configure(folder: Path, **more: object) -> Path:
    """Write a configuration, and say to Django where it is."""
    (folder / "secret").write_text("for tests only " * 4)
    told = {
        "site": "kaohsiung",
        "hosts": ["testserver", "localhost", "127.0.0.1"],
        "origin": "http://localhost",
        "database_socket": str(folder),
        "secret_key_file": str(folder / "secret"),
        "time_zone": "Asia/Taipei",
        "languages": ["en", "zh-hant"],
        "cache": str(folder / "cache"),
        "secure": False,
        **more,
    }
    path = folder / "reports.json"
    path.write_text(json.dumps(told))
    os.environ["GATEWAY_REPORTS"] = str(path)
    os.environ["DJANGO_SETTINGS_MODULE"] = "reports.settings"
    return path
