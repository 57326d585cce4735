"""Faxes: who may send, what is open for it, and how a received one is delivered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.box import faxes, services
from gateway.box.process import Done
from gateway.features import fax, firewall
from gateway.load import load
from gateway.site import Site
from gateway.weak import weaknesses

CLEAN = Path(__file__).parent.parent / "errors" / "clean.yml"
MODEMS = {"line-1": {"port": "/dev/ttyS0", "number": "07 555 0100"}}


def site_of(**block: Any) -> Site:
    described = load(CLEAN).site.model_dump(mode="json", by_alias=True)
    return Site.model_validate({**described, "fax": {"modems": MODEMS, **block}})


def test_without_a_fax_block_there_is_nothing() -> None:
    site = load(CLEAN).site
    assert not [*fax.files(site, ()), *fax.flows(site), *fax.packages(site), *fax.units(site)]


def test_a_network_stands_for_its_devices_each_once() -> None:
    site = site_of(senders=["office", "reading-pc"])
    assert [(each.device, str(each.reason)) for each in fax.senders(site)] == [
        ("reading-pc", "fax.senders[0]")
    ]


def test_who_may_send_in_clear_text_is_told() -> None:
    def told(**block: Any) -> list[str]:
        return [str(each) for each in weaknesses(site_of(**block)) if "fax" in each.what]

    (line,) = told(senders=["office", "reading-pc"])
    assert line.startswith("weak: reading-pc: fax: clear text")
    assert "10.1.2.11 on office only, on tcp/4559" in line
    assert told(received="images") == []


def test_a_unit_that_waits_is_up_and_says_what_for(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = "LoadState=loaded\nActiveState=active\nType=notify\nStatusText={}\n"
    texts = ("waits for /dev/ttyS0: there is no such device", "/dev/ttyS1 is there")
    out = "\n".join(shown.format(text) for text in texts)
    monkeypatch.setattr(services, "must", lambda _command: Done((), 0, out, ""))
    names = ["fax-modem-one.service", "fax-modem-two.service"]
    assert all(unit.runs for unit in services.units(names))
    assert services.lacking(services.units(names)) == [f"{names[0]} {texts[0]}"]


def test_the_kernel_reads_only_what_senders_say() -> None:
    site = site_of(senders=["reading-pc"])
    flows = tuple(fax.flows(site))
    text = firewall.ruleset(site, flows).decode()
    assert text.count('ct helper set "ftp-helper"') == 1
    assert 'ct helper "ftp" tcp flags' in text
    without = firewall.ruleset(site, ()).decode()
    assert "helper" not in without


def test_a_modem_of_a_known_type_is_not_asked_for_it() -> None:
    typed = {"line-1": {**MODEMS["line-1"], "type": "class2.1"}}
    for modems, asked in ((typed, False), (MODEMS, True)):
        files = {each.path: each.content.decode() for each in fax.files(site_of(modems=modems), ())}
        lines = files["/etc/hylafax/config.ttyS0"].splitlines()
        assert ("ModemType: Class2.1" in lines) != asked
        assert any(line.startswith("ModemType") for line in lines) != asked


def test_nobody_to_see_a_fax_no_modem_answers() -> None:
    for block, rings in (({"senders": ["office"]}, 0), ({"received": "images"}, 1)):
        files = {each.path: each.content.decode() for each in fax.files(site_of(**block), ())}
        assert f"\nRingsBeforeAnswer: {rings}\n" in files["/etc/hylafax/config.ttyS0"]
        assert ("/etc/systemd/system/fax-deliver.service" in files) == bool(rings)
        assert ("/etc/hylafax/hosts.hfaxd" in files) == (not rings)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    for name in ("recvq", "inbox", "share"):
        (tmp_path / name).mkdir()
    (tmp_path / "recvq" / "fax000000007.tif").write_bytes(b"II*\0")
    return tmp_path


class Commands:
    """Stands for the programs of the box; keeps what was mailed."""

    def __init__(self, pdf: bytes = b"%PDF-1.1") -> None:
        self.pdf = pdf
        self.mailed: list[bytes] = []

    def __call__(self, command: Sequence[str], stdin: bytes) -> bytes:
        if command[0].endswith("sendmail"):
            self.mailed.append(stdin)
            return b""
        return self.pdf if command[0].endswith("tiff2pdf") else b"  Sender: 07/555 0101\n"


RECEIVED = ("recvq/fax000000007.tif", "ttyS0", "000000003", "")


def test_a_fax_is_in_the_share_once_and_mailed(spool: Path) -> None:
    settings = faxes.Settings(str(spool / "share"), "ward@hospital.example", "fax@gateway")
    commands = Commands()
    faxes.deliver(spool, settings, RECEIVED, commands)
    faxes.deliver(spool, settings, RECEIVED, commands)  # as after a power cut
    (pdf,) = (spool / "share").iterdir()
    assert pdf.name.endswith("-07-555-0101-fax000000007.pdf")
    assert pdf.read_bytes() == b"%PDF-1.1"
    assert b"filename=" in commands.mailed[0]


def test_a_fax_that_broke_off_says_so(spool: Path) -> None:
    settings = faxes.Settings(str(spool / "share"), "", "fax@gateway")
    faxes.deliver(spool, settings, (*RECEIVED[:3], "T.30 timeout"), Commands())
    (pdf,) = (spool / "share").iterdir()
    assert pdf.name.endswith("-incomplete.pdf")


def test_no_pdf_is_no_delivery(spool: Path) -> None:
    settings = faxes.Settings(str(spool / "share"), "", "fax@gateway")
    with pytest.raises(OSError, match="made no PDF"):
        faxes.deliver(spool, settings, RECEIVED, Commands(pdf=b""))
    assert not list((spool / "share").iterdir())


@pytest.mark.parametrize(("why", "letters"), [("done", 0), ("requeued", 0), ("failed", 1)])
def test_what_was_not_sent_is_told(spool: Path, why: str, letters: int) -> None:
    settings = faxes.Settings("", "ward@hospital.example", "fax@gateway")
    commands = Commands()
    faxes.deliver(spool, settings, ("doneq/q4", why, "0:01"), commands)
    assert len(commands.mailed) == letters


def test_a_file_elsewhere_is_never_read(spool: Path) -> None:
    (spool / "secret.tif").write_bytes(b"secret")
    commands = Commands()
    settings = faxes.Settings(str(spool / "share"), "", "fax@gateway")
    faxes.deliver(spool, settings, ("recvq/../secret.tif", "ttyS0", "1", ""), commands)
    assert not list((spool / "share").iterdir())
