"""``gateway-box``: the box's own program.

What it prints is for people; where nobody looks (no terminal), the last line is JSON.
"""

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

from . import (
    accounts,
    audited,
    confirm,
    drift,
    drifting,
    generations,
    nfs,
    packages,
    plan,
    report,
    services,
    sids,
    status,
    tracking,
    undoing,
    webproxy,
)
from .activate import activate
from .claims import Claims
from .files import Paths, make_folder, write
from .process import Failed
from .refusal import check
from .store import Generation, Store
from .switch import view

MAX_SECRETS = 1 << 20
CONFIRM_WITHIN = 120.0

Told = dict[str, Any]


def _stage(store: Store, given: argparse.Namespace) -> Told:
    with store.lock("stage"):
        generation, fresh = store.stage(given.archive, given.site)
        if store.paths.root == Path("/"):  # the kernel is the box's own
            tracking.begin()
    missing = packages.missing(generation.manifest.packages)
    bare = store.state().active is None or store.state().only_first
    told = {"changed": fresh, "generation": generation.number, "bare": bare}
    return {**told, "packages_missing": missing}


def _take(store: Store, given: argparse.Namespace) -> Told:
    """Stage, and where nothing has to come before the switch, switch too: one program's start."""
    told = _stage(store, given)
    if told["bare"] or told["packages_missing"]:
        return {**told, "activated": False}
    given.generation = told["generation"]
    return {**told, **_activate(store, given)}


def _check(store: Store, given: argparse.Namespace) -> Told:
    generation = store.generation(given.generation)
    if problems := check(store.paths, view(generation, given.first)):
        raise Failed("\n".join(problems))
    return {"changed": False, "generation": generation.number}


def _activate(store: Store, given: argparse.Namespace) -> Told:
    generation = store.generation(given.generation)
    with store.lock(f"activate {generation.number}"):
        return _switched(store, generation, given, overwrite=given.overwrite_drift)


def _switched(
    store: Store, generation: Generation, given: argparse.Namespace, *, overwrite: bool
) -> Told:
    number, within = generation.number, given.confirm_within
    before = drift.manifest_of(store)
    work = undoing.Undoing(store, generation.manifest, told_to=overwrite)
    outcome = activate(store, number, only_first=given.first, confirm_within=within, undoing=work)
    lines = [f"generation {number} is active"]
    if not store.state().settled:
        lines.append(
            f"the box goes back by itself in {status.seconds_left(store.state())} s, unless"
            " `gateway-box confirm` comes by a new connection"
        )
    told = {"changed": outcome.changed, "generation": number, **asdict(outcome), "lines": lines}
    kept = undoing.finish(store, before, generation.manifest)
    return {**told, "activated": True, "aside": work.aside, "kept": kept}


def _confirm(store: Store, given: argparse.Namespace) -> Told:
    with store.lock("confirm"):
        changed = not store.state().settled
        by = confirm.confirm(store, given.generation)
    number = store.state().active
    return {"changed": changed, "generation": number, "by": by, "lines": [by]}


def _rollback(store: Store, given: argparse.Namespace) -> Told:
    with store.lock("rollback"):
        if given.generation is None and confirm.leave(store, "an administrator asked for it"):
            number = store.state().active
            return {"changed": True, "generation": number, "lines": [f"back in {number}"]}
        number = given.generation
        wanted = store.generation(confirm.rollback_target(store) if number is None else number)
        # Who goes back is in a hurry: what was done by hand is put aside, and never in the way.
        return _switched(store, wanted, given, overwrite=True)


def _return(store: Store, _given: argparse.Namespace) -> Told:
    return {"changed": confirm.time_out(store)}


def _boot(store: Store, given: argparse.Namespace) -> Told:
    return {"changed": confirm.boot_late(store) if given.late else confirm.boot(store)}


def _packages(store: Store, given: argparse.Namespace) -> Told:
    with store.lock("packages"):
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
    with store.lock("secrets"):
        target = store.paths.secrets
        known = target.exists() and target.read_bytes() == content
        changed = not known or target.stat().st_mode & 0o7777 != 0o600
        if changed:
            make_folder(target.parent)
            write(target, content, uid=0, gid=0)
            webproxy.login(store.paths)  # a new password serves the packages of this very run
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
    told = status.status(store)
    return {**told, "lines": list(status.status_lines(told))}


def _report(store: Store, _given: argparse.Namespace) -> Told:
    return {**status.status(store), "parts": report.report(store)}


def _list(store: Store, _given: argparse.Namespace) -> Told:
    rows = generations.listing(store)
    return {"generations": rows, "lines": list(generations.list_lines(rows))}


def _show(store: Store, given: argparse.Namespace) -> Told:
    told = generations.show(store, given.generation)
    return {**told, "lines": list(generations.show_lines(told))}


