"""The archive, by real DICOM clients: who is served, who is not, and where copies go."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from gateway.features.archive import UNIT
from gateway.features.orthanc import HTTP_PORT, REST_USERS, Partner, partners
from gateway.verify.context import Context, outsider_address
from gateway.verify.dicom import Caller, arrived, image, listener
from gateway.verify.plugin import Note
from gateway.verify.reach import not_silent
from lab import Lab

STORED = "storescu $TO $AT a.dcm; "
FIND = "findscu -S $TO -k 0008,0052=STUDY -k 0010,0020={patient} -k 0020,000d $AT 2>&1; "
GET = "mkdir got; getscu -S $TO -od got -k 0008,0052=STUDY -k 0020,000d={study} $AT; "
PIXELS = (
    "dcmdump +W . a.dcm >d1; mkdir g; dcmdump +W g got/NM.{uid} >d2; "
    "cmp a.dcm.0.raw g/NM.{uid}.0.raw && echo identical"
)
TESTING = re.compile(
    r"orthanc|orthanc-dicomweb|dcmtk-data|liborthancframework1.*|libdcmtk\d+|libboost-.*1\.[\d.]+"
    r"|libicu\d+|libxml2-\d+"
)
INSTALLED = "apt list --installed 2>/dev/null"


def caller(lab: Lab, context: Context, partner: Partner) -> Caller:
    """A partner at its own place."""
    archive = context.site.archive
    assert archive
    network = partner.end.network
    assert network
    address = str(context.site.networks[network].address.ip)
    return Caller(lab, partner.address, partner.ae_title, address, archive.port, archive.ae_title)


def a_writer(lab: Lab, context: Context) -> Caller:
    """The first that may store."""
    for each in partners(context.site):
        if each.role == "writer":
            return caller(lab, context, each)
    pytest.skip("nobody may store")


def test_what_a_partner_may(partner: Partner, lab: Lab, context: Context, note: Note) -> None:
    done = "C-ECHO, C-STORE, C-FIND, C-GET: the same object comes back"
    if partner.role == "reader":
        done = "C-ECHO, C-FIND, C-GET of another's object; its C-STORE is refused"
    note(partner.name, "DICOM", done)
    me, made = caller(lab, context, partner), image()
    assert me.echo()
    stored = me.store(made)
    if partner.role == "reader":
        assert stored.returncode != 0
        stored = a_writer(lab, context).store(made)
    assert stored.returncode == 0, stored.stderr
    found = me.work(FIND.format(patient=made.patient))
    assert made.study in found.stdout, found.stdout
    got = me.work(GET.format(study=made.study) + f"test -s got/NM.{made.uid} && echo there")
    assert "there" in got.stdout, got.stderr


def test_pixels_come_back(lab: Lab, context: Context, note: Note) -> None:
    me, made = a_writer(lab, context), image()
    note(_name(context, me), "DICOM", "C-STORE and C-GET: every pixel is the same")
    script = STORED + GET.format(study=made.study) + PIXELS.format(uid=made.uid)
    done = me.work(script, made)
    assert "identical" in done.stdout, done.stdout + done.stderr


def test_move(partner: Partner, lab: Lab, context: Context, note: Note) -> None:
    """The archive opens an association of its own to the port that the description names."""
    note(partner.name, "DICOM", "C-MOVE to itself: the object arrives")
    me, made = caller(lab, context, partner), image()
    assert a_writer(lab, context).store(made).returncode == 0
    move = "movescu -S $TO -aem {title} -k 0008,0052=STUDY -k 0020,000d={study} $AT"
    order = move.format(title=partner.ae_title, study=made.study)
    with listener(lab, partner, me.place) as folder:
        done = me.work(order)
        assert done.returncode == 0, done.stderr
        assert arrived(lab, me.place, folder, made, 3)


def test_storage_commitment(writer: Partner, lab: Lab, context: Context, note: Note) -> None:
    """An object that was never stored is the control."""
    note(writer.name, "DICOM", "commitment for what it stored, and none for what it did not")
    me, made, never = caller(lab, context, writer), image(), image()
    assert me.store(made).returncode == 0
    assert me.commitment(made, writer.port) == "event 1"
    assert me.commitment(never, writer.port) == "event 2"


def test_wrong_titles_are_refused(partner: Partner, lab: Lab, context: Context, note: Note) -> None:
    """Its own title is the control. Another's title does not fit its address."""
    others = [each.ae_title for each in partners(context.site) if each.name != partner.name]
    note(partner.name, "DICOM", "refused: another's title, an unknown one, a wrong called one")
    me = caller(lab, context, partner)
    assert me.echo()
    assert not me.echo(called="WRONG")
    for title in (*others[:1], "NOBODY"):
        assert not me.echo(title=title), title


