"""The report site's feature: who reaches it, what each of its services is told and may do."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway import secrets
from gateway.box.reporting import keys, state
from gateway.cards.card import cards
from gateway.cards.sheet import as_html
from gateway.features import database, fax, reports, sheets
from gateway.load import load
from gateway.problems import Failed
from gateway.site import Site
from reports import config

CLEAN = Path(__file__).parent.parent / "errors" / "clean.yml"
TONGUES = ("en", "zh-hant")
ARCHIVE = {"ae_title": "NMARCHIVE", "writers": ["icon"]}
CERTIFICATE = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def site_of(certificates: dict[str, str] | None = None, **block: Any) -> Site:
    described = load(CLEAN).site.model_dump(mode="json", by_alias=True)
    more: dict[str, Any] = {"archive": ARCHIVE, "fax": block.pop("fax", None)}
    told = {**described, **more, "reports": {"readers": ["office"], **block}}
    context = {"profiles": {}, "raw": {}, "certificates": certificates or {}}
    return Site.model_validate(told, context=context)


def _files(site: Site) -> dict[str, str]:
    # Pictures travel, too.
    return {each.path: each.content.decode("utf-8", "replace") for each in reports.files(site, ())}


def _unit(site: Site, name: str) -> set[str]:
    return set(_files(site)[f"{reports.UNITS}/{name}"].splitlines())


def _pair(folder: Path) -> tuple[str, str]:
    """A key and its certificate."""
    key, made = folder / "key", folder / "made"
    words = ["openssl", *CERTIFICATE, "-subj", "/CN=r", "-keyout", key, "-out", made]
    subprocess.run(words, check=True, capture_output=True)
    return key.read_text(), made.read_text()


def test_without_its_block_there_is_nothing() -> None:
    site = load(CLEAN).site
    every = (*reports.files(site, ()), *reports.flows(site), *reports.packages(site))
    assert not (*every, *reports.units(site), *reports.FEATURE.masked(site))


def test_only_readers_reach_it_and_by_https_alone() -> None:
    site = site_of(readers=["office", "192.0.2.70", "outside"])
    told = [(each.source.name, str(each.service), str(each.reason)) for each in reports.flows(site)]
    assert told == [
        ("office", "tcp/443", "reports.readers[0]"),
        ("192.0.2.70", "tcp/443", "reports.readers[1]"),
        ("outside", "tcp/443", "reports.readers[2]"),
    ]
    assert reports.listens(site) == ["10.1.2.1", "192.0.2.10"]
    assert reports.listens(site_of()) == ["10.1.2.1"]


def test_the_site_reads_what_is_rendered(tmp_path: Path) -> None:
    """By its own reader, which refuses a key that it does not know."""
    site = site_of(name="reports.hospital.example")
    path = tmp_path / "reports.json"
    path.write_text(_files(site)[reports.CONFIG])
    told = config.read(path)
    assert told.origin == "https://reports.hospital.example"
    assert told.devices == {"ICON": "icon", "WIN95": "win95"}
    assert (told.secure, told.fax_host) == (True, "")
    path.write_text(json.dumps({**json.loads(path.read_text()), "unheard": 1}))
    with pytest.raises(ValueError, match="unheard"):
        config.read(path)


def test_the_authority_outlives_another_reader() -> None:
    """Its names are all of the box's; another name of the site is the control."""
    one = reports.hosts(site_of())
    assert sorted(one) == sorted(reports.hosts(site_of(readers=["192.0.2.70", "cameras"])))
    assert sorted(one) != sorted(reports.hosts(site_of(name="reports.hospital.example")))


def test_who_answers_the_network_cannot_add_to_the_archive() -> None:
    site = site_of()
    look, add = "archive-read", "archive-store"
    for unit, may in ((reports.SITE, [look]), ("reports-send.service", [look, add])):
        (line,) = [each for each in _unit(site, unit) if each.startswith("SupplementaryGroups")]
        assert line == " ".join([f"SupplementaryGroups={database.OWN}", *may])
    web = _unit(site, reports.SERVER)
    assert {"User=reports-web", "SupplementaryGroups=reports"} <= web
    assert not [each for each in web if "archive" in each]
    assert {f"User={database.OWNER}", "RestrictAddressFamilies=AF_UNIX"} <= _unit(
        site, reports.PREPARE
    )


