"""The parts of an evidence pack that stand alone: tables, picture, hashes and signature."""

from __future__ import annotations

import csv
import io
import subprocess
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gateway import features
from gateway.evidence import against, picture, signature, tables
from gateway.load import load
from gateway.problems import Failed
from gateway.written import BOX

ROOT = Path(__file__).parent.parent.parent
KAOHSIUNG = load(ROOT / "inventory/kaohsiung")
FLOWS = features.policy(KAOHSIUNG.site, KAOHSIUNG.source.line)
TODAY = date(2026, 11, 22)


def test_every_flow_is_in_the_table_and_the_spreadsheet() -> None:
    listed = tables.rows(FLOWS, TODAY)
    assert len(listed) == len(FLOWS)
    read = list(csv.DictReader(io.StringIO(tables.as_csv(listed))))
    assert [(row["from"], row["to"], row["ports"]) for row in read] == [
        (flow.source.name, flow.destination.name, str(flow.service)) for flow in FLOWS
    ]
    web = next(row for row in listed if row["reason"] == "access[0].services[0]")
    assert web["note"] == "Literature and the hospital's information system"
    assert int(web["line"]) > 0


def test_a_cell_is_no_formula() -> None:
    row = dict.fromkeys(tables.COLUMNS, "") | {"note": "=HYPERLINK(1)", "expired": True}
    (read,) = csv.DictReader(io.StringIO(tables.as_csv([row])))
    assert (read["note"], read["expired"]) == ("'=HYPERLINK(1)", "yes")


def test_the_matrix_counts_every_flow_once() -> None:
    sides, rows = tables.matrix(KAOHSIUNG.site, FLOWS)
    assert sides == ("hospital", "cameras", "office", BOX)
    counted = sum(count for _, cells in rows for cell in cells for _, count in cell.services)
    assert counted == len(FLOWS)
    office = dict(rows)["office"]
    assert ("ping", 1) in office[sides.index("cameras")].services
    assert not dict(rows)["cameras"][sides.index("office")].services


def test_pairs_keep_every_reason() -> None:
    made = tables.pairs(FLOWS, TODAY)
    assert {reason for pair in made for reason in pair.reasons} == {
        str(flow.reason) for flow in FLOWS
    }


@pytest.mark.parametrize("name", ["kaohsiung", "large", "smallest"])
def test_the_picture_names_every_device_and_is_whole(name: str) -> None:
    loaded = load(ROOT / "inventory" / name)
    text = picture.svg(loaded.site, features.policy(loaded.site, loaded.source.line))
    root = ET.fromstring(text)  # noqa: S314 - our own
    words = {each.text for each in root.iter("{http://www.w3.org/2000/svg}text")}
    connected = [device for device, each in loaded.site.devices.items() if each.network]
    assert set(connected) <= words
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")


def test_the_picture_escapes() -> None:
    site = KAOHSIUNG.site.model_copy(update={"comment": "<script>&"})
    assert "<title>&lt;script&gt;&amp;</title>" in picture.svg(site, FLOWS)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    made = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", made], check=True)
    return made


@pytest.fixture
def signers(tmp_path: Path, key: Path) -> Path:
    made = tmp_path / "signers"
    made.write_text(f"auditor@hospital.example {signature.public_half(key)}\n")
    return made


@pytest.fixture
def pack(tmp_path: Path, key: Path) -> Path:
    folder = tmp_path / "pack"
    folder.mkdir()
    for name in ("report.html", "flows.csv"):
        (folder / name).write_text(f"the content of {name}\n")
    signature.write_sums(folder)
    signature.sign(folder, key)
    return folder


def test_a_pack_that_nobody_touched(pack: Path, signers: Path) -> None:
    assert signature.check(pack, signers) == signature.Checked((), True, "auditor@hospital.example")


@pytest.mark.parametrize("name", ["report.html", "flows.csv"])
def test_one_byte_changed_is_found(pack: Path, signers: Path, name: str) -> None:
    content = bytearray((pack / name).read_bytes())
    content[3] ^= 1
    (pack / name).write_bytes(content)
    assert signature.check(pack, signers).wrong == (f"{name}: changed",)