def test_strangers_reach_nothing(lab: Lab, context: Context, note: Note) -> None:
    """The firewall drops whoever is no partner; a partner's connection is the control."""
    site, me = context.site, a_writer(lab, context)
    note("strangers", "TCP", "the archive's port is silent to guests, other devices and outside")
    assert me.echo()
    known = {each.name for each in partners(site)}
    tried = [("outsider", str(site.outside.address.ip))]
    for name, network in site.inside.items():
        others = [each for each in site.devices_on(name) if each not in known][:1]
        places = [each for each in (*others, f"guest@{name}") if each in lab.plan.places]
        tried += [(who, str(network.address.ip)) for who in places]
    ports = (me.port, HTTP_PORT)
    assert not_silent(lab, [(who, box, port) for who, box in tried for port in ports]) == []
    assert outsider_address(lab)


def test_copies_arrive_also_after_the_peer_was_off(
    copied: Partner, lab: Lab, context: Context, note: Note
) -> None:
    """What is stored while the peer is off is the control: nothing arrives, then all does."""
    note(copied.name, "DICOM", "a copy of what is stored arrives, also of what came while off")
    place, first, second = copied.address, image(), image()
    sender = a_writer(lab, context)
    assert sender.store(first).returncode == 0
    with listener(lab, copied, place) as folder:
        assert arrived(lab, place, folder, first, 20)
        assert sender.store(second).returncode == 0
        assert arrived(lab, place, folder, second, 20)


SILENT = """
add table inet verify
add chain inet verify out {{ type filter hook output priority -1; }}
add rule inet verify out ip daddr {address} tcp dport {port} drop
"""
STEADY_SECONDS = 20
BETWEEN = 0.5
"""Seconds from one image to the next: a camera's pace, and not all that the machine can do."""


@pytest.mark.long
def test_a_silent_peer_holds_up_nobody(
    copied: Partner, lab: Lab, context: Context, note: Note
) -> None:
    """It is off, or a firewall drops what goes to it: each try lasts until its timeout (10 s).

    That the copy arrives as soon as nothing is dropped any more, and not before, is the control.
    """
    note(
        copied.name, "DICOM", "while it does not even refuse, others store as ever; then it has all"
    )
    place, made = copied.address, image()
    sender = a_writer(lab, context)
    drop = SILENT.format(address=copied.address, port=copied.port)
    with listener(lab, copied, place) as folder:
        lab.exec("box", ["nft", "-f", "-"], stdin=drop, check=True)
        try:
            assert sender.store(made).returncode == 0
            end = time.monotonic() + STEADY_SECONDS
            while time.monotonic() < end:
                stored = sender.store(image())
                assert stored.returncode == 0, stored.stderr
                time.sleep(BETWEEN)
            assert not arrived(lab, place, folder, made, 0.2)
        finally:
            lab.exec("box", ["nft", "delete", "table", "inet", "verify"], check=True)
        assert arrived(lab, place, folder, made, 25)