def test_the_directory_is_all_that_it_reaches_outside(tmp_path: Path) -> None:
    _, pem = _pair(tmp_path)
    ldap = {"address": "192.0.2.71", "users": "ou=staff,dc=h", "certificate": "ldap.pem"}
    site = site_of({"ldap.pem": pem}, ldap=ldap)
    flow = list(reports.flows(site))[-1]
    assert (flow.source.name, flow.destination.name) == ("box", "192.0.2.71")
    assert str(flow.service) == "tcp/636"
    assert "IPAddressAllow=localhost 192.0.2.71" in _unit(site, reports.SITE)
    assert "IPAddressAllow=localhost" in _unit(site_of(), reports.SITE)
    named = site_of({"ldap.pem": pem}, ldap={**ldap, "name": "ldap.hospital.example"})
    assert "IPAddressAllow=localhost 192.0.2.71 192.0.2.53" in _unit(named, reports.SITE)
    told = json.loads(_files(named)[reports.CONFIG])["ldap"]
    assert told["server"] == "ldaps://ldap.hospital.example:636"
    assert told["user_dn"] == "uid=%(user)s,ou=staff,dc=h"
    assert _files(site)[reports.DIRECTORY] == pem
    assert "python3-ldap" in reports.packages(site)
    assert "python3-ldap" not in reports.packages(site_of())


def test_faxes_go_out_also_where_no_device_may_send() -> None:
    modems = {"modems": {"a": {"port": "/dev/ttyS0", "number": "07 555 0100"}}}
    site = site_of(fax=modems)
    assert fax.SERVER in fax.units(site)
    assert not list(fax.flows(site)), "from the box itself only"
    told = json.loads(_files(site)[reports.CONFIG])
    assert told["fax_host"] == "127.0.0.1:4559"
    allowed = {each.path: each.content.decode() for each in fax.files(site, ())}
    assert r"^[^@]*@127\.0\.0\.1$:60099::" in allowed["/etc/hylafax/hosts.hfaxd"]


def test_every_module_travels_and_no_bytecode() -> None:
    files = _files(site_of())
    assert f"{reports.CODE}/trail/migrations/0002_append_only.py" in files
    assert f"{reports.CODE}/static/site.css" in files
    assert f"{reports.CODE}/templates/base.html" in files
    assert not [path for path in files if "__pycache__" in path]


def test_the_box_and_the_description_name_the_same_places() -> None:
    """What runs on the box knows them by itself: it imports nothing of this."""
    from gateway.box.reporting import database as on_box

    assert str(on_box.DATA) == f"{database.DATABASE}/{database.VERSION}"
    assert (on_box.SOCKET, on_box.PROGRAMS) == (database.SOCKET, database.PROGRAMS)
    assert (str(keys.KEYS), keys.GROUP) == (database.KEYS, database.OWN)
    assert (str(keys.CONFIG), str(keys.CHAIN)) == (reports.CONFIG, reports.CHAIN)
    for role in (database.WEB, database.OWNER):
        assert f'create role "{role}" login' in on_box.ROLES


def test_the_hospitals_key_is_kept_if_it_is_that_certificates(tmp_path: Path) -> None:
    key, pem = _pair(tmp_path)
    other, _ = _pair(tmp_path)
    site = site_of({"r.pem": pem}, certificate="r.pem")
    vault, opener = tmp_path / "vault.yml", tmp_path / "opener"
    opener.write_text("what opens the vault\n")
    with pytest.raises(Failed, match="gateway secrets certificate"):
        secrets.ensure(site, vault, opener)
    for wrong, why in ((other, "is not the one of r.pem"), ("no key", "no private key")):
        with pytest.raises(Failed, match=why):
            secrets.keep_key(site, wrong, vault, opener)
    with pytest.raises(Failed, match="its own certificate"):
        secrets.keep_key(site_of(), key, vault, opener)
    secrets.keep_key(site, key, vault, opener)
    assert b"PRIVATE KEY" not in vault.read_bytes()
    assert "reading-pc" in secrets.ensure(site, vault, opener)
    assert _files(site)[reports.CHAIN] == pem
    assert not [each for each in _files(site).values() if "PRIVATE KEY" in each]


