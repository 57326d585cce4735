"""Make the box's accounts, groups and Samba passwords equal to what the tree says.

What must be is ``/etc/gateway/accounts.json``, the passwords are ``/etc/gateway/secrets.json``;
what is, the box itself tells: an account is ours if its primary group is the one that marks
devices, a group by its name. Nothing is ever deleted, because files belong to them: who is no
longer described loses its groups, its password and its login. A second run finds nothing to do.
"""

from __future__ import annotations

import argparse
import grp
import hmac
import json
import pwd
import re
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import afp
from .files import Paths, make_folder, write
from .process import Failed, must

NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
SHARE_GROUP = re.compile(r"share-[a-z0-9-]+-r[wo]")
LOGGED_OUT = "1"
"""Days since 1970 in the expiry field of shadow(5): long past."""
WAY_OUT = "`gateway apply` makes and places it"


@dataclass(frozen=True)
class Step:
    """One command and what to say of it. ``stdin`` is never shown."""

    said: str
    command: tuple[str, ...]
    stdin: str = ""


@dataclass(frozen=True)
class Account:
    """A device's account: its server, and what that must keep of its password.

    ``lanman``: Samba keeps a LANMAN hash; ``login``: how a Mac proves itself (``afp.py``). The
    NFS server knows its clients by their addresses: an account of it has no password.
    """

    server: str
    lanman: bool
    login: str = ""


@dataclass(frozen=True)
class Server:
    """A Samba server: its configuration, the folders of its password database and its locks."""

    config: str
    private: str
    runtime: str


@dataclass(frozen=True)
class Wanted:
    """What must be."""

    primary_group: str
    groups: dict[str, frozenset[str]]
    users: dict[str, Account]
    servers: dict[str, Server]

    @classmethod
    def read(cls, path: Path) -> Wanted:
        """From the tree's file. Its names go to commands, so they are looked at, ours or not."""
        tree = read_json(path)
        wanted = cls(
            primary_group=tree["primary_group"],
            groups={name: frozenset(members) for name, members in tree["groups"].items()},
            users={name: Account(**each) for name, each in tree["users"].items()},
            servers={name: Server(**each) for name, each in tree["servers"].items()},
        )
        members = frozenset[str]().union(*wanted.groups.values())
        for name in (wanted.primary_group, *wanted.groups, *wanted.users, *members):
            if not NAME.fullmatch(name):
                raise Failed(f"{path}: {name!r} is no name for an account or group")
        if strangers := sorted(members - set(wanted.users)):
            raise Failed(f"{path}: {strangers[0]} is in a group but has no account")
        return wanted


@dataclass(frozen=True)
class System:
    """The box's accounts as they are."""

    users: dict[str, int]
    """Every user with its primary group's number."""
    groups: dict[str, tuple[int, frozenset[str]]]
    """Every group with its number and members."""
    expiry: dict[str, str]
    """The expiry field of every user."""
    passwords: dict[str, str] = field(default_factory=dict)
    """The stored password of every user that has one."""

    @classmethod
    def read(cls, shadow: Path = Path("/etc/shadow")) -> System:
        """What the box says now. (Python 3.13 has no module for shadow(5).)"""
        fields = [line.split(":") for line in shadow.read_text("utf-8").splitlines()]
        return cls(
            users={each.pw_name: each.pw_gid for each in pwd.getpwall()},
            groups={each.gr_name: (each.gr_gid, frozenset(each.gr_mem)) for each in grp.getgrall()},
            expiry={each[0]: each[7] for each in fields if len(each) > 7},
            passwords=afp.shadow_passwords(shadow),
        )

    def ours(self, primary_group: str) -> set[str]:
        """The accounts that an earlier run made."""
        number = self.groups.get(primary_group, (-1, frozenset()))[0]
        return {name for name, group in self.users.items() if group == number}


def system_steps(wanted: Wanted, system: System) -> Iterator[Step]:
    """What makes users and groups equal to ``wanted``, in order."""
    ours = system.ours(wanted.primary_group)
    if taken := sorted(set(wanted.users) & set(system.users) - ours):
        raise Failed(f"the box has a user {taken[0]} that is not a device's: rename the device")
    for group in (wanted.primary_group, *sorted(wanted.groups)):
        if group not in system.groups:
            yield Step(f"group {group} made", ("groupadd", "--system", group))
    yield from _opened(wanted, system)
    yield from _memberships(wanted, system)
    for user in sorted(ours - set(wanted.users)):
        if system.expiry.get(user) != LOGGED_OUT:
            yield Step(f"account {user} closed", ("usermod", "--expiredate", LOGGED_OUT, user))
    for user in sorted(ours & set(system.passwords)):
        if user not in wanted.users or wanted.users[user].login != "dhx":
            yield Step(f"password of {user} removed", ("usermod", "--password", "!", user))


