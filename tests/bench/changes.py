"""What a change costs the department (root, a lab; two minutes). Goals of each figure beside it.

- an apply that has nothing to do: work on the box beside ssh's own, under 3 s;
- one share's comment changed: a client sees it within 2 s of the upload;
- packets of an unrelated flow lost while the firewall is loaded anew, at 1,000 a second: none.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lab
from gateway import features, tree
from gateway.archive import pack
from gateway.load import load
from gateway.run import run
from gateway.secrets import ensure
from gateway.trial import Trial

ROOT = Path(__file__).parent.parent.parent
SITE = ROOT / "inventory" / "kaohsiung" / "site.yml"
FLOW = "access:\n  - {from: reading-pc, to: 192.0.2.25, services: [udp/9000]}\n"
FROM, TO, RATE, SECONDS, LOADS = "reading-pc", "192.0.2.25", 1000, 10, 20
NO_OP_SECONDS, CHANGE_SECONDS = 3.0, 2.0
SENDS = """
import socket, sys, time
to, rate, seconds = (sys.argv[1], 9000), int(sys.argv[2]), int(sys.argv[3])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
begun = time.monotonic()
for number in range(rate * seconds):
    time.sleep(max(0, begun + number / rate - time.monotonic()))
    sender.sendto(b"%d" % number, to)
print(rate * seconds)
"""
HEARS = """
import socket, sys
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
receiver.bind((sys.argv[1], 9000)); receiver.settimeout(3)
print("ready", flush=True)
heard = set()
try:
    while True:
        heard.add(int(receiver.recv(64)))
except TimeoutError:
    print(len(heard))
"""
CLOSED = "nft add chain inet gateway x '{ type filter hook forward priority -1; policy drop; }'"
# What Ansible runs once the archive is there: from the upload's end to that of the switch, and the
# moment when smbd has told systemd that it serves (sd_notify(3)).
CHANGE = """
begun=$(cut -d' ' -f1 /proc/uptime)
python3 -I /run/bench.zip take /run/bench.zip --confirm-within 120 >/run/bench.said || exit 1
ended=$(cut -d' ' -f1 /proc/uptime)
active=$(systemctl show -P ActiveEnterTimestampMonotonic smbd-modern.service)
echo "$begun $active $ended"
"""
SHARES = "smbclient -L //10.1.2.1 -U reading-pc -m SMB3"


def on_box(made: lab.Lab, *command: str, stdin: str | None = None) -> str:
    return made.exec("box", list(command), stdin=stdin, check=True, timeout=120).stdout


def seconds(made: lab.Lab, *command: str, stdin: str = "") -> float:
    began = time.monotonic()
    on_box(made, *command, stdin=stdin)
    return time.monotonic() - began


def no_op(made: lab.Lab, digest: str) -> float:
    """What `gateway apply` asks of a box that is right, without the way there."""
    # As the playbook sends them: the passwords of this box's devices, and its own at the proxy.
    secrets = on_box(made, "cat", "/etc/gateway/secrets.json")
    compare = ("/usr/sbin/gateway-box", "compare", digest)
    told = json.loads(on_box(made, *compare, stdin=secrets).splitlines()[-1])
    assert told["current"], told["reasons"]
    works = [seconds(made, *compare, stdin=secrets) for _ in range(5)]
    return statistics.median(works) - statistics.median(seconds(made, "true") for _ in range(5))


def packed(text: str, folder: Path) -> tuple[Path, str]:
    file = folder / "site.yml"
    file.write_text(text)
    loaded = load(file)
    made = tree.write(features.tree_of(loaded.site, loaded.source.line), folder / "build")
    archive = folder / "bench.zip"
    return archive, pack(made, archive)


def change(made: lab.Lab, trial: Trial, number: int, folder: Path) -> tuple[float, float]:
    """Seconds until the new configuration is in use, and until the activation has ended."""
    archive, _ = packed(base().replace("Written reports", f"Reports {number}"), folder)
    run(["scp", "-q", *made.ssh_options(), archive, "box:/run/bench.zip"])
    begun, active, ended = on_box(made, "sh", "-c", CHANGE).split()
    assert f"Reports {number}" in seen(made, trial), "no client sees it"
    fresh = ["ssh", "-o", "ControlPath=none", *made.ssh_options(), "box"]
    run([*fresh, "gateway-box", "confirm"], timeout=60)
    return int(active) / 1e6 - float(begun), float(ended) - float(begun)


def seen(made: lab.Lab, trial: Trial) -> str:
    """The shares as a device sees them, with their comments."""
    order = trial.order
    password = ensure(trial.loaded.site, order.vault_path, order.password_file)["reading-pc"]
    command = ["env", f"PASSWD={password}", *SHARES.split()]
    return made.exec("reading-pc", command, check=False, timeout=30).stdout


def base() -> str:
    """The department of the article, and a flow through it to be watched."""
    return SITE.read_text().replace("access:\n", FLOW)


def lost(made: lab.Lab, loads: int, rules: str) -> int:
    """Packets lost on their way through the box while its ruleset is loaded so many times."""
    hears = subprocess.Popen(made.command(TO, ["python3", "-u", "-c", HEARS, TO]),
                             stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert hears.stdout
    hears.stdout.readline()
    sends = subprocess.Popen(
        made.command(FROM, ["python3", "-c", SENDS, TO, str(RATE), str(SECONDS)]),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    for _ in range(loads):
        time.sleep(SECONDS / (loads + 1))
        on_box(made, "sh", "-c", rules)
    sent, _ = sends.communicate()
    heard, _ = hears.communicate()
    return int(sent) - int(heard)


def main() -> int:
    name = f"changes{os.getpid()}"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _, digest = packed(base(), folder)
        made = lab.up(folder / "site.yml", name)
        try:
            trial = Trial(load(folder / "site.yml"), made)
            trial.apply(lambda _step: None)
            idle = no_op(made, digest)
            found = [change(made, trial, number, folder) for number in range(5)]
            load_rules = "nft -f /etc/nftables.conf"
            packets = [lost(made, 0, ""), lost(made, LOADS, load_rules)]
            # Control: a firewall that lets nothing pass for 50 ms is noticed.
            control = lost(made, 1, f"{CLOSED}; sleep 0.05; {load_rules}")
        finally:
            lab.down(name)
    active, ended = (statistics.median(each) for each in zip(*found, strict=True))
    print(f"nothing to do: {idle:.2f} s of work on the box (goal {NO_OP_SECONDS:.0f} s)")
    print(f"one share's comment: in use {active:.2f} s after the upload")
    print(f"  (goal {CHANGE_SECONDS:.0f} s), the activation with its checks {ended:.2f} s")
    print(f"{RATE * SECONDS} packets at {RATE}/s: lost {packets[0]} with the firewall untouched,")
    print(f"  {packets[1]} over {LOADS} loads of it (goal 0), {control} when it closed for 50 ms")
    if control < RATE * 0.03:
        print("the control lost too few: the count means nothing", file=sys.stderr)
        return 1
    return 0 if idle < NO_OP_SECONDS and active < CHANGE_SECONDS and packets == [0, 0] else 1


if __name__ == "__main__":
    sys.exit(main())
