"""Faxes: a real one, from a device's own place, over a line, into the share and by mail.

The lab joins the site's first two modems by a line of its own (lab/telephone.py): one sends a
T.30 fax, the other receives it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gateway.features import fax, mail
from gateway.features.shares import folder
from gateway.sharing import grants
from gateway.site import Modem
from gateway.verify.context import Context, outsider_address
from gateway.verify.plugin import Note
from gateway.verify.reach import not_silent
from gateway.verify.smb import Client
from lab import Lab, telephone

PORT = 4559
STATUS = "/var/spool/hylafax/status"
FAX_SECONDS = 110
READY_SECONDS = 15

# A page that says which one it is, in letters and as a pattern of 24 x 32 squares.
PAGE = """%!PS-Adobe-3.0
/seed {seed} def seed srand
/Helvetica findfont 28 scalefont setfont 72 760 moveto ({name}) show
0 1 31 {{ /row exch def 0 1 23 {{ /column exch def
rand 65536 idiv 2 mod 0 eq {{ column 18 mul 72 add row 20 mul 90 add 18 20 rectfill }} if
}} for }} for showpage
"""
SEND = """
cat >page.ps && HOME=/tmp sendfax -n -f tester@lab -h {modem}@{box}:{port} \
 -d {number} page.ps
"""
# Both pages as bitmaps of 50 dots an inch; what differs, of what is black in either.
COMPARE = """
gs -q -dSAFER -dBATCH -dNOPAUSE -sDEVICE=pbmraw -r50 -sPAPERSIZE=a4 -dFIXEDMEDIA -dPDFFitPage \
 -o sent.pbm page.ps && \
gs -q -dSAFER -dBATCH -dNOPAUSE -sDEVICE=pbmraw -r50 -sPAPERSIZE=a4 -dFIXEDMEDIA -dPDFFitPage \
 -o got.pbm got.pdf && python3 - <<'PYTHON'
def bits(path):
    data = open(path, "rb").read()
    lines = [each for each in data.split(b"\\n", 4)]
    parts, rest = [], data
    while len(parts) < 3:
        line, _, rest = rest.partition(b"\\n")
        parts += [] if line.startswith(b"#") else line.split()
    width, height = int(parts[1]), int(parts[2])
    stride = (width + 7) // 8
    rows = [rest[y * stride:(y + 1) * stride] for y in range(height)]
    return [[row[x >> 3] >> (7 - (x & 7)) & 1 for x in range(width)] for row in rows]
sent, got = bits("sent.pbm"), bits("got.pbm")
def alike(dx, dy):
    same = both = 0
    for y in range(60, len(sent) - 60, 2):
        for x in range(40, len(sent[0]) - 40, 2):
            a, b = sent[y][x], got[y + dy][x + dx]
            both += a | b
            same += a & b
    return same / max(both, 1)
