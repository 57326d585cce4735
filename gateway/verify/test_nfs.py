"""Shares by NFS, from each UNIX system's own place, with libnfs."""

from __future__ import annotations

import secrets

import pytest

from gateway.features import nfs
from gateway.features.shares import folder
from gateway.sharing import Grant
from gateway.verify.context import Context
from gateway.verify.hands import Done, Nfs, hand, locks_seen, patiently
from gateway.verify.plugin import Note
from gateway.verify.reach import connect
from lab import Lab

SIZE = 1 << 17


def _work(context: Context, lab: Lab, grant: Grant, *steps: tuple[str, ...]) -> Done:
    return hand(context, lab, grant.device).work(grant.share, steps)


def _own(context: Context, device: str) -> str:
    return next(each.share for each in nfs.rights(context.site) if each.device == device)


def test_nfs_share(nfs_grant: Grant, context: Context, lab: Lab, note: Note) -> None:
    device, share = nfs_grant.device, nfs_grant.share
    speaks = hand(context, lab, device).speaks
    name, content = f"{device}.dat", secrets.token_hex(SIZE)
    put = ("write", name, content)
    if not nfs_grant.writes:
        note(device, speaks, f"mount {share}; a put is refused")
        assert not _work(context, lab, nfs_grant).error
        refused = _work(context, lab, nfs_grant, put).error
        assert "ROFS" in refused or "ACCES" in refused, refused
        return
    note(device, speaks, f"put, get, compare and delete 256 KiB on {share}; it is its account's")
    done = _work(context, lab, nfs_grant, put, ("read", name))
    assert not done.error, done.error
    assert done.results[1] == content
    owner = lab.exec("box", ["stat", "-c", "%U %G", f"{folder(share)}/{name}"], check=True)
    assert owner.stdout.split() == [device, f"share-{share}-rw"]
    assert not _work(context, lab, nfs_grant, ("delete", name)).error


def test_nfs_share_of_others(nfs_device: str, context: Context, lab: Lab, note: Note) -> None:
    client = hand(context, lab, nfs_device)
    note(nfs_device, client.speaks, "shares of others are refused, its own open")
    own = {grant.share for grant in nfs.rights(context.site) if grant.device == nfs_device}
    for share in context.site.shares:
        assert bool(client.work(share, ()).error) == (share not in own), share


def test_nfs_lock_is_the_kernels(nfs_grant: Grant, context: Context, lab: Lab, note: Note) -> None:
    """By version 4, which has locks; for 3 there is no lock manager. Free after it: the control."""
    client = hand(context, lab, nfs_grant.device)
    if not isinstance(client, Nfs) or client.version != 4 or not nfs_grant.writes:
        pytest.skip("it has no locks by NFS")
    note(nfs_grant.device, client.speaks, "what it locks in a file is locked for all others")
    name = f"{nfs_grant.device}-l"
    assert not _work(context, lab, nfs_grant, ("write", name, "x" * 32)).error
    seen = locks_seen(client, nfs_grant.share, name, f"{folder(nfs_grant.share)}/{name}")
    assert "locked" in seen
    assert seen[-1] == "free"
    assert not _work(context, lab, nfs_grant, ("delete", name)).error


def test_nfs_for_its_devices_alone(nfs_device: str, context: Context, lab: Lab, note: Note) -> None:
    """On its own wire another device is not even answered."""
    note(nfs_device, "NFS", "port 2049 is closed for others on its network")
    site, address = context.site, context.box_address(nfs_device)
    users = {grant.device for grant in nfs.rights(site)}
    others = set(site.devices_on(site.devices[nfs_device].network or "")) - users
    assert not hand(context, lab, nfs_device).work(_own(context, nfs_device), ()).error
    for other in sorted(others):
        assert connect(lab, other, address, 2049) == "silent", other


@pytest.mark.alone
def test_nfs_control(nfs_device: str, context: Context, lab: Lab, note: Note) -> None:
    """The negative control: the daemon off, the client fails; on again, it works again."""
    client = hand(context, lab, nfs_device)
    share = _own(context, nfs_device)
    note(nfs_device, client.speaks, f"control: fails while {nfs.SERVER} is off")
    assert not client.work(share, ()).error
    lab.exec("box", ["systemctl", "stop", nfs.SERVER], check=True)
    try:
        assert client.work(share, ()).error
    finally:
        lab.exec("box", ["systemctl", "start", nfs.SERVER], check=True)
    assert not patiently(client, share).error


def test_nfs_never_by_udp(lab: Lab, context: Context, note: Note) -> None:
    if not nfs.rights(context.site):
        pytest.skip("nobody needs NFS")
    note("box", "NFS", "listens on TCP only, the portmapper too")
    open_udp = lab.exec("box", ["ss", "-Hlnup"], check=True).stdout
    open_tcp = lab.exec("box", ["ss", "-Hlntp"], check=True).stdout
    assert "ganesha" in open_tcp
    assert "ganesha" not in open_udp
    assert "rpcbind" not in open_udp


def test_nfs_says_which_server_it_is(lab: Lab, context: Context, note: Note) -> None:
    """In a lab it is Ganesha, whatever the kernel of its host has, and what there is of the
    kernel's server lies idle.
    """
    if not nfs.rights(context.site):
        pytest.skip("nobody needs NFS")
    note("box", "NFS", "a container is served by Ganesha; the kernel's server is not begun")
    asked = ["systemctl", "show", "-P", "StatusText", nfs.SERVER]
    assert lab.exec("box", asked, check=True).stdout.strip() == "served by Ganesha"
    mount = lab.exec("box", ["systemctl", "is-active", nfs.MOUNT]).stdout.strip()
    assert mount == "inactive"  # its conditions; neither mounted nor failed
    assert "rpc.mountd" not in lab.exec("box", ["ss", "-Hlntp"], check=True).stdout
