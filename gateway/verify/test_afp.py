"""Shares by AFP, from each Mac's own place."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import pytest

from gateway.features import appletalk, netatalk
from gateway.features.shares import folder
from gateway.sharing import Grant
from gateway.verify.context import Context
from gateway.verify.hands import AFP_METHODS, Afp, hand, locks_seen, patiently
from gateway.verify.plugin import Note
from gateway.weak import without_appletalk
from lab import Lab

SIZE = 1 << 17
NOT_AUTHORIZED, ACCESS_DENIED, NO_OBJECT = "-5023", "-5000", "-5018"


def mac(context: Context, lab: Lab, device: str) -> Afp:
    """A Mac's own client."""
    found = hand(context, lab, device)
    assert isinstance(found, Afp)
    return found


def _own(context: Context, device: str) -> Grant:
    mine = [grant for grant in netatalk.rights(context.site) if grant.device == device]
    return next((grant for grant in mine if grant.writes), mine[0])


def _written(context: Context, device: str) -> Grant:
    grant = _own(context, device)
    if not grant.writes:
        pytest.skip("it may only read")
    return grant


def test_afp_share(afp_grant: Grant, context: Context, lab: Lab, note: Note) -> None:
    device, share = afp_grant.device, afp_grant.share
    client = mac(context, lab, device)
    name, content = f"{device}.dat", secrets.token_hex(SIZE)
    if not afp_grant.writes:
        note(device, client.speaks, f"open {share}; a put is refused")
        assert not client.work(share, ()).error
        assert client.work(share, [("write", name, "x")]).error
        return
    note(device, client.speaks, f"put, get, compare and delete 256 KiB on {share}")
    done = client.work(share, [("write", name, content), ("read", name)])
    assert not done.error, done.error
    assert done.results[1] == content
    owner = lab.exec("box", ["stat", "-c", "%U %G %a", f"{folder(share)}/{name}"], check=True)
    assert owner.stdout.split() == [device, f"share-{share}-rw", "660"]
    assert not client.work(share, [("delete", name)]).error


def test_afp_login(afp_device: str, context: Context, lab: Lab, note: Note) -> None:
    client, share = mac(context, lab, afp_device), _own(context, afp_device).share
    note(afp_device, client.speaks, "a wrong password and every other way to log in are refused")
    assert not client.work(share, ()).error
    right = client.password
    wrong = right[:-1] + ("w" if right[-1] != "w" else "x")  # no letter of it is left out
    assert replace(client, password=wrong).work(share, ()).error == NOT_AUTHORIZED
    for method in set(AFP_METHODS.values()) - {client.method}:
        assert replace(client, method=method).work(share, ()).error, method
    for method in ("Cleartxt Passwrd", "No User Authent"):
        assert replace(client, method=method).work(share, ()).error, method


def test_afp_share_of_others(afp_device: str, context: Context, lab: Lab, note: Note) -> None:
    client = mac(context, lab, afp_device)
    note(afp_device, client.speaks, "shares of others are refused, its own open")
    rights = netatalk.rights(context.site)
    own = {grant.share for grant in rights if grant.device == afp_device}
    for share in context.site.shares:
        assert bool(client.work(share, ()).error) == (share not in own), share


def test_finder_information(afp_device: str, context: Context, lab: Lab, note: Note) -> None:
    grant, client = _written(context, afp_device), mac(context, lab, afp_device)
    note(afp_device, client.speaks, "type, creator and resource fork of a file survive a new name")
    old, new = f"{afp_device}-a", f"{afp_device}-b"
    begin = [("write", old, "data"), ("set_kind", old, "TEXTttxt")]
    begin += [("write_resource", old, "resource"), ("rename", old, new)]
    see = [("kind", new), ("read", new), ("read_resource", new)]
    done = client.work(grant.share, begin)
    assert not done.error, done.error
    done = client.work(grant.share, [*see, ("delete", new)])
    assert done.results[:3] == ["TEXTttxt", "data", "resource"], done.error


def test_afp_lock_is_the_kernels(afp_device: str, context: Context, lab: Lab, note: Note) -> None:
    """Samba asks the kernel before it grants a lock (`posix locking`), so it sees this one."""
    grant, client = _written(context, afp_device), mac(context, lab, afp_device)
    note(afp_device, client.speaks, "what it locks in a file is locked for Samba's files too")
    name = f"{afp_device}-l"
    path = f"{folder(grant.share)}/{name}"
    assert not client.work(grant.share, [("write", name, "x" * 32)]).error

    seen = locks_seen(client, grant.share, name, path)
    assert "locked" in seen
    assert seen[-1] == "free"
    assert not client.work(grant.share, [("delete", name)]).error


def test_afp_by_netatalks_login_test(
    afp_device: str, context: Context, lab: Lab, note: Note
) -> None:
    """Its two tests that log in by name alone or in clear text must fail here."""
    client = mac(context, lab, afp_device)
    note(afp_device, "AFP", "afp_logintest: sessions as they should be, no guest, no clear text")
    command = ["afp_logintest", "-C", "-h", client.address, "-u", afp_device]
    said = lab.exec(afp_device, [*command, "-w", client.password]).stdout
    for test in ("DSI with no open session", "DSI with open session"):
        assert f"{test} - PASSED" in said, said
    for test in ("Guest login", "Clear text login"):
        assert f"{test} - FAILED" in said, said


@pytest.mark.alone
def test_afp_control(afp_device: str, context: Context, lab: Lab, note: Note) -> None:
    """The negative control: the daemon off, the client fails; on again, it works again."""
    client, share = mac(context, lab, afp_device), _own(context, afp_device).share
    note(afp_device, client.speaks, "control: fails while afp-shares.service is off")
    lab.exec("box", ["systemctl", "stop", "afp-shares.service"], check=True)
    try:
        assert client.work(share, ()).error
    finally:
        lab.exec("box", ["systemctl", "start", "afp-shares.service"], check=True)
    assert not patiently(client, share).error


def test_appletalk(box: Any, context: Context, note: Note) -> None:
    """On its one card; or, where the kernel has none, waiting and saying who loses what."""
    lost = without_appletalk(context.site)
    place = appletalk.network(context.site)
    if place is None:
        pytest.skip("no device needs AppleTalk")
    said = box.run(f"systemctl show --property=ActiveState,StatusText {appletalk.UNIT}").stdout
    assert "ActiveState=active" in said
    if "waits for AppleTalk" in said:
        note("box", "AppleTalk", f"the kernel has none, and it is said of {', '.join(lost)}")
        assert all(each in said for each in lost.values())
        return
    note("box", "AppleTalk", f"on {place.nic.interface} and no other card")
    lines = box.run("cat /proc/net/atalk/interface").stdout.splitlines()[1:]
    assert {line.split()[0] for line in lines} - {"lo"} == {place.nic.interface}
