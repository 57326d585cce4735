"""SMB, AFP and NFS: our servers against the same daemons with their distribution's defaults (root).

``python tests/bench/files.py [LAB]``; without a lab that is up it makes one. On the same box and
file system, over the same wire and by the same client in the device's own namespace, both take
turns; the medians are compared. Goal: at least as fast, each. The defaults are Debian's, with what
the client cannot do without (a share, an account, for LANMAN its dialect) and, for NFS, no UDP and
no minute and a half of grace. What ours does and the defaults do not, a second comparison shows:
``SMB 3.1.1, sealed`` is Debian's server told to encrypt as ours does, ``NFS 3, doubting`` the one
told to believe its cache as little as ours. The last line of each is the time that the server
itself has computed: that can be compared on a busy machine too.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from statistics import median
from string import Template
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from archive import SITE

import lab
from gateway.load import load
from gateway.run import run
from gateway.secrets import ensure
from gateway.trial import Trial
from gateway.verify.smb import OPTIONS
from gateway.written import BOX
from lab import machine

PROCESSOR = "processor"
ROUNDS = 5
SMB = {
    "smbd-modern": (445, "protocols"),
    "smbd-legacy": (139, "images"),
    "stock-plain": (4450, "stock"),
    "stock-sealed": (4451, "stock"),
    "stock-lanman": (4452, "stock"),
}
NFS = {"stock-nfs": 2050, "stock-doubting": 2051}
DOUBTS = (
    "EXPORT_DEFAULTS { Attr_Expiration_Time = 0; } MDCACHE { Dir_Chunk = 0; Cache_FDs = false; }"
)
MEGABYTES, FILES = 32, 200
DISK_MEGABYTES = 2000
HERE = "10.1.1.1"
CLIENT = Path(__file__).with_name("files_client.py").read_text()
# Debian's own configuration of each, and what no client could do without.
SMBD = """
install -d -m 1777 /srv/stock/files /srv/stock/smb/private
{{ cat /usr/share/samba/smb.conf; cat; }} >/srv/stock/{name}.conf <<'END'
[global]
  smb ports = {port}
  pid directory = /srv/stock/{name}
  lock directory = /srv/stock/{name}
  state directory = /srv/stock/{name}
  cache directory = /srv/stock/{name}
  private dir = /srv/stock/{name}
  ncalrpc dir = /srv/stock/{name}/ncalrpc
  {more}
[stock]
  path = /srv/stock/files
  read only = no
END
install -d /srv/stock/{name}
{{ echo "$PASSWORD"; echo "$PASSWORD"; }} | smbpasswd -c /srv/stock/{name}.conf -s -a {account}
systemd-run -q --unit stock-{name} \
  smbd --foreground --no-process-group --configfile=/srv/stock/{name}.conf
"""
LANMAN = "server min protocol = LANMAN1\n  lanman auth = yes\n  ntlm auth = ntlmv1-permitted"
AFPD = """
install -d -m 1777 /srv/stock/files /srv/stock/cnid
{ sed '/^\\[Homes\\]/,$d' /etc/netatalk/afp.conf; cat; } >/srv/stock/afp.conf <<'END'
[Global]
  afp port = 5480
  cnid listen = 127.0.0.1:4701
  cnid server = 127.0.0.1:4701
  vol dbpath = /srv/stock/cnid
[stock]
  path = /srv/stock/files
END
# Its login asks for a shell that is listed, as our unit's does (docs/decisions/0004).
# The lab's own mending, as in lab/box.py: it wants more open files than a container may.
systemd-run -q --unit stock-cnid -p 'SystemCallFilter=~prlimit64:0' \
  cnid_metad -d -F /srv/stock/afp.conf
systemd-run -q --unit stock-afp -p BindReadOnlyPaths=/etc/netatalk/shells:/etc/shells \
  afpd -d -F /srv/stock/afp.conf
"""
GANESHA = Template("""
install -d -m 1777 /srv/stock/files
{ cat /etc/ganesha/ganesha.conf; cat; } >/srv/stock/$unit.conf <<'END'
NFS_CORE_PARAM {
  NFS_Port = $port; MNT_Port = 1$port; NLM_Port = 2$port; Rquota_Port = 3$port;
  Enable_UDP = false; mount_path_pseudo = true; allow_set_io_flusher_fail = true;
}
NFSv4 { Graceless = true; }
$more
EXPORT {
  Export_Id = 1; Path = /srv/stock/files; Pseudo = /stock; Access_Type = RW;
  Squash = No_Root_Squash; FSAL { Name = VFS; }
}
END
systemd-run -q --unit $unit \
  ganesha.nfsd -F -f /srv/stock/$unit.conf -L STDERR -p /srv/stock/$unit.pid
