"""A file checked: by dciodvfy where it is installed, and always by our own rules."""

from __future__ import annotations

from pathlib import Path

from intake import files, sandbox
from intake.check import judge, own
from intake.check.finding import Finding, Level, Report
from intake.dicom_reader.opening import open_elements
from intake.dicom_reader.read import NM
from intake.dicom_reader.source import Account, Source, charsets
from intake.refused import Refused

ME = "intake"


def check(path: Path) -> Report:
    """Everything that is wrong with a file; Refused when it cannot be read at all."""
    found: list[Finding] = []
    with files.opened(path) as file:
        opened = open_elements(file)
    source = Source(opened.items, Account(charsets(opened.items, "")))
    if source.text("SOPClassUID") != NM:
        raise Refused(f"it is no NM Image object ({source.text('SOPClassUID') or 'no SOP class'})")
    kind = own.kind_of(source)
    found += [Finding(Level.ERROR, ME, text) for text in own.faults(opened, source, kind)]
    found += [Finding(Level.WARNING, ME, text) for text in opened.parser.notes]
    judged = sandbox.available(judge.PROGRAM)
    if judged:
        found += judge.ask(path, kind)
    return Report(path.name, tuple(found), judged)
