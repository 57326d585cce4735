"""The authority that the box makes, with Debian 13's openssl: what it can sign, and when anew."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gateway.box.reporting import keys

HOSTS = ["reports.hospital.example", "192.0.2.10", "2001:db8::10", "gateway"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(keys, "KEYS", tmp_path)
    assert keys.own_root("kaohsiung", HOSTS)
    assert keys.own_certificate(HOSTS)
    return tmp_path


def verified(folder: Path, host: str) -> str:
    """What openssl says of the site's certificate for a host."""
    kind = "-verify_ip" if keys.is_address(host) else "-verify_hostname"
    words = ["openssl", "verify", "-CAfile", folder / "root.crt", kind, host, folder / "site.pem"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("host", HOSTS)
def test_it_is_trusted_for_each_of_its_names(folder: Path, host: str) -> None:
    assert verified(folder, host) == ""
    assert "mismatch" in verified(folder, "192.0.2.11" if keys.is_address(host) else "other")


@pytest.mark.parametrize("host", ["his.hospital.example", "192.0.2.60", "2001:db8::11"])
def test_the_authority_can_sign_for_nobody_else(folder: Path, host: str) -> None:
    """Whoever has its key makes a certificate for another host; a PC refuses it all the same."""
    assert keys.own_certificate([host])
    assert "permitted subtree violation" in verified(folder, host)


def test_nothing_is_made_twice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The site's is made anew before it ends, and the authority stays, whom people trust."""
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    assert not keys.own_root("kaohsiung", HOSTS[::-1])
    assert not keys.own_certificate(HOSTS)
    assert before == {each.name: each.read_bytes() for each in folder.iterdir()}
    monkeypatch.setattr(keys, "RENEWED_BEFORE", keys.DAYS + 1)
    assert not keys.own_root("kaohsiung", HOSTS)
    assert keys.own_certificate(HOSTS)
    changed = {each.name for each in folder.iterdir() if each.read_bytes() != before[each.name]}
    assert changed == {"site.pem"}
    assert verified(folder, HOSTS[0]) == ""


def test_other_names_need_another_authority(folder: Path) -> None:
    assert keys.own_root("kaohsiung", [*HOSTS, "192.0.2.12"])
    assert keys.own_certificate([*HOSTS, "192.0.2.12"])
    assert verified(folder, "192.0.2.12") == ""


def test_keys_are_their_owners_alone(folder: Path) -> None:
    for name in ("root.pem", "site.pem"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in (folder / "root.crt").read_text()
