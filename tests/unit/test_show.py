from __future__ import annotations

import io

from rich.console import Console

from gateway.cli_try import told
from gateway.show import counts, evidence_table, picture
from gateway.verify.evidence import Evidence, Row

ROWS = [
    Row("varicam", "LANMAN2", "put and get", "passed"),
    Row("box", "systemd", "units run", "passed"),
    Row("varicam", "LANMAN2", "a wrong password is refused", "passed"),
    Row("varicam", "DHCP", "is given an address", "skipped", "set by hand"),
]
BROKEN = Row("varicam", "LANMAN2", "a reader cannot write", "failed", "it could")


def shown(rows: list[Row], *, each_row: bool = False) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(evidence_table(Evidence(rows), each_row=each_row))
    return captured.get()


def test_a_line_for_each_protocol_of_a_device() -> None:
    text = shown(ROWS)
    assert "put and get; a wrong password is refused" in text
    assert text.count("✓ as it should be") == 2
    assert "DHCP" not in text


def test_one_failure_marks_its_line_and_the_count() -> None:
    text = shown([*ROWS, BROKEN])
    assert "✗ 1 of 3 FAILED" in text
    assert counts(Evidence([*ROWS, BROKEN])) == "3 as they should be, 1 failed, 1 not tried"


def test_every_row_if_asked() -> None:
    text = shown(ROWS, each_row=True)
    assert text.count("LANMAN2") == 2
    assert "not tried" in text


def test_brackets_in_what_is_told_are_no_markup() -> None:
    """A check that was skipped before it said anything is called ``test_x[/system]``."""
    with told() as tell:
        tell(Row("box", "", "test_rest[/system]", "failed", "it [/could]"))


def test_a_picture_needs_nobody_else() -> None:
    console = Console(record=True, width=80, file=io.StringIO())
    console.print(evidence_table(Evidence(ROWS)))
    assert "https://" in console.export_svg(clear=False)
    assert "url(" not in (svg := picture(console)).replace("url(#", "")
    assert "LANMAN2" in svg
