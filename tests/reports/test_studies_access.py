"""Restricted patients: nobody's studies open without a reason that stays in the trail."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from studies_kit import a_study, login, person

from reports.studies import access
from reports.studies.models import Restricted, Study
from reports.trail.models import Event

pytestmark = pytest.mark.django_db
REASON = "He is in my clinic today"


@pytest.fixture
def study() -> Study:
    made = a_study(1, accession="SECRET1")
    a_study(2, patient_name="Wang^Open", patient_name_han="")
    Restricted.objects.create(patient_id=made.patient_id, reason="An employee of the house")
    return made


def get(client: Client, study: Study, name: str = "study") -> Any:
    return client.get(reverse(name, args=[study.uid]))


@pytest.mark.parametrize("role", ["reader", "reporter", "administrator"])
def test_a_restricted_study_asks_why_whoever_comes(study: Study, role: str) -> None:
    client = login(person(role=role))
    for name in ("study", "study-state"):
        answer = get(client, study, name)
        assert answer.status_code == 403
        for told in ("Lin, ", "林", study.patient_id, "SECRET1", "Bone"):
            assert told not in answer.content.decode()
    assert not Event.objects.filter(action="view").exists()
    other = Study.objects.exclude(pk=study.pk).get()
    assert get(client, other).status_code == 200  # the control


def test_a_reason_opens_that_patient_for_an_hour(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = a_study(3)
    Restricted.objects.create(patient_id=second.patient_id, reason="Another employee")
    client = login(person())
    done = client.post(reverse("break-glass", args=[study.uid]), {"reason": REASON})
    assert done["Location"] == reverse("study", args=[study.uid])
    assert get(client, study).status_code == 200
    assert get(client, second).status_code == 403  # of that patient only
    assert get(login(person("chen")), study).status_code == 403  # for that session only
    told = Event.objects.get(action="break-glass")
    assert (told.patient_id, told.outcome) == (study.patient_id, "success")
    assert (told.detail["reason"], told.person) == (REASON, "lin")
    assert Event.objects.get(action="view").detail["restricted"] is True
    real = time.time
    monkeypatch.setattr(access.time, "time", lambda: real() + access.SECONDS + 1)
    assert get(client, study).status_code == 403


@pytest.mark.parametrize("reason", ["", "short", " " * 20, "a        b"])
def test_no_reason_opens_nothing(study: Study, reason: str) -> None:
    client = login(person())
    answer = client.post(reverse("break-glass", args=[study.uid]), {"reason": reason})
    assert answer.status_code == 403
    assert b"alert" in answer.content
    assert get(client, study).status_code == 403
    assert Event.objects.get(action="break-glass").outcome == "failure"


def test_it_takes_a_post_with_its_token(study: Study) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person())
    where = reverse("break-glass", args=[study.uid])
    assert client.post(where, {"reason": REASON}).status_code == 403
    assert client.get(where, {"reason": REASON}).status_code == 405
    assert not Event.objects.filter(action="break-glass").exists()


def test_the_list_does_not_tell_whose_it_is(study: Study) -> None:
    client = login(person())
    where = reverse("studies")

    def shown(**query: str) -> str:
        return client.get(where, query).content.decode()

    plain = shown()
    assert "Restricted patient" in plain
    assert "Wang, Open" in plain
    assert study.patient_id not in plain
    assert "Mei-Hua" not in plain
    for query in ({"patient": "lin"}, {"patient": "林"}, {"id": study.patient_id}):
        assert study.uid not in shown(**query)
    # Nor by its place: it comes after all others, both ways.
    for sort in ("patient", "-patient", "id", "-id", "born", "-born"):
        last = client.get(where, {"sort": sort}).context["shown"][-1]
        assert last.uid == study.uid
    client.post(reverse("break-glass", args=[study.uid]), {"reason": REASON})
    assert "Mei-Hua" in shown(patient="lin")  # the control


def test_administrators_restrict_and_unrestrict(study: Study) -> None:
    client, other = login(person(role="administrator")), Study.objects.exclude(pk=study.pk).get()
    where = reverse("restricted")
    assert client.post(where, {"patient": "P9", "reason": REASON}).status_code == 422
    assert client.post(where, {"patient": other.patient_id, "reason": "no"}).status_code == 422
    assert get(client, other).status_code == 200
    asked = {"patient": other.patient_id, "reason": REASON}
    assert client.post(where, asked).status_code == 302
    assert client.post(where, asked).status_code == 422
    assert get(client, other).status_code == 403
    row = Restricted.objects.get(patient_id=other.patient_id)
    assert client.post(reverse("unrestrict", args=[row.pk])).status_code == 302
    assert get(client, other).status_code == 200
    told = Event.objects.filter(action__in=["restrict", "unrestrict"]).order_by("id")
    assert [(each.action, each.patient_id) for each in told] == [
        ("restrict", other.patient_id),
        ("unrestrict", other.patient_id),
    ]


@pytest.mark.parametrize("role", ["reader", "reporter"])
def test_nobody_else_does(study: Study, role: str) -> None:
    client = login(person(role=role))
    row = Restricted.objects.get()
    assert client.get(reverse("restricted")).status_code == 403
    assert client.post(reverse("unrestrict", args=[row.pk])).status_code == 403
    assert Restricted.objects.exists()


def test_a_page_that_asks_after_the_hour_keeps_nobody_logged_in(study: Study) -> None:
    client = login(person())
    assert get(client, study, "study-state").status_code == 403
    assert "sessionid" not in get(client, study, "study-state").cookies
    assert "sessionid" in get(client, study).cookies  # the control