def _diff(store: Store, given: argparse.Namespace) -> Told:
    old, new = store.generation(given.old), store.generation(given.new)
    lines = list(generations.diff(old, new))
    return {"differ": bool(lines), "diff": lines, "lines": lines or ["they are the same"]}


def _plan(store: Store, given: argparse.Namespace) -> Told:
    return {"plan": plan.plan(store, given.archive)}


def _drift(store: Store, given: argparse.Namespace) -> Told:
    return drifting.write_home(store) if given.mail else drifting.drift(store)


def _audit(store: Store, given: argparse.Namespace) -> Told:
    return audited.audit(store, by_mail=given.mail)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("gateway-box", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, call: Callable[..., Told], told: str, *arguments: str) -> None:
        added = verbs.add_parser(name, help=told, description=told)
        added.set_defaults(call=call, first=False)
        for argument in arguments:
            words, options = _ARGUMENTS[argument]
            added.add_argument(*words, **options)

    verb("stage", _stage, "unpack an archive as a generation; switch nothing", "archive", "site")
    taking = ("archive", "site", "within", "overwrite")
    verb("take", _take, "stage, and switch unless packages have to come first", *taking)
    verb("check", _check, "let the services' checkers judge a generation", "generation", "first")
    switching = ("generation", "within")
    verb("activate", _activate, "switch to a generation, or stay", *switching, "first", "overwrite")
    verb("confirm", _confirm, "keep the active generation; from a new connection", "generation")
    verb("rollback", _rollback, "back to the generation confirmed before, or to N", *switching)
    verb("packages", _packages, "install what a generation needs; start nothing", "generation")
    verb("secrets", _secrets, "keep the passwords that standard input brings")
    verb("compare", _compare, "is the box what a manifest says? secrets by stdin", "digest")
    verb("plan", _plan, "what an archive would change", "archive")
    verb("status", _status, "the active generation, and the drift from it")
    verb("drift", _drift, "what is not as the generation says, who and when", "mail")
    verb("audit", _audit, "do the live rules permit what the description says?", "mail")
    verb("report", _report, "how the box is doing: services, leases, disk, time, updates")
    verb("list", _list, "the generations that are kept; a star marks the active one")
    verb("show", _show, "one generation: what became of it, its files and packages", "generation")
    verb("diff", _diff, "how one generation differs from another", "old", "new")
    verb("return", _return, "what the watchdog does: go back unless it is confirmed")
    verb("boot", _boot, "what a boot does: only what is confirmed is booted into", "late")
    verbs.add_parser("accounts", help="make users, groups and passwords what they should be")
    verbs.add_parser("web-proxy", help="make apt's login at the web proxy what it should be")
    verbs.add_parser("nfs", help="the steps of nfs-shares.service")
    verbs.add_parser("sids", help="tell Samba the SIDs of the shares' groups")
    return parser


_ARGUMENTS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "archive": (("archive",), {"type": Path, "help": "what the controller has sent"}),
    "digest": (("digest",), {"help": "SHA-256 of a manifest"}),
    "first": (("--first",), {"action": "store_true", "help": "what comes before packages"}),
    "generation": (("generation",), {"type": int, "nargs": "?", "metavar": "N"}),
    "late": (("--late",), {"action": "store_true", "help": "once services run"}),
    "new": (("new",), {"type": int, "metavar": "M"}),
    "old": (("old",), {"type": int, "metavar": "N"}),
    "mail": (("--mail",), {"action": "store_true", "help": "write to the administrator"}),
    "overwrite": (
        ("--overwrite-drift",),
        {"action": "store_true", "help": "undo what was changed by hand; files are put aside"},
    ),
    "site": (("--site",), {"default": "", "help": "SHA-256 of the site description"}),
    "within": (
        ("--confirm-within",),
        {
            "type": float,
            "default": CONFIRM_WITHIN,
            "metavar": "SECONDS",
            "help": "for the switch and its confirmation; 0: confirmed at once, nothing watches",
        },
    ),
}


_PROGRAMS = {
    "accounts": accounts.main,
    "nfs": nfs.main,
    "sids": sids.main,
    "web-proxy": webproxy.main,
}


def main(arguments: list[str] | None = None, paths: Paths | None = None) -> int:
    """Run one verb; 0 if it went well, 1 with its reason on standard error if not."""
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] in _PROGRAMS:
        return _PROGRAMS[words[0]](words[1:])
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
    lines = told.pop("lines", [])
    if lines:
        print("\n".join(lines))
    if not (lines and sys.stdout.isatty()):
        print(status.as_text(told))
    return 0


def _end(_signal: int, _frame: object) -> None:
    raise Failed("ended by a signal")


if __name__ == "__main__":
    sys.exit(main())
