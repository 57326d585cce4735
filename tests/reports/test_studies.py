"""The list, a study's page, and the glass before restricted patients."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from reports.people.models import Person, Role
from reports.studies.models import Follow, Restricted, Study
from reports.trail.models import Event

pytestmark = pytest.mark.django_db
TAIPEI = ZoneInfo("Asia/Taipei")
PEOPLE = (
    ("1.1", "A1", "Lin^Mei", "林^美", "icon", 1),
    ("1.2", "A1", "Lin^Mei", "林^美", "varicam", 2),
    ("1.3", "B2", "Wang^Da Ming", "王^大明", "icon", 3),
    ("1.4", "C3", "<b>Ökten</b>^Ann", "", "picker", 4),
)


@pytest.fixture(autouse=True)
def listed() -> None:
    for uid, patient, name, han, device, day in PEOPLE:
        about = {"patient_id": patient, "patient_name": name, "patient_name_han": han}
        when = datetime(2026, 11, day, 23, 30, tzinfo=TAIPEI)
        Study.objects.create(uid=uid, archive_id=uid, device=device, when=when, **about)


def somebody(role: Role, name: str = "chen") -> Client:
    made = Person.objects.create_user(name, role=role, name="Chen")
    client = Client()
    client.force_login(made)
    return client


@pytest.fixture
def reader() -> Client:
    return somebody(Role.READER)


def rows(client: Client, query: str) -> list[str]:
    """The studies that a list shows, in its order."""
    page = client.get(f"/studies/?{query}").content.decode()
    return [part.split("/")[0] for part in page.split('<td><a href="/studies/')[1:]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["1.4", "1.3", "1.2", "1.1"]),
        ("sort=date", ["1.1", "1.2", "1.3", "1.4"]),
        ("sort=patient", ["1.4", "1.1", "1.2", "1.3"]),
        ("patient=lin", ["1.2", "1.1"]),
        ("patient=mei,+LIN", ["1.2", "1.1"]),
        ("patient=大明", ["1.3"]),
        ("patient=ming+wang", ["1.3"]),
        ("patient=%25", []),
        ("patient=_in", []),
        ("patient=%27;drop+table", []),
        ("id=A", ["1.2", "1.1"]),
        ("device=icon", ["1.3", "1.1"]),
        ("since=2026-11-02&until=2026-11-03", ["1.3", "1.2"]),
        ("since=nonsense&page=x&sort=;&status=?", ["1.4", "1.3", "1.2", "1.1"]),
        ("status=final", []),
        ("page=99", ["1.4", "1.3", "1.2", "1.1"]),
    ],
)
def test_what_is_asked_for_is_listed(reader: Client, query: str, expected: list[str]) -> None:
    assert rows(reader, query) == expected


def test_names_are_text(reader: Client) -> None:
    page = reader.get("/studies/").content.decode()
    assert "&lt;b&gt;Ökten" in page
    assert "<b>Ökten" not in page


def test_pages(reader: Client) -> None:
    when = datetime(2025, 1, 1, tzinfo=TAIPEI)
    every = [Study(uid=f"9.{n}", archive_id=f"9.{n}", when=when) for n in range(120)]
    Study.objects.bulk_create(every)
    assert [len(rows(reader, f"page={n}")) for n in (1, 2, 3)] == [50, 50, 24]
    assert len({*rows(reader, "page=1"), *rows(reader, "page=2"), *rows(reader, "page=3")}) == 124


def test_the_list_asks_nobody_and_little(
    reader: Client, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(14):  # type: ignore[operator]
        reader.get("/studies/")


def test_an_archive_that_is_down_is_said(reader: Client) -> None:
    Follow.objects.create(pk=1, last=5)
    assert b"cannot be asked" not in reader.get("/studies/").content
    Follow.objects.update(error="no route")
    assert b"no route" in reader.get("/studies/").content
    assert b"no route" in reader.get("/studies/1.1/").content


def test_a_study_is_seen_and_that_is_recorded(reader: Client) -> None:
    page = reader.get("/studies/1.1/")
    assert "林^美" in page.content.decode()
    assert b"/studies/1.2/" in page.content  # the patient's other one
    assert b"/studies/1.3/" not in page.content
    assert reader.get("/studies/7.7/").status_code == 404
    event = Event.objects.get(action="view")
    assert (event.person, event.patient_id, event.study) == ("chen", "A1", "1.1")


def test_who_is_not_logged_in_sees_nothing() -> None:
    for path in ("/", "/studies/", "/studies/1.1/", "/studies/1.1/revision"):
        assert Client().get(path)["Location"].startswith("/login?next=")


class TestGlass:
    """A restricted patient."""

    @pytest.fixture(autouse=True)
    def _restricted(self) -> None:
        Restricted.objects.create(patient_id="A1", reason="A colleague")

    def test_opens_only_to_who_says_why(self, reader: Client) -> None:
        shut = reader.get("/studies/1.1/")
        assert shut.status_code == 403
        assert "Lin" not in shut.content.decode()
        short = reader.post("/studies/1.1/glass", {"reason": "because"})
        assert short.status_code == 400
        assert reader.get("/studies/1.1/").status_code == 403
        reader.post("/studies/1.1/glass", {"reason": "Emergency, Dr. Wu asks for the scan"})
        assert reader.get("/studies/1.1/").status_code == 200
        assert reader.get("/studies/1.2/").status_code == 200  # the same patient
        event = Event.objects.get(action="break-glass")
        assert event.detail == {"reason": "Emergency, Dr. Wu asks for the scan"}
        assert event.patient_id == "A1"
        # Another person, and the control: a patient who is not restricted.
        other = somebody(Role.REPORTER, "wu")
        assert other.get("/studies/1.1/").status_code == 403
        assert other.get("/studies/1.3/").status_code == 200

    def test_it_is_for_an_hour(self, reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        reader.post("/studies/1.1/glass", {"reason": "Emergency, Dr. Wu asks"})
        later = __import__("time").time() + 3601
        monkeypatch.setattr("reports.studies.access.time.time", lambda: later)
        assert reader.get("/studies/1.1/").status_code == 403

    def test_a_list_does_not_name_him(self, reader: Client) -> None:
        page = reader.get("/studies/").content.decode()
        assert "Lin" not in page
        assert page.count("Restricted patient") == 2
        assert rows(reader, "patient=lin") == []

    def test_a_script_is_told_so(self, reader: Client) -> None:
        said = reader.get("/studies/1.1/revision", headers={"sec-fetch-dest": "empty"})
        assert (said.status_code, said["Content-Type"]) == (403, "application/json")

    def test_administrators_restrict_and_lift(self, reader: Client) -> None:
        assert reader.post("/studies/1.3/restrict", {"reason": "x"}).status_code == 403
        chief = somebody(Role.ADMINISTRATOR, "chief")
        chief.post("/studies/1.3/restrict", {"reason": "A colleague's family"})
        assert reader.get("/studies/1.3/").status_code == 403
        assert chief.get("/studies/1.3/").status_code == 200
        chief.post("/studies/1.3/restrict", {"lift": "1"})
        assert reader.get("/studies/1.3/").status_code == 200
