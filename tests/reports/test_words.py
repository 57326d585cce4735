"""The site in Chinese: nothing is left in English, and what Django reads is what the parts say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from django.test import Client
from django.utils import translation
from django.utils.translation.template import templatize

LOCALE = Path(__file__).parents[2] / "reports" / "locale"
ROOM = LOCALE.parent
KEYWORDS = ["_", "gettext", "gettext_lazy", "gettext_noop", "ngettext:1,2", "ngettext_lazy:1,2"]
KEYWORDS += ["pgettext:1c,2", "pgettext_lazy:1c,2"]


def run(*words: str | Path) -> str:
    done = subprocess.run([*map(str, words)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_django_reads_is_what_the_parts_say(tmp_path: Path) -> None:
    whole, made = tmp_path / "whole.po", tmp_path / "django.mo"
    run("msgcat", "--use-first", *sorted((LOCALE / "parts").glob("*.po")), "-o", whole)
    run("msgfmt", "--check-format", "-o", made, whole)
    kept = LOCALE / "zh_Hant" / "LC_MESSAGES" / "django.mo"
    assert made.read_bytes() == kept.read_bytes(), "python -m lab.words"


def test_nothing_is_left_in_english(tmp_path: Path) -> None:
    sources = [path for path in ROOM.rglob("*.py") if "migrations" not in path.parts]
    for page in ROOM.rglob("*.html"):
        name = tmp_path / f"{page.relative_to(ROOM)}.py".replace("/", "-")
        name.write_text(templatize(page.read_text("utf-8"), origin=str(page)), "utf-8")
        sources.append(name)
    asked, whole, merged = tmp_path / "asked.pot", tmp_path / "whole.po", tmp_path / "merged.po"
    keywords = [f"-k{each}" for each in KEYWORDS]
    run("xgettext", "-L", "Python", "--from-code=UTF-8", *keywords, "-o", asked, *sources)
    run("msgcat", "--use-first", *sorted((LOCALE / "parts").glob("*.po")), "-o", whole)
    run("msgmerge", "-q", "--no-fuzzy-matching", "-o", merged, whole, asked)
    assert asked.read_text("utf-8").count("msgid") > 300
    left = run("msgattrib", "--untranslated", "--no-obsolete", "--no-wrap", merged)
    assert left.count("\nmsgid ") == 0, left


@pytest.mark.django_db
def test_a_page_is_in_the_language_that_somebody_chose() -> None:
    client = Client()
    assert "Log in" in client.get("/login", headers={"accept-language": "en"}).content.decode()
    client.post("/language", {"language": "zh-hant", "next": "/login"})
    page = client.get("/login").content.decode()
    assert "登入" in page
    assert "Log in" not in page
    assert "English</button>" in page  # by its own name: who wants it reads no Chinese
    with translation.override("zh-hant"):
        assert translation.gettext("Studies") != "Studies"