def test_the_box_joins_the_hospitals_key_and_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another key is refused, and so is none."""
    monkeypatch.setattr(keys, "KEYS", tmp_path)
    key, pem = _pair(tmp_path)
    other, _ = _pair(tmp_path)
    chain, kept = tmp_path / "certificate.pem", tmp_path / "secrets.json"
    chain.write_text(pem)
    for told, why in (({}, "there is no key"), ({"reports_key": other}, "another certificate's")):
        kept.write_text(json.dumps(told))
        with pytest.raises(SystemExit, match=why):
            keys.hospitals(kept, chain)
    assert not (tmp_path / "site.pem").exists()
    kept.write_text(json.dumps({"reports_key": key}))
    (tmp_path / "site.hosts").write_text("[]")
    keys.hospitals(kept, chain)
    assert not (tmp_path / "site.hosts").exists(), "else it would be taken for the box's own later"
    assert (tmp_path / "site.pem").read_text() == key.strip() + "\n" + pem
    assert (tmp_path / "site.pem").stat().st_mode & 0o777 == 0o600


def test_the_front_page_is_told_what_somebody_should_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "ARCHIVE", tmp_path)
    monkeypatch.setattr(state, "ARCHIVE_SETTINGS", tmp_path / "none")
    monkeypatch.setattr(state, "FAXES", tmp_path / "faxes")
    monkeypatch.setattr(state, "INTAKE_SETTINGS", tmp_path / "none")
    monkeypatch.setattr(state, "failed", list)
    told = state.state()
    assert not {"fax", "copies_waiting"} & told.keys()
    assert told["disk"]["size"] > told["disk"]["free"] > 0
    (tmp_path / "faxes" / "sendq").mkdir(parents=True)
    (tmp_path / "faxes" / "sendq" / "q12").touch()
    assert state.state()["fax"] == {"waiting": 1, "failed": 0}
    assert state.problems([], 50) == []
    assert state.problems(["orthanc.service"], 95) == [
        "orthanc.service has failed: tell the box's administrator",
        "the disk is 95 % full: tell the box's administrator",
    ]


def test_the_front_page_is_told_what_the_cameras_folders_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the lane's own program; where it cannot tell, all else is told without it."""
    settings, program = tmp_path / "intake.json", tmp_path / "intake"
    monkeypatch.setattr(state, "INTAKE_SETTINGS", settings)
    monkeypatch.setattr(state, "INTAKE", program)
    assert state.files() == {}
    program.write_text('#!/bin/sh\necho \'[{"name": "icon"}]\'\n')
    program.chmod(0o755)
    assert state.files() == {}, "no lane is described"
    settings.touch()
    assert state.files() == {"files": [{"name": "icon"}]}
    program.write_text("#!/bin/sh\necho no ledger >&2\nexit 1\n")
    assert state.files() == {}
    assert capsys.readouterr().err == "intake: no ledger\n"


@pytest.mark.parametrize(("ended", "failed"), [("8", 1), ("1", 1), ("7", 0), ("", 0)])
def test_faxes_that_nobody_got_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: str, failed: int
) -> None:
    """One that was sent, 7, is the control; words of its status that look alike are not read."""
    monkeypatch.setattr(state, "FAXES", tmp_path)
    (tmp_path / "doneq").mkdir()
    line = f"state:{ended}\n" if ended else ""
    (tmp_path / "doneq" / "q7").write_text(f"jobid:7\n{line}status:laststate:8\n")
    assert state.not_sent() == failed