def _opened(wanted: Wanted, system: System) -> Iterator[Step]:
    for user in sorted(wanted.users):
        if user not in system.users:
            yield Step(f"account {user} made", _useradd(user, wanted.primary_group))
        elif system.expiry.get(user):
            yield Step(f"account {user} opened again", ("usermod", "--expiredate", "", user))


def _memberships(wanted: Wanted, system: System) -> Iterator[Step]:
    """Exactly the members that are wanted; nobody in the groups of shares that are gone."""
    gone = {name: frozenset[str]() for name in system.groups if SHARE_GROUP.fullmatch(name)}
    for group, members in sorted({**gone, **wanted.groups}.items()):
        if system.groups.get(group, (0, frozenset()))[1] != members:
            names = ",".join(sorted(members))
            yield Step(f"group {group}: {names or 'nobody'}", ("gpasswd", "-M", names, group))


def _useradd(user: str, primary: str) -> tuple[str, ...]:
    nowhere = ("--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin")
    return ("useradd", "--system", "--gid", primary, *nowhere, "--comment", "device", user)


@dataclass(frozen=True)
class Passwords:
    """The passwords, and what was last set: fingerprints under a key of the box's own."""

    wanted: dict[str, str]
    key: bytes
    known: dict[str, str]
    """Fingerprint by server and user."""
    folders: dict[str, str]
    """The folder of each server's password database that was ever filled."""

    @classmethod
    def read(cls, paths: Paths, wanted: Wanted) -> Passwords:
        """All of them, before anything is changed."""
        found = read_json(paths.secrets).get("passwords", {}) if wanted.users else {}
        for user in sorted(user for user, each in wanted.users.items() if each.server != "nfs"):
            password = found.get(user)
            if not isinstance(password, str) or not password or "\n" in password:
                raise Failed(f"{paths.secrets} has no password for {user}: {WAY_OUT}")
        memory = read_json(memory_file(paths)) if memory_file(paths).exists() else {}
        return cls(
            wanted=found,
            key=bytes.fromhex(memory.get("key", "")) or secrets.token_bytes(32),
            known=memory.get("set", {}),
            folders=memory.get("folders", {}),
        )

    def fingerprint(self, user: str, record: str, account: Account) -> str:
        """Changes with whatever makes setting it necessary: password, stored record, LANMAN."""
        text = json.dumps([self.wanted[user], record, account.lanman])
        return hmac.new(self.key, text.encode(), "sha256").hexdigest()

    def remember(self, path: Path, wanted: Wanted) -> None:
        """Write down what is set now, and where."""
        known = {}
        for name, server in wanted.servers.items():
            for user, record in read_passdb(server.config).items():
                known[f"{name}/{user}"] = self.fingerprint(user, record, wanted.users[user])
        for user, record in System.read().passwords.items():
            if user in wanted.users:
                known[f"afp/{user}"] = self.fingerprint(user, record, wanted.users[user])
        folders = {name: server.private for name, server in wanted.servers.items()}
        memory = {"key": self.key.hex(), "set": known, "folders": {**self.folders, **folders}}
        make_folder(path.parent, 0o700)
        write(path, (json.dumps(memory, indent=1, sort_keys=True) + "\n").encode())


def passdb_steps(
    wanted: Wanted, server: str, records: dict[str, str], passwords: Passwords
) -> Iterator[Step]:
    """What makes one Samba server's password database hold exactly its users."""
    config = wanted.servers[server].config
    users = {name: each for name, each in wanted.users.items() if each.server == server}
    for user in sorted(set(records) - set(users)):
        delete = ("pdbedit", f"--configfile={config}", "--delete", f"--user={user}")
        yield Step(f"password of {user} removed from {server}", delete)
    for user, account in sorted(users.items()):
        record = records.get(user, "")
        now = passwords.fingerprint(user, record, account)
        if not record or passwords.known.get(f"{server}/{user}") != now:
            # From stdin, twice, as its prompt would ask: smbpasswd(8), -s.
            typed = f"{passwords.wanted[user]}\n" * 2
            store = ("smbpasswd", "-c", config, "-s", "-a", user)
            yield Step(f"password of {user} set in {server}", store, typed)


