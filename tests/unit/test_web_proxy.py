"""The password at the hospital's web proxy: kept in the vault, on the box for root alone."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from box_kit import BoxInAFolder, file

from gateway import cli, features, secrets
from gateway.box import webproxy
from gateway.load import load
from gateway.problems import Failed
from gateway.site import Site

CLEAN = Path(__file__).parent.parent / "errors" / "clean.yml"
MACHINE = "http://192.0.2.80:3128"


def site_of(user: str | None = "nm", way: str = "hospital", **more: object) -> Site:
    described = load(CLEAN).site.model_dump(mode="json", by_alias=True)
    described["hospital"]["web_proxy"]["user"] = user
    return Site.model_validate({**described, "updates": {"proxy": way}, **more})


@pytest.fixture
def opener(tmp_path: Path) -> Path:
    path = tmp_path / "opener"
    path.write_text("what opens the vault\n")
    return path


def test_the_tree_has_the_user_and_no_password() -> None:
    tree = features.tree_of(site_of(), lambda _path: 1)
    (found,) = [each for each in tree.files if each.path == webproxy.WANTED]
    assert json.loads(found.content) == {"machine": MACHINE, "user": "nm"}
    assert found.first
    for without in (site_of(None), site_of("nm", "none")):
        paths = [each.path for each in features.tree_of(without, lambda _path: 1).files]
        assert webproxy.WANTED not in paths
        assert not secrets.logs_in_at_proxy(without)


def test_apply_asks_for_it_and_the_vault_keeps_it(tmp_path: Path, opener: Path) -> None:
    vault, nobody = tmp_path / "vault.yml", site_of(shares={})
    with pytest.raises(Failed, match="`gateway secrets web-proxy"):
        secrets.ensure(nobody, vault, opener)
    secrets.keep_proxy(nobody, "s3cret!", vault, opener)
    assert b"s3cret!" not in vault.read_bytes()
    assert secrets.ensure(nobody, vault, opener) == {}
    # The devices' passwords stand beside it, and each is kept when the other is written.
    assert list(secrets.ensure(site_of(), vault, opener)) == ["reading-pc", "win95"]
    before = vault.read_bytes()
    secrets.keep_proxy(nobody, "s3cret!", vault, opener)
    assert vault.read_bytes() == before
    secrets.keep_proxy(nobody, "another", vault, opener)
    assert list(secrets.ensure(site_of(), vault, opener)) == ["reading-pc", "win95"]


@pytest.mark.parametrize("password", ["", "two words", "ümlaut", "tab\t", "x" * 129])
def test_what_apt_cannot_hold_is_refused(tmp_path: Path, opener: Path, password: str) -> None:
    with pytest.raises(Failed, match="printable ASCII without blanks"):
        secrets.keep_proxy(site_of(), password, tmp_path / "vault.yml", opener)


def test_without_a_user_there_is_nothing_to_keep(tmp_path: Path, opener: Path) -> None:
    with pytest.raises(Failed, match="give `user`"):
        secrets.keep_proxy(site_of(None), "s3cret!", tmp_path / "vault.yml", opener)


def test_it_is_never_on_a_command_line(
    tmp_path: Path, opener: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = CLEAN.read_text().replace(
        "    address: 192.0.2.80\n", "    address: 192.0.2.80\n    user: nm\n"
    )
    (tmp_path / "site.yml").write_text(text)
    words = ["gateway", "secrets", "web-proxy", str(tmp_path), "--vault-password-file", str(opener)]
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr(sys, "stdin", io.StringIO("s3cret!\n"))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert secrets.ensure(site_of(shares={}), tmp_path / "vault.yml", opener) == {}


def box_with(tmp_path: Path, password: str | None) -> BoxInAFolder:
    box = BoxInAFolder(tmp_path)
    told = {"passwords": {}} | ({"web_proxy": password} if password else {})
    box.put("/etc/gateway/secrets.json", json.dumps(told), 0o600)
    return box


def login(box: BoxInAFolder) -> tuple[int, str] | None:
    return box.everything().get(webproxy.LOGIN)


def test_on_the_box_it_is_for_root_alone_and_goes_with_its_user(tmp_path: Path) -> None:
    box = box_with(tmp_path, "s3cret!")
    wanted = file(webproxy.WANTED, json.dumps({"machine": MACHINE, "user": "nm"}))
    box.apply(wanted)
    assert webproxy.login(box.store.paths)
    assert login(box) == (0o600, f"machine {MACHINE} login nm password s3cret!\n")
    assert not webproxy.login(box.store.paths)
    box.root.joinpath(webproxy.LOGIN[1:]).chmod(0o644)
    assert webproxy.login(box.store.paths)
    assert login(box)
    box.apply(file("/etc/other"))
    assert webproxy.login(box.store.paths)
    assert login(box) is None


def test_without_a_password_there_is_no_login(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = box_with(tmp_path, None)
    box.apply(file(webproxy.WANTED, json.dumps({"machine": MACHINE, "user": "nm"})))
    assert not webproxy.login(box.store.paths)
    assert login(box) is None
    assert "no password for the web proxy" in capsys.readouterr().err
