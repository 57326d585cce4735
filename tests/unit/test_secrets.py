"""Passwords, in a real Ansible vault."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from gateway import secrets
from gateway.problems import Failed
from gateway.profiles import Limits
from gateway.run import run
from gateway.site import Site

SITE = Site.model_validate(
    {
        "name": "small",
        "networks": {
            "hospital": {"side": "outside", "nic": "hosp0", "address": "192.0.2.10/24"},
            "cameras": {"nic": "cam0", "address": "10.1.1.1/24"},
        },
        "administration": {"from": ["cameras"]},
        "devices": {
            "varicam": {"profile": "elscint-varicam", "network": "cameras", "address": "10.1.1.12"},
            "pc": {"profile": "windows-11", "network": "cameras", "address": "10.1.1.13"},
            "other": {"profile": "windows-11", "network": "cameras", "address": "10.1.1.14"},
        },
        "shares": {"images": {"writers": ["varicam"], "readers": ["pc"]}},
    }
)


ANSIBLE_VAULT = (sys.executable, "-m", "ansible", "vault")


def opens(opener: Path) -> dict[str, str]:
    return {"ANSIBLE_VAULT_PASSWORD_FILE": str(opener)}


@pytest.fixture
def opener(tmp_path: Path) -> Path:
    path = tmp_path / "opener"
    path.write_text("what opens the vault\n")
    return path


def written(folder: Path, opener: Path, text: str) -> Path:
    """A vault that an operator made."""
    vault = folder / "vault.yml"
    secret = VaultSecret(opener.read_bytes().strip())
    vault.write_bytes(VaultLib([("default", secret)]).encrypt(text))
    return vault


def test_made_once_and_kept(tmp_path: Path, opener: Path) -> None:
    vault = tmp_path / "vault.yml"
    first = secrets.ensure(SITE, vault, opener)
    assert sorted(first) == ["pc", "varicam"]
    content = vault.read_bytes()
    assert content.startswith(secrets.ENCRYPTED)
    assert not any(password.encode() in content for password in first.values())
    assert vault.stat().st_mode & 0o777 == 0o600
    assert secrets.ensure(SITE, vault, opener) == first
    assert vault.read_bytes() == content
    assert sorted(each.name for each in tmp_path.iterdir()) == ["opener", "vault.yml"]


def test_what_an_operator_keeps_in_it_stays(tmp_path: Path, opener: Path) -> None:
    vault = written(tmp_path, opener, "proxy: word\ngateway_passwords: {varicam: OWN, gone: x}\n")
    found = secrets.ensure(SITE, vault, opener)
    assert found["varicam"] == "OWN"
    tree = yaml.safe_load(run([*ANSIBLE_VAULT, "view", vault], env=opens(opener)).stdout)
    assert tree["proxy"] == "word"
    assert tree[secrets.VARIABLE] == {"gone": "x", "pc": found["pc"], "varicam": "OWN"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gateway_passwords: {varicam: FIFTEENLETTERSX}", "longer than the 14 characters"),
        ('gateway_passwords: {varicam: "Ä"}', "must be printable ASCII"),
        ("gateway_passwords: {varicam: 12345678}", "in quotes"),
        ("gateway_passwords: [varicam]", "must map devices to passwords"),
        ("[a, list]", "not a mapping"),
        ("{ not yaml", "is not YAML"),
    ],
)
def test_what_cannot_be_used_is_said_without_showing_it(
    tmp_path: Path, opener: Path, text: str, words: str
) -> None:
    vault = written(tmp_path, opener, text)
    with pytest.raises(Failed, match=words) as refused:
        secrets.ensure(SITE, vault, opener)
    assert "FIFTEEN" not in str(refused.value)


def test_the_wrong_key_an_empty_one_and_none(tmp_path: Path, opener: Path) -> None:
    vault = tmp_path / "vault.yml"
    secrets.ensure(SITE, vault, opener)
    content = vault.read_bytes()
    wrong, empty = tmp_path / "wrong", tmp_path / "empty"
    wrong.write_text("another\n")
    empty.write_text("")
    for file, words in (
        (wrong, "does not open .*vault.yml: another password made it"),
        (empty, "holds no vault password"),
        (tmp_path / "absent", "is not there: it opens"),
        (None, "no vault password file given: it opens"),
    ):
        with pytest.raises(Failed, match=words):
            secrets.ensure(SITE, vault, file)
    assert vault.read_bytes() == content


def test_a_vault_in_clear_is_refused(tmp_path: Path, opener: Path) -> None:
    vault = tmp_path / "vault.yml"
    vault.write_text("gateway_passwords: {}\n")
    with pytest.raises(Failed, match="is not encrypted"):
        secrets.ensure(SITE, vault, opener)


def test_no_shares_need_no_key(tmp_path: Path) -> None:
    without = SITE.model_copy(update={"shares": {}})
    assert secrets.ensure(without, tmp_path / "vault.yml", None) == {}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("limits", "length"),
    [
        (Limits.model_validate({"password": 14, "password_case": "upper"}), 14),
        (Limits(password=8), 8),
        (Limits(password=127), 16),
    ],
)
def test_a_device_can_hold_and_a_person_type_it(limits: Limits, length: int) -> None:
    made = [secrets.make(limits) for _ in range(50)]
    assert len(set(made)) == 50
    for password in made:
        assert len(password) == length
        assert not set(password.lower()) & set("il1o0")
        assert password == (password.upper() if length == 14 else password.lower())


def test_rotating_changes_one_password_and_no_other(tmp_path: Path, opener: Path) -> None:
    vault = tmp_path / "vault.yml"
    before = secrets.ensure(SITE, vault, opener)
    secrets.rotate(SITE, "varicam", vault, opener)
    after = secrets.stored(SITE, vault, opener)
    assert after["varicam"] != before["varicam"] == before["varicam"].upper()
    assert after["varicam"] == after["varicam"].upper()  # within OS/2's limits
    assert after["pc"] == before["pc"]
    assert secrets.ensure(SITE, vault, opener) == after
    assert secrets.show(SITE, "varicam", vault, opener) == after["varicam"]


def test_rotating_for_nobody_says_so_and_touches_nothing(tmp_path: Path, opener: Path) -> None:
    vault = tmp_path / "vault.yml"
    for device, words in (("other", "uses no share"), ("varicm", "did you mean `varicam`")):
        with pytest.raises(Failed, match=words):
            secrets.rotate(SITE, device, vault, opener)
    assert not vault.exists()
    with pytest.raises(Failed, match="gateway apply"):
        secrets.show(SITE, "pc", vault, opener)
    with pytest.raises(Failed, match="no password of pc, varicam yet"):
        secrets.stored(SITE, vault, opener)


def test_what_a_device_cannot_type_has_its_place(tmp_path: Path, opener: Path) -> None:
    text = "other: kept\ngateway_passwords:\n  pc: fine\n  varicam: FIFTEENLETTERSX\n"
    vault = written(tmp_path, opener, text)
    (problem,) = secrets.check(SITE, vault, opener)
    assert (problem.line, problem.column) == (4, 3)
    assert "varicam is longer than the 14 characters" in problem.show()
    assert "FIFTEEN" not in problem.show()
    # Control: one that it can type.
    assert secrets.check(SITE, written(tmp_path, opener, text.replace("SX", "")), opener) == []
    assert secrets.check(SITE, tmp_path / "none.yml", None) == []
