"""C-STORE of small objects of one series by a stock dcmtk sender at a camera's place (root):

- the archive as we configure it, 2,000 objects of 10 KB on one association;
- the same Orthanc with Debian's own configuration, on the same box and over the same wire;
- dcmtk's storescp there, which only writes files and syncs none: as it comes, and cured of the same
  delay as ours (TCP_NODELAY=1).

``python tests/bench/archive.py [LAB]``; without a lab that is up it makes one. All take turns, each
when the machine is idle for a moment if that comes, and the medians are compared. Goal: at least 15
times Debian's configuration. What comes without the cure is so slow that a tenth of the objects is
enough for its rate: a delayed acknowledgement each (40 ms), whatever else the machine does. Ours is
the processor's and the disk's, so the ratio falls on a busy machine.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import lab
from gateway.features.orthanc import partners
from gateway.load import load
from gateway.run import run
from gateway.trial import Trial
from gateway.verify.dicom import Caller, image
from gateway.written import BOX

MANY, FEW = 2000, 200
ROUNDS = 3
GOAL = 15.0
STOCK_PORT, PLAIN_PORT, CURED_PORT = 4242, 11212, 11213  # the site itself listens on 11112
IDLE, PATIENCE = 0.8, 15.0
SITE = Path(__file__).parent.parent / "sites" / "30-archive" / "site.yml"
STOCK = r"""
set -e
rm -rf /var/tmp/bench; install -d -o orthanc /var/tmp/bench
cp -r /etc/orthanc /var/tmp/bench/conf
sed -i 's#"StorageDirectory" *:.*#"StorageDirectory": "/var/tmp/bench/db",#;
  s#"IndexDirectory" *:.*#"IndexDirectory": "/var/tmp/bench/db",#;
  s#"HttpPort" *:.*#"HttpPort": 8043,#; s#"DicomPort" *:.*#"DicomPort": 4242,#' \
  /var/tmp/bench/conf/orthanc.json
chown -R orthanc /var/tmp/bench
systemd-run -q --unit bench-stock -p User=orthanc /usr/sbin/Orthanc /var/tmp/bench/conf
"""
PLAIN = f"""
start() {{
  mkdir /srv/bench/$1
  systemd-run -q --unit bench-$1 --setenv=TCP_NODELAY=$3 /srv/bench/ld-linux-x86-64.so.2 \\
    --library-path /srv/bench /srv/bench/storescp -od /srv/bench/$1 $2
}}
start plain {PLAIN_PORT} 0
start cured {CURED_PORT} 1
"""
PORTS = (STOCK_PORT, PLAIN_PORT, CURED_PORT)
OPEN = f"nft insert rule inet gateway input tcp dport {STOCK_PORT}-{CURED_PORT} accept"
END = "systemctl stop 'bench-*'; nft -f /etc/nftables.conf; rm -rf /var/tmp/bench"
UP = "for i in $(seq 100); do ss -ltn | grep -q ':{port} ' && exit 0; sleep 0.1; done; exit 1"


def caller(made: lab.Lab) -> Caller:
    archive = made.site.archive
    assert archive, "the site has no archive"
    first = next(each for each in partners(made.site) if each.role == "writer")
    box = made.site.networks[first.end.network or ""].address.ip
    called = archive.ae_title
    return Caller(made, first.address, first.ae_title, str(box), archive.port, called)


COPY = """
import sys
made, uid, count = open("a.dcm", "rb").read(), sys.argv[1], int(sys.argv[2])
for number in range(count):
    fresh = (uid[:-5] + "%05d" % number).encode()  # as long as before
    copy = made.replace(uid.encode(), fresh)
    for end in (b".1", b".2"):  # of one study and one series, as a camera makes them
        copy = copy.replace(fresh + end, uid.encode() + end)
    with open(f"/data/bench/{number}.dcm", "wb") as file:
        file.write(copy)
