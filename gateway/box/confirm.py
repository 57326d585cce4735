"""Confirm what is active, or go back: by a person, by the watchdog, at a boot."""

from __future__ import annotations

from dataclasses import replace

from . import health, journal, session, watchdog
from .activate import WATCHDOG, Guard, keep_confirmed
from .back import confirmed_view, go_back, rescue, where
from .files import Paths
from .process import Failed, must
from .state import State
from .store import Store
from .switch import Switch, view

TICK = 0.02
"""A process's beginning is known in hundredths of a second (proc_pid_stat(5))."""


def confirm(store: Store, number: int | None = None, guard: Guard = WATCHDOG) -> str:
    """Make the active generation the one that every way back leads to; says by what right.

    Only whoever can open a new connection now may say so: one from before the switch goes on
    through a firewall that would let no second one in.
    """
    state = store.state()
    if state.pending is not None:
        raise Failed(f"the switch to generation {state.pending} was interrupted: apply again")
    if state.active is None:
        raise Failed("the box has no generation yet: there is nothing to confirm")
    if number not in (None, state.active):
        why = f": {state.returned}" if state.returned else ""
        raise Failed(f"generation {number} is not active, generation {state.active} is{why}")
    by = _right(state)
    if wrong := health.problems(view(store.generation(state.active), state.only_first).manifest):
        if state.settled:  # there is nowhere to go back to
            raise Failed(f"generation {state.active} does not serve as it should: {_joined(wrong)}")
        raise _gone_back(
            store, f"generation {state.active} is not confirmed: {_joined(wrong)}", guard
        )
    if state.settled:
        return by
    keep_confirmed(store, state)
    guard.disarm()
    return by


def _joined(problems: list[str]) -> str:
    return "".join(f"\n  {line}" for line in "\n".join(problems).splitlines())


def _right(state: State) -> str:
    """What makes this a proof that the box can be reached. Raises Failed where it is none."""
    if state.settled:
        return "it was confirmed already"
    connection = session.connection()
    if connection is None:
        return "confirmed on the box itself: no new connection has shown that it can be reached"
    if state.boot == session.boot_id() and connection.began + TICK < state.switched:
        raise Failed(
            f"generation {state.active} is not confirmed: this ssh connection is older than the"
            " switch, and may live on through a firewall that lets no new one in; confirm from"
            " a new connection"
        )
    return "confirmed from a connection that was opened after the switch"


def _gone_back(store: Store, why: str, guard: Guard) -> Failed:
    state = store.state()
    try:
        go_back(store, why)
    except (Failed, OSError) as trouble:
        return Failed(f"{why}\n{trouble}")  # the watchdog tries again
    guard.disarm()
    return Failed(f"{why}\nthe box is back in {where(state)}")


def leave(store: Store, why: str, guard: Guard = WATCHDOG) -> bool:
    """Go back from what is not confirmed; says whether there was anything to leave."""
    state = store.state()
    if state.settled:
        return False
    go_back(store, why)
    if state.deadline:
        guard.disarm()
    return True


def rollback_target(store: Store) -> int:
    """The generation that was confirmed before the active one."""
    before = store.state().before
    if before is None or before not in store.numbers():
        raise Failed(
            "there is no generation that was confirmed before this one: `gateway-box list` shows"
            " which there are, `gateway-box rollback N` goes to one"
        )
    return before


def time_out(store: Store) -> bool:
    """The watchdog's own verb: go back unless somebody has confirmed. Says whether it did."""
    if not _is_over(store.state()):
        return False
    watchdog.end_hung(store.paths)
    with store.lock("return"):
        state = store.state()
        if not _is_over(state):
            return False
        number = state.pending if state.pending is not None else state.active
        why = f"generation {number} was not confirmed in time"
        go_back(store, why)
        tell_administrator(store.paths, why, state)
        return True


def _is_over(state: State) -> bool:
    """Whether it is time: another switch may have begun since the watchdog was armed."""
    ours = state.boot == session.boot_id()
    return not state.settled and not (ours and session.boottime() + 1 < state.deadline)


def tell_administrator(paths: Paths, why: str, state: State) -> None:
    """By mail, where the box sends any."""
    text = f"{why}. The box has gone back by itself and is in {where(state)}.\n\n"
    text += "Look: journalctl -t gateway-box; gateway-box list"
    done = journal.mail(paths, f"back in {where(state)}", text)
    if done and not done.ok:
        journal.note(f"no mail could be sent: {done.blame()}", wrong=True)


def boot(store: Store) -> bool:
    """In the early boot, before the firewall and the network: the confirmed generation's files.

    Services are not there yet, so what they have to be told waits for ``boot_late``. Says
    whether anything had to be put back.
    """
    state = store.state()
    if state.settled or state.boot == session.boot_id():
        return False
    journal.note(f"restarted in the middle of a switch; going back to {where(state)}", wrong=True)
    with store.lock("boot"):
        store.release_reserve()
        switch = Switch(store.paths, confirmed_view(store, state), keep_going=True)
        switch.before_services()
        for line in switch.outcome.warnings:
            journal.note(line, wrong=True)
        if state.confirmed is None:
            rescue()
    _call_late(store.paths)
    return True


def _call_late(paths: Paths) -> None:
    program = str(paths.memory / "program.zip")
    unit = ["--unit=gateway-return-boot", "--service-type=oneshot", "--property=After=basic.target"]
    words = ["systemd-run", "--quiet", "--collect", "--no-block", *unit, *watchdog.AGAIN, "--"]
    must([*words, watchdog.PYTHON, "-IB", program, "boot", "--late"])


def boot_late(store: Store) -> bool:
    """The rest of it, once services run: each is told again. Says whether there was a rest."""
    with store.lock("boot"):
        state = store.state()
        if state.settled or state.boot == session.boot_id():
            return False  # somebody has begun a new switch meanwhile
        number = state.pending if state.pending is not None else state.active
        why = f"the box was restarted before generation {number} was confirmed"
        store.remember(replace(state, pending=number))  # so each service looks again
        go_back(store, why)
        tell_administrator(store.paths, why, state)
        return True
