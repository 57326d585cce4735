"""The folder that an auditor gets: everything about one audit, with hashes and a signature."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.whole import Audit
from gateway.cards import pdf
from gateway.evidence import against, page, picture, signature, tables
from gateway.evidence.told import told
from gateway.problems import Failed

REPORT, PRINTED = "report.html", "report.pdf"


@dataclass(frozen=True)
class Pack:
    """A folder that was written."""

    folder: Path
    files: tuple[str, ...]
    pages: int
    """Of the PDF; 0: none could be made here."""
    signed: bool


def write(audit: Audit, out: Path, *, key: Path | None = None, since: Path | None = None) -> Pack:
    """Write everything to the folder ``out``, whole or not at all.

    ``key``: what to sign with; ``since``: an earlier pack to compare with.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Failed(f"{out} is there already: evidence is not written over, choose another --out")
    told_changes = against.changes(against.read(since), told(audit)) if since else None
    signer = signature.public_half(key) if key else ""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise Failed(f"cannot write to {out}: {error.strerror}") from None
    try:
        for name, text in _texts(audit, signer, told_changes):
            (fresh / name).write_text(text, "utf-8")
        pages = _print(fresh)
        signature.write_sums(fresh)
        if key:
            signature.sign(fresh, key)
        fresh.chmod(0o755)
        if out.exists():
            out.rmdir()
        fresh.rename(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    files = tuple(sorted(each.name for each in out.iterdir()))
    return Pack(out, files, pages, key is not None)


def _texts(
    audit: Audit, signer: str, changes: tuple[against.Change, ...] | None
) -> Iterator[tuple[str, str]]:
    listed = tables.rows(audit.flows, audit.today)
    yield REPORT, page.page(audit, signer=signer, changes=changes)
    yield "flows.csv", tables.as_csv(listed)
    yield "flows.json", _json(listed)
    yield against.TOLD, _json(told(audit))
    yield "networks.svg", picture.svg(audit.site, audit.flows)
    yield "ruleset.nft", audit.ruleset.text
    yield "site.yml", "\n".join(audit.described.lines)
    if changes is not None:
        yield "changes.txt", "".join(f"{each}\n" for each in changes) or "nothing changed\n"
    yield "README.txt", _README


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _print(folder: Path) -> int:
    if not pdf.is_there():
        return 0
    pages = pdf.make([folder / REPORT], folder / PRINTED, secret=False)
    os.chmod(folder / PRINTED, 0o644)  # noqa: PTH101
    return sum(pages.values())


_README = f"""\
An evidence pack of `gateway audit`.

{REPORT}      the report; begin here ({PRINTED}: the same on paper)
audit.json       the same for programs
flows.csv, .json who may open what to whom, with reason, owner and last day
networks.svg     the networks as a picture
ruleset.nft      the rules as the kernel listed them
site.yml         the description that they were compared with

To see whether anything was changed since:

    sha256sum --strict -c {signature.SUMS}

and, if {signature.SIGNATURE} is there, who signed that list. ALLOWED is a file with a line
`NAME KEY` for each signer you trust: NAME is up to you, KEY their public key, which you have from
themselves and not from here.

    ssh-keygen -Y verify -f ALLOWED -I NAME -n {signature.NAMESPACE} \\
        -s {signature.SIGNATURE} < {signature.SUMS}
"""
