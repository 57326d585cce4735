"""``gateway audit`` and ``gateway ask`` from a ruleset file: exit codes, words, packs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import cli, features
from gateway.cards import pdf
from gateway.evidence import signature
from gateway.features import firewall
from gateway.load import load

ROOT = Path(__file__).parent.parent.parent
KAOHSIUNG = ROOT / "inventory/kaohsiung"


def can_load() -> bool:
    """Whether nft works in a namespace of its own here."""
    root = [] if os.geteuid() == 0 else ["--map-root-user"]
    words = ["unshare", *root, "--net", "nft", "list", "ruleset"]
    return bool(shutil.which("nft")) and not subprocess.run(words, check=False).returncode


pytestmark = pytest.mark.skipif(not can_load(), reason="needs nft and a namespace")


def rendered(site: Path) -> str:
    loaded = load(site)
    flows = features.policy(loaded.site, loaded.source.line)
    return firewall.ruleset(loaded.site, flows).decode()


@pytest.fixture(scope="module")
def text() -> str:
    return rendered(KAOHSIUNG)


class Gateway:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *words: object) -> tuple[int, str, str]:
        self.monkeypatch.setattr("sys.argv", ["gateway", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = self.capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gateway:
    monkeypatch.setattr(pdf, "PYTHON", "/nonexistent/python3")  # paper takes seconds
    return Gateway(monkeypatch, capsys)


def file(folder: Path, text: str) -> Path:
    made = folder / "ruleset.nft"
    made.write_text(text)
    return made


@pytest.mark.parametrize("name", ["kaohsiung", "smallest", "large"])
def test_what_is_rendered_is_proved(gateway: Gateway, tmp_path: Path, name: str) -> None:
    site = ROOT / "inventory" / name
    code, out, err = gateway("audit", site, "--ruleset", file(tmp_path, rendered(site)))
    assert (code, err) == (0, "")
    assert "PROVED Every conversation" in out


def test_a_port_that_nobody_asked_for_is_shown(gateway: Gateway, tmp_path: Path, text: str) -> None:
    opened = text.replace("goto deny_in", "tcp dport 23 accept\n\t\tgoto deny_in")
    code, out, _ = gateway("audit", KAOHSIUNG, "--ruleset", file(tmp_path, opened))
    assert code == 1
    assert "opened: A new conversation (tcp/23)" in out
    assert "tcp dport 23 accept" in out
    assert "\nDIFFERENT " in out


def test_a_permission_that_is_gone_names_its_line(
    gateway: Gateway, tmp_path: Path, text: str
) -> None:
    other = text.replace("192.0.2.50 . ", "192.0.2.51 . ")
    assert other != text
    given = file(tmp_path, other)
    code, out, _ = gateway("audit", KAOHSIUNG, "--ruleset", given, "--json")
    told = json.loads(out)
    assert (code, told["answer"]) == (1, "DIFFERENT")
    (found,) = (each for each in told["differences"] if each["kind"] == "closed" and
                each["packet"]["state"] == "8")  # fmt: skip
    assert found["packet"]["source"] == "192.0.2.50"
    assert found["reasons"][0].startswith("administration.from[1]:")


def test_what_is_not_known_is_undecided(gateway: Gateway, tmp_path: Path, text: str) -> None:
    limited = text.replace("goto deny_in", "limit rate 1/second accept\n\t\tgoto deny_in")
    code, out, _ = gateway("audit", KAOHSIUNG, "--ruleset", file(tmp_path, limited))
    assert code == 2
    assert "\nUNDECIDED " in out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "is empty"),
        ("table inet gateway {\n\tchain input {\n", "does not load"),
        ("this is no ruleset", "does not load"),
        ("table inet x {\n\tchain c {\n\t\tiifname \"eth9\" accept\n\t}\n}\n", "another box"),
        ("table inet x { \0", "no ruleset"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_no_answer(
    gateway: Gateway, tmp_path: Path, given: str, words: str
) -> None:
    code, out, err = gateway("audit", KAOHSIUNG, "--ruleset", file(tmp_path, given))
    assert (code, out) == (3, "")
    assert words in err


def test_a_truncated_file_is_never_proved(gateway: Gateway, tmp_path: Path, text: str) -> None:
    lines = text.splitlines()
    for end in (len(lines) // 4, len(lines) // 2, len(lines) - 2):
        cut = file(tmp_path, "\n".join(lines[:end]) + "\n")
        code, out, _ = gateway("audit", KAOHSIUNG, "--ruleset", cut)
        assert code != 0
        assert "PROVED" not in out


@pytest.mark.parametrize(
    "words",
    [
        ("--ruleset", "/nonexistent"),
        ("--ruleset", "x", "--host", "192.0.2.10"),
        ("--key", "x"),
        ("--lab", "no-such-lab"),
        ("--local", "--empirical"),
    ],
)
def test_wrong_options_end_with_3(gateway: Gateway, words: tuple[str, ...]) -> None:
    code, out, err = gateway("audit", KAOHSIUNG, *words)
    assert (code, out) == (3, "")
    assert len(err.splitlines()) == 1


def test_a_wrong_description_ends_with_3(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text("name: x\n")
    code, _, err = gateway("audit", tmp_path, "--ruleset", "x")
    assert code == 3
    assert "site.yml:1:1" in err


def test_an_exception_that_is_over_fails(gateway: Gateway, tmp_path: Path, text: str) -> None:
    yesterday = date.today() - timedelta(days=1)
    described = (KAOHSIUNG / "site.yml").read_text() + f"    expires: {yesterday}\n"
    (tmp_path / "site.yml").write_text(described)
    code, out, _ = gateway("audit", tmp_path, "--ruleset", file(tmp_path, text))
    assert code == 1
    assert "PROVED, and fails" in out
    assert f"its last day was {yesterday}" in out


@pytest.fixture
def key(tmp_path: Path) -> Path:
    made = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", made], check=True)
    return made


def test_a_pack_is_whole_and_signed(gateway: Gateway, tmp_path: Path, text: str, key: Path) -> None:
    out = tmp_path / "pack"
    given = file(tmp_path, text)
    code, _, err = gateway("audit", KAOHSIUNG, "--ruleset", given, "--out", out, "--key", key)
    assert code == 0
    assert f"{out}: begin with report.html" in err
    signers = tmp_path / "signers"
    signers.write_text(f"auditor {signature.public_half(key)}\n")
    assert signature.check(out, signers) == signature.Checked((), True, "auditor")
    names = {each.name for each in out.iterdir()}
    assert names >= {"report.html", "flows.csv", "flows.json", "networks.svg", "audit.json"}
    report = (out / "report.html").read_text()
    assert "PROVED" in report
    assert "Literature and the hospital&#39;s information system" in report
    assert "://" not in report.replace("http://www.w3.org/2000/svg", "")
    assert json.loads((out / "audit.json").read_text())["answer"] == "PROVED"
    again = gateway("audit", KAOHSIUNG, "--ruleset", given, "--out", out)
    assert again[0] == 3, "evidence is not written over"


def test_a_pack_escapes_what_a_site_says(gateway: Gateway, tmp_path: Path, text: str) -> None:
    nasty = "reason: <script>alert(1)</script>"
    described = (KAOHSIUNG / "site.yml").read_text()
    described = described.replace("reason: Reports to the wards", nasty)
    (tmp_path / "site.yml").write_text(described)
    given = file(tmp_path, text)
    assert gateway("audit", tmp_path, "--ruleset", given, "--out", tmp_path / "p")[0] == 0
    report = (tmp_path / "p/report.html").read_text()
    assert "<script>" not in report
    assert "&lt;script&gt;alert(1)" in report


def test_against_an_earlier_pack(gateway: Gateway, tmp_path: Path, text: str) -> None:
    old, given = tmp_path / "old", file(tmp_path, text)
    gateway("audit", KAOHSIUNG, "--ruleset", given, "--out", old)
    code, out, _ = gateway("audit", KAOHSIUNG, "--ruleset", given, "--against", old)
    assert code == 0
    assert "nothing changed" in out
    described = (KAOHSIUNG / "site.yml").read_text()
    described = described.replace("services: [mail]", "services: [imap]")
    described = described.replace("reason: To see", "owner: Dr. Lin\n    reason: To see")
    (tmp_path / "site.yml").write_text(described)
    given = file(tmp_path, rendered(tmp_path))
    code, out, _ = gateway("audit", tmp_path, "--ruleset", given, "--against", old)
    assert code == 0
    assert "opened: office to 192.0.2.25, tcp/143, tcp/993 (access[1].services[0]:" in out
    assert "closed: office to 192.0.2.25, tcp/25 (" in out
    assert "changed: office to cameras, icmp echo" in out
    assert "owner was none, is Dr. Lin" in out


def test_a_pack_that_was_changed_is_not_compared(
    gateway: Gateway, tmp_path: Path, text: str
) -> None:
    old, given = tmp_path / "old", file(tmp_path, text)
    gateway("audit", KAOHSIUNG, "--ruleset", given, "--out", old)
    (old / "flows.csv").write_text("another\n")
    code, _, err = gateway("audit", KAOHSIUNG, "--ruleset", given, "--against", old)
    assert code == 3
    assert "flows.csv: changed" in err
    assert gateway("audit", KAOHSIUNG, "--ruleset", given, "--against", tmp_path)[0] == 3


def asked(gateway: Gateway, given: Path, *words: str) -> tuple[int, dict[str, Any]]:
    code, out, err = gateway("ask", KAOHSIUNG, "--ruleset", given, "--json", *words)
    assert not err
    return code, json.loads(out)


def test_ask_yes_no_and_partly(gateway: Gateway, tmp_path: Path, text: str) -> None:
    given = file(tmp_path, text)
    code, told = asked(gateway, given, "--from", "office", "--to", "cameras", "--service", "ping")
    assert (code, told["verdict"]) == (0, "yes")
    assert told["openings"][0]["from"] == "office (10.1.2.0/24)"
    assert told["openings"][0]["reasons"][0].startswith("access[2].services[0]:")
    assert "fwd_office_cameras" in told["openings"][0]["rules"][0]
    code, told = asked(gateway, given, "--from", "cameras", "--to", "office")
    assert (code, told["verdict"], told["openings"]) == (1, "no", [])
    assert "deny_forward" in told["stopped_by"]
    code, told = asked(gateway, given, "--from", "office", "--to", "icon", "--service", "dicom")
    assert (code, told["verdict"]) == (0, "partly")
    assert {each["from"] for each in told["openings"]} == {"reading-pc (10.1.2.11)"}
    assert asked(gateway, given, "--from", "win95", "--to", "box", "--port", "tcp/139")[0] == 0
    assert asked(gateway, given, "--from", "win95", "--to", "box", "--port", "tcp/445")[0] == 1
    assert asked(gateway, given, "--from", "198.51.100.7", "--to", "box")[0] == 1


def test_who_can_reach(gateway: Gateway, tmp_path: Path, text: str) -> None:
    given = file(tmp_path, text)
    code, told = asked(gateway, given, "--who-can-reach", "icon")
    assert code == 0
    assert {(each["from"], each["service"]) for each in told["openings"]} >= {
        ("office (10.1.2.0/24)", "icmp type 8"),
        ("reading-pc (10.1.2.11)", "tcp/104, tcp/11112"),
    }
    opened = text.replace("goto deny_forward", "ip daddr 10.1.1.11 tcp dport 7 accept\n\t\t"
                          "goto deny_forward")  # fmt: skip
    _, told = asked(gateway, file(tmp_path, opened), "--who-can-reach", "icon")
    nobody = [each for each in told["openings"] if not each["reasons"]]
    assert {each["service"] for each in nobody} == {"tcp/7"}
    assert all("tcp dport 7 accept" in each["rules"][0] for each in nobody)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "nobody", "--to", "box"), "there is no `nobody`"),
        (("--from", "starcam", "--to", "box"), "has no network"),
        (("--from", "icon", "--to", "varicam"), "both on cameras"),
        (("--from", "icon"), "--to WHO"),
        (("--from", "icon", "--to", "box", "--service", "wbe"), "there is no service"),
        (("--from", "icon", "--to", "box", "--service", "web", "--port", "tcp/1"), "one of them"),
        (("--who-can-reach", "icon", "--to", "box"), "stands alone"),
    ],
)
def test_a_question_that_makes_no_sense(
    gateway: Gateway, tmp_path: Path, text: str, words: tuple[str, ...], said: str
) -> None:
    code, out, err = gateway("ask", KAOHSIUNG, "--ruleset", file(tmp_path, text), *words)
    assert (code, out) == (3, "")
    assert said in err


def test_rules_that_could_go_are_named(gateway: Gateway, tmp_path: Path, text: str) -> None:
    twice = text.replace("goto deny_in", "ip saddr 10.1.1.11 drop\n\t\t"
                         "ip saddr 10.1.1.11 tcp dport 9 drop\n\t\tgoto deny_in")  # fmt: skip
    _, out, _ = gateway("audit", KAOHSIUNG, "--ruleset", file(tmp_path, twice), "--json")
    (found,) = json.loads(out)["remarks"]
    assert (found["kind"], "tcp dport 9 drop" in found["where"]) == ("shadowed", True)
    _, out, _ = gateway("audit", KAOHSIUNG, "--ruleset", file(tmp_path, text), "--json")
    assert json.loads(out)["remarks"] == [], "what is rendered has none"


def test_a_line_of_the_ruleset_is_doubted_for_its_own_sake(
    gateway: Gateway, tmp_path: Path, text: str
) -> None:
    """A reason without a rule has no handle, and says nothing of the lines that have none."""
    opened = text.replace("goto deny_in", "udp dport 9 accept\n\t\tgoto deny_in", 1)
    moved = opened.replace("10.1.1.11 . 10.1.1.1 . tcp . 548", "10.1.1.11 . 10.1.1.1 . tcp . 549")
    assert gateway("audit", KAOHSIUNG, "--ruleset", file(tmp_path, moved), "--out",
                   tmp_path / "pack")[0] == 1  # fmt: skip
    report = (tmp_path / "pack/report.html").read_text()
    rows = [row for row in report.split("<tr")[1:] if 'class="doubt"' in row.partition(">")[0]]
    assert any("udp dport 9 accept" in row and "DIFFERENT: A new" in row for row in rows)
    assert not any("NO RULE" in row for row in rows)
    assert 0 < len(rows) < 5
