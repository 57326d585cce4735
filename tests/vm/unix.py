"""NFS in the virtual machine, by the kernel's own server, and by Ganesha where it is taken away."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from kit import CONTENT, HERE, PATIENCE, Run, settled

from gateway.features import nfs
from gateway.features.shares import folder
from gateway.verify.hands import Nfs, locks_seen

KERNEL, GANESHA = "the kernel", "Ganesha"
PORTS = (111, 2049, 20048)
NO_NFSD = Path("/etc/modprobe.d/no-nfsd.conf")
STALE = 70  # NFS3ERR_STALE (RFC 1813)


def serving(run: Run, who: str) -> None:
    """Which server it is, and that the other one is not there."""
    said = run.on_box("systemctl", "show", "-P", "StatusText", nfs.SERVER)
    run.look("the NFS server", said, said == f"served by {who}")
    daemons = {KERNEL: {2049: set(), 20048: {"rpc.mountd"}}, GANESHA: {}}
    own = {111: {"rpcbind", "systemd"}, 2049: {"ganesha.nfsd"}, 20048: {"ganesha.nfsd"}}
    found = listening(run.on_box("ss", "-Hltnp"))
    for port, wanted in (own | daemons[who]).items():
        run.look(f"port {port}", found.get(port, "closed"), found.get(port) == wanted)
    by_udp = {port for port in listening(run.on_box("ss", "-Hlunp")) if port in PORTS}
    run.look("by UDP", by_udp or "nothing", not by_udp)
    manager = "nlockmgr" in run.on_box("rpcinfo", "-p")
    run.look("the lock manager of NFS 3", "told" if manager else "none is told", not manager)


def listening(said: str) -> dict[int, set[str]]:
    """The ports in what ss(8) says, each with its processes: the kernel's own have none."""
    found: dict[int, set[str]] = {}
    for line in said.splitlines():
        names = found.setdefault(int(line.split()[3].rpartition(":")[2]), set())
        names |= set(re.findall(r'"([\w.]+)"', line))
    return found


def by_kernel(run: Run) -> None:
    """A box with Debian's kernel is served by that."""
    serving(run, KERNEL)


def both_versions(run: Run) -> None:
    """A UNIX camera by version 3, a later system by version 4."""
    for device in ("picker", "solaris"):
        run.works(device)


def own_shares_alone(run: Run) -> None:
    """What is another device's is refused, and a put where a device may only read."""
    picker = run.hand("picker")
    refused = picker.work("letters", ()).error
    run.look("control: a share of others", refused, bool(refused))
    readable = picker.work("phantoms", ()).error
    refused = picker.work("phantoms", [("write", "x", "x")]).error
    good = not readable and ("ROFS" in refused or "ACCES" in refused)
    run.look("control: a put by a reader", readable or refused, good)


def made_up_handles(run: Run) -> None:
    """One for a file outside the share opens nothing; for one of its own, the control, it does."""
    own = f"{folder('images')}/handle"
    run.on_box("touch", own)
    told = [
        run.on_box("stat", "-c", "%i", path) for path in (own, "/etc/passwd", folder("letters"))
    ]
    asked = {"address": "10.1.1.1", "share": "images", "inodes": [int(each) for each in told]}
    code = (HERE / "handle.py").read_text()
    done = run.lab.exec("picker", ["python3", "-c", code], stdin=json.dumps(asked), timeout=60)
    run.on_box("rm", own)
    answers = json.loads(done.stdout or "[]") or done.stderr
    run.look("handles made up: own, /etc/passwd, others", answers, answers == [0, STALE, STALE])


def one_folder(run: Run) -> None:
    """What one writes the other reads at once, and again when it is written anew."""
    picker, solaris, console = (run.hand(each) for each in ("picker", "solaris", "console"))
    for share, writer, readers in (
        ("images", picker, (console, solaris)),
        ("letters", console, (solaris,)),
    ):
        for content in ("first", "the second, longer"):
            done = writer.work(share, [("write", "both.txt", content)])
            found = [each.work(share, [("read", "both.txt")]).results for each in readers]
            what = f"{writer.speaks}, then {', '.join(each.speaks for each in readers)}"
            run.look(what, done.error or found, found == [[content]] * len(readers))
        run.look("deleted", share, not writer.work(share, [("delete", "both.txt")]).error)


def widened(run: Run) -> None:
    """What NFS makes with a umask of 022 the other writers may change (share-rights.service)."""
    path = f"{folder('images')}/mode"
    run.hand("picker").work("images", [("write", "mode", CONTENT)])
    time.sleep(2)
    found = run.on_box("stat", "-c", "%U %G %A", path)
    run.look("a file of a UNIX camera", found, found == "picker share-images-rw -rw-rw-r--")
    run.on_box("rm", path)


def locks(run: Run) -> None:
    """What version 4 locks is locked for the box's own programs."""
    solaris = run.hand("solaris")
    assert isinstance(solaris, Nfs)
    solaris.work("images", [("write", "locked", "x" * 32)])
    seen = locks_seen(solaris, "images", "locked", f"{folder('images')}/locked")
    run.look("locks", ", ".join(seen), "locked" in seen and seen[-1] == "free")
    run.on_box("rm", f"{folder('images')}/locked")


def killed(run: Run) -> None:
    """rpc.mountd dies: the kernel's server is closed with it, and both come back."""
    run.on_box("pkill", "-KILL", "rpc.mountd")
    deadline = time.monotonic() + PATIENCE
    picker = run.hand("picker")
    while (error := picker.work("images", ()).error) and time.monotonic() < deadline:
        time.sleep(5)
    restarts = int(run.on_box("systemctl", "show", "-P", "NRestarts", nfs.SERVER))
    run.look("rpc.mountd killed", error or f"{restarts} restart", not error and restarts > 0)


def without_kernels(run: Run) -> None:
    """The control: a kernel without the server, and Ganesha does the same; then it is back.

    A boot, since the sandboxes of other services keep the module in use.
    """
    run.on_box("sh", "-c", f"mkdir -p {NO_NFSD.parent}; echo blacklist nfsd >{NO_NFSD}")
    run.lab.reboot()
    settled(run)
    serving(run, GANESHA)
    for look in (both_versions, own_shares_alone, one_folder, widened, locks):
        look(run)
    run.on_box("rm", str(NO_NFSD))
    run.on_box("systemctl", "restart", nfs.SERVER)
    serving(run, KERNEL)
    both_versions(run)


LOOKS = (by_kernel, both_versions, own_shares_alone, made_up_handles, one_folder, widened, locks)
