"""Every address of the site, for everybody; and what an attacker tries first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings as live
from django.contrib.auth.hashers import identify_hasher, make_password
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from reports import settings as own
from reports.people.models import Person, Role
from reports.studies.models import Study
from reports.trail.models import Event

pytestmark = pytest.mark.django_db
GOOD = "a sentence of many words"
OPEN = {"login", "register", "set_language"}
ADMINISTRATORS = {"people", "decide", "trail", "trail-export", "restricted", "unrestrict"}
REPORTERS = {
    "report-new",
    "report-proceed",
    "report-take",
    "report-drop",
    "report-sign",
    "draft",
    "draft-save",
    "fax",
    "send-again",
    "export",
}
EVERYBODY = {
    "front",
    "studies",
    "study",
    "study-rows",
    "study-state",
    "break-glass",
    "viewer",
    "study-images",
    "image-meta",
    "pixels",
    "report",
    "differences",
    "version",
    "pdf",
    "printed",
    "picture",
    "logout",
    "account",
    "sheet",
}
"""Who is logged in; a study that is restricted asks for more (test_studies.py)."""
VALUES = {"uid": "1.2.3", "pk": "1", "number": "1", "old": "1", "new": "2", "device": "varicam"}


def patterns(resolver: Any = None, before: str = "") -> dict[str, str]:
    """The name of each address, and an address of it."""
    found: dict[str, str] = {}
    for each in (resolver or get_resolver()).url_patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            found |= patterns(each, route)
        elif isinstance(each, URLPattern):
            for name, value in VALUES.items():
                for kind in ("str", "int"):
                    route = route.replace(f"<{kind}:{name}>", value)
            found[str(each.name)] = f"/{route}"
    return found


def somebody(role: Role) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(Person.objects.create_user(f"x{role}", role=role, name="X"))
    return client


def test_every_address_says_whom_it_is_for() -> None:
    """One that is new fails here until somebody has decided."""
    assert set(patterns()) == OPEN | ADMINISTRATORS | REPORTERS | EVERYBODY
    assert not any("<" in address for address in patterns().values())


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_gets_past_the_login(method: str) -> None:
    Study.objects.create(uid="1.2.3", archive_id="a", patient_name="Lin^Mei")
    for name, address in patterns().items():
        answer = getattr(Client(), method)(address)
        if name in OPEN:
            assert answer.status_code in (200, 302, 403, 405), name
        else:
            assert answer.status_code == 302, name
            assert answer["Location"].startswith("/login?next="), name
        assert b"Lin" not in answer.content


@pytest.mark.parametrize("role", list(Role))
def test_each_role_has_its_own(role: Role) -> None:
    may = {
        Role.READER: set(),
        Role.REPORTER: REPORTERS,
        Role.ADMINISTRATOR: REPORTERS | ADMINISTRATORS,
    }
    shut = (ADMINISTRATORS | REPORTERS) - may[role]
    client = somebody(role)
    for name, address in patterns().items():
        if name in OPEN | {"logout"}:
            continue
        said = {client.get(address).status_code, client.post(address).status_code}
        if name in shut:
            assert said <= {403, 405}, name
            assert 403 in said, name
        else:
            assert said & {200, 302, 400, 404, 409, 410, 422, 503}, (name, said)
        assert 500 not in said, name


def test_a_foreign_form_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(Person.objects.create_user("x", role=Role.ADMINISTRATOR, name="X"))
    for name, address in patterns().items():
        assert client.post(address).status_code in (403, 405), name
    # Control: with the page's own token it is taken.
    token = client.get("/account").cookies["csrftoken"].value
    assert client.post("/logout", {"csrfmiddlewaretoken": token}).status_code == 302


def test_a_form_that_was_too_old_says_so() -> None:
    page = Client(enforce_csrf_checks=True).post("/login", {"name": "chen"})
    assert page.status_code == 403
    assert "too old" in page.content.decode()
    assert 'href="/"' in page.content.decode()


def test_the_flags_of_each_cookie(settings: Any) -> None:
    for secure in (True, False):
        settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = secure
        settings.LANGUAGE_COOKIE_SECURE = secure
        client = Client()
        client.get("/login")
        client.post("/language", {"language": "en"})
        client.force_login(Person.objects.create_user(f"x{secure}", name="X"))
        client.get("/")
        assert set(client.cookies) == {"csrftoken", "django_language", "sessionid"}
        for name, cookie in client.cookies.items():
            assert bool(cookie["secure"]) is secure, name
            assert cookie["samesite"] == own.SESSION_COOKIE_SAMESITE == "Strict", name
            assert bool(cookie["httponly"]) is (name != "csrftoken"), name


def test_no_password_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    """Neither by the log, of a view that fails in the middle as well, nor by the trail."""
    Person.objects.create_user("chen", password=GOOD, name="Chen")
    client = Client(raise_request_exception=False)
    for password in (GOOD, "not this one"):
        client.post("/login", {"name": "chen", "password": password, "next": "/\r\nX: y"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reports.people.login.check_password", None)
        assert client.post("/login", {"name": "chen", "password": GOOD}).status_code == 500
    told = caplog.text + str([*Event.objects.values_list("person", "detail")])
    assert "/login" in caplog.text  # control: something was logged
    assert "chen" in told
    for password in (GOOD, "not this one"):
        assert password not in told


def test_a_planted_session_is_worth_nothing() -> None:
    Person.objects.create_user("chen", password=GOOD, name="Chen")
    client = Client()
    client.get("/login")
    planted = "a" * 32
    client.cookies[live.SESSION_COOKIE_NAME] = planted
    client.post("/login", {"name": "chen", "password": GOOD})
    assert client.cookies[live.SESSION_COOKIE_NAME].value != planted
    assert client.get("/").status_code == 200
    thief = Client()
    thief.cookies[live.SESSION_COOKIE_NAME] = planted
    assert thief.get("/").status_code == 302


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil"]
)
def test_a_login_leads_nowhere_else(to: str) -> None:
    Person.objects.create_user("chen", password=GOOD, name="Chen")
    told = {"name": "chen", "password": GOOD, "next": to}
    assert Client().post("/login", told)["Location"] == "/"
    control = Client().post("/login", {**told, "next": "/studies/"})
    assert control["Location"] == "/studies/"


def test_another_host_is_not_answered() -> None:
    assert Client().get("/login", headers={"host": "evil.example"}).status_code == 400
    assert Client().get("/login").status_code == 200


def test_headers_of_every_answer() -> None:
    for address in ("/login", "/nothing-here", "/"):
        answer = Client(raise_request_exception=False).get(address)
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Cache-Control"] == "no-store"


def test_paths_lead_nowhere() -> None:
    client = somebody(Role.READER)
    for path in (
        "/studies/..%2f..%2fetc%2fpasswd/",
        "/images/..%2f..%2fetc/pixels",
        "/static/../settings.py",
    ):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("nul", ["\0", ""])
def test_a_nul_gets_nowhere(nul: str) -> None:
    """Each was an error of the database before; without the NUL none is refused for it."""
    Study.objects.create(uid="1.2", archive_id="a", patient_id="P", patient_name="Lin^Mei")
    client = somebody(Role.ADMINISTRATOR)
    told = {"reason": f"a reason{nul} that is long enough"}
    answers = [
        client.get(f"/studies/{quote(nul)}1.2/state"),
        client.get(f"/trail/?person=x{quote(nul)}"),
        client.get(f"/trail/?x{quote(nul)}=y"),
        client.post("/studies/1.2/break-glass", told),
        client.post("/login", {"name": f"x{nul}", "password": "x"}),
    ]
    said = [each.status_code for each in answers]
    assert said == ([400] * 5 if nul else [200, 200, 200, 302, 403])


def test_passwords_are_kept_by_argon2(settings: Any) -> None:
    settings.PASSWORD_HASHERS = own.PASSWORD_HASHERS
    assert identify_hasher(make_password(GOOD)).algorithm == "argon2"


def test_a_session_is_renewed_by_a_person_and_not_by_a_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = somebody(Role.READER)
    client.get("/studies/")
    later = time.time() + 61
    monkeypatch.setattr("reports.people.gate.time.time", lambda: later)
    assert live.SESSION_COOKIE_NAME not in client.get("/studies/rows").cookies
    assert live.SESSION_COOKIE_NAME in client.get("/studies/").cookies


def test_django_finds_nothing_to_say(tmp_path: Path) -> None:
    """`check --deploy`, as on a box; without TLS it does find something."""
    found = {}
    for secure in (True, False):
        told = json.loads(Path(os.environ["GATEWAY_REPORTS"]).read_text())
        config = tmp_path / f"{secure}.json"
        secret = tmp_path / "secret"
        secret.write_text("".join(map(chr, range(40, 110))))
        config.write_text(json.dumps({**told, "secure": secure, "secret_key_file": str(secret)}))
        words = [sys.executable, "-m", "reports", "check", "--deploy", "--fail-level", "WARNING"]
        done = subprocess.run(
            words,
            env={**os.environ, "GATEWAY_REPORTS": str(config)},
            cwd=Path(own.HERE).parent,
            capture_output=True,
            text=True,
            check=False,
        )
        found[secure] = (done.returncode, done.stderr)
    assert found[True][0] == 0, found[True][1]
    assert found[False][0] == 1
