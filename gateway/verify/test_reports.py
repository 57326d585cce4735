"""The report site, by HTTPS from where it may be opened, and from where it may not."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.features import intake, reports, sheets
from gateway.features.database import KEYS, OWN, OWNER, SOCKET, WEB
from gateway.verify.context import Context, outsider_address
from gateway.verify.plugin import Note
from gateway.verify.reach import not_silent
from gateway.verify.web import REDIRECT, SOON, Browser, Visitor, administrator
from lab import Lab

READY_SECONDS = 30
UNITS = (*reports.RUNNING, reports.SERVER, "gateway-database.service")
EXPOSED = 1.5
"""The most that systemd-analyze(1) may say of a unit of the site; 10 is one without any bounds."""
ASK = "psql -X -At -h {socket} -U '{role}' -d reports -c \"{sql}\" 2>&1"
APPEND = "select trail_append('view', 'success', 'verify', '127.0.0.1', '', '', '{}'::jsonb)"
NEWEST = "select max(id) from trail_event"
UP_TO = "select count(*), sum(id) from trail_event where id <= {}"
REFUSED = (
    "insert into trail_event select * from trail_event",
    "update trail_event set person = 'x'",
    "delete from trail_event",
    "truncate trail_event",
    "drop table trail_event",
    "create table mine (a int)",
    "set role 'reports-owner'",
)


def readers(lab: Lab, context: Context) -> list[tuple[str, str]]:
    """A place in the lab for each that may open it, and the box's address there."""
    found = []
    for reader, box, _ in reports.readers(context.site):
        name = "outsider" if reader.name == "outside" else reader.name
        if name in context.site.networks:
            name = next(iter(context.site.members(name)), f"guest@{name}")
        if name in lab.plan.places:
            found.append((name, str(box.addresses[0].network_address)))
    return found


def browser(lab: Lab, who: str, address: str) -> Browser:
    """Somebody who trusts the hospital, or has compared the fingerprint and trusts the box."""
    site = lab.site.reports
    own = site is None or site.certificate is None
    file = f"{KEYS}/root.crt" if own else reports.CHAIN
    root = lab.exec("box", ["cat", file], check=True).stdout
    return Browser(lab, who, address, root)


def a_reader(lab: Lab, context: Context) -> Browser:
    """The first that may open it."""
    _needs_reports(context)
    who, address = readers(lab, context)[0]
    return browser(lab, who, address)


def test_the_login_page_from_each_reader(lab: Lab, context: Context, note: Note) -> None:
    _needs_reports(context)
    note(
        "readers",
        "HTTPS",
        "the login page, by a certificate of its authority; who does not trust it refuses",
    )
    for who, address in readers(lab, context):
        me = browser(lab, who, address)
        first = me.get("/")
        assert (first.error, first.status) == ("", 302), (who, first)
        assert first.headers["location"].startswith("/login"), who
        assert me.get("/login").status == 200, who
        assert "CERTIFICATE_VERIFY_FAILED" in Browser(lab, who, address, "").get().error, who


def test_every_answer_has_its_headers(lab: Lab, context: Context, note: Note) -> None:
    """A page of Django's, and a file that Apache hands out by itself."""
    me = a_reader(lab, context)
    note(me.who, "HTTPS", "headers: HSTS, a strict policy for content, no guessing of types")
    for path in ("/", "/static/site.css"):
        got = me.get(path).headers
        assert "max-age=31536000" in got["strict-transport-security"], path
        assert "default-src 'none'" in got["content-security-policy"], path
        assert "unsafe" not in got["content-security-policy"], path
        assert got["x-content-type-options"] == "nosniff", path
    assert me.get("/").headers["cache-control"] == "no-store"
    assert me.get("/static/site.css").headers["cache-control"] == "public, max-age=300"
    assert me.get("/").headers["server"] == "Apache"


def test_each_device_has_its_sheet(lab: Lab, context: Context, note: Note) -> None:
    """Without a login there is none, nor word of which there are; no password is on any."""
    me = a_reader(lab, context)
    note(me.who, "HTTPS", "the front page links each device's sheet, for who is logged in alone")
    chief, stranger = administrator(me, "verify-sheets"), Visitor(me)
    front = chief.look("/").body
    for device in context.site.devices:
        place = f"/sheets/{device}"
        assert f'href="{place}"' in front, device
        assert stranger.look(place).headers["location"] == f"/login?next={place}", device
        sheet = chief.look(place)
        assert sheet.status == 200, device
        assert f"<h1>{device} " in sheet.body, device
        for password in context.passwords.values():
            assert password not in sheet.body, device
    style = chief.look(f"/{sheets.STYLE}")
    assert (style.status, style.headers["content-type"]) == (200, "text/css")
    assert stranger.look("/sheets/no-device").status == REDIRECT
    for path in ("/sheets/no-device", "/sheets/..%2fsheets%2fno-device", "/sheets/%2fetc%2fpasswd"):
        assert chief.look(path).status in (403, 404), path