"""


def prepare(sender: Caller, count: int) -> None:
    """Objects of 10 KB with UIDs of their own, in the sender's folder."""
    made = image()
    dump = made.dump.replace("US 64", "US 71")  # 71 x 71 x 2 bytes
    text = (
        "rm -rf /data/bench; mkdir /data/bench; cd $(mktemp -d); cat >a.dump; "
        "head -c 10082 /dev/urandom >pixels.raw; dump2dcm a.dump a.dcm; "
        f"python3 -c '{COPY}' {made.uid} {count}"
    )
    done = sender.lab.exec(sender.place, ["sh", "-ec", text], stdin=dump, timeout=60)
    assert done.returncode == 0, done.stderr


def rate(sender: Caller, port: int) -> float:
    """Objects a second on one association; the sender as it comes, nothing tuned."""
    count = int(sender.lab.exec(sender.place, ["sh", "-c", "ls /data/bench | wc -l"]).stdout)
    began = time.monotonic()
    send = ["storescu", "-aet", sender.title, "-aec", sender.called, "+sd", sender.address]
    done = sender.lab.exec(sender.place, [*send, str(port), "/data/bench"], timeout=600)
    assert done.returncode == 0, done.stderr
    return count / (time.monotonic() - began)


def quiet() -> bool:
    """Wait for a second in which the machine is idle; False if none comes."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        before = [int(word) for word in Path("/proc/stat").read_text().split()[1:9]]
        time.sleep(1)
        after = [int(word) for word in Path("/proc/stat").read_text().split()[1:9]]
        spent = [late - early for late, early in zip(after, before, strict=True)]
        if spent[3] >= IDLE * sum(spent):  # the fourth is idle: proc_stat(5)
            return True
    return False


@contextmanager
def others(made: lab.Lab) -> Iterator[None]:
    """Two more archives on the box, at ports of their own."""
    files = Path(f"/proc/{made.box.leader()}/root/srv/bench")
    borrow_storescp(made.trees.world, files)
    try:
        for script in (STOCK, PLAIN, OPEN):
            made.exec(BOX, ["sh", "-ec", script], check=True)
        for port in PORTS:
            made.exec(BOX, ["sh", "-c", UP.format(port=port)], check=True)
        yield
    finally:
        made.exec(BOX, ["sh", "-c", END])
        shutil.rmtree(files)


def borrow_storescp(world: Path, into: Path) -> None:
    """It is not on the box, but in the image of the devices, with the libraries of that."""
    into.mkdir(exist_ok=True)
    told = run(["chroot", world, "ldd", "/usr/bin/storescp"]).stdout.split()
    for name in {"/usr/bin/storescp", *(word for word in told if word.startswith("/"))}:
        shutil.copy((world / name[1:]), into)


@contextmanager
def department() -> Iterator[lab.Lab]:
    """The lab that was named, or a small one."""
    if sys.argv[1:]:
        yield lab.find(sys.argv[1])
        return
    loaded = load(SITE)
    made = lab.up(loaded, f"bench{os.getpid()}")
    try:
        Trial(loaded, made).apply(lambda _: None)
        yield made
    finally:
        made.down()


def main() -> int:
    with ExitStack() as stack:
        made = stack.enter_context(department())
        stack.enter_context(others(made))
        sender = caller(made)
        ways = {
            "ours": (sender.port, MANY),
            "Debian's configuration": (STOCK_PORT, FEW),
            "storescp": (PLAIN_PORT, FEW),
            "storescp, TCP_NODELAY": (CURED_PORT, MANY),
        }
        busy = 0
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, (port, count) in ways.items():
                prepare(sender, count)
                busy += not quiet()
                rates[name].append(rate(sender, port))
        sender.lab.exec(sender.place, ["rm", "-rf", "/data/bench"])
    for name, found in rates.items():
        each = " ".join(f"{value:.0f}" for value in found)
        print(f"{name:24} {median(found):6.0f} objects a second ({each})")
    ours, stock, plain, cured = (median(found) for found in rates.values())
    print(f"in {busy} of {len(ways) * ROUNDS} runs the machine was busy with something else")
    print(f"ours to Debian's {ours / stock:.1f} (goal {GOAL:.0f}), to storescp {ours / plain:.1f},")
    print(f"to storescp with TCP_NODELAY {ours / cured:.2f}")
    return int(ours / stock < GOAL)


if __name__ == "__main__":
    sys.exit(main())
