"""Shares by SMB, from each device's own place, in its own dialect."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest

from gateway.features.shares import DEVICES_GROUP
from gateway.sharing import Grant, grants
from gateway.verify.context import Context
from gateway.verify.plugin import SMB, Note
from gateway.verify.reach import SOON
from gateway.verify.smb import PUT_AND_GET, Client
from lab import Lab

ClientOf = Callable[[str], Client]


def test_share(grant: Grant, client: ClientOf, note: Note, context: Context) -> None:
    device, share = grant.device, grant.share
    smb = client(device)
    if grant.writes:
        note(device, smb.dialect, f"put, get, compare and delete 256 KiB on {share}")
        done = smb.work(share, PUT_AND_GET.format(name=f"{device}.dat"))
        assert "identical" in done.stdout, done.stdout + done.stderr
        return
    note(device, smb.dialect, f"list {share}; a put is refused")
    assert smb.work(share, "$SMB ls").returncode == 0
    put = smb.work(share, "head -c 9 /dev/urandom >sent; $SMB 'put sent stolen'")
    assert "NT_STATUS_ACCESS_DENIED" in put.stdout + put.stderr


def test_wrong_password_is_refused(
    smb_device: str, client: ClientOf, note: Note, context: Context
) -> None:
    smb = client(smb_device)
    note(smb_device, smb.dialect, "a wrong password is refused")
    share = _a_share_of(context, smb_device)
    assert smb.work(share, "$SMB ls").returncode == 0
    refused = smb.work(share, "$SMB ls", password="wr0ng-passw0rd")  # noqa: S106 - a wrong one
    words = refused.stdout + refused.stderr  # LANMAN has no status of its own for it
    assert "NT_STATUS_LOGON_FAILURE" in words or "ERRnoaccess" in words


def test_share_of_others_is_refused(
    smb_device: str, client: ClientOf, note: Note, context: Context
) -> None:
    site = context.site
    own = {grant.share for grant in grants(site) if grant.device == smb_device}
    smb = client(smb_device)
    note(smb_device, smb.dialect, "shares of others are refused, its own open")
    if not (others := sorted(set(site.shares) - own)):
        pytest.skip("it may use every share")
    for share in sorted(own):
        assert smb.work(share, "$SMB ls").returncode == 0
    for share in others:
        assert smb.work(share, "$SMB ls").returncode != 0, share


def test_only_its_own_kind_of_smb_is_open(
    smb_device: str, client: ClientOf, note: Note, context: Context
) -> None:
    """Old dialects are refused to those who can do better, and port 445 to those who cannot."""
    smb = client(smb_device)
    other_port, wrong = (139, "NT1") if smb.port == 445 else (445, "SMB3")
    note(smb_device, smb.dialect, f"only port {smb.port} is open to it; {wrong} is refused there")
    assert _connects(smb, smb.port)
    assert not _connects(smb, other_port)
    share = _a_share_of(context, smb_device)
    assert smb.work(share, "$SMB ls").returncode == 0
    assert smb.work(share, "$SMB ls", dialect=wrong, port=str(smb.port)).returncode != 0


MARK = "Shibboleth-4711"
SNIFF = """
import os, socket, sys, time
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
wire.settimeout(0.2)
print("ready", flush=True)
seen, end = b"", time.monotonic() + 10
while time.monotonic() < end:
    try:
        seen += wire.recv(65536)
    except TimeoutError:  # nothing is left to be read, so this may be the end
        if os.path.exists("done"):
            break
