"""``gateway-box``: the box's own program. Its last line of output is JSON."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from . import accounts, numbers, packages, report, services, status, tracking
from .activate import activate, check
from .claims import Claims
from .files import Paths, make_folder, write
from .process import Failed
from .store import Store
from .switch import view

MAX_SECRETS = 1 << 20

Told = dict[str, Any]


def _stage(store: Store, given: argparse.Namespace) -> Told:
    with store.lock():
        generation, fresh = store.stage(given.archive)
        if store.paths.root == Path("/"):  # the kernel is the box's own
            tracking.begin()
    missing = packages.missing(generation.manifest.packages)
    bare = store.state().active is None or store.state().only_first
    told = {"changed": fresh, "generation": generation.number, "bare": bare}
    return {**told, "packages_missing": missing}


def _check(store: Store, given: argparse.Namespace) -> Told:
    generation = store.generation(given.generation)
    if problems := check(store.paths, view(generation, given.first)):
        raise Failed("\n".join(problems))
    return {"changed": False, "generation": generation.number}


def _activate(store: Store, given: argparse.Namespace) -> Told:
    with store.lock():
        generation = store.generation(given.generation)
        outcome = activate(store, generation.number, only_first=given.first)
    return {"changed": outcome.changed, "generation": generation.number, **asdict(outcome)}


def _packages(store: Store, given: argparse.Namespace) -> Told:
    with store.lock():
        generation = store.generation(given.generation)
        # Masked before they are there, the wanted ones until their files are: even a reboot
        # in the middle of the installation starts nothing as the distribution would.
        manifest = generation.manifest
        ours = {entry.path.rpartition("/")[2] for entry in manifest.files}
        coming = [each.name for each in services.units(manifest.units) if each.load == "not-found"]
        held = [*manifest.masked, *(name for name in coming if name not in ours)]
        if masked := Claims(store.paths).mask(held):
            services.reload_units()
        installed = packages.install(store.paths, manifest.packages)
    changed = bool(installed or masked)
    return {"changed": changed, "generation": generation.number, "packages": installed}


def _secrets(store: Store, _given: argparse.Namespace) -> Told:
    content = _given_secrets()
    with store.lock():
        target = store.paths.secrets
        known = target.exists() and target.read_bytes() == content
        changed = not known or target.stat().st_mode & 0o7777 != 0o600
        if changed:
            make_folder(target.parent)
            write(target, content, uid=0, gid=0)
    return {"changed": changed}


def _given_secrets() -> bytes:
    """The secrets from standard input, in one form: the same ones are the same bytes."""
    text = sys.stdin.read(MAX_SECRETS)
    try:
        return json.dumps(json.loads(text), sort_keys=True).encode() + b"\n"
    except ValueError:
        raise Failed("standard input is no JSON") from None  # and is not shown


def _compare(store: Store, given: argparse.Namespace) -> Told:
    secrets = sha256(_given_secrets()).hexdigest()
    return {"changed": False, **status.compare(store, given.digest, secrets)}


def _status(store: Store, _given: argparse.Namespace) -> Told:
    return status.status(store)


def _report(store: Store, _given: argparse.Namespace) -> Told:
    return {**status.status(store), "parts": report.report(store)}


def _list(store: Store, _given: argparse.Namespace) -> Told:
    return {"generations": status.listing(store)}


def _plan(store: Store, given: argparse.Namespace) -> Told:
    return status.plan(store, given.archive)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("gateway-box", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, call: Callable[..., Told], told: str, *arguments: str) -> None:
        added = verbs.add_parser(name, help=told, description=told)
        added.set_defaults(call=call)
        if "archive" in arguments:
            added.add_argument("archive", type=Path, help="what the controller has sent")
        if "generation" in arguments:
            added.add_argument("generation", type=int, nargs="?", help="the newest if left out")
        if "first" in arguments:
            added.add_argument("--first", action="store_true", help="what comes before packages")
        if "digest" in arguments:
            added.add_argument("digest", help="SHA-256 of a manifest")

    verb("stage", _stage, "unpack an archive as a generation; switch nothing", "archive")
    verb("check", _check, "let the services' checkers judge a generation", "generation", "first")
    verb("activate", _activate, "switch to a generation, or stay", "generation", "first")
    verb("packages", _packages, "install what a generation needs; start nothing", "generation")
    verb("secrets", _secrets, "keep the passwords that standard input brings")
    verb("compare", _compare, "is the box what a manifest says? secrets by stdin", "digest")
    verb("plan", _plan, "what an archive would change", "archive")
    verb("status", _status, "the active generation, and the drift from it")
    verb("report", _report, "how the box is doing: services, leases, disk, time, updates")
    verb("list", _list, "the generations that are kept")
    verbs.add_parser("accounts", help="make users, groups and passwords what they should be")
    verbs.add_parser("numbers", help="put the numbers of accounts and groups into a file")
    return parser


def main(arguments: list[str] | None = None, paths: Paths | None = None) -> int:
    """Run one verb; 0 if it went well, 1 with its reason on standard error if not."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["accounts"]:
        return accounts.main(words[1:])
    if words[:1] == ["numbers"]:
        return numbers.main(words[1:])
    given = _parser().parse_args(words)
    # The connection may break during a switch: it is finished, one way or the other.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    try:
        told = given.call(Store(paths or Paths()), given)
    except (Failed, OSError) as error:
        print(error, file=sys.stderr)
        print(status.as_text({"changed": False, "failed": str(error)}))
        return 1
    print(status.as_text(told))
    return 0


def _end(_signal: int, _frame: object) -> None:
    raise Failed("ended by a signal")


if __name__ == "__main__":
    sys.exit(main())
