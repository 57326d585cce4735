"""The intake's feature: what the lane is told, what is open for it, what its unit may reach."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.features import archive, intake, mail, orthanc
from gateway.load import load
from gateway.site import Site
from gateway.weak import weaknesses
from intake import cli, sandbox
from intake.dos.translator import Translator
from intake.lane import settings as lane

CLEAN = Path(__file__).parent.parent / "errors" / "clean.yml"
ARCHIVE = {"ae_title": "NMARCHIVE", "writers": ["icon"]}
DEVICES: dict[str, Any] = {
    "win95": {"share": "images", "ae_title": "WIN95-FILES", "assume": {"start angle": 180}},
    "starcam": {"share": "images", "charset": "big5", "dialect": "genie", "decimals": "comma"},
}


def site_of(**block: Any) -> Site:
    described = load(CLEAN).site.model_dump(mode="json", by_alias=True)
    told = {"archive": ARCHIVE, "intake": {"devices": DEVICES, **block}}
    return Site.model_validate({**described, **told})


def _files(site: Site) -> dict[str, str]:
    return {each.path: each.content.decode() for each in intake.files(site, ())}


def _lines(text: str) -> set[str]:
    return set(text.splitlines())


def test_without_an_intake_block_there_is_nothing() -> None:
    site = load(CLEAN).site
    every = (*intake.files(site, ()), *intake.flows(site), *intake.packages(site))
    assert not (*every, *intake.units(site))


def test_the_lane_reads_what_is_rendered(tmp_path: Path) -> None:
    """By its own reader, which refuses a key that it does not know."""
    path = tmp_path / "intake.json"
    path.write_text(_files(site_of(senders=["icon"]))[intake.CONFIG])
    told = lane.read(path)
    assert told.folder("win95") == Path("/srv/gateway/shares/images/win95")
    assert told.devices["win95"].assume == {"start angle": "180"}
    assert told.devices["starcam"].dialect == told.dialects["starcam"] == "genie"
    assert told.devices["starcam"].charset == "big5"
    assert told.devices["starcam"].decimal_comma
    assert told.titles == {"win95": "WIN95-FILES"}
    assert told.archive.credentials == "/run/gateway-archive/store.json"
    assert told.receive == lane.Receive(
        11112,
        ("127.0.0.1", "10.1.1.1"),
        {"NMARCHIVE": ("127.0.0.1",), "ICON": ("10.1.1.11",)},
    )
    values = json.loads(path.read_text()) | {"unheard": 1}
    path.write_text(json.dumps(values))
    with pytest.raises(Exception, match="unheard"):
        lane.read(path)


def test_only_senders_reach_the_titles() -> None:
    (flow,) = intake.flows(site_of(senders=["icon"]))
    assert (flow.source.name, str(flow.reason)) == ("icon", "intake.senders[0]")
    assert str(flow.service) == "tcp/11112"
    assert not list(intake.flows(site_of()))


def test_who_sends_in_clear_is_told() -> None:
    """A reader of the archive is told once, whatever else it may."""

    def told(**block: Any) -> list[str]:
        return [each.device for each in weaknesses(site_of(**block)) if "DICOM" in each.what]

    assert told(senders=["icon"]) == told() == ["icon"]
    described = site_of(senders=["icon"]).model_dump(mode="json", by_alias=True)
    described["archive"] |= {"writers": [], "readers": ["win95"]}
    described["devices"]["win95"]["ae_title"] = "WIN95"
    found = weaknesses(Site.model_validate(described))
    assert [each.device for each in found if "DICOM" in each.what] == ["win95", "icon"]


def test_without_a_title_nothing_listens() -> None:
    site = site_of(devices={"win95": {"share": "images"}})
    assert intake.RECEIVER not in intake.units(site)
    assert f"{intake.UNITS}/{intake.RECEIVER}" not in _files(site)
    assert intake.RECEIVER in intake.units(site_of())


def test_the_archive_knows_each_title_on_the_box_itself() -> None:
    site = site_of()
    assert site.archive
    known = orthanc.configuration(site, site.archive)["DicomModalities"]
    assert {key: known["FILES-win95"][key] for key in ("AET", "Host", "Port", "AllowStore")} == {
        "AET": "WIN95-FILES",
        "Host": "127.0.0.1",
        "Port": 11112,
        "AllowStore": False,
    }
    assert "FILES-starcam" not in known
    assert list(archive.flows(site)), "its own are as before"


def test_each_unit_reaches_what_it_needs() -> None:
    files = _files(site_of())
    serve = _lines(files[f"{intake.UNITS}/{intake.UNIT}"])
    assert "SupplementaryGroups=share-images-rw archive-store" in serve
    assert {"BindPaths=/srv/gateway/shares/images", "IPAddressDeny=any"} <= serve
    receive = _lines(files[f"{intake.UNITS}/{intake.RECEIVER}"])
    assert "ReadWritePaths=/var/lib/intake/returns" in receive
    assert not {line for line in receive if line.startswith(("SupplementaryGroups", "BindPaths"))}
    for unit in (serve, receive):
        assert {"ProtectSystem=strict", "User=intake", "NoNewPrivileges=yes"} <= unit


def test_a_low_port_is_bound_by_the_receiver_alone() -> None:
    files = _files(site_of(port=105))
    bind = "AmbientCapabilities=CAP_NET_BIND_SERVICE"
    assert bind in _lines(files[f"{intake.UNITS}/{intake.RECEIVER}"])
    assert bind not in _lines(files[f"{intake.UNITS}/{intake.UNIT}"])


@pytest.mark.parametrize(
    ("own", "admin", "relay", "whom"),
    [
        ("a@h.example", "b@h.example", True, "a@h.example"),
        (None, "b@h.example", True, "b@h.example"),
        (None, None, True, ""),
        (None, "b@h.example", False, ""),
    ],
)
def test_who_is_told(own: str | None, admin: str | None, relay: bool, whom: str) -> None:
    site = site_of(mail=own)
    described = site.model_dump(mode="json", by_alias=True)
    described["administration"]["mail"] = admin
    described["hospital"]["mail_relay"] = "192.0.2.25" if relay else None
    site = Site.model_validate(described)
    assert intake.recipient(site) == whom
    serve = _files(site)[f"{intake.UNITS}/{intake.UNIT}"]
    assert ("ReadWritePaths=/var/spool/postfix/maildrop" in _lines(serve)) == bool(whom)
    assert mail.sends(site) == bool(whom)
    main = [each.content.decode() for each in mail.files(site, ()) if each.path.endswith("main.cf")]
    assert ["authorized_submit_users = root, uucp, intake" in each for each in main] == [
        True
    ] * len(main)
    assert bool(main) == bool(whom)


def test_a_raw_profile_travels_and_the_box_judges_it(tmp_path: Path) -> None:
    """The example of the docs, by the very command that the box runs; a slip is the control."""
    site = load(CLEAN.parent.parent / "sites" / "30-archive").site
    assert site.intake
    assert intake.settings(site, site.intake)["raw"] == {"mac": "/etc/gateway/raw/old-mac.yml"}
    words: list[str] = []
    for file in intake.files(site, ()):
        place = tmp_path / file.path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
        words += [each.format(file=place, root=tmp_path) for each in file.check]
    assert words[0] == str(tmp_path / "usr/bin/intake")
    assert cli.main(words[1:]) == 0
    profile = tmp_path / "etc/gateway/raw/old-mac.yml"
    profile.write_text(profile.read_text().replace("rows: 64", "rows: many"))
    assert cli.main(words[1:]) == 1


DOS = {"program": "star", "commands": ["TRANS.EXE {in}"], "parts": [".HDR", ".IMG"]}


def test_a_dos_translator_reaches_the_lane_and_nothing_more(tmp_path: Path) -> None:
    """The site without one is the control."""
    with_one = site_of(devices={"starcam": {"share": "images", "dos": DOS}})
    files, unit = _files(with_one), f"{intake.UNITS}/{intake.UNIT}"
    path = tmp_path / "intake.json"
    path.write_text(files[intake.CONFIG])
    wanted = Translator(
        Path("/srv/translators/star"), ("TRANS.EXE {in}",), (".HDR", ".IMG"), seconds=300
    )
    assert lane.read(path).dos == {"starcam": wanted}
    assert "dosbox" in intake.packages(with_one)
    assert "BindReadOnlyPaths=/srv/translators" in _lines(files[unit])
    assert "d /srv/translators/star 0755 root root -" in _lines(files[intake.FOLDERS])
    assert "/srv/translators" in dict(intake.data(with_one))
    without = site_of()
    assert "dosbox" not in intake.packages(without)
    assert "translators" not in "".join(_files(without)[each] for each in (unit, intake.FOLDERS))
    assert "/srv/translators" not in dict(intake.data(without))


def test_only_the_lane_may_make_namespaces() -> None:
    """It is the only unit that shuts other people's programs in; the others forbid all."""
    files = _files(site_of())
    units = {path: _lines(text) for path, text in files.items() if path.endswith(".service")}
    own = units.pop(f"{intake.UNITS}/{intake.UNIT}")
    allowed = next(line for line in own if line.startswith("RestrictNamespaces="))
    wanted = {each.removeprefix("--unshare-") for each in sandbox.APART}
    assert {*allowed.partition("=")[2].split()} == wanted | {"mnt"}  # it makes that one always
    assert units
    for path, lines in units.items():
        assert {"RestrictNamespaces=yes", "RestrictSUIDSGID=yes"} <= lines, path
        assert "SystemCallFilter=mount umount2 pivot_root capset" not in lines, path


def test_every_module_travels() -> None:
    files = _files(site_of())
    assert f"{intake.LIBRARY}/returns/receive.py" in files
    assert f"{intake.LIBRARY}/__init__.py" in files
    assert not [path for path in files if "__pycache__" in path]
