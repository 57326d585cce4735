"""``gateway verify`` and ``gateway try``: thin verbs over ``trial`` and ``verify``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

import lab
from gateway import features
from gateway.cli_lab import hints
from gateway.load import Loaded
from gateway.options import AsJson, SitePath
from gateway.problems import Failed
from gateway.ready import ready
from gateway.show import counts, evidence_table, open_table, picture
from gateway.trial import Trial, begin
from gateway.verify.context import Context
from gateway.verify.evidence import Evidence, Row
from gateway.weak import weaknesses

WIDTH = 118
FAILED_CHECKS = 1
Each = Annotated[bool, typer.Option("--all", help="A line for every single check.")]
SshConfig = Annotated[Path | None, typer.Option(help="For --host: another ssh_config.")]
Bare = Annotated[
    bool,
    typer.Option(help="Begin with a bare Debian: its packages come through the hospital's proxy."),
]
Only = Annotated[str, typer.Option("-k", help="Only the checks that match (pytest's -k).")]
_err = Console(stderr=True, highlight=False, markup=False)


@dataclass(frozen=True)
class Form:
    """How evidence is shown."""

    as_json: bool
    each_row: bool
    svg: Path | None = None


def verify_verb(  # noqa: PLR0913 - each is an option of the command line
    site: SitePath,
    *,
    name: Annotated[str, typer.Option("--lab", help="The lab, if not called as the site.")] = "",
    host: Annotated[str, typer.Option(help="A real box instead of the lab's.")] = "",
    user: Annotated[str, typer.Option(help="Who to log in as on a real box.")] = "root",
    ssh_config: SshConfig = None,
    only: Only = "",
    each_row: Each = False,
    as_json: AsJson = False,
) -> None:
    """Check with real clients what each device can do, and what it cannot.

    On a real box (--host) only the box itself is looked at, by ssh.
    """
    loaded = ready(site)
    with told() as tell:
        if host:
            from gateway.verify.run import verify  # pytest: other verbs need not wait for it

            config = str(ssh_config) if ssh_config else None
            evidence = verify(Context(loaded, {}, f"ssh://{user}@{host}", config), tell, only)
        else:
            evidence = Trial(loaded, _lab_of(loaded, name)).verify(tell, only)
    _report(loaded, evidence, Form(as_json, each_row))


def try_verb(  # noqa: PLR0913 - each is an option of the command line
    site: SitePath,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the lab up afterwards.")] = False,
    name: Annotated[str, typer.Option(help="Another name than the site's, for a second lab.")] = "",
    bare: Bare = False,
    only: Only = "",
    each_row: Each = False,
    svg: Annotated[Path | None, typer.Option(help="Write what is shown as a picture too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Boot the site's department on this machine, provision and verify it, show the evidence.

    The box's image has the site's packages in it, unless it shall be --bare, and is kept for a
    week: the next try is faster.
    """
    began = time.monotonic()
    loaded = ready(site)
    up = begin(loaded, name or None, _err.print, bare=bare)
    try:
        trial = Trial(loaded, up)
        _err.print(f"the lab is up ({time.monotonic() - began:.1f} s); provisioning the box:")
        with _err.status("begins") as shown:
            summary = trial.apply(lambda step: shown.update(Text(f"{step} …")))
        if not bare:
            _err.print("  packages  were in its image; --bare installs them through the proxy")
        for line in [*summary.lines(), *map(str, weaknesses(loaded.site))]:
            _err.print(f"  {line}", soft_wrap=True)
        with told() as tell:
            evidence = trial.verify(tell, only)
        seconds = time.monotonic() - began
        _report(loaded, evidence, Form(as_json, each_row, svg), seconds)
    finally:
        if not keep:
            up.down()
        else:
            _err.print("The lab is still up. Look around:")
            for line in hints(up):
                _err.print(f"  {line}", soft_wrap=True)


def _lab_of(loaded: Loaded, name: str) -> lab.Lab:
    wanted = name or loaded.site.name
    if wanted not in lab.labs():
        raise Failed(
            f"no lab {wanted} is up: `gateway try SITE --keep` makes one,"
            " or give --host for a real box"
        )
    return lab.find(wanted)


@contextmanager
def told() -> Iterator[Callable[[Row], None]]:
    """A line that says what was just found, while the checks run."""
    with _err.status("verifying") as shown:

        def tell(row: Row) -> None:
            shown.update(Text(f"{row.device}: {row.protocol}: {row.done}"))
            if row.result == "failed":
                _say_failed(row)

        yield tell


def _say_failed(row: Row) -> None:
    """Which check, and why."""
    head = Text(f"FAILED: {row.device}: {row.protocol}: {row.done}", "bold red")
    _err.print(head, soft_wrap=True)
    _err.print(Text(row.why), soft_wrap=True)


def _report(
    loaded: Loaded,
    evidence: Evidence,
    form: Form,
    seconds: float = 0.0,
) -> None:
    """Tables (or JSON) on standard output; exit 1 if a check failed."""
    if form.as_json:
        print(json.dumps({"evidence": evidence.as_list(), "seconds": round(seconds, 1)}, indent=2))
    else:
        out = Console(highlight=False, record=form.svg is not None, width=WIDTH)
        out.print(evidence_table(evidence, each_row=form.each_row))
        out.print(open_table(features.policy(loaded.site, loaded.source.line)))
        after = f", after {seconds:.0f} s" if seconds else ""
        out.print(Text(counts(evidence) + after, "bold"))
        if form.svg:
            form.svg.write_text(picture(out), "utf-8")
        for row in evidence.failed:  # once more, below the tables
            _err.print()
            _say_failed(row)
    if evidence.failed:
        raise typer.Exit(FAILED_CHECKS)
