"""The devices' sheets: listed on the front page, handed out as they are, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as told
from django.test import Client
from django.urls import reverse
from studies_kit import login, person

from reports.headers import POLICY
from reports.people.models import Role

pytestmark = pytest.mark.django_db
ENGLISH, CHINESE = "How to mount it: \u00b5", "\u639b\u8f09"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """Two devices that are described, a file beside them, and one outside."""
    made = tmp_path / "sheets"
    made.mkdir()
    (made / "varicam.en.html").write_text(ENGLISH, "utf-8")
    (made / "varicam.zh-hant.html").write_text(CHINESE, "utf-8")
    (made / "other.en.html").write_text("not described")
    (tmp_path / "secret.en.html").write_text("not here")
    sheets = {"varicam": "Elscint <Varicam>", "gone": "its file is lost"}
    settings.CONFIG = replace(told.CONFIG, sheets=sheets, sheets_folder=str(made))
    return made


@pytest.mark.parametrize("role", list(Role))
def test_everybody_who_is_logged_in_finds_and_opens_one(role: Role) -> None:
    client = login(person(role=role))
    page = client.get(reverse("front")).content.decode()
    assert "Sheets for the devices" in page
    assert 'href="/sheets/varicam"' in page
    assert "Elscint &lt;Varicam&gt;" in page
    answer = client.get("/sheets/varicam")
    assert (answer.status_code, answer.content.decode()) == (200, ENGLISH)
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert answer["Content-Security-Policy"] == POLICY
    assert answer["Cache-Control"] == "no-store"


def test_it_is_in_the_language_that_somebody_chose() -> None:
    client = login(person())
    client.post("/language", {"language": "zh-hant", "next": "/"})
    assert client.get("/sheets/varicam").content.decode() == CHINESE
    assert "\u5404\u8a2d\u5099\u8aaa\u660e\u55ae" in client.get("/").content.decode()


def test_without_a_login_nothing_is_told() -> None:
    """Neither which devices there are."""
    for device in ("varicam", "other"):
        answer = Client().get(f"/sheets/{device}")
        assert (answer.status_code, answer["Location"]) == (302, f"/login?next=/sheets/{device}")
        assert not answer.content


@pytest.mark.parametrize(
    "name",
    [
        *("other", "gone", "VARICAM", "varicam.en", "varicam.en.html", "", ".", ".."),
        *("../secret", "..%2fsecret", "%2e%2e%2fsecret", "..%5csecret", "..%252fsecret"),
        *("varicam/../../secret", "varicam%2f..%2f..%2fsecret", "%2fetc%2fpasswd", "//etc/passwd"),
    ],
)
def test_what_is_not_described_is_not_found(name: str) -> None:
    """And each answer is that of a page that never was."""
    client = login(person())
    answer = client.get(f"/sheets/{name}")
    assert answer.status_code == 404
    never = client.get("/nothing-there")
    page, other = (each.content.decode().partition("<main")[2] for each in (answer, never))
    assert page.partition("</main>")[0] == other.partition("</main>")[0] != ""


def test_a_nul_is_refused() -> None:
    assert login(person()).get("/sheets/varicam%00").status_code == 400


def test_a_site_without_devices_has_no_place_for_them_on_the_page(settings: Any) -> None:
    settings.CONFIG = replace(settings.CONFIG, sheets={})
    assert "front-sheets" not in login(person()).get(reverse("front")).content.decode()
