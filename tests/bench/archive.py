"""C-STORE of small objects by a stock dcmtk sender at a camera's place (root, a lab that is up):

- the archive as we configure it, 2,000 objects of 10 KB on one association;
- the same Orthanc with Debian's own configuration, on the same box and over the same wire.

``python tests/bench/archive.py LAB``. The goal: at least 15 times Debian's configuration.
Debian's is so slow that a tenth of the objects is enough for its rate.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import lab
from gateway.features.orthanc import partners
from gateway.verify.dicom import Caller, image

OURS, THEIRS = 2000, 200
GOAL = 15.0
PORT = 4242
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
OPEN = "nft insert rule inet gateway input tcp dport 4242 accept"
END = "systemctl stop bench-stock; nft -f /etc/nftables.conf; rm -rf /var/tmp/bench"
UP = f"for i in $(seq 100); do ss -ltn | grep -q ':{PORT} ' && exit 0; sleep 0.1; done; exit 1"


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
    fresh = uid[:-5] + "%05d" % number  # as long as before
    with open(f"/data/bench/{number}.dcm", "wb") as file:
        file.write(made.replace(uid.encode(), fresh.encode()))
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


@contextmanager
def other(made: lab.Lab, script: str) -> Iterator[None]:
    """Another archive on the box, at its own port."""
    made.exec("box", ["sh", "-c", script], check=True)
    try:
        made.exec("box", ["sh", "-c", UP], check=True)
        made.exec("box", OPEN.split(), check=True)
        yield
    finally:
        made.exec("box", ["sh", "-c", END])


def main() -> int:
    made = lab.find(sys.argv[1])
    sender = caller(made)
    prepare(sender, THEIRS)
    with other(made, STOCK):
        stock = rate(sender, PORT)
    print(f"Debian's configuration {stock:7.0f} objects a second")
    prepare(sender, OURS)
    ours = rate(sender, sender.port)
    print(f"ours                   {ours:7.0f} objects a second")
    sender.lab.exec(sender.place, ["rm", "-rf", "/data/bench"])
    print(f"ratio {ours / stock:.1f} (goal {GOAL:.0f})")
    return int(ours / stock < GOAL)


if __name__ == "__main__":
    sys.exit(main())
