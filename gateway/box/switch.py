"""One switch of the box from whatever it is to a manifest.

The order: the unit that leads back at the next start is there; what is no longer wanted stops;
every new path is claimed; files are placed; paths that nobody wants any more are given back;
cards get their names; services take their files in the manifest's order (the firewall's comes
first in it); units start, and have to stay up; conversations that are no longer permitted end.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from . import audited, conntrack, nics, policy, services
from .claims import Claims
from .files import Paths, differs, place
from .manifest import BOOT_FILE, BOOT_UNIT, NOTHING, Entry, Manifest
from .process import Failed, run
from .store import Generation

RELOAD_SECONDS, BACK_SECONDS = 120, 30
_UNIT_FOLDERS = ("/etc/systemd/system/", "/usr/lib/systemd/system/")


@dataclass(frozen=True)
class View:
    """What a switch leads to or comes from: a manifest, and the staged files for it."""

    manifest: Manifest = NOTHING
    staged: Callable[[str], Path] = Path
    generation: int | None = None
    only_first: bool = False

    def links(self) -> list[str]:
        """The texts of its systemd.link(5) files."""
        return [
            self.staged(entry.path).read_text("utf-8")
            for entry in self.manifest.files
            if entry.path.endswith(".link")
        ]


def view(generation: Generation, only_first: bool = False) -> View:
    """A generation, or the part of it that comes before the packages."""
    manifest = generation.manifest
    chosen = manifest.only_first() if only_first else manifest
    return View(chosen, generation.staged, generation.number, only_first)


@dataclass
class Outcome:
    """What a switch did. ``warnings`` are failures that did not stop it."""

    files: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    reloaded: list[str] = field(default_factory=list)
    enabled: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    masked: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    """Conversations that are no longer permitted."""
    chosen: list[str] = field(default_factory=list)
    """Which server serves, where the box chooses between two."""
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether the box is another than before."""
        services_changed = (self.enabled, self.started, self.stopped, self.masked)
        return any((self.files, self.removed, self.reloaded, *services_changed, self.renamed))