def test_the_front_page_says_what_the_cameras_folders_hold(
    lab: Lab, context: Context, note: Note
) -> None:
    """A file in quarantine is counted there within the timer's minute; taken away, it is not."""
    me, site = a_reader(lab, context), context.site
    if site.intake is None:
        pytest.skip("it describes no image files of cameras")
    device = next(iter(site.intake.devices))
    note(me.who, "HTTPS", f"the front page counts what of {device} is in quarantine")
    chief = administrator(me, "verify-files")
    file = f"{intake.device_folder(site, device)}/quarantine/verify-files.img"
    before = _set_aside(lab, chief, device)
    lab.exec("box", ["touch", file], check=True)
    try:
        assert _set_aside(lab, chief, device) == before + 1
    finally:
        lab.exec("box", ["rm", file], check=True)
    assert _set_aside(lab, chief, device) == before


def _set_aside(lab: Lab, visitor: Visitor, device: str) -> int:
    lab.exec("box", ["systemctl", "start", reports.TELLS[0]], check=True)
    tile = visitor.look("/").body.partition('id="front-files"')[2].partition("</table>")[0]
    row = tile.partition(f'<th scope="row">{device}</th>')[2].partition("</tr>")[0]
    (many,) = re.findall(r">(\d+)(?:</b>)?</td>$", row)
    return int(many)


def test_nothing_but_https(lab: Lab, context: Context, note: Note) -> None:
    """Its port 443 is the control."""
    me = a_reader(lab, context)
    note(me.who, "TCP", "80, the archive's, the database's and gunicorn's ports are closed")
    closed = (80, 8000, 8042, 8443, 5432)
    assert not_silent(lab, [(me.who, me.address, port) for port in closed]) == []
    assert me.get().status == 302
    listening = lab.exec("box", ["ss", "-Hltnp"]).stdout.splitlines()
    ours = [line for line in listening if any(each in line for each in ("apache2", "postgres"))]
    assert {line.split()[3] for line in ours} == {
        f"{each}:443" for each in reports.listens(context.site)
    }


def test_whoever_is_not_named_gets_nothing(lab: Lab, context: Context, note: Note) -> None:
    _needs_reports(context)
    note("others", "HTTPS", "silent for the outsider, guests and devices that are not named")
    named = {who for who, _ in readers(lab, context)}
    assert outsider_address(lab)
    others = [("outsider", str(context.site.outside.address.ip))]
    for name, network in context.site.inside.items():
        others += [
            (who, str(network.address.ip))
            for who in (*context.site.devices_on(name), f"guest@{name}")
        ]
    asked = [
        browser(lab, who, address)
        for who, address in others
        if who in lab.plan.places
        and who not in named
        and not context.permits(lab.plan.places[who].addresses[0], address, "tcp", 443)
    ]
    with ThreadPoolExecutor() as pool:  # silence is known by waiting
        said = list(pool.map(lambda each: (each.who, each.get(wait=SOON).error), asked))
    assert [(who, error) for who, error in said if error != "silent"] == []
    assert asked or len(named) == len(others)


def test_old_tls_is_refused(lab: Lab, context: Context, note: Note) -> None:
    """1.2 and 1.3 are the control."""
    me = a_reader(lab, context)
    note(me.who, "TLS", "1.0 and 1.1 are refused, 1.2 and 1.3 are not")
    for version in ("TLSv1", "TLSv1_1"):
        assert me.get(version=version).error, version
    for version in ("TLSv1_2", "TLSv1_3"):
        assert me.get(version=version).status == 302, version


def test_what_a_client_claims_counts_for_nothing(lab: Lab, context: Context, note: Note) -> None:
    """Neither another host, nor that it came by another way, nor an address, however spelt."""
    me = a_reader(lab, context)
    note(me.who, "HTTPS", "forged headers: another host is refused, an address is not believed")
    assert me.get(headers={"Host": "elsewhere.example"}).status == 400
    forged = {
        "X-Forwarded-Proto": "http",
        "X_Forwarded_Proto": "http",
        "X-Forwarded-Host": "e.example",
    }
    assert me.get(headers=forged).headers["location"].startswith("/login")
    assert me.get("/static/../settings.py").status in (400, 403, 404)
    assert me.get("/static/%2e%2e/settings.py").status in (400, 403, 404)
    assert me.get(method="TRACE").status == 405


