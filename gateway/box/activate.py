"""Take a generation into use, or leave the box as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

from . import nics, services
from .files import Paths, obstacle, owner_of
from .process import Failed, run
from .store import State, Store
from .switch import Outcome, Switch, View, view

ACCOUNTS = "/etc/gateway/accounts.json"
"""The one file whose service also reads the secrets, so that new secrets are a change of it."""


def check(paths: Paths, wanted: View) -> list[str]:
    """Everything that speaks against taking a staged tree into use, with the checkers' words."""
    problems: list[str] = []
    root = str(wanted.staged("/")).rstrip("/")
    for entry in wanted.manifest.files:
        if problem := obstacle(paths, entry.path):
            problems.append(problem)
        try:
            owner_of(entry)
        except Failed as error:
            problems.append(str(error))
        if entry.check:
            fill = {"{file}": str(wanted.staged(entry.path)), "{root}": root}
            done = run([_filled(word, fill) for word in entry.check])
            if not done.ok:
                problems.append(f"{entry.path}: {done.blame()}")
    return problems


def _filled(word: str, values: Mapping[str, str]) -> str:
    for mark, value in values.items():
        word = word.replace(mark, value)
    return word


def activate(store: Store, number: int | None = None, *, only_first: bool = False) -> Outcome:
    """Take a generation into use. Raises Failed when the box is as it was before, and why."""
    state = store.state()
    wanted = view(store.generation(number), only_first)
    if only_first and state.active is not None and not state.only_first:
        return Outcome()  # its own firewall and package sources serve until the whole switch
    if problems := check(store.paths, wanted):
        listed = "\n".join(f"  {line}" for line in "\n".join(problems).splitlines())
        raise Failed(f"generation {wanted.generation} is refused, nothing was switched:\n{listed}")
    previous = view(store.generation(state.active), state.only_first) if state.active else View()
    secrets = secrets_digest(store.paths)
    # Whoever was interrupted may have placed a file and not told its service.
    afresh = set(wanted.manifest.paths) if state.pending is not None else set()
    if secrets != state.secrets and not only_first:
        afresh.add(ACCOUNTS)
    store.remember(replace(state, pending=wanted.generation))
    switch = Switch(store.paths, wanted, afresh)
    try:
        switch.go()
    except BaseException as error:
        raise _gone_back(store, state, previous, switch, error) from error
    store.remember(_after(state, wanted, only_first, secrets, switch.outcome))
    store.prune()
    switch.outcome.warnings += services.lacking(wanted.manifest.units)
    return switch.outcome


def _after(state: State, wanted: View, only_first: bool, secrets: str, outcome: Outcome) -> State:
    same = (state.active, state.only_first) == (wanted.generation, only_first)
    now = datetime.now(UTC).isoformat("T", "seconds")
    since = state.since if same and not outcome.changed else now
    return State(wanted.generation, only_first, since, state.secrets if only_first else secrets)


def secrets_digest(paths: Paths) -> str:
    """SHA-256 of the secrets on the box, or nothing."""
    return sha256(paths.secrets.read_bytes()).hexdigest() if paths.secrets.exists() else ""


def _gone_back(
    store: Store, state: State, previous: View, failed: Switch, error: BaseException
) -> Failed:
    """Put everything back after a failed switch; returns what to say of it."""
    where = f"generation {previous.generation}" if previous.generation else "the state before"
    if state.only_first:
        where += " (firewall and package sources only)"
    said = f"generation {failed.new.generation} failed: {error or type(error).__name__}"
    back = Switch(store.paths, previous, keep_going=True)
    back.attempt(lambda: nics.move({new: old for old, new in failed.outcome.renamed.items()}))
    back.go()
    if back.outcome.warnings:
        # ``pending`` stays in the state: the next switch takes nothing for granted.
        warnings = "\n".join(f"  {line}" for line in back.outcome.warnings)
        return Failed(f"{said}\nthe box is back in {where}, but:\n{warnings}")
    store.remember(state)
    return Failed(f"{said}\nthe box is back in {where}")