sleep 3
""")
# All tell the portmapper where they are: the last one is ours.
OURS_LAST = "systemctl restart nfs-shares; sleep 12"
PORTS = "2050-2051, 4450-4452, 5480, 12050-12051"
OPEN = f"nft insert rule inet gateway input tcp dport '{{ {PORTS} }}' accept"
END = "systemctl stop 'stock-*'; systemctl reset-failed 'stock-*'; systemctl restart nfs-shares"
END += "; nft -f /etc/nftables.conf; rm -rf /srv/stock"


@dataclass(frozen=True)
class Way:
    """A device's way to one server."""

    device: str
    unit: str
    told: dict[str, Any] = field(repr=False)

    def processor(self, made: lab.Lab) -> float:
        """Seconds that the server has computed."""
        said = made.exec(BOX, ["systemctl", "show", "-P", "CPUUsageNSec", self.unit], check=True)
        return int(said.stdout) / 1e9

    def measure(self, made: lab.Lab) -> dict[str, float]:
        """Megabytes, or files, a second: what is more is better."""
        told = {**self.told, "megabytes": MEGABYTES, "files": FILES}
        before = self.processor(made)
        ran = made.exec(self.device, ["python3", "-c", CLIENT], stdin=json.dumps(told), timeout=300)
        assert ran.returncode == 0, ran.stderr[-2000:]
        took = json.loads(ran.stdout)
        rates = {
            step: (MEGABYTES if step.startswith("large") else FILES) / seconds
            for step, seconds in took.items()
        }
        return {**rates, PROCESSOR: 1 / (self.processor(made) - before)}


def smb(device: str, dialect: str, unit: str, password: str) -> Way:
    port, share = SMB[unit]
    options = [f"--option={each}" for each in OPTIONS[dialect]]
    command = ["smbclient", f"//gateway/{share}", "-I", HERE, "-p", str(port), "-m", dialect]
    told = {"kind": "smb", "command": [*command, *options]}
    return Way(device, unit, {**told, "account": device, "password": password})


def afp(unit: str, password: str) -> Way:
    port, share = (548, "images") if unit == "afp-shares" else (5480, "stock")
    source = files("gateway.verify").joinpath("afp_client.py").read_text("utf-8")
    told = {"kind": "afp", "source": source, "address": HERE, "port": port, "share": share}
    told |= {"version": "AFP2.2", "method": "DHCAST128", "account": "mac", "password": password}
    return Way("mac", unit, told)


def nfs(device: str, version: int, unit: str) -> Way:
    port = NFS.get(unit)
    source = files("gateway.verify").joinpath("nfs_client.py").read_text("utf-8")
    told = {"kind": "nfs", "source": source, "address": HERE, "version": version}
    told |= {"share": "stock" if port else "images"}
    mount = f"&mountport=1{port}" if version == 3 else ""
    return Way(device, unit, {**told, "options": f"nfsport={port}{mount}" if port else ""})


def pairs(word: dict[str, str]) -> dict[str, tuple[Way, Way]]:
    """Ours, and the distribution's."""
    pc, camera, mac = word["reading-pc"], word["camera"], word["mac"]
    ours = smb("reading-pc", "SMB3", "smbd-modern", pc)
    return {
        "SMB 3.1.1": (ours, smb("reading-pc", "SMB3", "stock-plain", pc)),
        "SMB 3.1.1, sealed": (ours, smb("reading-pc", "SMB3", "stock-sealed", pc)),
        "LANMAN2": (
            smb("camera", "LANMAN2", "smbd-legacy", camera),
            smb("camera", "LANMAN2", "stock-lanman", camera),
        ),
        "AFP 2.2": (afp("afp-shares", mac), afp("stock-afp", mac)),
        "NFS 3": (nfs("picker", 3, "nfs-shares"), nfs("picker", 3, "stock-nfs")),
        "NFS 3, doubting": (nfs("picker", 3, "nfs-shares"), nfs("picker", 3, "stock-doubting")),
        "NFS 4": (nfs("solaris", 4, "nfs-shares"), nfs("solaris", 4, "stock-nfs")),
        "NFS 4, doubting": (nfs("solaris", 4, "nfs-shares"), nfs("solaris", 4, "stock-doubting")),
    }


