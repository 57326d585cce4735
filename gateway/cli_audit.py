"""``gateway audit`` and ``gateway ask``: thin verbs over ``audit`` and ``evidence``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from gateway import __version__, features
from gateway.audit import examine, say
from gateway.audit.answer import Difference
from gateway.audit.finding import Finding
from gateway.audit.packets import Known, Words
from gateway.audit.prove import Prover
from gateway.audit.whole import NEVER_HIT, Audit, Described
from gateway.load import Loaded
from gateway.options import AsJson, Host, LabName, Local, Port, SitePath, SshArgs, User
from gateway.policy import Flow
from gateway.problems import Failed, Refused
from gateway.reach import Reach, Target, reach
from gateway.ready import ready

INPUT_ERROR = 3
MOST_QUIET = 4
Rules = Annotated[
    Path | None,
    typer.Option("--ruleset", metavar="FILE", help="What nft listed, instead of a live box."),
]
_COLOURS = {"PROVED": "bold green", "DIFFERENT": "bold red", "UNDECIDED": "bold yellow"}
_out = Console(highlight=False, markup=False, soft_wrap=True)


def audit_verb(  # noqa: PLR0913 - each is an option of the command line
    site: SitePath,
    *,
    ruleset: Rules = None,
    name: LabName = "",
    host: Host = "",
    user: User = "",
    port: Port = 0,
    ssh_args: SshArgs = "",
    local: Local = False,
    as_json: AsJson = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write an evidence pack there.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The ssh key that signs the pack.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="OLD", help="An earlier pack: what changed since?")
    ] = None,
    empirical: Annotated[
        bool,
        typer.Option("--empirical", help="By packets too: a clone of the rules here, a lab's box."),
    ] = False,
) -> None:
    """Prove that the live firewall permits exactly what the description says, or show a packet.

    Exit 0: PROVED; 1: DIFFERENT, or an exception is over; 2: UNDECIDED; 3: the input is wrong.
    """
    if key and not out:
        _refuse("--key signs an evidence pack: give --out, too")
    target = Target(host, user, port, ssh_args, local, name)
    try:
        loaded = ready(site)
        flows = features.policy(loaded.site, loaded.source.line)
        found = None if ruleset else _reach(loaded, target, empirical=empirical)
        read = _read(ruleset, target, found)
        prover = examine.prover(read, loaded.site, flows)
        whole = examine.audit(read, prover, loaded.site, described(loaded), __version__)
        if empirical:
            whole = whole.with_findings(_by_packets(prover, found.lab if found else ""))
        _answer(whole, out=out, key=key, against=against, as_json=as_json)
    except Refused as refused:
        _refuse(str(refused))
    except Failed as failed:
        _refuse(f"gateway: {failed}")
    raise typer.Exit(whole.exit)


def _refuse(why: str) -> NoReturn:
    print(why, file=sys.stderr)
    raise typer.Exit(INPUT_ERROR)


def _reach(loaded: Loaded, target: Target, *, empirical: bool = False) -> Reach:
    found = reach(loaded.site, Path(loaded.source.file), target)
    if empirical and target.local:
        raise Failed(
            "--empirical sends packets, and never on the box itself: ask from another machine"
            " (it clones the rules there), or give --ruleset there"
        )
    return found


def _read(ruleset: Path | None, target: Target, found: Reach | None) -> examine.Read:
    if ruleset:
        if target != Target():
            raise Failed("--ruleset and a box at once: which of them is to be audited?")
        return examine.from_file(ruleset)
    assert found  # one of the two is given  # noqa: S101
    return examine.from_box(found.words, found.name)


def _by_packets(prover: Prover, lab_name: str) -> Iterator[Finding]:
    """Through a clone of the rules in namespaces here; in a lab through its booted box, too."""
    from gateway.empirical.compare import compare

    yield from compare(prover).findings()
    if lab_name:
        import lab
        from gateway.empirical.booted import sprayed

        for each in sprayed(prover, lab.find(lab_name)):
            yield from each.findings()


def described(loaded: Loaded) -> Described:
    """The description as evidence: its text and its hash."""
    source = loaded.source
    digest = sha256(Path(source.file).read_bytes()).hexdigest()
    return Described(source.file, digest, source.lines)


def _answer(
    whole: Audit, *, out: Path | None, key: Path | None, against: Path | None, as_json: bool
) -> None:
    from gateway.evidence import against as compared
    from gateway.evidence import pack
    from gateway.evidence.told import told

    changes = compared.changes(compared.read(against), told(whole)) if against else None
    if as_json:
        more = {} if changes is None else {"changes": [vars(each) for each in changes]}
        print(json.dumps({**told(whole), **more}, indent=2, ensure_ascii=False))
    else:
        _print(whole)
        if changes is not None:
            _out.print("\nSince the earlier audit:")
            _out.print("\n".join(f"  {each}" for each in changes) or "  nothing changed")
    if out:
        made = pack.write(whole, out, key=key, since=against)
        paper = f"{made.pages} pages" if made.pages else "no PDF: WeasyPrint is missing"
        signed = "signed" if made.signed else "not signed: give --key"
        print(f"{made.folder}: begin with report.html ({paper}; {signed})", file=sys.stderr)


def _print(whole: Audit) -> None:
    for each in whole.proof.differences:
        _print_difference(whole, each)
    for finding in whole.findings:
        _out.print(f"{finding.weight}: {finding}")
    for strange in whole.proof.strange:
        _out.print(f"not understood: {strange}")
    for apart in whole.proof.apart:
        _out.print(f"apart: {apart}")
    quiet = [each for each in whole.remarks if each.kind == NEVER_HIT]
    for remark in whole.remarks:
        if remark not in quiet[MOST_QUIET:]:
            _out.print(f"{remark.kind}: {remark.where}: {remark.said}")
    if len(quiet) > MOST_QUIET:
        _out.print(f"{NEVER_HIT}: and {len(quiet) - MOST_QUIET} rules more (--json has them)")
    for over in whole.expired:
        _out.print(Text(str(over), "bold red"))
    fails = ", and fails" if whole.exit and whole.answer == "PROVED" else ""
    _out.print(Text(f"{whole.answer}{fails}", _COLOURS[whole.answer]), f"{whole.sentence}")
    _out.print(f"  {whole.origin}; {len(whole.flows)} flows, {len(whole.ruleset.rules)} rules")


def _print_difference(whole: Audit, found: Difference) -> None:
    first, *rest = say.difference(found, Words(Known.of(whole.site)))
    _out.print(Text(first, "bold"))
    _out.print("\n".join(rest))
    for line in dict.fromkeys(flow.reason.line for flow in found.flows):
        _out.print(f"    line {line}: {whole.described.line(line)}")


def ask_verb(  # noqa: PLR0913 - each is an option of the command line
    site: SitePath,
    *,
    source: Annotated[
        str, typer.Option("--from", metavar="WHO", help="A device, network, address, outside, box.")
    ] = "",
    to: Annotated[str, typer.Option(metavar="WHO", help="The same.")] = "",
    service: Annotated[str, typer.Option(metavar="NAME", help="web, dicom, ping, ….")] = "",
    port_asked: Annotated[
        str, typer.Option("--port", metavar="PORT", help="tcp/445, udp/5000-5010.")
    ] = "",
    who_can_reach: Annotated[str, typer.Option(metavar="WHO", help="Instead of --from.")] = "",
    ruleset: Rules = None,
    name: LabName = "",
    host: Host = "",
    user: User = "",
    ssh_port: Annotated[int, typer.Option(help="The box's ssh port.")] = 0,
    ssh_args: SshArgs = "",
    local: Local = False,
    as_json: AsJson = False,
) -> None:
    """Ask the live firewall: may this one open that to whom, by which rule, for which line?

    Exit 0: yes (or partly); 1: no; 2: it hangs on what is not known; 3: the input is wrong.
    """
    from gateway.questions import Question, answer

    question = Question(source, to, service or port_asked, who_can_reach)
    target = Target(host, user, ssh_port, ssh_args, local, name)
    try:
        if service and port_asked:
            raise Failed("--service and --port at once: ask for one of them")
        loaded = ready(site)
        flows: tuple[Flow, ...] = features.policy(loaded.site, loaded.source.line)
        question.check(loaded.site)
        reached = None if ruleset else _reach(loaded, target)
        prover = examine.prover(_read(ruleset, target, reached), loaded.site, flows)
        found = answer(prover, question, described(loaded))
    except Refused as refused:
        _refuse(str(refused))
    except Failed as failed:
        _refuse(f"gateway: {failed}")
    print(json.dumps(found.as_dict(), indent=2, ensure_ascii=False) if as_json else found.text)
    raise typer.Exit(found.exit)