def test_a_file_more_and_a_file_less_are_found(pack: Path) -> None:
    (pack / "more.txt").write_text("x")
    (pack / "flows.csv").unlink()
    assert signature.check(pack).wrong == ("flows.csv: missing", "more.txt: was not there")


def test_new_sums_do_not_fit_the_signature(pack: Path, signers: Path) -> None:
    (pack / "report.html").write_text("another")
    signature.write_sums(pack)
    assert signature.check(pack).wrong == ()
    with pytest.raises(Failed, match="does not fit"):
        signature.check(pack, signers)


def test_another_signer_is_nobody(pack: Path, signers: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    signers.write_text(f"auditor@hospital.example {signature.public_half(other)}\n")
    with pytest.raises(Failed, match="nobody whom"):
        signature.check(pack, signers)
    (pack / signature.SIGNATURE).unlink()
    with pytest.raises(Failed, match="not signed"):
        signature.check(pack, signers)


def test_it_is_checked_without_this_program_too(pack: Path, signers: Path) -> None:
    """The commands of docs/audit.md."""
    verify = (
        "sha256sum --strict -c SHA256SUMS && ssh-keygen -Y verify -f ../signers"
        " -I auditor@hospital.example -n gateway-audit -s SHA256SUMS.sig < SHA256SUMS"
    )
    assert subprocess.run(["sh", "-c", verify], cwd=pack, check=False).returncode == 0
    (pack / "report.html").write_text("another")
    assert subprocess.run(["sh", "-c", verify], cwd=pack, check=False).returncode != 0


@pytest.mark.parametrize("line", ["short  report.html", "a" * 64 + "  ../../etc/passwd", "x"])
def test_sums_with_a_wrong_line_are_refused(pack: Path, line: str) -> None:
    (pack / signature.SUMS).write_text(f"{line}\n")
    with pytest.raises(Failed, match="a line that is none"):
        signature.check(pack)


def test_a_folder_that_is_no_pack(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="no evidence pack"):
        signature.check(tmp_path)


def pack_told(flows: list[tuple[str, str, str]], history: list[list[str]], active: int) -> Any:
    """Two flows at most: a and b; ``history``: which of them each generation has."""
    known = {"a": ["pc", "box", "tcp/1"], "b": ["pc", "box", "tcp/2"]}
    rows = [
        {"from": source, "from network": "office", "from addresses": "10.1.2.9/32",
         "to": to, "to network": "box", "to addresses": "10.1.2.1/32", "ports": ports,
         "reason": "access[0]", "line": 9, "note": "", "owner": "", "expires": ""}
        for source, to, ports in flows
    ]  # fmt: skip
    return {
        "site": "x",
        "time": "2026-11-22T12:00:00",
        "flows": rows,
        "differences": [],
        "findings": [],
        "box": {
            "generation": {"number": active, "since": "2026-11-20"},
            "history": [
                {"number": number, "staged": f"day {number}", "flows": [known[f] for f in each]}
                for number, each in enumerate(history, 1)
            ],
        },
    }


A, B = ("pc", "box", "tcp/1"), ("pc", "box", "tcp/2")


@pytest.mark.parametrize(
    ("old", "new", "history", "active", "said"),
    [
        ([A], [A, B], [["a"], ["a", "b"], ["a", "b"]], 3, ["opened", "since generation 2"]),
        ([A], [A, B], [["a", "b"], ["a"], ["a", "b"]], 3, ["opened", "since generation 3"]),
        ([A, B], [A], [["a", "b"], ["a"], ["a"]], 3, ["closed", "since generation 2"]),
        ([A], [A, B], [["a"], ["a", "b"], ["a"]], 2, ["opened", "since generation 2"]),
        ([A], [A, B], [["a"]], 1, ["opened", "in generation 1, active since 2026-11-20"]),
        ([A], [A], [["a"]], 1, []),
    ],
)
def test_since_which_generation(
    old: Any, new: Any, history: Any, active: int, said: list[str]
) -> None:
    before, after = pack_told(old, [], 0), pack_told(new, history, active)
    found = "\n".join(map(str, against.changes(before, after)))
    assert bool(found) == bool(said)
    assert all(each in found for each in said)


def test_another_sites_pack_is_not_compared() -> None:
    with pytest.raises(Failed, match="is of y, not of x"):
        against.changes({**pack_told([], [], 0), "site": "y"}, pack_told([], [], 0))
