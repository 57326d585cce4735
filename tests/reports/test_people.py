"""Who gets in: registration, admission, passwords, codes, failures."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from reports.people import totp
from reports.people.login import FREE, LONGEST, OF_AN_ADDRESS, ONE_LESS, wait_after
from reports.people.models import Attempts, Person, Role
from reports.trail.models import Event

pytestmark = pytest.mark.django_db
GOOD = "a sentence of many words"
SIGNED = {"username": "wu", "name": "Wu Hsin", "name_han": "吳欣", "licence": "M-1"}
REGISTERS = {**SIGNED, "department": "Oncology", "password": GOOD, "again": GOOD}


def person(name: str = "chen", role: Role = Role.READER, **more: Any) -> Person:
    about = {"name": "Chen", "admitted_at": timezone.now(), **more}
    return Person.objects.create_user(name, password=GOOD, role=role, **about)


def log_in(client: Client, name: str = "chen", password: str = GOOD, **more: str) -> int:
    return client.post("/login", {"name": name, "password": password, **more}).status_code


@pytest.fixture
def chief() -> Client:
    person("chief", Role.ADMINISTRATOR)
    client = Client()
    assert log_in(client, "chief") == 302
    return client


def test_a_doctor_registers_is_admitted_and_logs_in(chief: Client) -> None:
    doctor = Client()
    assert "waits for an administrator" in doctor.post("/register", REGISTERS).content.decode()
    assert log_in(doctor, "wu") == 403
    waits = Person.objects.get(username="wu")
    assert "吳欣" in chief.get("/people/").content.decode()
    chief.post(f"/people/{waits.pk}", {"what": "admit", "role": "reporter"})
    assert log_in(doctor, "wu") == 302
    assert doctor.get("/").status_code == 200
    waits.refresh_from_db()
    assert (waits.role, waits.admitted_by) == ("reporter", Person.objects.get(username="chief"))
    done = Event.objects.order_by("id").values_list("action", flat=True)
    assert [*done][1:] == ["register", "login-failed", "admit", "login"]
    assert GOOD not in str([*Event.objects.values_list("detail", "person")])


@pytest.mark.parametrize(
    "wrong",
    [
        {"again": "another sentence"},
        {"password": "short", "again": "short"},
        {"password": "password1234", "again": "password1234"},
        {"username": "WU <b>"},
        {"username": "chief"},
        {"name": ""},
        {"name": "Wu\r\nSet-Cookie: x"},
    ],
)
def test_what_is_no_registration(chief: Client, wrong: dict[str, str]) -> None:
    before = Person.objects.count()
    page = Client().post("/register", {**REGISTERS, **wrong})
    assert "errorlist" in page.content.decode()
    assert Person.objects.count() == before


def test_who_is_not_admitted_cannot_make_himself_more() -> None:
    Client().post("/register", {**REGISTERS, "role": "administrator", "is_active": "on"})
    made = Person.objects.get(username="wu")
    assert (made.role, made.is_active, made.is_superuser) == ("reader", False, False)


def test_an_address_registers_no_hundreds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.people.login.REGISTRATIONS", 3)

    def register(number: int, address: str = "192.0.2.7") -> Any:
        told = {**REGISTERS, "username": f"wu{number}"}
        return Client(headers={"X-Real-IP": address}).post("/register", told)

    assert [register(number).status_code for number in range(3)] == [200, 200, 200]
    refused = register(3)
    assert refused.status_code == 429
    assert "Try again in an hour" in refused.content.decode()
    assert Person.objects.count() == 3
    noted = Event.objects.latest("id")
    assert (noted.action, noted.outcome, noted.person) == ("register", "failure", "wu3")
    assert register(4, "192.0.2.8").status_code == 200  # control: from elsewhere
    assert log_in(Client(headers={"X-Real-IP": "192.0.2.7"}), "nobody") == 403
    assert Attempts.objects.get(address="192.0.2.7").failures == 1  # logging in counts by itself
    begun = timezone.now()
    for quarter in range(48):  # who tries on for half a day
        later = begun + timedelta(minutes=15 * quarter)
        monkeypatch.setattr("reports.people.login.timezone.now", lambda at=later: at)
        register(100 + quarter)
    assert 4 < Person.objects.count() < 24


def test_one_answer_for_whatever_is_wrong() -> None:
    person()
    person("shut", is_active=False)
    said = set()
    for name, password in (("chen", "wrong"), ("nobody", GOOD), ("shut", GOOD), ("shut", "wrong")):
        page = Client().post("/login", {"name": name, "password": password})
        said.add((page.status_code, page.content.decode().replace(name, "NAME").split("<main")[1]))
    pages = {(code, text[: text.index("csrf")] + text[text.index("next") :]) for code, text in said}
    assert len(pages) == 1


class TestGuessing:
    """Failures make one wait, by name and by address."""

    @pytest.fixture(autouse=True)
    def _chen(self) -> None:
        person()

    def test_a_name_is_locked_and_opens_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(FREE):
            assert log_in(Client(), password="wrong") == 403  # noqa: S106
        assert log_in(Client()) == 403  # right, and locked
        assert Event.objects.latest("id").detail == {"reason": "locked"}
        assert [each.person for each in Event.objects.filter(action="locked")] == ["chen"]
        later = timezone.now() + wait_after(FREE) * 1.1
        monkeypatch.setattr("reports.people.login.timezone.now", lambda: later)
        assert log_in(Client()) == 302
        assert Person.objects.get().failures == 0

    def test_an_address_that_tries_many_names(self) -> None:
        for number in range(OF_AN_ADDRESS):
            log_in(Client(), f"name{number}")
        assert log_in(Client()) == 403
        # Control: from elsewhere he gets in.
        assert log_in(Client(headers={"x-real-ip": "192.0.2.77"})) == 302

    def test_it_waits_longer_each_time_but_never_for_ever(self) -> None:
        waits = [wait_after(failures) for failures in range(200)]
        assert waits == sorted(waits)
        assert not any(waits[:FREE])
        assert waits[-1] == LONGEST

    def test_fewer_failures_do_not_lock(self) -> None:
        for _ in range(FREE - 1):
            log_in(Client(), password="wrong")  # noqa: S106
        assert log_in(Client()) == 302
        assert not Event.objects.filter(action="locked")
        assert Person.objects.get().failures == 0

    def test_logins_of_ones_own_between_guesses_are_no_help(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(OF_AN_ADDRESS):
            if number % 10 == 0:
                assert log_in(Client()) == 302
            log_in(Client(), f"name{number}")
        assert log_in(Client()) == 403
        # Time is: an address that many doctors share is not shut by what they mistype in a day.
        later = timezone.now() + ONE_LESS * (OF_AN_ADDRESS + 1)
        monkeypatch.setattr("reports.people.login.timezone.now", lambda: later)
        assert log_in(Client(), "another name") == 403
        assert Attempts.objects.get().failures == 1


class TestCodes:
    """The second factor."""

    def test_the_codes_of_rfc_6238(self) -> None:
        # Appendix B, SHA-1, the last six digits of each.
        of = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        for at, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
            assert totp.code(of, at // totp.STEP) == code

    @pytest.fixture
    def enrolled(self) -> tuple[Client, str]:
        person()
        client = Client()
        log_in(client)
        client.get("/account")
        secret = client.session["totp-secret"]
        now = int(timezone.now().timestamp()) // totp.STEP
        assert (
            "does not fit"
            in client.post("/account", {"what": "code", "code": "1"}).content.decode()
        )
        told = {"what": "code", "code": totp.code(secret, now - 1), "password": GOOD}
        client.post("/account", told)
        assert Person.objects.get().totp_secret == secret
        return client, secret

    @pytest.mark.parametrize(
        "password", [{}, {"password": ""}, {"password": "a guess of some length"}]
    )
    def test_who_finds_a_session_open_sets_none_up(self, password: dict[str, str]) -> None:
        person()
        client = Client()
        log_in(client)
        client.get("/account")
        code = totp.code(client.session["totp-secret"], int(timezone.now().timestamp()) // 30)
        page = client.post("/account", {"what": "code", "code": code, **password})
        assert "not your password" in page.content.decode()
        chen = Person.objects.get()
        assert (chen.totp_secret, chen.failures) == ("", 1)  # counted: it is no place to guess
        assert not Event.objects.filter(action="second-factor").exists()
        client.post("/account", {"what": "code", "code": code, "password": GOOD})
        assert Person.objects.get().totp_secret

    def test_it_is_asked_for_and_each_is_taken_once(self, enrolled: tuple[Client, str]) -> None:
        code = totp.code(enrolled[1], int(timezone.now().timestamp()) // totp.STEP)
        assert log_in(Client()) == 403
        assert log_in(Client(), code="000000") == 403
        assert log_in(Client(), code=code) == 302
        assert log_in(Client(), code=code) == 403

    def test_an_administrator_takes_it_away(
        self, enrolled: tuple[Client, str], chief: Client
    ) -> None:
        assert enrolled
        pk = Person.objects.get(username="chen").pk
        chief.post(f"/people/{pk}", {"what": "no-code"})
        assert log_in(Client()) == 302


def test_another_password_ends_other_sessions() -> None:
    person()
    here, there = Client(), Client()
    log_in(here)
    log_in(there)
    new = "another sentence of words"
    told = {"what": "password", "old": "wrong", "password": new, "again": new}
    assert "not your password" in here.post("/account", told).content.decode()
    assert there.get("/").status_code == 200
    here.post("/account", {**told, "old": GOOD})
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302
    assert log_in(Client(), password=new) == 302


def test_who_forgot_his_password_is_handed_one_and_chooses_another(chief: Client) -> None:
    made = person()
    page = chief.post(f"/people/{made.pk}", {"what": "new-password"}).content.decode()
    handed = page.split('<p class="hash">')[1].split("<")[0]
    assert log_in(Client()) == 403
    client = Client()
    assert log_in(client, password=handed) == 302
    for path in ("/", "/studies/", "/people/"):
        assert client.get(path)["Location"] == "/account", path
    new = "another sentence of words"
    told = {"what": "password", "old": handed, "password": new, "again": new}
    assert client.post("/account", told).status_code == 302
    assert client.get("/").status_code == 200
    assert log_in(Client(), password=handed) == 403
    assert handed not in str([*Event.objects.values_list("detail", flat=True)])


def test_no_password_is_handed_to_who_has_none_here(chief: Client) -> None:
    made = person()
    made.set_unusable_password()
    made.save()
    chief.post(f"/people/{made.pk}", {"what": "new-password"})
    made.refresh_from_db()
    assert not made.handed
    assert not made.has_usable_password()


def test_who_is_shut_out_is_out_at_once(chief: Client) -> None:
    made, client = person(), Client()
    log_in(client)
    assert client.get("/").status_code == 200
    chief.post(f"/people/{made.pk}", {"what": "shut"})
    assert client.get("/").status_code == 302
    assert log_in(Client()) == 403
    chief.post(f"/people/{made.pk}", {"what": "role", "role": "reader"})
    assert Event.objects.latest("id").action == "let-in"
    assert log_in(Client()) == 302


def test_another_role_ends_sessions(chief: Client) -> None:
    made, client = person(role=Role.REPORTER), Client()
    log_in(client)
    chief.post(f"/people/{made.pk}", {"what": "role", "role": "reporter"})  # control: the same
    assert client.get("/").status_code == 200
    chief.post(f"/people/{made.pk}", {"what": "role", "role": "reader"})
    assert client.get("/").status_code == 302


def test_a_field_says_what_helps_and_what_is_wrong_with_it() -> None:
    def field(told: dict[str, str]) -> str:
        page = Client().post("/register", told).content.decode()
        found = re.search('<input[^>]*name="name"[^>]*>', page)
        assert found
        for named in re.findall('aria-describedby="([^"]*)"', page):
            assert all(f'id="{each}"' in page for each in named.split())
        return found[0]

    assert 'aria-describedby="id_name-help id_name-error"' in field({**REGISTERS, "name": ""})
    assert 'aria-invalid="true"' in field({**REGISTERS, "name": ""})
    right = field({**REGISTERS, "username": "WU"})
    assert 'aria-describedby="id_name-help"' in right
    assert "aria-invalid" not in right


def test_an_administrator_does_not_judge_himself(chief: Client) -> None:
    me = Person.objects.get(username="chief")
    chief.post(f"/people/{me.pk}", {"what": "role", "role": "reader"})
    me.refresh_from_db()
    assert me.role == "administrator"


class TestAdmin:
    """The command that makes the first one."""

    def make(self, name: str, password: str, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
        said = io.StringIO()
        call_command("admin", name, stdout=said)
        return said.getvalue()

    def test_it_makes_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "may log in now" in self.make("chief", GOOD, monkeypatch)
        assert Person.objects.get().role == Role.ADMINISTRATOR
        assert log_in(Client(), "chief") == 302
        noted = Event.objects.earliest("id")
        assert (noted.action, noted.person, noted.address) == ("admin", "chief", "console")

    @pytest.mark.parametrize(
        ("name", "password"), [("chief", "short"), ("Chief X", GOOD), ("chief", "")]
    )
    def test_it_refuses(self, name: str, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(CommandError):
            self.make(name, password, monkeypatch)
        assert not Person.objects.exists()

    def test_it_promotes_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        person()
        with pytest.raises(CommandError, match="is a reader"):
            self.make("chen", GOOD, monkeypatch)
