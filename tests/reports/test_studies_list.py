"""The reading list: who finds what, in which order, and that it asks the archive for nothing."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from studies_kit import ZONE, a_study, fill, login, person

from reports.archive import Archive
from reports.studies import names
from reports.studies.models import Follow, Status, Study
from reports.trail.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    """Of a reader, where nothing may ask the archive."""

    def never(*_args: Any) -> bytes:
        raise AssertionError("the archive was asked")

    monkeypatch.setattr(Archive, "get", never)
    monkeypatch.setattr(Archive, "post", never)
    return login(person(role="reader"))


def ids(client: Client, **query: str) -> list[str]:
    answer = client.get(reverse("studies"), query)
    assert answer.status_code == 200
    return [each.patient_id for each in answer.context["shown"]]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("lin", True),
        ("LIN MEI", True),
        ("mei lin", True),
        ("Lin, Mei-Hua", True),
        ("ｌｉｎ", True),  # noqa: RUF001 - as a Chinese keyboard writes it
        ("林", True),
        ("林美華", True),
        ("美", True),
        ("hua", True),
        ("in", False),
        ("華", False),
        ("lin wei", False),
        ("%", True),  # no word at all: everything
        ("l%n", False),
        ("l_n", False),
    ],
)
def test_patients_are_found_by_the_beginning_of_a_name(
    client: Client, text: str, seen: bool
) -> None:
    a_study(1)
    assert (ids(client, patient=text) == ["P0000001"]) is seen


def test_accents_make_no_difference(client: Client) -> None:
    a_study(1, patient_name="Müller^Zoé", patient_name_han="")
    a_study(2, patient_name="Moller^Zoe", patient_name_han="")
    assert ids(client, patient="MULLER zoe") == ["P0000001"]
    assert ids(client, patient="mü") == ["P0000001"]


def test_the_other_filters(client: Client) -> None:
    a_study(1, device="icon", when=datetime(2026, 11, 26, 0, 0, tzinfo=ZONE))
    a_study(2, status="final", when=datetime(2026, 11, 26, 23, 59, tzinfo=ZONE))
    a_study(3, when=datetime(2026, 11, 27, 0, 0, tzinfo=ZONE))
    a_study(4, when=None)
    assert ids(client) == ["P0000003", "P0000002", "P0000001", "P0000004"]
    day = "2026-11-26"
    assert ids(client, **{"from": day, "to": day}) == ["P0000002", "P0000001"]
    assert ids(client, device="icon") == ["P0000001"]
    assert ids(client, status="final") == ["P0000002"]
    assert ids(client, status="open") == ["P0000003", "P0000001", "P0000004"]
    assert ids(client, id="p0000003") == ["P0000003"]
    assert ids(client, id="0000003") == []


@pytest.mark.parametrize("sort", ["when", "patient", "id", "born", "device", "images", "status"])
def test_orders_and_their_opposites(client: Client, sort: str) -> None:
    for at in range(3):
        a_study(
            at,
            patient_name=f"Wu^{'ABC'[at]}",
            when=datetime(2026, 11, 1 + at, tzinfo=ZONE),
            birth_date=date(1950 + at, 1, 1),
            device=f"d{at}",
            images=at,
            status=sorted(Status.values)[at],
        )
    assert ids(client, sort=sort) == ["P0000000", "P0000001", "P0000002"]
    assert ids(client, sort=f"-{sort}") == ["P0000002", "P0000001", "P0000000"]


@pytest.mark.parametrize(
    "query",
    [
        "page=9999999999999",
        "page=-1",
        "page=²",
        "sort=password",
        "from=x&to=2026-02-31",
        "status=x",
    ],
)
def test_what_is_no_question_is_the_plain_list(client: Client, query: str) -> None:
    a_study(1)
    answer = client.get(f"{reverse('studies')}?{query}")
    assert [each.patient_id for each in answer.context["shown"]] == ["P0000001"]


def test_hostile_text_stays_text(client: Client) -> None:
    bad = "<script>alert(1)</script>'\"\0%"
    a_study(1, patient_name=bad.replace("\0", ""), description=bad.replace("\0", ""))
    answer = client.get(reverse("studies"), {"patient": bad, "device": bad, "id": bad})
    assert b"<script>alert" not in answer.content
    assert b"<script>alert" not in client.get(reverse("studies")).content


def test_pages_have_each_study_once(client: Client) -> None:
    fill(120, timezone.now())
    pages = [client.get(reverse("studies"), {"page": n}).context["shown"] for n in (1, 2, 3)]
    assert [len(each) for each in pages] == [50, 50, 20]
    assert len({study.uid for page in pages for study in page}) == 120


def test_a_study_that_is_gone_is_not_listed(client: Client) -> None:
    a_study(1)
    a_study(2, gone=True)
    assert ids(client) == ["P0000001"]


def test_a_search_is_in_the_trail_and_a_refresh_is_not(client: Client) -> None:
    client.get(reverse("studies"))
    client.get(reverse("study-rows"), {"patient": "lin"})
    assert not Event.objects.filter(action="search").exists()
    client.get(reverse("studies"), {"patient": "lin"})
    assert Event.objects.get(action="search").detail == {"query": "patient=lin"}


def test_a_page_that_asks_by_itself_keeps_nobody_logged_in(client: Client) -> None:
    study = a_study(1)

    def ends() -> datetime:
        from django.contrib.sessions.models import Session

        return Session.objects.get().expire_date

    before = ends()
    for name, args in (("study-rows", []), ("study-state", [study.uid])):
        answer = client.get(reverse(name, args=args))
        assert answer.status_code == 200
        assert "sessionid" not in answer.cookies
        assert ends() == before
    client.get(reverse("studies"))  # the control
    assert ends() > before


def test_the_study_page_and_an_earlier_one_beside_it(client: Client) -> None:
    now = a_study(1, patient_id="P1", accession="A77")
    earlier = a_study(2, patient_id="P1", when=now.when - timedelta(400), description="Old scan")
    other = a_study(3, patient_id="P3", description="Not his")
    page = client.get(reverse("study", args=[now.uid]))
    text = page.content.decode()
    for word in (
        "Lin, Mei-Hua",
        "林美華",
        "P1",
        "1960-02-03",
        "(66)",
        "A77",
        "varicam",
        "Old scan",
    ):
        assert word in text
    assert "Not his" not in text
    beside = client.get(reverse("study", args=[now.uid]), {"with": earlier.uid})
    assert beside.context["beside"] == earlier
    assert client.get(reverse("study", args=[now.uid]), {"with": other.uid}).status_code == 404
    assert client.get(reverse("study", args=["1.2.3"])).status_code == 404
    assert [each.study for each in Event.objects.filter(action="view")] == [now.uid] * 2


def test_studies_without_an_id_are_not_taken_for_one_patient(client: Client) -> None:
    one = a_study(1, patient_id="", description="First")
    a_study(2, patient_id="", description="Second")
    assert "Second" not in client.get(reverse("study", args=[one.uid])).content.decode()


def test_an_open_page_hears_of_a_change(client: Client) -> None:
    study = a_study(1)
    state = reverse("study-state", args=[study.uid])
    page = client.get(reverse("study", args=[study.uid])).content.decode()
    assert f'data-revision="{client.get(state).json()["revision"]}"' in page
    Study.objects.update(revision="two", images=5)
    assert client.get(state).json() == {"revision": "two", "images": 5, "gone": False}


def test_an_archive_that_is_down_is_told_and_the_list_is_there(client: Client) -> None:
    a_study(1)
    Follow.objects.create(pk=1, last=7, error="the archive does not answer: refused")
    for name in ("front", "studies"):
        text = client.get(reverse(name)).content.decode()
        assert "The archive does not answer" in text
    assert ids(client) == ["P0000001"]
    Follow.objects.update(error="")
    assert "The archive does not answer" not in client.get(reverse("studies")).content.decode()
    Follow.objects.update(at=timezone.now() - timedelta(minutes=5))
    assert "has stopped" in client.get(reverse("studies")).content.decode()


def test_nobody_sees_anything_without_a_login(settings: Any) -> None:
    settings.LOGIN_URL = "/login"
    study = a_study(1)
    for name in ("front", "studies", "study-rows", "restricted"):
        assert Client().get(reverse(name)).status_code == 302
    for name in ("study", "study-state"):
        assert Client().get(reverse(name, args=[study.uid])).status_code == 302
    assert Client().post(reverse("break-glass", args=[study.uid])).status_code == 302


def test_names_as_people_write_them() -> None:
    assert names.groups("Lin^Mei=林^美=") == ("Lin^Mei", "林^美")
    assert names.groups("") == ("", "")
    assert names.shown("Lin^Mei^Hua^Dr.") == "Lin, Mei Hua Dr."
    assert names.shown("林^美華") == "林美華"