# [MS-SMB2] 2.2.41: an encrypted message begins with 0xFD "SMB".
print("clear" if sys.argv[1].encode() in seen else "hidden", b"\\xfdSMB" in seen)
"""
SEND_WATCHED = """
python3 -c "$SNIFF" {mark} >watched & while ! grep -qs ready watched; do sleep 0.05; done
echo {mark} >sent; $SMB 'put sent {name}; del {name}' >&2; touch done; wait; cat watched
"""


def test_what_the_wire_shows(
    smb_device: str, client: ClientOf, note: Note, context: Context
) -> None:
    """Modern clients are encrypted. Old ones cannot be: that they are seen is the control."""
    share = next(
        (each.share for each in grants(context.site) if each.device == smb_device and each.writes),
        None,
    )
    smb = client(smb_device)
    encrypted = smb.port == 445
    how = "encrypted on the wire" if encrypted else "in clear on the wire, as old as it is"
    note(smb_device, smb.dialect, f"what it writes is {how}")
    if share is None:
        pytest.skip("it may write nowhere")
    script = f"SNIFF='{SNIFF}'; " + SEND_WATCHED.format(
        mark="Shibboleth-4711", name=f"{smb_device}-w.dat"
    )
    shown = smb.work(share, script)
    assert shown.stdout.split()[1:] == (["hidden", "True"] if encrypted else ["clear", "False"])


def test_a_file_passes_between_old_and_new(
    lab: Lab, context: Context, client: ClientOf, note: Note
) -> None:
    """What one writer puts, every reader gets and every other writer changes."""
    for share in context.site.shares:
        mine = (grant for grant in grants(context.site) if grant.server in SMB)
        users = [grant for grant in mine if grant.share == share]
        writers = [grant.device for grant in users if grant.writes]
        if len({grant.server for grant in users}) > 1 and writers:
            break
    else:
        pytest.skip("no share joins old and new")
    first = writers[0]
    note(first, client(first).dialect, f"what it writes on {share} is there for all its users")
    name = "passed-on.dat"
    put = client(first).work(share, f"seq 9999 >sent; $SMB 'put sent {name}'")
    assert put.returncode == 0, put.stderr
    for grant in users:
        who = grant.device
        got = client(who).work(share, f"seq 9999 >sent; $SMB 'get {name} got'; cmp sent got")
        assert got.returncode == 0, (who, got.stdout, got.stderr)
        kept = client(who).work(share, f"seq 9999 >sent; $SMB 'put sent {name}'")
        words = kept.stdout + kept.stderr
        assert ("NT_STATUS_ACCESS_DENIED" in words) == (not grant.writes), (who, words)
    gone = client(writers[-1]).work(share, f"$SMB 'del {name}'; $SMB ls")
    assert name not in gone.stdout


def test_who_lists_and_who_deletes_at_once(context: Context, client: ClientOf, note: Note) -> None:
    """Each has a process of its own: one that takes the others for dead loses their locks."""
    found = _writer_and_reader(context)
    if found is None:
        pytest.skip("no share is used by two devices of the same server")
    share, writer, reader = found
    note(reader, client(reader).dialect, f"lists {share} 200 times while {writer} puts and deletes")
    deletes = "; ".join(["put sent busy.dat; del busy.dat"] * 60)
    work = {
        writer: f"head -c 65536 /dev/urandom >sent; $SMB '{deletes}'",
        reader: f"$SMB '{'; '.join(['ls'] * 200)}'",
    }
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda who: client(who).work(share, work[who]), work))
    refused = [line for each in done for line in each.stdout.splitlines() if "NT_STATUS" in line]
    assert refused == []


def test_a_server_sees_which_of_its_processes_live(context: Context, lab: Lab, note: Note) -> None:
    """As a device's account, as it asks before it takes a lock over; nobody else may (control)."""
    users = {each.server: each.device for each in grants(context.site)}
    served = [server for server in SMB if server in users]
    if not served:
        pytest.skip("no share is served by SMB")
    note("box", "SMB", f"{' and '.join(served)}: a process is seen alive by devices' accounts only")
    for server in served:
        pid = lab.exec("box", ["cat", f"/run/samba/{server}/smbd.pid"], check=True).stdout.strip()
        ask = ("cat", f"/run/samba/{server}/msg.lock/{pid}")
        assert _as(lab, users[server], DEVICES_GROUP, *ask) == 0
        assert _as(lab, "nobody", "nogroup", *ask) != 0
        assert _as(lab, "nobody", "nogroup", "cat", f"/run/samba/{server}/locking.tdb") != 0


def _as(lab: Lab, user: str, group: str, *command: str) -> int:
    who = ("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--")
    return lab.exec("box", [*who, *command]).returncode


def _writer_and_reader(context: Context) -> tuple[str, str, str] | None:
    """A share, who writes there and who else works there by the same server."""
    by_smb = [each for each in grants(context.site) if each.server in SMB]
    return next(
        (
            (writer.share, writer.device, other.device)
            for writer, other in permutations(by_smb, 2)
            if writer.writes
            and (writer.share, writer.server) == (other.share, other.server)
            and writer.device != other.device
        ),
        None,
    )


@pytest.mark.alone
def test_control_without_its_daemon_nothing_works(
    smb_device: str, lab: Lab, client: ClientOf, note: Note, context: Context
) -> None:
    """The negative control: the daemon off, the client fails; on again, it works again."""
    smb = client(smb_device)
    unit = "smbd-modern.service" if smb.port == 445 else "smbd-legacy.service"
    note(smb_device, smb.dialect, f"control: fails while {unit} is off")
    share = _a_share_of(context, smb_device)
    assert lab.exec("box", ["systemctl", "stop", unit]).returncode == 0
    try:
        assert smb.work(share, "$SMB ls").returncode != 0
    finally:
        assert lab.exec("box", ["systemctl", "start", unit]).returncode == 0
    assert smb.work(share, "$SMB ls").returncode == 0


def _connects(smb: Client, port: int) -> bool:
    code = f"import socket; socket.create_connection(('{smb.address}', {port}), {SOON})"
    return smb.lab.exec(smb.device, ["python3", "-c", code]).returncode == 0


def _a_share_of(context: Context, device: str) -> str:
    return next(grant.share for grant in grants(context.site) if grant.device == device)
