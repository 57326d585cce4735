"""No address opens without a login, past the study's own door, or by a foreign form."""

from __future__ import annotations

import json
from typing import Any

import pytest
import standin
from django.http import Http404
from django.test import Client
from django.urls import URLPattern, reverse
from writing_kit import TEXTS, a_study, begin, login, person, quick, save, sign, signed

from reports.documents import urls as documents_urls
from reports.documents import views as documents
from reports.studies.models import Study
from reports.writing import saving, views
from reports.writing import urls as writing_urls
from reports.writing.models import Draft, Sent, Version

pytestmark = [pytest.mark.django_db, pytest.mark.urls("standin")]
assert standin.urlpatterns  # imported first: it has the study's door where there is none yet
ROOMS: list[URLPattern] = [*writing_urls.urlpatterns, *documents_urls.urlpatterns]
NAMES = [str(each.name) for each in ROOMS]
POSTS = {"report-new", "report-proceed", "report-take", "report-drop", "draft-save"} | {
    "printed",
    "fax",
    "send-again",
}
REPORTERS = POSTS - {"printed"} | {"report-sign", "draft", "export"}


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    quick(settings)
    settings.LOGIN_URL = "/login"


@pytest.fixture
def chen() -> Client:
    return login(person("chen"))


@pytest.fixture
def addresses(chen: Client) -> dict[str, str]:
    """Each address, of something that there is."""
    study = a_study()
    version = signed(chen, study)
    draft = begin(chen, study, "renal")
    sent = Sent.objects.create(version=version, way="fax", target="1", state="failed")
    told: dict[str, list[Any]] = {
        "report-new": [study.uid],
        "export": [study.uid],
        "picture": [f"{study.uid}.1.1"],
        "differences": [version.report_id, 1, 1],
        "send-again": [sent.pk],
        **{name: [draft.pk] for name in ("draft", "draft-save")},
        **{name: [draft.report_id] for name in ("report-drop", "report-sign", "report-take")},
        **{name: [version.report_id, 1] for name in ("version", "pdf", "printed", "fax")},
    }
    return {name: reverse(name, args=told.get(name, [version.report_id])) for name in NAMES}


def ask(client: Client, name: str, url: str) -> Any:
    """As the pages ask it."""
    if name == "picture":
        return client.get(url, {"frame": 0, "low": 0, "high": 9})
    if name == "draft-save":
        told = json.dumps({"revision": 0, "sections": {}, "key_images": []})
        return client.post(url, told, content_type="application/json")
    words = {"template": "bone", "number": "073121101", "revision": "0"}
    return client.post(url, words) if name in POSTS else client.get(url)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_comes_in_without_a_login(name: str, addresses: dict[str, str]) -> None:
    answer = ask(Client(), name, addresses[name])
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login?next=")


@pytest.mark.parametrize("name", NAMES)
def test_who_reads_does_not_write(name: str, addresses: dict[str, str], chen: Client) -> None:
    reader = login(person("doctor", "reader"))
    answer = ask(reader, name, addresses[name])
    assert (answer.status_code == 403) == (name in REPORTERS), answer.status_code
    assert ask(chen, name, addresses[name]).status_code != 403


@pytest.mark.parametrize("name", NAMES)
def test_each_goes_past_the_studys_own_door(
    name: str, addresses: dict[str, str], chen: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def shut(_request: Any, uid: str) -> Study:
        asked.append(uid)
        raise Http404("restricted")

    for room in (views, saving, documents):
        monkeypatch.setattr(room, "open_study", shut)
    before = (Draft.objects.count(), Version.objects.count(), Sent.objects.count())
    answer = ask(chen, name, addresses[name])
    assert answer.status_code == 404
    assert asked == [Study.objects.get().uid]
    assert before == (Draft.objects.count(), Version.objects.count(), Sent.objects.count())


@pytest.mark.parametrize("name", sorted(POSTS))
def test_what_changes_something_is_no_link_and_no_foreign_form(
    name: str, addresses: dict[str, str], chen: Client
) -> None:
    assert chen.get(addresses[name]).status_code == 405
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = chen.cookies
    assert ask(careful, name, addresses[name]).status_code == 403


def test_a_signature_is_no_foreign_form(chen: Client) -> None:
    draft = begin(chen, a_study())
    save(chen, draft, 0, TEXTS)
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = chen.cookies
    assert sign(careful, draft).status_code == 403
    assert not Version.objects.exists()
    assert sign(chen, draft).status_code == 302
