"""A site's own profiles: used like built-in ones, refused with file, line and column."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.load import load
from gateway.problems import Refused
from gateway.sharing import grants
from gateway.weak import weaknesses

ROOT = Path(__file__).parent.parent.parent
GOOD = """\
title: PET console
system: OS/2
mount: os2
protocols: [{speaks: smb, dialects: [LANMAN2]}]
"""


def site_of(folder: Path, *, name: str = "pet", text: str = GOOD, uses: str = "pet") -> Path:
    described = (ROOT / "inventory/smallest/site.yml").read_text()
    (folder / "site.yml").write_text(described.replace("windows-95", uses))
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles" / f"{name}.yml").write_text(text)
    return folder


def said(folder: Path) -> str:
    with pytest.raises(Refused) as refused:
        load(folder)
    return str(refused.value).replace(str(folder), "SITE")


def test_it_is_used_like_a_built_in_one(tmp_path: Path) -> None:
    site = load(site_of(tmp_path)).site
    device = next(name for name, each in site.devices.items() if each.profile == "pet")
    assert {grant.server for grant in grants(site) if grant.device == device} == {"legacy"}
    assert any("LANMAN2" in each.what for each in weaknesses(site) if each.device == device)
    (tmp_path / "profiles" / "pet.yml").unlink()  # the control
    assert "there is no profile `pet`" in said(tmp_path)


def test_one_site_has_nothing_of_another_one(tmp_path: Path) -> None:
    load(site_of(tmp_path))
    assert "pet" not in load(ROOT / "inventory/smallest").site.profiles


def test_a_built_in_one_is_replaced_only_on_purpose(tmp_path: Path) -> None:
    site_of(tmp_path, name="windows-95", uses="windows-95")
    assert re.search(r"SITE/profiles/windows-95\.yml:1:1: there is a built-in", said(tmp_path))
    site_of(tmp_path, name="windows-95", uses="windows-95", text=GOOD + "replaces: windows-95\n")
    assert load(tmp_path).site.profiles["windows-95"].title == "PET console"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (GOOD + "sorces: [x]\n", "5:1: unknown key `sorces`"),
        (GOOD + "limits: {password: 200}\n", "5:20: limits.password is 200, too large"),
        (GOOD.replace("smb", "ipx"), "4:13: protocols[0] says no protocol that is known"),
        (GOOD.replace("LANMAN2", "LANMAN9"), "4:38: protocols[0].dialects[0] cannot be `LANMAN9`"),
        (GOOD.replace("title: PET console\n", ""), "1:1: the description has no `title`"),
        (GOOD + "title: twice\n", "5:1: `title` is given twice"),
        (GOOD + "replaces: macos\n", "5:11: `pet` cannot replace `macos`"),
        ("- a list\n", "1:1: a profile is `key: value` lines"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, wanted: str) -> None:
    assert f"SITE/profiles/pet.yml:{wanted}" in said(site_of(tmp_path, text=text))


def test_a_name_that_no_site_could_write(tmp_path: Path) -> None:
    site_of(tmp_path, name="Pet Console")
    assert "`Pet Console` is no name for a profile" in said(tmp_path)
