"""The database's first start, and one that a power cut broke off."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from gateway.box.reporting import database


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Path]:
    """A cluster as it is made on the box; here everybody is let in, on the box by the kernel."""
    data = tmp_path / "17"
    (tmp_path / "17.new" / "base").mkdir(parents=True)  # somebody was interrupted
    database.make(data)
    assert not (tmp_path / "17.new").exists()
    hba = tmp_path / "hba"
    hba.write_text("local all all trust\n")
    control = [f"{database.PROGRAMS}/pg_ctl", "-D", data, "-w", "-l", tmp_path / "log"]
    options = f"-c listen_addresses='' -c unix_socket_directories={tmp_path} -c hba_file={hba}"
    subprocess.run([*control, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL)
    yield tmp_path
    subprocess.run([*control, "-m", "fast", "stop"], check=True, stdout=subprocess.DEVNULL)


def ask(socket: Path, sql: str, user: str = "postgres", name: str = "postgres") -> object:
    with psycopg.connect(f"host={socket} user={user} dbname={name}", autocommit=True) as wire:
        answer = wire.execute(sql)
        row = answer.fetchone() if answer.description else None
        return row[0] if row else None


def test_what_is_there_stays_and_what_is_missing_is_made(socket: Path) -> None:
    database.roles(str(socket))
    ask(socket, "create table kept (a int)", "reports-owner", "reports")
    database.make(socket / "17")
    database.roles(str(socket))
    assert ask(socket, "select count(*) from kept", "reports-owner", "reports") == 0
    owner = "select pg_get_userbyid(datdba) from pg_database where datname = 'reports'"
    assert ask(socket, owner) == "reports-owner"
    assert ask(socket, "show data_checksums") == "on"
    provider = "select datlocprovider::text from pg_database where datname = 'reports'"
    assert ask(socket, provider) == "b"


def test_a_start_that_was_broken_off_goes_on_where_it_ended(socket: Path) -> None:
    """One role is there and the rest is not."""
    ask(socket, 'create role "reports" login')
    database.roles(str(socket))
    assert ask(socket, "select 1", "reports", "reports") == 1
    with pytest.raises(psycopg.Error, match="permission denied"):
        ask(socket, "create table mine (a int)", "reports", "reports")
