"""The box's own mail: who it is for, and what is not there when it is for nobody."""

from __future__ import annotations

from pathlib import Path

from gateway.features import mail
from gateway.load import load
from gateway.site import Site

CLEAN = Path(__file__).parent.parent / "errors" / "clean.yml"
TO = "admin@hospital.example"


def site_of(**changed: object) -> Site:
    loaded = load(CLEAN).site.model_dump(mode="json", by_alias=True)
    return Site.model_validate({**loaded, **changed})


def with_mail(**hospital: str) -> Site:
    return site_of(hospital=hospital, administration={"from": ["office"], "mail": TO})


def test_nobody_to_write_to_no_postfix() -> None:
    site = site_of(hospital={"mail_relay": "192.0.2.25"}, administration={"from": ["office"]})
    assert (mail.packages(site), mail.units(site)) == ((), ())
    assert not list(mail.flows(site))
    assert not list(mail.files(site, ()))


def test_one_flow_to_the_relay_with_its_reason() -> None:
    (flow,) = mail.flows(with_mail(mail_relay="192.0.2.25"))
    assert flow.source.is_box
    assert str(flow.destination.addresses[0]) == "192.0.2.25/32"
    assert str(flow.reason) == "administration.mail"


def test_no_listener_and_no_local_delivery() -> None:
    files = {each.path: each for each in mail.files(with_mail(mail_relay="192.0.2.25"), ())}
    main = files["/etc/postfix/main.cf"].content.decode()
    assert "\nmaster_service_disable = inet\n" in main
    assert "\nrelayhost = [192.0.2.25]:25\n" in main
    assert f"@localhost={TO}" in main
    services = files["/etc/postfix/master.cf"].content.decode()
    assert "smtpd\n" not in services
    assert " local\n" not in services


def test_mail_without_a_relay_is_a_fault() -> None:
    (fault,) = mail.problems(with_mail())
    assert fault.path == ("administration", "mail")
    assert not list(mail.problems(with_mail(mail_relay="192.0.2.25")))
