"""The product on Debian's own kernel, in an emulated machine: what a container cannot show (root).

``python tests/vm/run.py [--keep]``, on Debian 12 or 13 with qemu-system-x86; ten to thirty minutes
on two cores, so no part of ``make test``. It makes a disk with Debian 13 and its kernel, boots it
under QEMU in a lab of its own, provisions it by ``gateway apply`` over ssh as a real box is, and
looks: AppleTalk from a Macintosh's place, NFS by the kernel's server (unix.py), the order of a
boot, status, drift and audit, before and after a reboot; then NFS without that server; then the
zone is taken out of the description, and AppleTalk is gone. It prints a line a look, takes all
down, and exits 1 if one was not as it should be.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import unix
from kit import CONTENT, HERE, PATIENCE, Run, settled

import lab
import lab.stock
from gateway import features
from gateway.load import Loaded, load
from lab import virtual

NAME = "vm"
WRONG_PASSWORD = -5023
UNITS = ("gateway-boot.service", "nftables.service", "systemd-networkd.service")
STARTED = "ActiveEnterTimestampMonotonic"


def kernel(run: Run) -> None:
    """It is Debian's, with AppleTalk."""
    release = run.on_box("uname", "-r")
    run.look("kernel", release, "+deb13-" in release)
    modules = run.on_box("lsmod")
    run.look("appletalk module", "loaded", bool(re.search("^appletalk ", modules, re.M)))


def cards(run: Run) -> None:
    """Named as described, by udev."""
    wanted = {each.nic.interface: each.nic.mac for each in run.lab.site.networks.values()}
    told = json.loads(run.on_box("ip", "-j", "link"))
    found = {each["ifname"]: each["address"] for each in told if each["ifname"] != "lo"}
    run.look("cards", ", ".join(found), found == wanted)


def appletalk(run: Run) -> None:
    """A Macintosh finds the zone and the server, works on the share, and is let in as itself only.

    The controls: a wrong password, and a machine on another network, where there is no AppleTalk.
    """
    site, password = run.lab.site, run.passwords()["mac7"]
    zone = site.networks["cameras"].zone
    told = {"account": "mac7", "name": "scan.dat", "content": CONTENT, "password": password}
    found = run.mac("mac7", **told)
    run.look("its router", found.get("router"), found.get("router") == [100, 1])
    run.look("the zone (ZIP)", found.get("zones"), found.get("zones") == [zone])
    run.look("echo (AEP)", found.get("echo"), found.get("echo") == "hello")
    run.look("servers (NBP)", found.get("servers"), found.get("servers") == [site.box.name])
    run.look("AFP over DDP", found.get("status"), "AFP2.2" in found.get("status", ()))
    done = {"read": True, "bytes": len(CONTENT)}
    run.look("a file written and read", found.get("files", found), found.get("files") == done)
    owner = run.on_box("stat", "-c", "%U %G %a %s", "/srv/gateway/shares/images/scan.dat")
    run.look("the file on the box", owner, owner == f"mac7 share-images-rw 660 {len(CONTENT)}")
    other = "w" if password[-1] != "w" else "x"
    wrong = run.mac("mac7", **{**told, "password": password[:-1] + other}).get("error")
    run.look("control: a wrong password", wrong, wrong == WRONG_PASSWORD)
    by_tcp(run)
    shown = run.on_box("journalctl", "-b", "-o", "cat", "-g", CONTENT[:16] + "|scan.dat")
    run.look("files in the journal", shown[:200] or "none", not shown)
    silent(run, "guest@office", "control: the other network")
    table = run.on_box("cat", "/proc/net/atalk/interface").splitlines()[1:]
    where = {line.split()[0] for line in table} - {"lo"}
    run.look("cards with AppleTalk", where, where == {"cam0"})


def by_tcp(run: Run) -> None:
    """A Mac with TCP is served beside: an afpd for both kept it waiting for AppleTalk's packets."""
    run.works("icon")