class Switch:
    """A switch to ``new``, and what it did so far.

    ``afresh`` are paths whose services must look again even if the file did not change.
    With ``keep_going`` a failure becomes a warning: there is no way back from the way back.
    """

    def __init__(
        self, paths: Paths, new: View, afresh: Iterable[str] = (), *, keep_going: bool = False
    ) -> None:
        self.new = new
        self.outcome = Outcome()
        self._paths = paths
        self._afresh = frozenset(afresh)
        self._keep_going = keep_going
        self._claims = Claims(paths)
        self._removed_commands: list[tuple[str, ...]] = []

    def go(self) -> None:
        """All steps, in their order. Raises Failed at the first that fails, and names it."""
        manifest = self.new.manifest
        self.attempt("the way back at a restart is laid", lambda: self._lay_way_back(manifest))
        self.attempt("units are stopped", lambda: self._stop(manifest))
        self._files(manifest)
        self.attempt("systemd is told", lambda: self._tell_systemd(manifest))
        self.attempt("cards are named", self._name_cards)
        for command, path in self._commands(manifest):
            reload = partial(self._reload, command, path)
            self.attempt("services take their files", reload)
        self.attempt("units are started", lambda: self._start(manifest))
        self.attempt("conversations are ended", lambda: self._end_conversations(manifest))

    def before_services(self) -> None:
        """The part of it that an early boot can do: nothing runs yet, and nothing is waited for."""
        manifest = self.new.manifest
        unwanted = self._claims.left(manifest.units)
        self.attempt("units are kept from starting", lambda: services.cancel(unwanted, BOOT_UNIT))
        self._files(manifest)
        self.attempt("systemd is told", lambda: self._prepare_units(manifest))

    def attempt(self, name: str, step: Callable[[], None]) -> None:
        """Take a step; with ``keep_going`` its failure is noted instead of raised."""
        try:
            step()
        except (Failed, OSError) as error:
            said = f"while {name}: {error}"
            if not self._keep_going:
                raise Failed(said) from error
            self.outcome.warnings.append(said)

    def _lay_way_back(self, manifest: Manifest) -> None:
        """From now on a restart leads back, also in the middle of a first switch."""
        ahead = [entry for entry in manifest.files if entry.path == BOOT_FILE]
        if ahead and differs(self._paths, ahead[0]):
            self._claims.take(ahead)
            self._place_all(ahead)
            services.enable([BOOT_UNIT])

    def _files(self, manifest: Manifest) -> None:
        self.attempt("paths are claimed", lambda: self._claims.take(manifest.files))
        self.attempt("files are placed", lambda: self._place_all(manifest.files))
        self.attempt("paths are given back", lambda: self._give_back(manifest))

    def _stop(self, manifest: Manifest) -> None:
        self.outcome.stopped += self._claims.stop_unwanted(manifest.units)

    def _place_all(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if differs(self._paths, entry):
                self._place(entry)

    def _place(self, entry: Entry) -> None:
        # One file that cannot come back must not keep the others from it.
        try:
            place(self._paths, entry, self.new.staged(entry.path))
        except (Failed, OSError) as error:
            if not self._keep_going:
                raise
            self.outcome.warnings.append(f"{entry.path} is not put back: {error}")
        else:
            self.outcome.files.append(entry.path)

    def _give_back(self, manifest: Manifest) -> None:
        for path, command in self._claims.unwanted(manifest.paths).items():
            self._claims.give_back(path)
            self.outcome.removed.append(path)
            self._removed_commands.append(command)

    def _tell_systemd(self, manifest: Manifest) -> None:
        outcome = self.outcome
        self._claims.take_units(manifest.units)
        freed = self._claims.unmask_unwanted(manifest.masked, manifest.units)
        outcome.masked += self._claims.mask(manifest.masked)
        outcome.enabled += services.enable(manifest.units)
        touched = outcome.files + outcome.removed
        new_units = any(path.startswith(_UNIT_FOLDERS) for path in touched)
        if new_units or freed or outcome.masked or outcome.enabled:
            services.reload_units()
        services.start([unit for unit, ran in freed.items() if ran])

    def _prepare_units(self, manifest: Manifest) -> None:
        self._claims.take_units(manifest.units)
        self.outcome.masked += self._claims.mask(manifest.masked)
        self.outcome.enabled += services.enable(manifest.units)
        services.reload_units()

    def _name_cards(self) -> None:
        if links := self.new.links():
            self.outcome.renamed |= nics.rename(nics.asked(links))

    def _commands(self, manifest: Manifest) -> list[tuple[tuple[str, ...], str]]:
        """The commands to run, each once, with the file that asks for it.

        A removed file's command comes last, with no file: its service may have gone with it.
        """
        touched = {*self.outcome.files, *self._afresh}
        wanted: dict[tuple[str, ...], str] = {}
        for entry in manifest.files:
            if entry.path in touched and entry.reload:
                wanted.setdefault(entry.reload, entry.path)
        for command in self._removed_commands:
            if command:
                wanted.setdefault(command, "")
        return list(wanted.items())

    def _reload(self, command: tuple[str, ...], path: str) -> None:
        # What hung on the way there may hang on the way back: it must not keep the rest waiting.
        done = run(command, timeout=BACK_SECONDS if self._keep_going else RELOAD_SECONDS)
        if done.ok:
            self.outcome.reloaded.append(shlex.join(command))
        elif path:
            raise Failed(f"{path} is in place, but its service refuses it: {done.blame()}")

    def _start(self, manifest: Manifest) -> None:
        self.outcome.started += services.start(manifest.units)
        settle = services.SETTLE_SECONDS if self.outcome.changed else 0
        if lost := services.not_up(manifest.units, settle=settle):
            raise Failed("not running: " + "; ".join(lost))

    def _end_conversations(self, manifest: Manifest) -> None:
        if policy.PATH in manifest.paths:
            permitted = self.new.staged(policy.PATH).read_bytes()
            self.outcome.ended += conntrack.after(self._paths, permitted)

    def begin_audit(self) -> None:
        """Have the rules audited that there are now; once the state says which they are."""
        try:
            if self.outcome.changed:
                audited.begin(self.new.manifest)
        except Failed as error:  # it is an alarm: no reason to go back
            self.outcome.warnings.append(f"the rules are not audited: {error}")
