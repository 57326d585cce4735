"""What an administrator types about the lane: serve, ledger, count, silent, retry and so on."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path
from typing import Any

from intake.lane import settings
from intake.refused import Refused

OK, WRONG = 0, 1


def add(commands: Any) -> None:
    """The verbs, into the parser of ``intake``."""
    made = {}
    for name, run, what in (
        ("serve", _serve, "take in what devices drop, until a signal ends it"),
        ("receive", _receive, "take objects that are sent to devices' titles, for their outgoing"),
        ("settings", _settings, "look whether the configuration can be used"),
        ("ledger", _ledger, "what came in and what became of it, as CSV"),
        ("count", _count, "what came in against what the archive has; 1 when something is missing"),
        ("silent", _silent, "devices that send nothing though they usually would; 1 if any"),
        ("state", _state, "of each device what waits, what was set aside, when it last stored"),
        ("retry", _retry, "a file out of quarantine (or done) into the lane again"),
        ("release", _release, "a file to done, without the archive"),
    ):
        made[name] = command = commands.add_parser(name, help=what)
        command.add_argument("--config", type=Path, default=settings.CONFIG)
        command.set_defaults(run=run, json=False, source=Path(name))
    for name in ("retry", "release"):
        made[name].add_argument("device")
        made[name].add_argument("name", metavar="FILE")
    for name in ("count", "silent", "ledger", "state"):
        made[name].add_argument("--json", action="store_true", help="for programs")
    made["count"].add_argument("--mail", action="store_true", help="what is wrong, by mail")
    made["silent"].add_argument("--mail", action="store_true", help="each silence once, by mail")
    made["count"].add_argument("--since", type=_day, metavar="DAY", help="only what came since")
    where = "a folder that stands for /, where raw profiles lie that are not in use yet"
    made["settings"].add_argument("--below", type=Path, default=Path("/"), help=where)
    _search(made["ledger"])


def _search(command: argparse.ArgumentParser) -> None:
    command.add_argument("text", nargs="?", default="", help="in a name, hash, UID or reason")
    command.add_argument("--device", default="")
    command.add_argument("--state", default="", choices=["done", "quarantined", "released"])
    command.add_argument("--since", type=_day, metavar="DAY", help="2026-11-22")
    command.add_argument("--until", type=_day, metavar="DAY")


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no day such as 2026-11-22") from None


def _serve(parsed: argparse.Namespace) -> int:
    from intake.lane import serve

    serve.serve(settings.read(parsed.config))
    return OK


def _receive(parsed: argparse.Namespace) -> int:
    from intake.returns import receive

    receive.receive(settings.read(parsed.config))
    return OK


def _settings(parsed: argparse.Namespace) -> int:
    from intake import formats

    told = settings.read(parsed.config)
    for profile in told.raw.values():
        formats.raw(parsed.below / profile.relative_to("/"))
    staged = parsed.below != Path("/")  # what makes the folders runs later
    for device, translator in told.dos.items():
        if not staged and not translator.program.is_dir():
            raise Refused(f"{device}: its translator's folder {translator.program} is not there")
    print(f"{len(told.devices)} devices, {len(told.titles)} of them with a title")
    return OK


def _ledger(parsed: argparse.Namespace) -> int:
    from intake import show
    from intake.lane import ledger

    book = ledger.Ledger.to_read(settings.read(parsed.config).state)
    rows = book.search(parsed.text, parsed.device, parsed.state, parsed.since, parsed.until)
    if parsed.json:
        for row in rows:
            print(show.as_json(row))
    else:
        ledger.write_csv(rows, sys.stdout)
    return OK


def _count(parsed: argparse.Namespace) -> int:
    from intake import show
    from intake.lane import count
    from intake.lane.mail import tell

    known = settings.read(parsed.config)
    try:
        found = count.count(known, parsed.since)
    except Refused as refused:
        if parsed.mail:
            tell(known.mail, "intake could not be counted", refused.show())
        raise
    text = "\n".join(line for each in found for line in each.show())
    print(show.as_json(found) if parsed.json else text)
    wrong = not all(each.right for each in found)
    if wrong and parsed.mail:
        missing = sum(len(each.missing) for each in found)
        waiting = sum(len(each.waiting) for each in found)
        subject = f"{missing} objects are missing in the archive, {waiting} files wait"
        tell(known.mail, subject, f"{text}\n\n{count.ADVICE}")
    return WRONG if wrong else OK


def _silent(parsed: argparse.Namespace) -> int:
    from intake import show
    from intake.lane import silent

    known = settings.read(parsed.config)
    found = silent.look(known)
    if parsed.json:
        print(show.as_json([{"silent": each.verdict.silent, "found": each} for each in found]))
    else:
        print("\n".join(silent.line(each) for each in found))
    if parsed.mail:
        silent.tell_once(known, found)
    return WRONG if any(each.verdict.silent for each in found) else OK


def _state(parsed: argparse.Namespace) -> int:
    from intake import show
    from intake.lane import state

    found = state.look(settings.read(parsed.config))
    print(show.as_json(found) if parsed.json else "\n".join(each.show() for each in found))
    return OK


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
