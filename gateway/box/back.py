"""The way back to what is confirmed, firewall first.

It goes on past whatever fails and reports it; what could not be put back is tried again, by the
watchdog and at the next boot, because ``pending`` stays in the state.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from . import baseline, drift, journal, nics
from .files import Paths, secrets_digest, write
from .manifest import ACCOUNTS, FIREWALL
from .process import Done, Failed, run
from .state import State
from .store import Store
from .switch import Outcome, Switch, View, view

RESCUE = """
flush ruleset
table inet gateway_rescue {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iifname "lo" accept
		meta l4proto { icmp, ipv6-icmp } accept
		udp sport 67 udp dport 68 accept
		tcp dport 22 accept
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
	}
}
"""
"""Where there is no ruleset to go back to: closed, but for an administrator's ssh."""


def confirmed_view(store: Store, state: State) -> View:
    """What every way back leads to; the bare box when nothing is confirmed yet."""
    if state.confirmed is None:
        return View()
    return view(store.generation(state.confirmed), state.confirmed_first)


def where(state: State) -> str:
    """The confirmed place, in words."""
    if state.confirmed is None:
        return "the state before"
    part = " (firewall and package sources only)" if state.confirmed_first else ""
    return f"generation {state.confirmed}{part}"


def go_back(store: Store, why: str, moved: dict[str, str] | None = None) -> Outcome:
    """Make the box what is confirmed again; says so in its state and in the journal.

    ``moved``: the cards that a switch has renamed. Raises Failed where not all could be put
    back.
    """
    state = store.state()
    journal.note(f"{why}; going back to {where(state)}", wrong=True)
    target = confirmed_view(store, state)
    store.release_reserve()
    load_firewall(target)
    # After an interrupted switch nobody knows which service was told of which file.
    afresh = set(target.manifest.paths) if state.pending is not None else set()
    afresh |= put_secrets_back(store, state)
    switch = Switch(store.paths, target, afresh, keep_going=True)
    switch.attempt("cards get their names back", lambda: nics.move(_reversed(moved or {})))
    switch.go()
    _remember(store, state, target, why, switch.outcome)
    switch.begin_audit()
    return switch.outcome


def _remember(store: Store, state: State, target: View, why: str, outcome: Outcome) -> None:
    failed = state.pending if state.pending is not None else state.active
    if outcome.warnings:
        if state.pending is None:
            store.remember(replace(state, pending=failed))
        said = "\n".join(f"  {line}" for line in outcome.warnings)
        journal.note(f"not all could be put back:\n{said}", wrong=True)
        raise Failed(f"the box is back in {where(state)}, but:\n{said}")
    store.remember(state.back(why))
    if target.generation is not None and not target.only_first:
        # Drift is told from here on by how the box is now, not by what it has left.
        manifest = target.manifest
        baseline.note(store.paths, manifest.paths, drift.watched(manifest))
    store.note_if_there(failed, "rolled back", why)
    journal.note(f"the box is back in {where(state)}")


def _reversed(moved: dict[str, str]) -> dict[str, str]:
    return {new: old for old, new in moved.items()}


def load_firewall(target: View) -> None:
    """The target's ruleset into the kernel, before anything else; the rescue where it fails."""
    path, _unit = FIREWALL
    entry = next((each for each in target.manifest.files if each.path == path), None)
    if entry is None:
        return  # going back to none of ours: what was there comes with its file
    staged = target.staged(path)
    whole = staged.exists() and sha256(staged.read_bytes()).hexdigest() == entry.sha256
    done = run(["nft", "-f", str(staged)]) if whole else None
    if done is None or not done.ok:
        said = done.blame() if done else f"{staged} is damaged"
        journal.note(f"the confirmed ruleset does not load, only ssh is let in: {said}", wrong=True)
        rescue()


def rescue() -> Done:
    """Close the box, but for ssh."""
    return run(["nft", "-f", "-"], stdin=RESCUE)


def kept_secrets(paths: Paths) -> Path:
    """The secrets that the confirmed generation was confirmed with."""
    return paths.memory / "secrets.confirmed.json"


def put_secrets_back(store: Store, state: State) -> set[str]:
    """The confirmed generation's own secrets; the paths whose services have to look again."""
    paths, kept = store.paths, kept_secrets(store.paths)
    if secrets_digest(paths) == state.confirmed_secrets:
        return set()
    if not state.confirmed_secrets:
        paths.secrets.unlink(missing_ok=True)
        return set()
    if kept.exists() and sha256(kept.read_bytes()).hexdigest() == state.confirmed_secrets:
        write(paths.secrets, kept.read_bytes(), uid=0, gid=0)
        return {ACCOUNTS}
    return set()