class Changes:
    """An archive's list of changes: so many objects, and a study that came to rest."""

    def __init__(self, objects: int) -> None:
        kinds = [("NewInstance", f"o{at}") for at in range(objects)] + [("StableStudy", "s")]
        self.rows = [{"ChangeType": kind, "ID": name} for kind, name in kinds]

    def __call__(self, path: str) -> dict[str, Any]:
        """Orthanc's ``/changes?since=N&limit=M``."""
        since, limit = (int(each.rpartition("=")[2]) for each in path.split("&"))
        some = self.rows[since : since + limit]
        last = since + len(some)
        return {"Changes": some, "Last": last, "Done": last == len(self.rows)}


@pytest.mark.parametrize(
    ("objects", "peers", "told"),
    [
        (5000, {"pacs": {"seq": 4990, "refused": ["o3"]}}, (11, False)),
        (5000, {"pacs": {"seq": 5001, "refused": []}}, (0, False)),
        (5000, {"pacs": None, "other": {"seq": 4999, "refused": []}}, (5001, False)),
        (20000, {"pacs": None}, (10000, True)),
        (5000, {}, None),
    ],
)
def test_copies_that_wait_are_counted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    objects: int,
    peers: dict[str, Any],
    told: tuple[int, bool] | None,
) -> None:
    """A peer that has all of them is the control; one that has had none has no state yet."""
    settings = tmp_path / "orthanc.json"
    gateway = {"ForwardTo": list(peers), "ForwardState": str(tmp_path)}
    settings.write_text(json.dumps({"Gateway": gateway}))
    for name, known in peers.items():
        if known:
            (tmp_path / f"{name}.json").write_text(json.dumps(known))
    monkeypatch.setattr(state, "ARCHIVE_SETTINGS", settings)
    monkeypatch.setattr(state, "ask", Changes(objects))
    wanted = {"copies_waiting": told[0], "copies_more": told[1]} if told else {}
    assert state.copies() == wanted


def test_an_archive_that_is_away_keeps_nothing_else_from_being_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "orthanc.json"
    gateway = {"ForwardTo": ["pacs"], "ForwardState": str(tmp_path)}
    settings.write_text(json.dumps({"Gateway": gateway}))
    monkeypatch.setattr(state, "ARCHIVE_SETTINGS", settings)
    monkeypatch.setattr(state, "CREDENTIALS", tmp_path / "none")
    assert state.copies() == {}
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    told = {"url": f"http://127.0.0.1:{port}", "user": "read", "password": "x"}
    (tmp_path / "read.json").write_text(json.dumps(told))
    monkeypatch.setattr(state, "CREDENTIALS", tmp_path / "read.json")
    assert state.copies() == {}


def test_each_device_has_its_sheet_and_no_password_is_on_it() -> None:
    """What `gateway cards --with-passwords` prints is the control."""
    site = site_of()
    found = {path: text for path, text in _files(site).items() if path.startswith(sheets.FOLDER)}
    wanted = [f"{sheets.FOLDER}/{name}.{word}.html" for name in site.devices for word in TONGUES]
    assert sorted(found) == sorted(wanted)
    assert set(json.loads(_files(site)[reports.CONFIG])["sheets"]) == set(site.devices)
    passwords = {name: f"mark-of-{name}-in-vault" for name in site.devices}
    printed = "".join(as_html(site, each, secret=True) for each in cards(site, "en", passwords))
    assert "mark-of-win95-in-vault" in printed
    assert 'class="secret"' in printed
    every = "".join(_files(site).values())
    assert "-in-vault" not in every
    assert not [path for path, text in found.items() if 'class="secret"' in text]


def test_a_sheet_has_no_style_in_itself() -> None:
    """The site's policy lets none through; the style is among its own files."""
    site = site_of()
    found = _files(site)
    for path in (each for each in found if each.startswith(sheets.FOLDER)):
        assert '<link rel="stylesheet" href="/static/sheet.css">' in found[path], path
        assert "<style" not in found[path], path
        assert "style=" not in found[path], path
        assert "<script" not in found[path], path
    assert "@page" in found[f"{reports.CODE}/static/sheet.css"]
    (alone, *_) = cards(site, "en", None)
    assert "<style>" in as_html(site, alone), "control: a sheet that is printed stands alone"