# Reads how to ask, asks, and says what came of it; a DICOM file in standard input goes along.
ASK = """
import json, sys, urllib.error, urllib.request
from base64 import b64encode
file, method, path, password = sys.argv[1:]
try:
    way = json.load(open(file))
except OSError as error:
    sys.exit(print(type(error).__name__))
word = f"{way['user']}:{password or way['password']}"
ask = urllib.request.Request(way["url"] + path, method=method)
ask.add_header("Authorization", "Basic " + b64encode(word.encode()).decode())
if method == "POST":
    ask.data = sys.stdin.buffer.read()
try:
    print(urllib.request.urlopen(ask, timeout=5).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""
WAYS = "/run/gateway-archive"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534")


def _ask(
    lab: Lab,
    user: str,
    path: str,
    *,
    method: str = "GET",
    password: str = "",
    groups: str = "",
    body: str = "",
) -> str:
    """The status of a request on the box: by root, or by nobody in some groups."""
    who = () if not groups else (*NOBODY, f"--groups={groups}")
    asked = ["python3", "-c", ASK, f"{WAYS}/{user}.json", method, path, password]
    done = lab.exec("box", [*who, *asked], stdin=body)
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize("path", ["/system", "/dicom-web/studies?limit=1"])
def test_rest_needs_its_password(path: str, lab: Lab, context: Context, note: Note) -> None:
    if context.site.archive is None:
        pytest.skip("no archive is described")
    note("box", "HTTP", f"{path.partition('?')[0]} on loopback: refused without its password")
    for user in REST_USERS:
        assert _ask(lab, user, path) == "200", user
        assert _ask(lab, user, path, password="wrong") == "401", user  # noqa: S106


def test_rest_gives_each_program_its_own_rights(lab: Lab, context: Context, note: Note) -> None:
    """Who may add is the control for who may not, and the administrator for what nobody else may.

    The object is no DICOM: who may store it hears 400, and who may not 403.
    """
    if context.site.archive is None:
        pytest.skip("no archive is described")
    note(
        "box",
        "HTTP",
        "REST: a reader cannot store, a storer cannot delete, others read no password",
    )
    for user, stores, deletes in (
        ("read", "403", "403"),
        ("store", "400", "403"),
        ("admin", "400", "404"),
    ):
        assert _ask(lab, user, "/instances", method="POST", body="no DICOM") == stores, user
        assert _ask(lab, user, "/studies/none", method="DELETE") == deletes, user
    for group, own in (("archive-read", "read"), ("archive-store", "store"), ("nogroup", "")):
        for user in REST_USERS:
            said = _ask(lab, user, "/system", groups=group)
            assert said == ("200" if user == own else "PermissionError"), (group, user)


@pytest.mark.alone  # others would find the archive stopped
def test_rest_passwords_outlive_a_restart(lab: Lab, context: Context, note: Note) -> None:
    if context.site.archive is None:
        pytest.skip("no archive is described")
    note("box", "HTTP", "REST: who has read its password keeps it while the archive restarts")
    before = lab.exec("box", ["cat", f"{WAYS}/read.json"], check=True).stdout
    lab.exec("box", ["systemctl", "restart", UNIT], check=True)
    assert lab.exec("box", ["cat", f"{WAYS}/read.json"]).stdout == before
    assert _ask(lab, "read", "/system") == "200"


def test_only_the_archive_comes_from_testing(context: Context, box: Any, note: Note) -> None:
    """That Orthanc itself is found is the control."""
    if context.site.archive is None:
        pytest.skip("no archive is described")
    note("box", "apt", "Orthanc and its libraries are from Debian testing, and nothing else")
    found = set()
    for line in box.check_output(INSTALLED).splitlines():
        name, _, suites = line.partition(" ")[0].partition("/")
        # Where a version is the same in both, it is Debian 13's.
        if "testing" in suites and "stable" not in suites:
            found.add(name)
    assert "orthanc" in found
    assert not [name for name in found if not TESTING.fullmatch(name)]


@pytest.mark.alone
def test_control_without_the_archive_nothing_answers(
    lab: Lab, context: Context, note: Note
) -> None:
    me = a_writer(lab, context)
    note(_name(context, me), "DICOM", f"control: C-ECHO fails while {UNIT} is off")
    assert lab.exec("box", ["systemctl", "stop", UNIT]).returncode == 0
    try:
        assert not me.echo()
    finally:
        assert lab.exec("box", ["systemctl", "start", UNIT]).returncode == 0
    assert me.echo()


def _name(context: Context, me: Caller) -> str:
    return next(each.name for each in partners(context.site) if each.ae_title == me.title)
