"""Drafts that nobody writes over, and versions that are what was on the screen."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from kit import Cluster
from writing_kit import (
    HOSTILE,
    PASSWORD,
    TEXTS,
    a_study,
    addendum,
    begin,
    key_image,
    login,
    person,
    quick,
    save,
    sign,
    signed,
)

from reports.documents import fonts
from reports.studies.models import Study
from reports.trail.models import Event
from reports.writing import sign as signing
from reports.writing import template
from reports.writing.differences import pieces
from reports.writing.models import Draft, Report, Version

pytestmark = [pytest.mark.django_db, pytest.mark.urls("standin")]


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    quick(settings)


@pytest.fixture
def study() -> Study:
    return a_study()


@pytest.fixture
def chen() -> Client:
    return login(person("chen"))


@pytest.fixture
def wu() -> Client:
    return login(person("wu"))


def status(study: Study) -> str:
    return Study.objects.get(pk=study.pk).status


# Templates


def test_every_examination_has_both_languages_and_an_impression() -> None:
    every = template.examinations()
    wanted = {"bone", "thyroid", "renal", "myocardial", "lung", "brain", "general"}
    assert set(every) == wanted
    for each in every.values():
        assert any(section.heading == "impression" for section in each.sections)
        for section in each.sections:
            assert bool(section.normal.en) == bool(section.normal.zh_hant)
            assert section.normal.en.count("___") == section.normal.zh_hant.count("___"), each.key


BROKEN = {
    "impression: {}": "title, order and sections",
    "order: 1\ntitle: {en: A}\nsections: []": "a text in each of",
    "order: 1\ntitle: {en: A, zh-hant: B}\nsections: []": "no section",
    "order: x\ntitle: {en: A, zh-hant: B}\nsections: []": "order is a number",
    "order: 1\ntitle: {en: A, zh-hant: B}\nsections: [{key: a1}]": "a key, a heading and a title",
    "order: 1\ntitle: {en: A, zh-hant: B}\n"
    "sections: [{key: abc, heading: nose, title: {en: A, zh-hant: B}}]": "the heading is one of",
    "order: 1\ntitle: {en: A, zh-hant: B}\n"
    "sections: [{key: abc, heading: findings, title: {en: A, zh-hant: B}}]": "impression",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_template_that_is_wrong_is_refused_by_name(text: str, tmp_path: Path) -> None:
    place = tmp_path / "wrong.yaml"
    place.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=f"wrong.yaml.*{BROKEN[text]}"):
        template.read(place)


# Drafts


def test_a_draft_is_saved_and_the_study_is_a_draft(study: Study, chen: Client) -> None:
    draft = begin(chen, study)
    assert status(study) == "draft"
    answer = save(chen, draft, 0, TEXTS, key_image(study))
    assert answer.status_code == 200
    assert answer.json()["revision"] == 1
    draft.refresh_from_db()
    assert draft.content["sections"]["findings"] == TEXTS["findings"]
    assert draft.content["key_images"] == [key_image(study)]
    page = chen.get(reverse("study", args=[study.uid])).content.decode()
    assert "Focal uptake in L3." in page
    assert Event.objects.filter(action="draft", study=study.uid).count() == 2


def test_a_save_from_an_older_revision_is_refused_with_what_is_kept(
    study: Study, chen: Client
) -> None:
    draft = begin(chen, study)
    assert save(chen, draft, 0, {"findings": "first window"}).status_code == 200
    stale = save(chen, draft, 0, {"findings": "second window"})
    assert stale.status_code == 409
    assert stale.json()["kept"]["sections"] == {"findings": "first window"}
    assert stale.json()["kept"]["mine"]
    draft.refresh_from_db()
    assert (draft.revision, draft.content["sections"]) == (1, {"findings": "first window"})
    assert save(chen, draft, 1, {"findings": "second window"}).status_code == 200


def test_the_second_reporter_reads_and_takes_over_only_by_saying_so(
    study: Study, chen: Client, wu: Client
) -> None:
    draft = begin(chen, study)
    save(chen, draft, 0, {"findings": "what Chen wrote"})
    assert begin(wu, study).pk == draft.pk, "no second report of the same examination"
    page = wu.get(reverse("study", args=[study.uid])).content.decode()
    assert "Chen has been writing this since" in page
    assert "what Chen wrote" in page
    assert "<textarea" not in page
    refused = save(wu, draft, 1, {"findings": "what Wu wrote"})
    assert refused.status_code == 409
    assert refused.json()["kept"]["author"] == "Chen"
    assert not refused.json()["kept"]["mine"]

    assert wu.post(reverse("report-take", args=[draft.report_id])).status_code == 302
    noted = Event.objects.filter(action="draft", person="wu").latest("pk")
    assert noted.detail["taken_from"] == "chen"
    late = save(chen, draft, 1, {"findings": "what Chen typed meanwhile"})
    assert late.status_code == 409
    assert late.json()["kept"]["author"] == "Wu"
    assert late.json()["kept"]["sections"] == {"findings": "what Chen wrote"}
    draft.refresh_from_db()
    assert save(wu, draft, draft.revision, {"findings": "and Wu"}).status_code == 200


def test_who_only_reads_sees_no_draft_and_writes_none(
    study: Study, chen: Client, settings: Any
) -> None:
    settings.LOGIN_URL = "/login"
    draft = begin(chen, study)
    save(chen, draft, 0, {"findings": "not signed yet"})
    reader = login(person("doctor", "reader"))
    for name in ("study", "report"):
        key = study.uid if name == "study" else draft.report_id
        page = reader.get(reverse(name, args=[key]))
        assert page.status_code == 200
        assert "not signed yet" not in page.content.decode()
    assert save(reader, draft, 1, {"findings": "x"}).status_code == 403
    for name in ("report-proceed", "report-take", "report-drop", "report-sign"):
        assert reader.post(reverse(name, args=[draft.report_id])).status_code == 403
    assert reader.get(reverse("draft", args=[draft.pk])).status_code == 403
    assert reader.post(reverse("report-new", args=[study.uid])).status_code == 403
    assert Client().get(reverse("draft", args=[draft.pk])).status_code == 302


def test_a_draft_is_thrown_away_only_as_it_was_seen(study: Study, chen: Client) -> None:
    draft = begin(chen, study)
    save(chen, draft, 0, {"findings": "more"})
    drop = reverse("report-drop", args=[draft.report_id])
    chen.post(drop, {"revision": "0"})
    chen.post(drop, {"revision": "junk"})
    assert Draft.objects.filter(pk=draft.pk).exists()
    chen.post(drop, {"revision": "1"})
    assert not Report.objects.exists()
    assert status(study) == "unread"
    assert save(chen, draft, 1, {"findings": "x"}).status_code == 410


WRONG: list[tuple[str, Any]] = [
    ("revision", "1"),
    ("revision", True),
    ("sections", []),
    ("sections", {"nose": "x"}),
    ("sections", {"findings": 1}),
    ("sections", {"findings": "x" * 20_001}),
    ("key_images", {}),
    ("key_images", ["x"]),
    ("key_images", [{}] * 25),
]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_what_no_page_sends_is_refused(key: str, value: Any, study: Study, chen: Client) -> None:
    draft = begin(chen, study)
    told = {"revision": 0, "sections": {}, "key_images": [], key: value}
    url = reverse("draft-save", args=[draft.pk])
    answer = chen.post(url, json.dumps(told), content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["why"]
    good = {**told, key: {"revision": 0, "sections": {}, "key_images": []}[key]}
    again = chen.post(url, json.dumps(good), content_type="application/json")
    assert again.status_code == 200


@pytest.mark.parametrize("body", ["", "[]", "{", "[" * 100_000, '{"revision": 1e999}', "\x00"])
def test_nor_does_a_body_that_is_no_draft_do_harm(body: str, study: Study, chen: Client) -> None:
    url = reverse("draft-save", args=[begin(chen, study).pk])
    assert chen.post(url, body, content_type="application/json").status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": "1.2.3"},
        {"image": None},
        {"frame": 4},
        {"frame": -1},
        {"frame": "1"},
        {"low": 500.0},
        {"high": float("nan")},
        {"high": float("inf")},
        {"high": 1e12},
        {"palette": "<b>"},
        {"note": "x" * 501},
        {"href": "x"},
    ],
)
def test_a_key_image_is_a_frame_of_this_study(
    wrong: dict[str, Any], study: Study, chen: Client
) -> None:
    a_study(2)
    draft = begin(chen, study)
    assert save(chen, draft, 0, {}, key_image(study, **wrong)).status_code == 400
    assert (
        save(chen, draft, 0, {}, key_image(Study.objects.get(uid=f"{study.uid[:-1]}2"))).status_code
        == 400
    )
    assert save(chen, draft, 0, {}, key_image(study)).status_code == 200


def test_hostile_text_is_text(study: Study, chen: Client) -> None:
    draft = begin(chen, study)
    answer = save(chen, draft, 0, {**TEXTS, "findings": HOSTILE}, key_image(study, note=HOSTILE))
    assert answer.status_code == 200
    kept = answer.json()["sections"]["findings"]
    assert not set(kept) & set("\x00\x1b\u202e\u202c\u200f\ud83d")
    assert "<script>alert(1)</script>" in kept
    where = (reverse("study", args=[study.uid]), reverse("report-sign", args=[draft.report_id]))
    for url in where:
        page = chen.get(url).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "{{ 7|add:7 }}" in page
    assert sign(chen, draft).status_code == 302


def test_a_megabyte_is_refused_and_three_as_well(study: Study, chen: Client) -> None:
    draft = begin(chen, study)
    assert save(chen, draft, 0, {"findings": "長" * 350_000}).status_code == 400
    assert save(chen, draft, 0, {"findings": "x" * 3_000_000}).status_code in (400, 413)
    draft.refresh_from_db()
    assert draft.revision == 0


# Signing


def test_a_report_goes_from_draft_to_addendum(study: Study, chen: Client) -> None:
    draft = begin(chen, study)
    save(chen, draft, 0, TEXTS)
    assert sign(chen, draft, "preliminary").status_code == 302
    assert status(study) == "preliminary"
    report = Report.objects.get()
    chen.post(reverse("report-proceed", args=[report.pk]))
    following = Draft.objects.get(report=report)
    assert following.content["sections"] == TEXTS, "the next version starts from this one"
    save(chen, following, 0, {**TEXTS, "impression": "Two lesions."})
    assert sign(chen, following).status_code == 302
    assert status(study) == "final"
    addendum(chen, report, "Compared with the CT: a haemangioma.")
    last = addendum(chen, report, "Second addendum.")
    assert status(study) == "addendum"
    stages = list(report.versions.values_list("stage", flat=True))
    assert stages == ["preliminary", "final", "addendum", "addendum"]
    chained = list(report.versions.values_list("previous", "digest"))
    assert [before for before, _ in chained] == ["", *(own for _, own in chained[:-1])]
    assert last.signed_name == "Chen 陳偉林, 醫字第012345號"
    assert last.content["patient"]["name_han"] == "林^美"
    page = chen.get(reverse("report", args=[report.pk])).content.decode()
    assert all(version.digest in page for version in report.versions.all())
    assert next(signing.check(), "") == ""


def test_a_final_takes_no_second_final(study: Study, chen: Client) -> None:
    report = signed(chen, study).report
    chen.post(reverse("report-proceed", args=[report.pk]))
    draft = Draft.objects.get(report=report)
    assert save(chen, draft, 0, {"findings": "another"}).status_code == 400
    assert save(chen, draft, 0, {"addendum": "more"}).status_code == 200
    for stage in ("final", "preliminary", "nonsense"):
        assert sign(chen, draft, stage).status_code == 409
    assert report.versions.count() == 1
    assert sign(chen, draft, "addendum").status_code == 302


def test_it_is_signed_by_the_password_alone(study: Study, chen: Client) -> None:
    draft = begin(chen, study)
    save(chen, draft, 0, TEXTS)
    refused = sign(chen, draft, password="not it")  # noqa: S106 - a wrong one
    assert refused.status_code == 409
    assert "nothing was signed" in refused.content.decode()
    assert not Version.objects.exists()
    assert Event.objects.filter(action="sign", outcome="failure").count() == 1
    assert sign(chen, draft).status_code == 302


def test_what_is_signed_is_what_was_on_the_screen(study: Study, chen: Client) -> None:
    draft = begin(chen, study)
    save(chen, draft, 0, TEXTS)
    save(chen, draft, 1, {**TEXTS, "impression": "changed in another window"})
    old = sign(chen, draft, revision=1)
    assert old.status_code == 409
    assert "Read it again" in old.content.decode()
    Study.objects.update(revision="r2")
    changed = sign(chen, draft, study="r1")
    assert changed.status_code == 409
    assert "The study changed in the archive meanwhile" in changed.content.decode()
    assert 'name="study" value="r2"' in changed.content.decode(), "and asks again"
    assert not Version.objects.exists()
    assert sign(chen, draft, study="r2").status_code == 302
    assert Version.objects.get().study_revision == "r2"


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ({}, "Nothing is written"),
        ({"findings": "only"}, "needs an impression"),
        ({"impression": "EF ___ %"}, "still has a blank"),
    ],
)
def test_what_is_not_finished_is_not_signed(
    texts: dict[str, str], why: str, study: Study, chen: Client
) -> None:
    draft = begin(chen, study)
    save(chen, draft, 0, texts)
    answer = sign(chen, draft)
    assert answer.status_code == 409
    assert why in answer.content.decode()
    assert not Version.objects.exists()


def test_nobody_signs_anothers_draft(study: Study, chen: Client, wu: Client) -> None:
    draft = begin(chen, study)
    save(chen, draft, 0, TEXTS)
    assert sign(wu, draft).status_code == 302
    assert not Version.objects.exists()


def test_numbers_of_a_window_survive_the_database(study: Study, chen: Client) -> None:
    odd = [(-0.0, 1e-6), (-1e9, 1e9), (0.1 + 0.2, 1 / 3 + 1), (1, 2), (0.0000004, 12345.678901)]
    shown = [key_image(study, low=low, high=high) for low, high in odd]
    version = signed(chen, study, *shown)
    assert signing.digest(Version.objects.get(pk=version.pk)) == version.digest


def test_the_check_names_what_somebody_changed(
    study: Study, chen: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    version = signed(chen, study)
    call_command("sign-check")
    assert "1 signed versions, all as they were signed" in capsys.readouterr().out
    # What the database refuses to everybody is done to what is read here.
    real = Version.from_db.__func__  # type: ignore[attr-defined]

    def changed(cls: Any, db: str, names: Any, values: Any) -> Version:
        made: Version = real(cls, db, names, values)
        made.content["sections"][0]["text"] = "No lesion."
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Version, "from_db", classmethod(changed))
        with pytest.raises(SystemExit, match="1"):
            call_command("sign-check")
    told = capsys.readouterr().err
    assert f"report {version.report_id}, version 1: its text is not what was signed" in told


def test_the_check_misses_one_that_was_taken_out(study: Study, chen: Client) -> None:
    first = signed(chen, study)
    addendum(chen, first.report, "more")
    kept = Version.objects.exclude(pk=first.pk)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Version, "objects", kept)
        found = list(signing.check())
    assert "one that was signed before it is missing" in found[0]
    assert "the trail says it was signed by chen, and it is not there" in found[1]
    assert list(signing.check()) == []


def test_a_version_does_not_change_in_the_database(study: Study, chen: Client) -> None:
    signed(chen, study)
    for sql in ("update writing_version set stage = 'final'", "delete from writing_version"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


def test_nor_by_its_owner(cluster: Cluster, django_db_setup: None) -> None:
    sql = "truncate writing_version cascade"
    with pytest.raises(AssertionError, match="does not change"):
        cluster.sql("reports", sql, user="reports-owner")


# Beside it


def test_a_study_that_changed_after_it_was_signed_says_so(study: Study, chen: Client) -> None:
    version = signed(chen, study)
    said = "The study changed in the archive after this was signed."
    url = reverse("report", args=[version.report_id])
    assert said not in chen.get(url).content.decode()
    Study.objects.update(revision="r2")
    assert said in chen.get(url).content.decode()
    reader = login(person("doctor", "reader"))
    assert said in reader.get(url).content.decode()


def test_differences_are_shown(study: Study, chen: Client) -> None:
    draft = begin(chen, study)
    save(chen, draft, 0, {**TEXTS, "technique": "740 MBq"})
    sign(chen, draft, "preliminary")
    chen.post(reverse("report-proceed", args=[draft.report_id]))
    following = Draft.objects.get()
    save(chen, following, 0, {**TEXTS, "impression": "Single lesion in L4 單一病變。"})
    sign(chen, following)
    url = reverse("differences", args=[draft.report_id, 1, 2])
    page = chen.get(url).content.decode()
    assert "<del>L3 </del><ins>L4 </ins>" in page
    assert "<del>灶</del><ins>變</ins>" in page
    assert "<del>740 MBq</del>" in page
    assert chen.get(reverse("differences", args=[draft.report_id, 1, 3])).status_code == 404


def test_both_texts_come_back_from_their_pieces() -> None:
    old, new = "a b\nc 甲乙", "a x\nc 甲丙 d"
    found = list(pieces(old, new))
    assert "".join(each.text for each in found if each.kind != "new") == old
    assert "".join(each.text for each in found if each.kind != "gone") == new


def test_the_earlier_report_stands_beside(chen: Client) -> None:
    before = a_study(1)
    signed(chen, before, impression="What was said in May.")
    now = a_study(2)
    other = a_study(3, patient_id="P999", patient_name="Wu^Ming")
    assert "What was said in May." in chen.get(reverse("study", args=[now.uid])).content.decode()
    assert (
        "What was said in May." not in chen.get(reverse("study", args=[other.uid])).content.decode()
    )
    later = a_study(4, when=datetime(2026, 10, 1, tzinfo=UTC))
    assert (
        "What was said in May." not in chen.get(reverse("study", args=[later.uid])).content.decode()
    )


def test_each_view_is_noted(study: Study, chen: Client) -> None:
    version = signed(chen, study)
    chen.get(reverse("report", args=[version.report_id]))
    assert Event.objects.filter(action="view", person="chen", study=study.uid).count() == 1
    noted = Event.objects.get(action="sign", outcome="success")
    assert noted.detail["digest"] == version.digest
    assert PASSWORD not in json.dumps(list(Event.objects.values_list("detail", flat=True)))


def test_every_word_of_these_rooms_has_its_chinese() -> None:
    """What a template or a view says is in locale/parts/writing.po, with the same fields."""
    rooms = [Path(signing.__file__).parent, Path(fonts.__file__).parent]
    pages = Path(signing.__file__).parent.parent / "templates"
    rooms += [pages / "writing", pages / "documents"]
    said: set[str] = set()
    for room in rooms:
        for place in (*room.glob("*.py"), *room.glob("*.html")):
            text = place.read_text("utf-8")
            said |= set(re.findall(r"""\b_\(\s*"([^"]+)"\s*\)""", text))
            said |= set(re.findall(r"""{% trans ["']([^"']+)["'] %}""", text))
    po = (pages.parent / "locale" / "parts" / "writing.po").read_text("utf-8")
    known = dict(re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', po, re.MULTILINE))
    assert len(said) > 100
    assert not said - set(known)
