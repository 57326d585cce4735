"""What the web's role cannot do, whatever a hole in the site lets somebody ask of the database."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from kit import Cluster

from reports.trail.models import Event

APPEND = (
    "select trail_append('view', 'success', 'lin', '192.0.2.9', 'P1', '1.2', '{\"a\": 1}'::jsonb)"
)


def ask(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.django_db
def test_the_trail_grows_by_its_function_alone() -> None:
    ask(APPEND)
    ask(APPEND)
    first, second = Event.objects.order_by("id")
    assert second.previous == first.digest
    assert first.digest != second.digest


@pytest.mark.django_db
@pytest.mark.parametrize(
    "sql",
    [
        "insert into trail_event select * from trail_event",
        "update trail_event set person = 'x'",
        "delete from trail_event",
        "truncate trail_event",
        "drop table trail_event",
        "alter table trail_event disable trigger all",
        "update writing_version set content = '{}'",
        "delete from writing_version",
        "drop function trail_append",
        "create table mine (a int)",
        'set role "reports-owner"',
    ],
)
def test_the_web_cannot(sql: str) -> None:
    ask(APPEND)
    with pytest.raises(DatabaseError), transaction.atomic():
        ask(sql)
    assert Event.objects.count() == 1


def test_nor_does_the_owner_by_mistake(cluster: Cluster, django_db_setup: None) -> None:
    cluster.sql("reports", APPEND, user="reports-owner")
    with pytest.raises(AssertionError, match="does not change"):
        cluster.sql("reports", "update trail_event set person = 'x'", user="reports-owner")
    where = f"host={cluster.folder} dbname=reports user=reports"
    with pytest.raises(psycopg.Error), psycopg.connect(where) as wire:
        wire.execute("delete from trail_event")


@pytest.mark.django_db
def test_each_change_of_the_tables_has_its_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db
def test_sessions_that_have_ended_are_removed() -> None:
    """By who follows the archive, also while that is away; one that goes on is the control."""
    now = timezone.now()
    for key, hours in (("ended", -1), ("going-on", 1)):
        about = {"session_data": "x", "expire_date": now + timedelta(hours=hours)}
        Session.objects.create(session_key=key, **about)
    call_command("follow", "--once")
    assert [each.session_key for each in Session.objects.all()] == ["going-on"]
