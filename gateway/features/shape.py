"""The shape of a feature: everything it says is computed from the site alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.policy import Flow
from gateway.problems import Fault
from gateway.render import RenderedFile
from gateway.site import Site


def _no_files(_site: Site, _policy: tuple[Flow, ...]) -> Iterable[RenderedFile]:
    return ()


@dataclass(frozen=True)
class Taken:
    """A user or group that the box makes for itself, and for what."""

    name: str
    what: str
    group: bool = False
    """A group alone, without a user of that name."""


@dataclass(frozen=True)
class Feature:
    """One service of the box. A module ends with ``FEATURE = Feature("chrony", …)``."""

    name: str
    problems: Callable[[Site], Iterable[Fault]] = lambda _site: ()
    """What in the description it cannot serve."""
    flows: Callable[[Site], Iterable[Flow]] = lambda _site: ()
    """What must be open for it, and why."""
    files: Callable[[Site, tuple[Flow, ...]], Iterable[RenderedFile]] = _no_files
    """Its configuration, whole; ``policy`` is every feature's flows."""
    packages: Callable[[Site], Iterable[str]] = lambda _site: ()
    """The Debian packages it needs."""
    units: Callable[[Site], Iterable[str]] = lambda _site: ()
    """The systemd units that must run."""
    masked: Callable[[Site], Iterable[str]] = lambda _site: ()
    """The distribution's units that must never run."""
    folders: Callable[[Site], Iterable[str]] = lambda _site: ()
    """The folders in which a file that no feature wrote is drift."""
    data: Callable[[Site], Iterable[tuple[str, str]]] = lambda _site: ()
    """Folders and what people have in them: it stays when the feature goes."""
    taken: Callable[[Site], Iterable[Taken]] = lambda _site: ()
    """Its users and groups on the box: no device's account may be one of them."""