print(max((alike(dx, dy), dx, dy) for dx in range(-8, 9, 2) for dy in range(-20, 21, 2))[0])
PYTHON
"""


@dataclass(frozen=True)
class Line:
    """The line between two modems of the site."""

    one: Modem
    other: Modem


@pytest.fixture(scope="session")
def line(lab: Lab, context: Context) -> Line:
    described = context.site.fax
    if described is None:
        pytest.skip("the site has no fax")
    modems = list(described.modems.values())
    if len(modems) < 2:
        pytest.skip("the lab's line needs two modems")
    telephone.join(lab, *modems[:2])
    return Line(*modems[:2])


def test_a_missing_modem_is_said(lab: Lab, context: Context, note: Note) -> None:
    """Before the line is made: no modem is there, and everything else runs."""
    described = context.site.fax
    if described is None:
        pytest.skip("the site has no fax")
    note("box", "fax", "a modem that is not there is waited for, and its port named")
    told = 0
    for name, modem in described.modems.items():
        if lab.exec("box", ["test", "-e", modem.port]).returncode:
            ask = ["systemctl", "show", "--property=StatusText,ActiveState", fax.modem_unit(name)]
            said = lab.exec("box", ask).stdout
            assert "ActiveState=active" in said
            assert f"waits for {modem.port}" in said
            told += 1
    if not told:
        pytest.skip("every modem is there")


@pytest.mark.long
def test_a_fax(
    lab: Lab, context: Context, note: Note, line: Line, client: Callable[[str], Client]
) -> None:
    sender = next(fax.senders(context.site), None)
    received = context.site.fax.received if context.site.fax else None
    if sender is None or received is None:
        pytest.skip("nobody may send, or nothing is received")
    device = sender.device
    note(device, "fax", f"a page goes over the line and is in {received}, and mailed, as sent")
    before = _faxes(lab, received)
    seed = time.monotonic_ns() % 100000
    subject = f"page {seed}"
    _send(lab, context, device, line, PAGE.format(seed=seed, name=subject))
    pdf = _arrived(lab, received, before)
    reader = next(each.device for each in grants(context.site) if each.share == received)
    got = client(reader).work(received, f"$SMB 'get {pdf} got.pdf' && cp got.pdf /data/got.pdf")
    assert got.returncode == 0, got.stdout + got.stderr
    (lab.folder(device) / "got.pdf").write_bytes((lab.folder(reader) / "got.pdf").read_bytes())
    assert _alike(lab, device) > 0.7
    # The negative control: another page is not like it.
    other = PAGE.format(seed=seed + 1, name="another page")
    lab.exec(device, ["tee", "page.ps"], stdin=other, check=True)
    assert _alike(lab, device) < 0.5
    _mailed(lab, context, pdf)


def test_only_senders_reach_the_fax_server(lab: Lab, context: Context, note: Note) -> None:
    site = context.site
    if site.fax is None:
        pytest.skip("the site has no fax")
    allowed = {each.device for each in fax.senders(site)}
    note("every device", "fax", f"tcp/{PORT} answers {', '.join(sorted(allowed))} and no other")
    inside = [name for name, device in site.devices.items() if device.network in site.inside]
    ways = [(name, context.box_address(name), PORT) for name in inside]
    outsider = ("outsider", str(site.outside.address.ip), PORT)
    assert {who for who, *_ in not_silent(lab, [*ways, outsider])} == allowed
    assert outsider_address(lab)


@pytest.mark.alone
def test_fax_control(lab: Lab, context: Context, note: Note) -> None:
    """The negative control: the server off, a sender gets no answer from it; on again, it does."""
    sender = next(fax.senders(context.site), None)
    if sender is None:
        pytest.skip("nobody may send a fax")
    device, box = sender.device, context.box_address(sender.device)
    note(device, "fax", f"control: fails while {fax.SERVER} is off")
    assert _answers(lab, device, box)
    lab.exec("box", ["systemctl", "stop", fax.SERVER], check=True)
    try:
        assert not _answers(lab, device, box)
    finally:
        lab.exec("box", ["systemctl", "start", fax.SERVER], check=True)
    deadline = time.monotonic() + READY_SECONDS
    while not _answers(lab, device, box):
        assert time.monotonic() < deadline, f"{fax.SERVER} does not answer again"
        time.sleep(0.2)


def _answers(lab: Lab, device: str, box: str) -> bool:
    """Whether the server tells of its queue. (faxstat(1) exits with 0 when it reaches nobody.)"""
    return "HylaFAX scheduler on" in lab.exec(device, ["faxstat", "-h", f"{box}:{PORT}"]).stdout


def _send(lab: Lab, context: Context, device: str, line: Line, page: str) -> None:
    modem = line.one.port.rpartition("/")[2]
    _ready(lab, modem)
    number = "".join(each for each in line.other.number if each.isdigit())
    box = context.box_address(device)
    script = SEND.format(modem=modem, box=box, port=PORT, number=number)
    sent = lab.exec(device, ["sh", "-ec", script], stdin=page)
    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert "request id is" in sent.stdout


def _ready(lab: Lab, modem: str) -> None:
    """A job for a modem that has not yet come up is rejected, by name."""
    deadline = time.monotonic() + FAX_SECONDS
    while time.monotonic() < deadline:
        if "Running and idle" in lab.exec("box", ["cat", f"{STATUS}/{modem}"]).stdout:
            return
        time.sleep(0.5)
    raise AssertionError(f"modem {modem} does not come up")


def _faxes(lab: Lab, share: str) -> frozenset[str]:
    listed = lab.exec("box", ["ls", folder(share)]).stdout.split()
    return frozenset(each for each in listed if each.endswith(".pdf"))


def _arrived(lab: Lab, share: str, before: frozenset[str]) -> str:
    deadline = time.monotonic() + FAX_SECONDS
    while time.monotonic() < deadline:
        if new := _faxes(lab, share) - before:
            return next(iter(new))
        time.sleep(0.5)
    words = ["journalctl", "-u", "fax-*", "-n", "40", "-o", "cat", "--no-pager"]
    raise AssertionError("no fax arrived\n" + lab.exec("box", words).stdout)


def _alike(lab: Lab, device: str) -> float:
    done = lab.exec(device, ["sh", "-ec", COMPARE])
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def _mailed(lab: Lab, context: Context, pdf: str) -> None:
    described = context.site.fax
    if described is None or not described.mail or not mail.sends(context.site):
        return
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for letter in (lab.folder("hospital") / "mail").glob("*.eml"):
            if f'filename="{pdf}"' in (text := letter.read_text(errors="replace")):
                assert described.mail in text
                return
        time.sleep(0.2)
    raise AssertionError(f"no mail with {pdf}")
