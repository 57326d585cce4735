"""Sheets: every device has one, in both languages, with its own values and nothing unescaped."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.cards import pdf, sheet
from gateway.cards.card import card, cards
from gateway.cards.text import LANGUAGES, Language, rich, words
from gateway.load import load
from gateway.problems import Failed
from gateway.profiles import Mount
from gateway.site import Site
from gateway.weak import weaknesses

ROOT = Path(__file__).parent.parent.parent
SITE = load(ROOT / "inventory/kaohsiung").site
LARGE = load(ROOT / "inventory/large").site


def shape(value: Any) -> Any:
    """The keys and lengths of a text's tree, and the values each text names."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return sorted(set(re.findall(r"\{(\w+)\}", value)))


def test_both_languages_say_the_same() -> None:
    english, chinese = (words(language) for language in LANGUAGES)
    assert shape(english) == shape(chinese)
    assert all(
        english["words"][key] != chinese["words"][key] for key in english["words"] if key != "dicom"
    )


def test_every_mount_has_its_instructions() -> None:
    assert set(words("en")["mounts"]) == set(Mount.__args__)
    for by_kind in words("en")["mounts"].values():
        assert all(len(texts["faults"]) == 3 for texts in by_kind.values())


@pytest.mark.parametrize("site", [SITE, LARGE], ids=["kaohsiung", "large"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_device_has_a_sheet(site: Site, language: Language) -> None:
    made = cards(site, language, None)
    assert [each.device for each in made] == list(site.devices)
    for each in made:
        html = sheet.as_html(site, each)
        assert html.count(f"<h1>{each.device} ") == 1
        text = re.sub(r"<style>.*?</style>", "", html, flags=re.S)
        assert "{" not in text
        assert "http" not in text  # nothing is fetched from anywhere


def test_a_sheet_says_what_is_typed() -> None:
    files = card(SITE, "win95", "en").files
    assert files
    assert [each.target for each in files.folders][:2] == [
        r"\\GATEWAY\images",
        r"\\GATEWAY\exchange",
    ]
    assert files.help.commands[0] == r"NET USE I: \\GATEWAY\images"
    assert files.help.commands[1] == r"NET USE J: \\GATEWAY\exchange"
    assert files.weak
    strong = card(SITE, "reading-pc", "en").files
    assert strong
    assert not strong.weak
    assert strong.folders[0].target.startswith(r"\\gateway.nm.home.arpa" + "\\")


def test_a_device_without_a_network_is_told_who_takes_its_floppies() -> None:
    made = card(SITE, "starcam", "en")
    assert dict(made.carriers)["win95"] == "images, exchange"
    assert "starcam" not in dict(made.carriers)
    assert not made.network
    assert made.files is None


def test_where_images_go_and_come_back_is_told() -> None:
    told = {fact.name: fact.value for fact in card(SITE, "varicam", "en").images}
    assert told["Put image files into the folder"] == "images → varicam → incoming"
    back = "What a workstation sends or moves to VARICAM-FILES is found in"
    assert told[back] == "images → varicam → outgoing"
    carried = [fact.value for fact in card(SITE, "starcam", "en").images]
    assert carried[0] == "images → starcam → incoming"
    (sends,) = card(SITE, "reading-pc", "en").images
    assert sends.value == "VARICAM-FILES (varicam), WIN95-FILES (win95)"
    assert card(SITE, "secretary", "en").images == ()
    assert "images → varicam → incoming" in sheet.as_html(SITE, card(SITE, "varicam", "zh-Hant"))


def test_passwords_only_when_they_are_given(tmp_path: Path) -> None:
    secret = {device: f"pw-of-{device}" for device in SITE.devices}
    without = dict(sheet.pages(SITE, ("en",), None))
    given = dict(sheet.pages(SITE, ("en",), secret))
    assert "pw-of" not in "".join(without.values())
    assert "pw-of-win95" in given["win95.en.html"]
    assert "pw-of" not in given["index.en.html"]
    assert "pw-of-varicam" not in given["win95.en.html"]
    for name, kept in (("open", False), ("kept", True)):
        files = sheet.write(tmp_path / name, given.items(), secret=kept)
        assert {each.stat().st_mode & 0o777 for each in files} == {0o600 if kept else 0o644}


def test_what_comes_from_the_site_is_escaped() -> None:
    nasty = "<script>alert(1)</script> `x` **y** {own}"
    devices = {**SITE.devices, "win95": SITE.devices["win95"].model_copy(update={"comment": nasty})}
    site = SITE.model_copy(update={"devices": devices, "comment": "<b>&"})
    html = sheet.as_html(site, card(site, "win95", "en"))
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; `x` **y** {own}" in html
    assert "&lt;b&gt;&amp;" in html
    assert rich("`{a}` **{b}**", {"a": "<`*", "b": "**&"}) == "<code>&lt;`*</code> <b>**&amp;</b>"
    with pytest.raises(KeyError):
        rich("{nobody}", {})


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Failed, match="cannot write to"):
        sheet.write(tmp_path / "file", [("a", "b")], secret=False)


def test_without_weasyprint_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "PYTHON", "/nonexistent/python3")
    with pytest.raises(Failed, match="apt-get install"):
        pdf.make([], tmp_path / "x.pdf", secret=False)


@pytest.mark.skipif(not pdf.is_there(), reason="WeasyPrint is not installed")
def test_the_longest_sheets_fit_on_a_page(tmp_path: Path) -> None:
    names = ("win95", "console", "picker", "reading-pc", "icon")
    pages = [(n, t) for n, t in sheet.pages(SITE, ("en",), None) if n.split(".")[0] in names]
    files = sheet.write(tmp_path, pages, secret=False)
    target = tmp_path / "sheets.pdf"
    counted = pdf.make(files, target, secret=False)
    assert set(counted.values()) == {1}
    assert target.read_bytes().startswith(b"%PDF")


def test_weak_protocols_are_named_with_their_place() -> None:
    found = {each.device: str(each) for each in weaknesses(SITE) if each.share}
    assert found["varicam"].startswith("weak: varicam: SMB 1 (LANMAN2): unencrypted")
    assert "open to 10.1.1.12 on cameras only, for images" in found["varicam"]
    assert "NT1" in found["win95"]
    assert "secretary" not in found


def test_nfs_knows_a_device_by_its_address_and_needs_no_password() -> None:
    files = card(SITE, "picker", "en", {"picker": "never-printed"}).files
    assert files
    assert files.folders[0].target == "10.1.1.1:/images"
    assert files.help.commands[0].startswith("mkdir /images; mount -o rw,hard,intr gateway:/images")
    assert (files.account, files.password) == ("", "")


def test_who_may_open_the_report_site_is_told_where_and_what_to_compare() -> None:
    """A camera, which may not, is the control."""
    told = {each.name: each for each in card(SITE, "console", "en").about}
    assert told["Report site (HTTPS)"].value == "gateway.nm.home.arpa"
    assert told["Its authority's SHA-256"].value.startswith("ask the administrator")
    known = card(SITE, "console", "en", None, "EE:32").about[-1]
    assert (known.value, known.typed) == ("EE:32", True)
    assert not [each for each in card(SITE, "icon", "en").about if "Report" in each.name]
