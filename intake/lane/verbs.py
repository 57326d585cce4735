"""What an administrator types about the lane: serve, receive, ledger, count, retry, release."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from intake.lane import settings

OK, MISSING = 0, 1


def add(commands: Any) -> None:
    """The verbs, into the parser of ``intake``."""
    for name, run, what in (
        ("serve", _serve, "take in what devices drop, until a signal ends it"),
        ("receive", _receive, "take objects that are sent to devices' titles, for their outgoing"),
        ("settings", _settings, "look whether the configuration can be used"),
        ("ledger", _ledger, "all that came in and what became of it, as CSV"),
        ("count", _count, "objects that came in and that the archive does not have"),
        ("retry", _retry, "a file out of quarantine into the lane again"),
        ("release", _release, "a file out of quarantine to done, without the archive"),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("--config", type=Path, default=settings.CONFIG)
        command.set_defaults(run=run, json=False, source=Path(name))
        if name in {"retry", "release"}:
            command.add_argument("device")
            command.add_argument("name", metavar="FILE")


def _serve(parsed: argparse.Namespace) -> int:
    from intake.lane import serve

    serve.serve(settings.read(parsed.config))
    return OK


def _receive(parsed: argparse.Namespace) -> int:
    from intake.returns import receive

    receive.receive(settings.read(parsed.config))
    return OK


def _settings(parsed: argparse.Namespace) -> int:
    told = settings.read(parsed.config)
    print(f"{len(told.devices)} devices, {len(told.titles)} of them with a title")
    return OK


def _ledger(parsed: argparse.Namespace) -> int:
    from intake.lane import serve

    serve.ledger(settings.read(parsed.config))
    return OK


def _count(parsed: argparse.Namespace) -> int:
    from intake.lane import serve

    found = serve.missing(settings.read(parsed.config))
    for line in found:
        print(line)
    print(f"{len(found)} missing")
    return MISSING if found else OK


def _retry(parsed: argparse.Namespace) -> int:
    from intake.lane import serve

    names = serve.retry(settings.read(parsed.config), parsed.device, parsed.name)
    print(f"again: {', '.join(names)}")
    return OK


def _release(parsed: argparse.Namespace) -> int:
    from intake.lane import serve

    names = serve.release(settings.read(parsed.config), parsed.device, parsed.name)
    print(f"released, not in the archive: {', '.join(names)}")
    return OK
