"""Who did it, as far as the box knows: sessions and sudo in the journal, apt's and dpkg's logs.

A file says when it was changed, not by whom. So what is told is who was there then; that it was
he is for people to find out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from .process import run

LOOK_BACK = timedelta(hours=12)
"""How long before a change the session may have begun in which it was made."""
SUDO_WITHIN = timedelta(minutes=15)
"""How long an editor that sudo began may be open."""
_ACCEPTED = re.compile(r"Accepted \S+ for (\S+) from (\S+) port (\d+) ssh2(?:: (.*))?")
_LEFT = re.compile(
    r"(?:Disconnected from|Connection closed by|Close session: user) .*?(\S+) port (\d+)"
)
_CONSOLE = re.compile(r"pam_unix\(login:session\): session opened for user (\w[\w-]*)")
_SUDO = re.compile(r"\s*(\S+) : .*COMMAND=(.*)")
_APT_LOG = Path("/var/log/apt/history.log")
_DPKG_LOG = Path("/var/log/dpkg.log")


@dataclass(frozen=True)
class Session:
    """A login: who from where, and until when if it has ended."""

    who: str
    begun: datetime
    place: str = ""
    ended: datetime | None = None


@dataclass(frozen=True)
class Command:
    """What somebody ran by sudo."""

    who: str
    at: datetime
    text: str


@dataclass(frozen=True)
class Past:
    """What the journal says of the people on the box around some time."""

    sessions: tuple[Session, ...]
    commands: tuple[Command, ...]

    def who(self, at: datetime, about: str = "") -> str:
        """Who was there; who ran a command about it is likelier than who was logged in."""
        near = [each for each in self.commands if at - SUDO_WITHIN <= each.at <= at]
        named = [each for each in near if about and about in each.text]
        if found := (named or near):
            last = found[-1]
            return f"{last.who} by sudo at {clock(last.at)}: {last.text}"
        second = timedelta(seconds=1)  # what a session did last, and its end
        there = [
            each.who
            for each in self.sessions
            if each.begun <= at + second and (each.ended is None or at <= each.ended + second)
        ]
        return "logged in then: " + ", ".join(dict.fromkeys(there)) if there else ""


def clock(at: datetime) -> str:
    """A moment for people, in the box's own time zone."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def moment(seconds: float) -> datetime:
    """A moment from the seconds since 1970."""
    return datetime.fromtimestamp(seconds).astimezone()


def past(moments: Sequence[datetime]) -> Past:
    """One look into the journal, for all moments."""
    if not moments:
        return Past((), ())
    since = (min(moments) - LOOK_BACK).timestamp()
    by = ("sudo", "sshd", "sshd-session", "login")
    done = run(
        ["journalctl", "--quiet", "--no-pager", "--output=json", f"--since=@{since:.0f}"]
        + [f"_COMM={name}" for name in by]
    )
    return read_journal(done.out)


def read_journal(text: str) -> Past:
    """The people in lines of ``journalctl --output=json``."""
    sessions: dict[str, Session] = {}
    commands: list[Command] = []
    for at, message in _messages(text):
        if found := _ACCEPTED.match(message):
            name, address, port, key = found.groups()
            who = f"{name} from {address}" + (f" ({key})" if key else "")
            sessions[f"{address} {port}"] = Session(who, at, address)
        elif found := _LEFT.match(message):
            place = f"{found[1]} {found[2]}"
            if place in sessions:
                sessions[place] = replace(sessions[place], ended=at)
        elif found := _CONSOLE.match(message):
            sessions[f"console {at}"] = Session(f"{found[1]} at the console", at)
        elif found := _SUDO.match(message):
            commands.append(Command(found[1], at, found[2]))
    return Past(tuple(sessions.values()), tuple(commands))


def _messages(text: str) -> Iterator[tuple[datetime, str]]:
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            yield moment(int(entry["__REALTIME_TIMESTAMP"]) / 1e6), str(entry["MESSAGE"])
        except (ValueError, KeyError, TypeError):
            continue


@dataclass(frozen=True)
class Done:
    """What dpkg last did to a package, and the command that made it."""

    at: str
    what: str
    by: str = ""


def package_history() -> dict[str, Done]:
    """The last thing that happened to each package (dpkg.log, apt's history.log)."""
    try:
        dpkg = _DPKG_LOG.read_text("utf-8", "replace")
    except OSError:
        return {}
    apt = _APT_LOG.read_text("utf-8", "replace") if _APT_LOG.exists() else ""
    return read_packages(dpkg, apt)


def read_packages(dpkg: str, apt: str) -> dict[str, Done]:
    """From the texts of both logs."""
    runs = list(_apt_runs(apt))
    found: dict[str, Done] = {}
    for line in dpkg.splitlines():
        words = line.split()
        if len(words) > 3 and words[2] in ("install", "upgrade", "remove", "purge"):
            at = f"{words[0]} {words[1]}"
            by = next((said for begun, ended, said in runs if begun <= at <= ended), "by dpkg")
            found[words[3].partition(":")[0]] = Done(at, words[2], by)
    return found


def _apt_runs(text: str) -> Iterator[tuple[str, str, str]]:
    """When each run of apt began and ended, and who asked for what."""
    for block in text.split("\n\n"):
        said = dict(line.split(": ", 1) for line in block.strip().splitlines() if ": " in line)
        if "Start-Date" in said:
            begun = " ".join(said["Start-Date"].split())
            ended = " ".join(said.get("End-Date", "9999").split())
            who = f"{said['Requested-By']}: " if "Requested-By" in said else ""
            words = said.get("Commandline", "apt").split()
            yield begun, ended, who + " ".join(word for word in words if "option=" not in word)
