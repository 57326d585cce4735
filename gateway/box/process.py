"""Subprocesses on the box: no shell, no terminal, bounded in time, their own words kept."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Failed(Exception):  # noqa: N818 - it reads as what happened
    """Something went wrong on the box: one clear message."""


@dataclass(frozen=True)
class Done:
    """A command that ended (or could not run: code 127; or was ended by us: code 124)."""

    command: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        """Whether it exited with 0."""
        return self.code == 0

    @property
    def said(self) -> str:
        """Its own words: what it complained of, else what it printed."""
        return (self.err.strip() or self.out.strip() or "it said nothing")[-2000:]

    def blame(self) -> str:
        """One message: the command as one would type it, its exit code, its own words."""
        return f"{shlex.join(self.command)} (exit {self.code}): {self.said}"


def run(
    command: Sequence[str],
    *,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> Done:
    """Run a command; its result says how it went, whatever happened. ``stdin`` is never shown."""
    words = tuple(command)
    try:
        done = subprocess.run(
            words,
            check=False,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            # C.UTF-8: messages that every administrator and every log can read. The path: a
            # login that is not root's own (sudo, su) may lack the sbin folders.
            env={**os.environ, "LC_ALL": "C.UTF-8", "PATH": PATH, **(env or {})},
            timeout=timeout,
        )
    except FileNotFoundError:
        return Done(words, 127, "", f"{words[0]}: command not found")
    except PermissionError:
        return Done(words, 126, "", f"{words[0]}: not executable")
    except subprocess.TimeoutExpired:
        return Done(words, 124, "", f"no end after {timeout:.0f} s")
    return Done(words, done.returncode, done.stdout, done.stderr)


def must(
    command: Sequence[str],
    *,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> Done:
    """Run a command that has to succeed; raises Failed with its own words."""
    done = run(command, stdin=stdin, env=env, timeout=timeout)
    if not done.ok:
        raise Failed(done.blame())
    return done