@contextmanager
def defaults(made: lab.Lab, word: dict[str, str]) -> Iterator[None]:
    """The same daemons once more, as Debian configures them."""

    def smbd(name: str, port: int, account: str, more: str = "") -> None:
        script = SMBD.format(name=name, port=port, account=account, more=more)
        told = f"PASSWORD='{word[account]}'\n{script}"
        made.exec(BOX, ["sh", "-es"], stdin=told, check=True)

    try:
        made.exec(BOX, ["install", "-d", "/srv/stock"], check=True)
        smbd("plain", 4450, "reading-pc")
        smbd("sealed", 4451, "reading-pc", "server smb encrypt = required")
        smbd("lanman", 4452, "camera", LANMAN)
        ganesha = [
            GANESHA.substitute(unit=unit, port=port, more=DOUBTS if "doubting" in unit else "")
            for unit, port in NFS.items()
        ]
        for script in (AFPD, *ganesha, OURS_LAST):
            made.exec(BOX, ["sh", "-es"], stdin=script, check=True)
        made.exec(BOX, ["sh", "-c", OPEN], check=True)
        yield
    finally:
        made.exec(BOX, ["sh", "-c", END])


@contextmanager
def disk() -> Iterator[str]:
    """A block device with the file system of a real box: ext4 with a journal.

    Without one ext4 passes by each inode that was deleted in the last minutes when it looks for a
    free one (recently_deleted in fs/ext4/ialloc.c). Where this machine's disk has none that costs a
    new file 160 to 280 us in place of 15, for every server, and their difference is lost in it.
    """
    with tempfile.NamedTemporaryFile(dir=machine.cache(), prefix="bench-") as file:
        os.truncate(file.name, DISK_MEGABYTES << 20)
        run(["mkfs.ext4", "-q", "-F", file.name])
        device = run(["losetup", "--find", "--show", file.name]).stdout.strip()
        try:
            yield device
        finally:
            run(["losetup", "--detach", device])


@contextmanager
def department() -> Iterator[lab.Lab]:
    """The lab that was named, or one with its shares on such a disk."""
    if sys.argv[1:]:
        yield lab.find(sys.argv[1])
        return
    loaded = load(SITE)
    with disk() as device:
        made = lab.up(loaded, f"bench{os.getpid()}")
        try:
            made.power_cut()
            made.box.store_on(device)
            made.boot()
            Trial(loaded, made).apply(lambda _: None)
            yield made
        finally:
            made.down()


def passwords(made: lab.Lab) -> dict[str, str]:
    """The devices', of the lab's own vault."""
    order = Trial(load(SITE), made).order
    assert order.vault
    assert order.password_file
    return dict(ensure(made.site, order.vault, order.password_file))


def turn(made: lab.Lab, ours: Way, theirs: Way, number: int) -> list[dict[str, float]]:
    """Both once; who begins changes from turn to turn."""
    sides = [ours, theirs]
    begin = number % 2
    found = {side: sides[side].measure(made) for side in (begin, 1 - begin)}
    return [found[0], found[1]]


def main() -> int:
    slow = 0
    with ExitStack() as stack:
        made = stack.enter_context(department())
        word = passwords(made)
        stack.enter_context(defaults(made, word))
        for name, (ours, theirs) in pairs(word).items():
            runs = [turn(made, ours, theirs, number) for number in range(ROUNDS)]
            for step in runs[0][0]:
                mine, other = (median(run[side][step] for run in runs) for side in (0, 1))
                if step == PROCESSOR:
                    told = f"{name:18} {step:9} {1000 / mine:7.0f} ms a turn, Debian's "
                    print(f"{told}{1000 / other:7.0f}: {mine / other:.2f}", flush=True)
                    continue
                unit = "MB/s" if step.startswith("large") else "files/s"
                told = f"{name:18} {step:9} {mine:7.0f} {unit:7}, Debian's {other:7.0f}"
                print(f"{told}: {mine / other:.2f}", flush=True)
                slow += mine < other
    print(f"{slow} below 1.0")
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
