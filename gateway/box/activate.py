"""Take a generation into use, or leave the box as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from . import journal, services, session, watchdog
from .back import go_back, kept_secrets, where
from .files import secrets_digest, write
from .manifest import ACCOUNTS
from .process import Failed
from .refusal import check
from .state import State, now
from .store import Generation, Store
from .switch import Outcome, Switch, View, view
from .undoing import Undoing


@dataclass(frozen=True)
class Guard:
    """What leads back by itself when a switch is not confirmed in time; another one in tests."""

    keep: Callable[[Store], Path] = lambda store: watchdog.keep_program(store.paths)
    arm: Callable[[Path, float], None] = watchdog.arm
    disarm: Callable[[], None] = watchdog.disarm


WATCHDOG = Guard()


def activate(  # noqa: PLR0913 - what a switch can be told
    store: Store,
    number: int | None = None,
    *,
    only_first: bool = False,
    confirm_within: float = 0,
    guard: Guard = WATCHDOG,
    undoing: Undoing | None = None,
) -> Outcome:
    """Take a generation into use. Raises Failed when the box is as it was before, and why.

    ``undoing``: what is done about drift; without it nobody looks.
    ``confirm_within``: seconds for the switch and its confirmation together, after which the
    box goes back by itself. 0: it is confirmed at once, and nothing watches.
    """
    state = store.state()
    generation = store.generation(number)
    wanted = view(generation, only_first)
    if only_first and state.active is not None and not state.only_first:
        return Outcome()  # its own firewall and package sources serve until the whole switch
    _judge(store, generation, wanted, undoing)
    secrets = secrets_digest(store.paths)
    again = _afresh(state, wanted, secrets) | (undoing.afresh if undoing else set())
    begun = _begin(store, state, generation.number, confirm_within, guard)
    switch = Switch(store.paths, wanted, again)
    try:
        if undoing:
            undoing.put_aside()
        switch.go()
        after = _after(state, begun, wanted, secrets, switch.outcome.changed)
        store.remember(after)
    except BaseException as error:
        raise _failed(store, switch, error, guard, undoing.aside if undoing else ()) from error
    _end(store, after, confirm_within, guard)
    switch.begin_audit()
    seen = services.units(wanted.manifest.units)
    switch.outcome.warnings += services.lacking(seen)
    switch.outcome.chosen += services.chosen(seen)
    return switch.outcome


def _judge(store: Store, generation: Generation, wanted: View, undoing: Undoing | None) -> None:
    """All that speaks against it, before anything is changed. Raises Failed.

    Drift is looked for beside the checkers: both mostly wait for other programs.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        looking = pool.submit(undoing.look) if undoing else None
        problems = [*_damaged(generation), *check(store.paths, wanted)]
    if looking:
        looking.result()
    _refuse(generation.number, problems)


def _damaged(generation: Generation) -> list[str]:
    return [
        f"{path} was damaged on the disk: it is not what its manifest says; `gateway apply` brings"
        " the generation anew"
        for path in generation.damage()
    ]


def _refuse(number: int, problems: Iterable[str]) -> None:
    if listed := "\n".join(f"  {line}" for line in "\n".join(problems).splitlines()):
        raise Failed(f"generation {number} is refused, nothing was switched:\n{listed}")


def _afresh(state: State, wanted: View, secrets: str) -> set[str]:
    """The paths whose services look again though the file is the same."""
    # Whoever was interrupted may have placed a file and not told its service.
    afresh = set(wanted.manifest.paths) if state.pending is not None else set()
    if secrets != state.secrets and not wanted.only_first:
        afresh.add(ACCOUNTS)
    return afresh


def _begin(store: Store, state: State, number: int, within: float, guard: Guard) -> State:
    """Everything that has to be on the disk, and armed, before the first change."""
    begun = replace(
        state,
        pending=number,
        boot=session.boot_id(),
        deadline=session.boottime() + within if within else 0.0,
    )
    try:
        store.make_reserve()
        program = guard.keep(store)
        if within:
            guard.arm(program, within)
        store.remember(begun)
    except (Failed, OSError) as error:
        raise Failed(f"generation {number}: nothing was switched: {error}") from None
    return begun


def _after(state: State, begun: State, wanted: View, secrets: str, changed: bool) -> State:
    secrets = begun.secrets if wanted.only_first else secrets
    place = (wanted.generation, wanted.only_first, secrets)
    same = (begun.active, begun.only_first, begun.secrets) == place and not changed
    if same and state.settled:
        return state  # nothing happened
    return replace(
        begun,
        active=wanted.generation,
        only_first=wanted.only_first,
        since=begun.since if same else now(),
        secrets=secrets,
        pending=None,
        switched=session.boottime(),
    )


def _end(store: Store, after: State, within: float, guard: Guard) -> None:
    number = after.active or 0
    if within and not after.settled:
        store.note(number, "active")
        journal.note(f"generation {number} is active, to be confirmed within {within:.0f} s")
        return
    keep_confirmed(store, after)
    if within:
        guard.disarm()


def keep_confirmed(store: Store, state: State) -> None:
    """From now on every way back leads to where the box is."""
    if not state.settled:
        if state.secrets and secrets_digest(store.paths) == state.secrets:
            write(kept_secrets(store.paths), store.paths.secrets.read_bytes())
        store.note(state.active or 0, "confirmed")
    store.remember(state.confirm())
    if not state.settled:
        journal.note(f"generation {state.active} is confirmed")
        store.prune()


def _failed(
    store: Store, switch: Switch, error: BaseException, guard: Guard, aside: Iterable[str]
) -> Failed:
    """Put everything back after a failed switch; returns what to say of it."""
    said = f"generation {switch.new.generation} failed {error or type(error).__name__}"
    said = "\n".join([said, *aside])
    state = store.state()
    try:
        go_back(store, said, switch.outcome.renamed)
    except (Failed, OSError) as trouble:
        # ``pending`` stays in the state, and the watchdog armed: it tries again.
        return Failed(f"{said}\n{trouble}")
    if state.deadline:
        guard.disarm()
    return Failed(f"{said}\nthe box is back in {where(state)}")
