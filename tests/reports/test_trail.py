"""The trail is read by administrators, taken along, and shown to be whole or not."""

from __future__ import annotations

import io
from base64 import b64decode
from xml.etree import ElementTree

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from kit import Cluster

from reports.people.models import Person, Role
from reports.trail.atna import message
from reports.trail.check import check
from reports.trail.models import Event

pytestmark = pytest.mark.django_db
APPEND = "select trail_append(%s, 'success', %s, '192.0.2.9', 'P1', '1.2.3', %s::jsonb)"


def add(
    action: str = "view", person: str = "lin", detail: str = '{"a": "林", "b": [1, null]}'
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(APPEND, [action, person, detail])


def client(role: Role) -> Client:
    made = Client()
    made.force_login(Person.objects.create_user(f"x{role}", role=role, name="X"))
    return made


def test_a_whole_trail() -> None:
    for number in range(5):
        add(person=f"p{number}")
    said = io.StringIO()
    call_command("trail_check", stdout=said)
    assert said.getvalue().startswith("5 entries, whole")
    assert check().last == Event.objects.latest("id").digest


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        ("update trail_event set person = 'x' where id = {1}", "entry {1} was altered"),
        ("update trail_event set at = at + interval '1 s' where id = {1}", "entry {1} was altered"),
        ("delete from trail_event where id = {1}", "entry {2} does not follow"),
        ("delete from trail_event where id = {0}", "entry {1} does not follow"),
        (
            "insert into trail_event select {2} + 1000, at, action, outcome, person, address,"
            " patient_id, study, detail, previous, 'x' from trail_event where id = {2}",
            "does not follow",
        ),
    ],
)
def test_what_its_owner_did_to_it_shows(
    cluster: Cluster, django_db_setup: None, monkeypatch: pytest.MonkeyPatch, harm: str, why: str
) -> None:
    """By the superuser, past the triggers; nothing of it stays."""
    with psycopg.connect(f"host={cluster.folder} dbname=reports user=postgres") as wire:
        wire.execute("set local session_replication_role = replica")
        for _ in range(4):
            wire.execute("select trail_append('view', 'success', 'lin', '', '', '', '{}'::jsonb)")
        ids = [str(row[0]) for row in wire.execute("select id from trail_event order by id")]
        monkeypatch.setattr("reports.trail.check.connection", wire)
        assert check().broken == ""
        wire.execute(harm.format(*ids))
        assert why.format(*ids) in check().broken
        wire.rollback()


@pytest.mark.parametrize(
    "stands_in",
    [
        "create temp table trail_event as select * from public.trail_event limit 1",
        "create schema mine; set local search_path = mine, pg_catalog, public;"
        " create function mine.sha256(bytea) returns bytea language sql as $$ select $1 $$",
        "create schema mine; set local search_path = mine, pg_catalog, public;"
        " create table mine.trail_event as select * from public.trail_event limit 1",
    ],
)
def test_nothing_of_another_schema_is_checked_in_its_place(
    cluster: Cluster, django_db_setup: None, monkeypatch: pytest.MonkeyPatch, stands_in: str
) -> None:
    with psycopg.connect(f"host={cluster.folder} dbname=reports user=postgres") as wire:
        for _ in range(3):
            wire.execute("select trail_append('view', 'success', 'lin', '', '', '', '{}'::jsonb)")
        monkeypatch.setattr("reports.trail.check.connection", wire)
        before = check()
        assert before.entries >= 3
        wire.execute(stands_in)
        assert check() == before
        wire.rollback()


@pytest.mark.parametrize(
    "stands_in",
    [
        "create domain pg_temp.timestamptz as pg_catalog.timestamptz(0)",  # times without parts
        "create temp table trail_event as select * from public.trail_event limit 0",
        "create function pg_temp.sha256(bytea) returns bytea language sql as $$ select $1 $$",
        "create function pg_temp.clock_timestamp() returns pg_catalog.timestamptz language sql"
        " as $$ select pg_catalog.now() - interval '1 year' $$",
    ],
)
def test_nothing_of_the_webs_own_goes_into_an_entry(
    cluster: Cluster, django_db_setup: None, stands_in: str
) -> None:
    with psycopg.connect(f"host={cluster.folder} dbname=reports user=reports") as wire:
        wire.execute(stands_in)
        before = wire.execute("select clock_timestamp()").fetchone()
        wire.execute("select trail_append('view', 'success', 'lin', '', '', '', '{}'::jsonb)")
        newest = "select at, digest from public.trail_event order by id desc limit 1"
        at, digest = wire.execute(newest).fetchone() or (None, "")
        assert before
        assert at > before[0]
        assert len(digest) == 64
        wire.rollback()


