"""The box's own mail, from the program that writes it to the hospital's relay."""

from __future__ import annotations

import time

import pytest

from gateway.features import mail
from gateway.verify.context import Context, outsider_address
from gateway.verify.mailbox import arrived
from gateway.verify.plugin import Note
from gateway.verify.reach import connect
from lab import Lab

SEND = "printf 'Subject: %s\n\nthe disk is getting full\n' \"$1\" | /usr/sbin/sendmail root"


def test_mail_of_the_box(lab: Lab, context: Context, note: Note) -> None:
    _needs_mail(context)
    site = context.site
    reader = site.administration.mail or next(mail.recipients(site))[1]
    note("box", "SMTP", f"what is written to root arrives at the relay for {reader}")
    subject = _send(lab)
    found = arrived(lab, subject)
    assert found is not None, _log(lab)
    assert found["X-Lab-Client"] == str(site.outside.address.ip)
    assert reader in found["X-Lab-To"]
    assert f"<root@{mail.host(site)}>" in found["X-Lab-From"]
    assert f"root@{mail.host(site)}" in found["From"]
    assert "the disk is getting full" in str(found.get_payload())


@pytest.mark.alone
def test_mail_waits_while_the_relay_is_out_of_reach(lab: Lab, context: Context, note: Note) -> None:
    """The negative control: its flow taken away it stays in the queue; given back it arrives."""
    _needs_mail(context)
    note("box", "SMTP", "control: stays in the queue without its flow, and arrives with it")
    drop = ["nft", "insert", "rule", "inet", "gateway", "output", "tcp", "dport", "25", "drop"]
    assert lab.exec("box", drop).returncode == 0
    try:
        subject = _send(lab)
        assert arrived(lab, subject, 2) is None
        assert "root@" in lab.exec("box", ["postqueue", "-p"]).stdout
    finally:
        assert lab.exec("box", ["nft", "-f", "/etc/nftables.conf"]).returncode == 0
    lab.exec("box", ["postqueue", "-f"])
    # TCP tries again after 1, 3, 7 and 15 s; Postfix after 20 (smtp_connect_timeout).
    assert arrived(lab, subject, 30) is not None, _log(lab)


def test_nobody_may_hand_the_box_mail(lab: Lab, context: Context, note: Note) -> None:
    note("every device", "SMTP", "the box takes no mail: port 25 is silent, and nobody listens")
    site = context.site
    for name, network in site.networks.items():
        who = next(iter(site.devices_on(name)), None) if network.inside else "outsider"
        if who:
            assert connect(lab, who, str(network.address.ip), 25) == "silent", who
    assert lab.exec("box", ["ss", "-Hltn", "sport = :25"]).stdout == ""
    assert outsider_address(lab)


def _needs_mail(context: Context) -> None:
    if not mail.sends(context.site):
        pytest.skip("the box has nobody to write to")


def _send(lab: Lab) -> str:
    subject = f"box-{time.monotonic_ns()}"
    done = lab.exec("box", ["sh", "-c", SEND, "sh", subject])
    assert done.returncode == 0, done.stderr
    return subject


def _log(lab: Lab) -> str:
    return lab.exec("box", ["journalctl", "-u", "postfix", "-n", "20", "-o", "cat"]).stdout