def test_the_journal_has_no_names_in_it(lab: Lab, context: Context, note: Note) -> None:
    """The path that was asked for is the control."""
    me = a_reader(lab, context)
    note(me.who, "HTTPS", "the journal has what was asked for, and not what was searched")
    asked = f"/login-{time.monotonic_ns()}"
    assert me.get(f"{asked}?q=Lin-Invented").status in (302, 404)
    journal = ["journalctl", "-u", "reports*", "-o", "cat", "--no-pager", "--since", "-2min"]
    deadline = time.monotonic() + READY_SECONDS
    while asked not in (said := lab.exec("box", journal).stdout):
        assert time.monotonic() < deadline, said
        time.sleep(0.5)
    assert "Lin-Invented" not in said


def test_the_authority_can_be_fetched_and_compared(lab: Lab, context: Context, note: Note) -> None:
    me = a_reader(lab, context)
    if context.site.reports and context.site.reports.certificate:
        pytest.skip("the certificate is the hospital's")
    note(
        me.who,
        "HTTPS",
        f"{reports.ROOT_PAGE}: the authority's certificate; its key is root's alone",
    )
    got = me.get(reports.ROOT_PAGE)
    assert got.body == me.trusted
    assert "PRIVATE" not in got.body
    for name in ("root.pem", "site.pem"):
        mode = lab.exec("box", ["stat", "-c", "%a %U", f"{KEYS}/{name}"]).stdout.strip()
        assert mode == "600 root", name


def ask(lab: Lab, user: str, role: str, sql: str) -> str:
    """What PostgreSQL answers to a user of the box."""
    script = ASK.format(socket=SOCKET, role=role, sql=sql)
    words = ["runuser", "-u", user, "--", "sh", "-c", script]
    if user == WEB:  # its unit gives it the group
        words = [
            "setpriv",
            f"--reuid={user}",
            f"--regid={user}",
            f"--groups={OWN}",
            "sh",
            "-c",
            script,
        ]
    return lab.exec("box", words).stdout.strip()


def test_the_database_answers_its_users_alone(lab: Lab, context: Context, note: Note) -> None:
    """The web's own user is the control; each other has no way in, nor another's role."""
    _needs_reports(context)
    note("box", "SQL", "the socket is closed to other users, and nobody takes another's role")
    assert ask(lab, WEB, WEB, "select 1") == "1"
    for user in ("nobody", reports.APACHE_USER, "www-data"):
        assert "Permission denied" in ask(lab, user, WEB, "select 1"), user
    for role in ("postgres", OWNER):
        assert "authentication failed" in ask(lab, WEB, role, "select 1"), role
    assert lab.exec("box", ["ss", "-Hltn", "sport = :5432"]).stdout == ""


def test_the_web_cannot_change_the_trail(lab: Lab, context: Context, note: Note) -> None:
    """That it can add, by the function, is the control."""
    _needs_reports(context)
    note("box", "SQL", "the web's role adds to the trail, and can change or empty nothing of it")
    assert "ERROR" not in ask(lab, WEB, WEB, APPEND)
    up_to = UP_TO.format(int(ask(lab, WEB, WEB, NEWEST)))  # others add to it meanwhile
    before = ask(lab, WEB, WEB, up_to)
    for sql in REFUSED:
        said = ask(lab, WEB, WEB, sql)
        assert "permission denied" in said or "must be owner" in said, (sql, said)
    assert ask(lab, WEB, WEB, up_to) == before


def test_each_service_is_confined(lab: Lab, context: Context, note: Note) -> None:
    _needs_reports(context)
    note(
        "box",
        "systemd",
        f"each service of the site is exposed {EXPOSED} of 10 at the most; none is root's",
    )
    for unit in UNITS:
        said = lab.exec("box", ["systemd-analyze", "security", "--no-pager", unit]).stdout
        level = float(said.rpartition("exposure level for")[2].split(": ")[1].split()[0])
        assert level <= EXPOSED, (unit, level)
        pid = lab.exec("box", ["systemctl", "show", "-P", "MainPID", unit]).stdout.strip()
        assert lab.exec("box", ["stat", "-c", "%U", f"/proc/{pid}"]).stdout.strip() != "root", unit


@pytest.mark.alone
def test_control_without_the_site_nothing_answers(lab: Lab, context: Context, note: Note) -> None:
    me = a_reader(lab, context)
    note(me.who, "HTTPS", "control: refused while the web server is off; 503 while the site is")
    for unit, fails in ((reports.SITE, 503), (reports.SERVER, 0)):
        assert lab.exec("box", ["systemctl", "stop", unit]).returncode == 0
        try:
            assert me.get().status == fails, unit
        finally:
            assert lab.exec("box", ["systemctl", "start", unit]).returncode == 0
    deadline = time.monotonic() + READY_SECONDS
    while me.get().status != 302 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert me.get().status == 302


def _needs_reports(context: Context) -> None:
    if context.site.reports is None:
        pytest.skip("no report site is described")
