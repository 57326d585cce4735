"""The only door to subprocesses: it logs what it runs and explains what failed."""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gateway.problems import Failed

log = logging.getLogger("gateway.run")


def run(  # noqa: PLR0913 - each is an ordinary option of a process
    command: Sequence[str | Path],
    *,
    check: bool = True,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = 600,
) -> subprocess.CompletedProcess[str]:
    """Run a command without a shell and return what it printed.

    ``env`` is added to the environment; ``stdin`` is never logged, so a secret may go there.
    Raises Failed with the quoted command and its own words when it cannot run, does not end
    in ``timeout`` seconds, or (with ``check``) exits with another code than 0.
    """
    words = [str(word) for word in command]
    log.debug("run: %s", shlex.join(words))
    try:
        done = subprocess.run(
            words,
            check=False,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
            cwd=cwd,
            timeout=timeout,
        )
    except FileNotFoundError:
        raise Failed(
            f"{words[0]}: command not found (`make setup` installs what is needed)"
        ) from None
    except subprocess.TimeoutExpired:
        raise Failed(f"no end after {timeout:.0f} s: {shlex.join(words)}") from None
    if check and done.returncode:
        words_of_it = (done.stderr.strip() or done.stdout.strip() or "it said nothing")[-4000:]
        raise Failed(f"exit {done.returncode}: {shlex.join(words)}\n{words_of_it}")
    return done


def follow(
    command: Sequence[str | Path],
    on_line: Callable[[str], None],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> tuple[int, str]:
    """Run a command and hand on each line that it prints, when it prints it.

    Returns its exit code and its standard error. It is ended when ``on_line`` raises.
    """
    words = [str(word) for word in command]
    log.debug("follow: %s", shlex.join(words))
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                errors="replace",
                env={**os.environ, **(env or {})},
                cwd=cwd,
            )
        except FileNotFoundError:
            raise Failed(
                f"{words[0]}: command not found (`make setup` installs what is needed)"
            ) from None
        with process:
            try:
                for line in process.stdout or ():
                    on_line(line.rstrip("\n"))
            except BaseException:
                process.terminate()
                raise
        errors.seek(0)
        return process.returncode, errors.read()


def start(command: Sequence[str | Path], *, log_file: Path, env: Mapping[str, str]) -> int:
    """Start a process that outlives us, in a session of its own; what it prints goes to a file.

    Returns its pid. ``env`` is added to the environment. Raises Failed when there is no such
    program.
    """
    words = [str(word) for word in command]
    log.debug("start: %s", shlex.join(words))
    with log_file.open("ab") as output:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **env},
                start_new_session=True,
            )
        except FileNotFoundError:
            raise Failed(
                f"{words[0]}: command not found (`make setup` installs what is needed)"
            ) from None
    return process.pid