def login_steps(wanted: Wanted, system: System, passwords: Passwords) -> Iterator[Step]:
    """What gives the Macs that log in against their accounts the passwords of these."""
    for user, account in sorted(wanted.users.items()):
        if account.login != "dhx":
            continue
        record = system.passwords.get(user, "")
        now = passwords.fingerprint(user, record, account)
        if not record or passwords.known.get(f"afp/{user}") != now:
            typed = f"{user}:{passwords.wanted[user]}\n"
            yield Step(f"password of {user} set", ("chpasswd",), typed)


def write_randnum(wanted: Wanted, passwords: Passwords, path: Path, dry_run: bool) -> Iterator[str]:
    """The file of the Macs that know nothing better, removed when there is none."""
    users = [user for user, account in wanted.users.items() if account.login == "randnum"]
    content = afp.randnum_file({user: passwords.wanted[user] for user in users})
    if content == (path.read_bytes() if path.exists() else b""):
        return
    if not dry_run:
        make_folder(path.parent, 0o700)
        if content:
            write(path, content)
        else:
            path.unlink()
    yield f"passwords of {', '.join(sorted(users)) or 'nobody'} for old Macs written"


def read_passdb(config: str) -> dict[str, str]:
    """Each account of a Samba server with its record, hashes included."""
    lines = must(("pdbedit", f"--configfile={config}", "-L", "-w")).out.splitlines()
    return {line.split(":")[0]: line for line in lines if line.count(":") >= 4}


def wanted_file(paths: Paths) -> Path:
    """What must be: a file of the tree."""
    return paths.on_box("/etc/gateway/accounts.json")


def memory_file(paths: Paths) -> Path:
    """Which passwords were set last, readable by root only."""
    return paths.memory / "accounts"


def apply(paths: Paths, dry_run: bool = False) -> Iterator[str]:
    """Do what is to be done, and yield a line for each thing done."""
    wanted = Wanted.read(wanted_file(paths))
    passwords = Passwords.read(paths, wanted)
    yield from _do(system_steps(wanted, System.read()), dry_run)
    for name, server in sorted(wanted.servers.items()):
        if not dry_run:
            make_folder(Path(server.private), 0o700)
            make_folder(Path(server.runtime))  # pdbedit locks there, and it is not booted yet
        ready = Path(server.private, "passdb.tdb").exists()
        records = read_passdb(server.config) if ready else {}
        yield from _do(passdb_steps(wanted, name, records, passwords), dry_run)
    yield from _do(login_steps(wanted, System.read(), passwords), dry_run)
    yield from write_randnum(wanted, passwords, paths.memory / "afppasswd", dry_run)
    yield from _forget(wanted, passwords, dry_run)
    if not dry_run:
        passwords.remember(memory_file(paths), wanted)


def _forget(wanted: Wanted, passwords: Passwords, dry_run: bool) -> Iterator[str]:
    """A server that nobody needs any more keeps no passwords."""
    for name in sorted(set(passwords.folders) - set(wanted.servers)):
        database = Path(passwords.folders[name], "passdb.tdb")
        if database.exists():
            if not dry_run:
                database.unlink()
            yield f"passwords of {name} removed"


def _do(steps: Iterator[Step], dry_run: bool) -> Iterator[str]:
    for step in steps:
        if not dry_run:
            must(step.command, stdin=step.stdin)
        yield step.said


def read_json(path: Path) -> dict[str, Any]:
    """A mapping from a file; Failed when there is none."""
    try:
        tree = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise Failed(f"{path} is not there: {WAY_OUT}") from None
    except ValueError as error:
        raise Failed(f"{path}: {error}") from None
    if not isinstance(tree, dict):
        raise Failed(f"{path}: not a mapping")
    return tree


def main(argv: list[str]) -> int:
    """``gateway-box accounts [--dry-run]``: a line for each thing done; 1 and why, if it cannot."""
    parser = argparse.ArgumentParser("gateway-box accounts", description=main.__doc__)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    options = parser.parse_args(argv)
    try:
        for line in apply(Paths(), dry_run=options.dry_run):
            print(line, flush=True)
    except Failed as failed:
        print(f"gateway-box accounts: {failed}", file=sys.stderr)
        return 1
    return 0
