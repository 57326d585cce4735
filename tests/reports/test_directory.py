"""The hospital's directory: a real slapd, over TLS."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from viewer_site import free_port

from reports.people import directory
from reports.people.login import FREE, OF_AN_ADDRESS
from reports.people.models import Attempts, Person
from reports.trail.models import Event

pytestmark = pytest.mark.django_db
CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
pidfile {folder}/pid
database mdb
suffix "dc=hospital,dc=example"
directory {folder}/db
"""
PEOPLE = """dn: dc=hospital,dc=example
objectClass: dcObject
objectClass: organization
o: Hospital
dc: hospital

dn: uid=wu,dc=hospital,dc=example
objectClass: inetOrgPerson
uid: wu
cn: Wu
sn: Wu
userPassword: the hospital's own
"""


def certificate(folder: Path) -> None:
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    words += ["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=directory"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("slapd")
    (folder / "db").mkdir()
    certificate(folder)
    conf, people = folder / "slapd.conf", folder / "people.ldif"
    conf.write_text(CONF.format(folder=folder))
    people.write_text(PEOPLE)
    add = ["slapadd", "-f", conf, "-l", people]
    done = subprocess.run(add, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    url = f"ldaps://127.0.0.1:{free_port()}"
    running = subprocess.Popen(["slapd", "-f", conf, "-h", url, "-d", "0"])
    time.sleep(1)
    yield url, folder
    running.terminate()
    running.wait(10)


@pytest.fixture
def hospital(slapd: tuple[str, Path], settings: Any) -> dict[str, str]:
    url, folder = slapd
    about = {"server": url, "user_dn": "uid=%(user)s,dc=hospital,dc=example"}
    told = {**about, "certificate": str(folder / "cert.pem")}
    settings.CONFIG = replace(settings.CONFIG, ldap=told)
    return told


RIGHT = "the hospital's own"
ASKS = {"username": "wu", "name": "Wu Hsin", "licence": "M-1", "department": "Oncology"}


@pytest.mark.parametrize(
    ("name", "password", "known"),
    [
        ("wu", RIGHT, True),
        ("wu", "wrong", False),
        ("wu", "", False),  # a bind of nobody, which the directory itself would take
        ("", RIGHT, False),
        ("chen", RIGHT, False),
        ("wu,dc=hospital", RIGHT, False),
        ("*", RIGHT, False),
    ],
)
def test_it_proves_a_password(
    hospital: dict[str, str], name: str, password: str, known: bool
) -> None:
    assert directory.proves(name, password) is known


def test_a_directory_of_somebody_else_is_not_believed(
    hospital: dict[str, str], settings: Any, tmp_path: Path
) -> None:
    certificate(tmp_path)
    other = {**hospital, "certificate": str(tmp_path / "cert.pem")}
    settings.CONFIG = replace(settings.CONFIG, ldap=other)
    assert not directory.proves("wu", RIGHT)


def test_one_that_is_away_lets_nobody_in(hospital: dict[str, str], settings: Any) -> None:
    away = {**hospital, "server": f"ldaps://127.0.0.1:{free_port()}"}
    settings.CONFIG = replace(settings.CONFIG, ldap=away)
    assert not directory.proves("wu", RIGHT)


def test_a_doctor_of_the_hospital_registers_and_logs_in(hospital: dict[str, str]) -> None:
    def log_in(password: str) -> int:
        told = {"name": "wu", "password": password}
        return Client().post("/login", told).status_code

    wrong = Client().post("/register", {**ASKS, "password": "not mine"})
    assert "does not know you" in wrong.content.decode()
    assert not Person.objects.exists()
    Client().post("/register", {**ASKS, "password": RIGHT})
    made = Person.objects.get()
    assert not made.has_usable_password()
    assert log_in(RIGHT) == 403  # admission is here
    Person.objects.update(is_active=True)
    assert log_in(RIGHT) == 302
    assert log_in("wrong") == 403
    assert log_in("") == 403


def test_without_one_nobody_without_a_password_gets_in() -> None:
    made = Person.objects.create_user("wu", name="Wu")
    made.set_unusable_password()
    made.save()
    assert Client().post("/login", {"name": "wu", "password": RIGHT}).status_code == 403


class TestGuessing:
    """The site is no way to try passwords of the hospital; a stand-in counts what it is asked."""

    @pytest.fixture(autouse=True)
    def asked(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        heard: list[str] = []

        def proves(name: str, password: str) -> bool:
            heard.append(name)
            return password == RIGHT

        monkeypatch.setattr("reports.people.directory.proves", proves)
        settings.CONFIG = replace(settings.CONFIG, ldap={"server": "ldaps://directory"})
        return heard

    def test_by_registering_with_one_name(self, asked: list[str]) -> None:
        for number in range(20):
            # From many addresses: it is the name that is shut.
            away = Client(headers={"x-real-ip": f"192.0.2.{number}"})
            away.post("/register", {**ASKS, "password": f"guess {number}"})
        assert len(asked) == FREE
        Client().post("/register", {**ASKS, "password": RIGHT})
        assert not Person.objects.exists()
        Attempts.objects.update(locked_until=None)  # control: once the wait is over
        Client().post("/register", {**ASKS, "password": RIGHT})
        assert Person.objects.exists()

    def test_by_registering_with_many_names(self, asked: list[str]) -> None:
        for number in range(OF_AN_ADDRESS + 10):
            Client().post("/register", {**ASKS, "username": f"wu{number}", "password": "guess"})
        assert len(asked) == OF_AN_ADDRESS
        assert Event.objects.filter(action="login-failed").count() == OF_AN_ADDRESS + 10

    def test_by_registering_as_somebody_who_is_here(self, asked: list[str]) -> None:
        Person.objects.create_user("wu", name="Wu")
        page = Client().post("/register", {**ASKS, "password": RIGHT}).content.decode()
        assert "already exists" in page
        assert not asked

    def test_by_logging_in(self, asked: list[str]) -> None:
        made = Person(username="wu", name="Wu")
        made.set_unusable_password()
        made.save()
        for number in range(20):
            Client().post("/login", {"name": "wu", "password": f"guess {number}"})
        assert len(asked) == FREE

    def test_an_address_does_not_wait_for_the_directory(
        self, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
    ) -> None:
        """Else one slow answer holds up everybody behind the hospital's one address."""
        made = Person(username="wu", name="Wu")
        made.set_unusable_password()
        made.save()
        with django_assert_max_num_queries(100) as seen:
            marks: list[int] = []
            monkeypatch.setattr(
                "reports.people.directory.proves",
                lambda *_: bool(marks.append(len(seen.captured_queries))),
            )
            Client().post("/login", {"name": "wu", "password": "guess"})
        locks = ["attempts" in q["sql"] and "FOR UPDATE" in q["sql"] for q in seen.captured_queries]
        assert not any(locks[: marks[0]])
        assert any(locks[marks[0] :])