def test_the_command_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    from reports.trail.check import Found

    where = "reports.trail.management.commands.trail_check.check"
    monkeypatch.setattr(where, lambda _noted: Found(3, "", "entry 4 was altered"))
    with pytest.raises(CommandError, match="entry 4 was altered"):
        call_command("trail_check")


def test_an_end_that_was_cut_off_shows_to_who_noted_it(
    cluster: Cluster, django_db_setup: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = "select trail_append('view', 'success', 'lin', '', '', '', '{}'::jsonb)"
    with psycopg.connect(f"host={cluster.folder} dbname=reports user=postgres") as wire:
        wire.execute("set local session_replication_role = replica")
        wire.execute(append)
        wire.execute(append)
        monkeypatch.setattr("reports.trail.check.connection", wire)
        noted = check().last
        wire.execute(append)
        assert check(noted).broken == ""
        wire.execute(
            "delete from trail_event where id >= (select id from trail_event where digest = %s)",
            [noted],
        )
        wire.execute(append)
        assert check().broken == ""  # it fits: the chain alone does not show it
        assert noted in check(noted).broken
        wire.rollback()


def test_administrators_read_it_and_that_is_recorded() -> None:
    add(person="<script>lin")
    assert client(Role.REPORTER).get("/trail/").status_code == 403
    page = client(Role.ADMINISTRATOR).get("/trail/?person=%3Cscript%3Elin").content.decode()
    assert "&lt;script&gt;lin" in page
    assert "<script>lin" not in page
    last = Event.objects.latest("id")
    assert (last.action, last.detail) == ("trail-read", {"asked": {"person": "<script>lin"}})


def test_exports() -> None:
    add(person="=cmd()")
    add("break-glass", detail='{"reason": "x"}')
    add("something-new")
    chief = client(Role.ADMINISTRATOR)
    table = b"".join(chief.post("/trail/export", {"form": "csv"}))
    assert b"'=cmd()" in table
    assert table.count(b"\n") >= 4
    parsed = ElementTree.fromstring(b"".join(chief.post("/trail/export", {"form": "xml"})))  # noqa: S314
    messages = parsed.findall("AuditMessage")
    codes = [each.find("EventIdentification/EventID") for each in messages]
    told = [each.get("csd-code") for each in codes if each is not None]
    assert told[:3] == ["110103", "110113", "110113"]
    types = [
        each.get("csd-code") for each in messages[1].findall("EventIdentification/EventTypeCode")
    ]
    assert types == ["110127", "break-glass"]  # emergency override (PS3.15, A.5.3.11)
    objects = messages[0].findall("ParticipantObjectIdentification")
    assert [each.get("ParticipantObjectID") for each in objects][:2] == ["P1", "1.2.3"]
    assert Event.objects.filter(action="trail-export").count() == 2
    assert client(Role.READER).post("/trail/export", {"form": "csv"}).status_code == 403


def test_nobody_breaks_the_export_by_the_name_he_gives() -> None:
    name = "\x01\x1b]<&\ufffe\u6797"
    Client().post("/login", {"name": name, "password": "x"})
    body = b"".join(client(Role.ADMINISTRATOR).post("/trail/export", {"form": "xml"}))
    user = ElementTree.fromstring(body).find("AuditMessage/ActiveParticipant")  # noqa: S314
    assert user is not None
    assert user.get("UserID") == "\ufffd\ufffd]<&\ufffd\u6797"
    assert Event.objects.get(action="login-failed").person == name  # the trail itself has it all


def test_a_message_has_the_form_of_the_standard() -> None:
    """PS3.15, A.5.1: the order of parts, a name of each object, values in base 64."""
    add(detail='{"asked": {"a": "\u6797"}, "reason": "why"}')
    said = ElementTree.fromstring(message(Event.objects.get(), "site"))  # noqa: S314
    about = "ParticipantObjectIdentification"
    head = ["EventIdentification", "ActiveParticipant", "AuditSourceIdentification"]
    assert [each.tag for each in said] == [*head, about, about, about]
    for each in said.findall(about):
        assert [part.tag for part in each][:2] == [
            "ParticipantObjectIDTypeCode",
            "ParticipantObjectName",
        ]
    values = {
        each.get("type"): b64decode(each.get("value", ""), validate=True).decode()
        for each in said.iter("ParticipantObjectDetail")
    }
    assert values == {"asked": '{"a": "\u6797"}', "reason": "why"}