def killed(run: Run) -> None:
    """atalkd dies: its unit and the file server come back, though the card is still configured."""
    told = {"account": "mac7", "name": "again.dat", "content": CONTENT}
    told["password"] = run.passwords()["mac7"]
    run.on_box("pkill", "-KILL", "atalkd")
    deadline = time.monotonic() + PATIENCE
    while "files" not in (found := run.mac("mac7", **told)) and time.monotonic() < deadline:
        time.sleep(5)
    restarts = run.on_box("systemctl", "show", "-P", "NRestarts", "appletalk.service")
    good = "files" in found and int(restarts) > 0
    run.look("atalkd killed", f"{restarts} restart; {found.get('files', found)}", good)


def silent(run: Run, who: str, what: str) -> None:
    """Nobody answers to AppleTalk there."""
    found = run.mac(who)
    run.look(what, found, list(found) == ["error"] and "no answer" in found["error"])


def order(run: Run) -> None:
    """No card came up before the firewall was there."""
    firewall, network = (
        int(run.on_box("systemctl", "show", "-P", STARTED, unit)) / 1e6 for unit in UNITS[1:]
    )
    run.look(
        "firewall, then networks", f"{firewall:.1f} s, {network:.1f} s", 0 < firewall < network
    )


def whole(run: Run) -> None:
    """What the box says of itself: its units, what was changed by hand, its rules."""
    failed = run.on_box("systemctl", "--failed", "--plain", "--no-legend")
    run.look("failed units", failed or "none", not failed)
    for verb in ("status", "drift", "audit"):
        code, last = run.gateway(verb)
        run.look(f"gateway {verb}", last if verb != "status" else f"exit {code}", code == 0)


def zoneless(text: str) -> str:
    """The description without the zone, and without the Macintosh that would have nothing else."""
    text = text.replace("    zone: Médecine nucléaire\n", "")
    return text.replace("writers: [mac7, ", "writers: [")


def without_zone(run: Run) -> None:
    """AppleTalk is gone from the box when the description no longer has it."""
    run.site.write_text(zoneless(run.site.read_text()))
    run.apply()
    silent(run, "mac7", "control: no zone any more")
    table = run.on_box("cat", "/proc/net/atalk/interface").splitlines()[1:]
    where = [line for line in table if not line.startswith("lo ")]
    run.look("cards with AppleTalk", where or "none", not where)
    code, _ = run.gateway("status")
    run.look("gateway status", f"exit {code}", code == 0)


def recipe(loaded: Loaded) -> lab.images.Recipe:
    """The box's image: stocked with the site's packages, and Debian's kernel."""
    tree = features.tree_of(loaded.site, loaded.source.line)
    texts = {file.path: file.content for file in tree.files}
    return virtual.recipe(lab.stock.recipe(tree.packages, texts, date.today()))


def looks(run: Run, every: tuple[Callable[[Run], None], ...]) -> None:
    """Make some looks; one that breaks is one that failed."""
    for each in every:
        try:
            each(run)
        except Exception as broken:  # the others are worth seeing
            run.look(each.__name__, f"{type(broken).__name__}: {broken}", False)


def main() -> int:
    """Boot, provision, look, reboot, look, take the zone away, look; then nothing is left."""
    virtual.check()
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="gateway-vm-")))
        site = folder / "site.yml"
        shutil.copyfile(HERE / "site.yml", site)
        shutil.copytree(HERE / "profiles", folder / "profiles")
        loaded = load(site)
        began = time.monotonic()
        if "--keep" not in sys.argv:
            ends.callback(lab.down, NAME)
        made = lab.up(loaded, NAME, print, recipe(loaded), virtual.VirtualLab)
        run = Run(made, site, began)
        run.say("booted")
        run.apply()
        looks(run, (settled, kernel, cards, appletalk, *unix.LOOKS, whole))
        run.say("reboot")
        made.reboot()
        looks(run, (settled, order, kernel, cards, appletalk, killed, *unix.LOOKS))
        looks(run, (unix.killed, unix.without_kernels, whole))
        looks(run, (without_zone,))
        run.say(f"{len(run.failed)} not as they should be: {', '.join(run.failed) or 'none'}")
    return bool(run.failed)


if __name__ == "__main__":
    sys.exit(main())
