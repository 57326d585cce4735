"""A small box to hurt: two generations of it, what each looks like, and ways to break a switch.

The program on the box knows nothing of this: see killing.py.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from killing import KILL_AT

import lab
from gateway import features
from gateway.apply import Summary, apply
from gateway.archive import pack
from gateway.load import load
from gateway.render import RenderedFile
from gateway.run import run
from gateway.tree import write
from gateway.trial import Trial

PROGRAM = "/usr/sbin/gateway-box"
ROOT = Path(__file__).parent.parent.parent
SITE = """\
name: tiny
networks:
  hospital: {side: outside, nic: eth0, address: 192.0.2.10/24, router: 192.0.2.1}
  inside: {nic: eth1, address: 10.1.1.1/24}
hospital: {dns: [192.0.2.53], web_proxy: {address: 192.0.2.80}}
administration:
  from: [reading-pc]
devices:
  reading-pc: {profile: windows-11, network: inside, address: 10.1.1.12}
  other-pc: {profile: windows-11, network: inside, address: 10.1.1.13}
"""
MORE = "  third-pc: {profile: windows-11, network: inside, address: 10.1.1.14}\n"
# Runs gateway-box and ends it with SIGKILL at the event of that number; 0: counts them.
KILLER = f"""{KILL_AT}
sys.path.insert(0, "/usr/lib/gateway")
from box.__main__ import main
kill_at(int(sys.argv[1]))
main(sys.argv[2:])
print("steps", len(seen))
"""
ADDED = "/etc/systemd/system/chrony.service.d/mine.conf"
BY_HAND = f"""
echo '# by hand' >> /etc/chrony/chrony.conf
mkdir -p $(dirname {ADDED}); printf '[Service]\\n# by hand\\n' > {ADDED}
"""
# What is on the box, as its services know it; not what the box remembers of itself.
LOOK = r"""
{ find /etc /usr/lib/gateway /usr/sbin/gateway-box -xdev -type f ! -name '*.gateway-new' \
    -exec sha256sum {} +
  find /etc -xdev -name '*.gateway-new'
  find /etc -xdev -type l -printf '%p -> %l\n'
  find /etc /usr/lib/gateway -xdev -printf '%m %u:%g %p\n'; } | grep -v machine-id | sort
nft --stateless list ruleset
systemctl is-active x-a.service x-b.service dnsmasq.service chrony.service ssh.service
"""
# The state, once nobody is at work.
IDLE = """
flock -n /run/gateway-box.lock true || exit 0
pgrep -f '[g]ateway(-box|[.]zip) [a-z]|[p]rogram[.]zip [a-z]' >/dev/null && exit 0
cat /var/lib/gateway/state.json
"""


def unit(name: str, more: str = "RemainAfterExit=yes", start: str = "/bin/true") -> RenderedFile:
    """A service of a generation's own; it has done its work at once unless told otherwise."""
    kind = "oneshot" if more.startswith("Remain") else "exec"
    text = f"[Service]\nType={kind}\n{more}\nExecStart={start}\n"
    text += "[Install]\nWantedBy=multi-user.target\n"
    restart = ("systemctl", "try-restart", f"{name}.service")
    return RenderedFile(f"/etc/systemd/system/{name}.service", text.encode(), "x", reload=restart)


@dataclass(frozen=True)
class Patient:
    """A provisioned box, and what each of its generations looks like."""

    lab: lab.Lab
    folder: Path
    looks: dict[int, str] = field(default_factory=dict)
    plain: dict[str, str] = field(default_factory=dict)
    """What the box looks like with a site alone, by the site's SHA-256."""
    both: list[int] = field(default_factory=list)

    @classmethod
    def up(cls, folder: Path, name: str) -> Patient:
        """Boot and provision it; learn what its two sites look like, and two with more."""
        (folder / "site.yml").write_text(SITE)
        (folder / "site-b.yml").write_text(SITE + MORE)
        patient = cls(lab.up(folder / "site.yml", name), folder)
        try:
            for site in ("site.yml", "site-b.yml"):
                patient.apply(site)
                patient.plain[digest(folder / site)] = patient.look()
            patient.both[:] = patient.stage_both()
            for number in patient.both:
                patient.learn(number)
            assert len({*patient.looks.values(), *patient.plain.values()}) == 4
        except BaseException:
            patient.lab.down()
            raise
        return patient

    def stage_both(self) -> tuple[int, int]:
        """The two generations with units of their own: the old and the new of the faults."""
        a = self.stage("site.yml", unit("x-a"), RenderedFile("/etc/x/a", b"a\n", "x"))
        b = self.stage("site-b.yml", unit("x-b"), self.firewall(b"table inet x_b { }\n"))
        return a, b

    def ready(self) -> None:
        """In the first of the two; they may have been pruned and be staged anew."""
        known = tuple(self.both)
        again = self.stage_both()
        for old, new in zip(known, again, strict=True):
            self.looks[new] = self.looks[old]
        self.both[:] = again
        self.take(again[0], "--overwrite-drift")

    def learn(self, number: int) -> None:
        """Switch to a generation in peace, and keep what the box then looks like."""
        self.take(number)
        self.looks[number] = self.look()

    def apply(self, site: str = "site.yml", within: int = 120) -> Summary:
        """As an operator does."""
        loaded = load(self.folder / site)
        return apply(loaded, replace(Trial(loaded, self.lab).order, confirm_within=within))

    def apply_in_background(self, site: str, within: int) -> subprocess.Popen[bytes]:
        """`gateway apply` as a process group of its own, to be killed."""
        trial = Trial(load(self.folder / site), self.lab)
        order = trial.order
        command = [sys.executable, "-m", "gateway.cli", "apply", str(self.folder / site)]
        command += ["--host", order.connection.host, f"--ssh-args={order.connection.ssh_args}"]
        command += ["--vault", str(order.vault_path), "--confirm-within", str(within)]
        command += ["--vault-password-file", str(order.password_file)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        null = subprocess.DEVNULL
        return subprocess.Popen(
            command, env=environment, start_new_session=True, stdout=null, stderr=null, cwd=ROOT
        )

    def firewall(self, more: bytes) -> RenderedFile:
        """The site's own ruleset, and something after it."""
        loaded = load(self.folder / "site.yml")
        tree = features.tree_of(loaded.site, loaded.source.line)
        found = next(file for file in tree.files if file.path == "/etc/nftables.conf")
        return replace(found, content=found.content + more)

    def stage(self, site: str, *more: RenderedFile) -> int:
        """Stage a site's tree with more files, their units among them; its generation."""
        self.send(site, *more)
        told = self.told("stage", "/run/x.zip")
        assert "generation" in told, told
        return int(told["generation"])

    def send(self, site: str, *more: RenderedFile) -> None:
        """Bring a site's archive with more files to the box."""
        loaded = load(self.folder / site)
        tree = features.tree_of(loaded.site, loaded.source.line)
        paths = {file.path for file in more}
        files = [*(file for file in tree.files if file.path not in paths), *more]
        units = [Path(path).name for path in paths if path.endswith(".service")]
        tree = replace(tree, files=files, units=[*tree.units, *units])
        pack(write(tree, self.folder / "build"), self.folder / "x.zip")
        run(["scp", "-q", *self.lab.ssh_options(), self.folder / "x.zip", "box:/run/x.zip"])

    def on_box(self, *command: str, check: bool = True, timeout: float = 120) -> str:
        """What a command on the box prints, past ssh and firewall."""
        return self.lab.exec("box", list(command), check=check, timeout=timeout).stdout

    def told(self, *words: str) -> dict[str, Any]:
        """What gateway-box answers."""
        return dict(json.loads(self.on_box(PROGRAM, *words, check=False).splitlines()[-1]))

    def ssh(self, *command: str) -> list[str]:
        """A command on the box by a new connection."""
        alone = ["-o", "ControlPath=none", "-o", "ConnectTimeout=5"]
        return ["ssh", *alone, *self.lab.ssh_options(), "box", *command]

    def take(self, number: int, *more: str) -> None:
        """Switch to a generation and confirm it by a new connection: the next apply succeeds."""
        told = self.told("activate", str(number), *more)
        assert "failed" not in told, told
        done = run(self.ssh(PROGRAM, "confirm", str(number)), check=False, timeout=60)
        assert done.returncode == 0, done.stderr

    def look(self) -> str:
        """What the box looks like."""
        return self.on_box("sh", "-c", LOOK, check=False)

    def idle(self, seconds: float = 90) -> dict[str, Any]:
        """Wait until nothing is at work, to be confirmed or to be put back; the state then."""
        deadline = time.monotonic() + seconds
        while True:
            said = self.on_box("sh", "-c", IDLE, check=False)
            state = json.loads(said or "{}")
            place = ("active", "only_first", "secrets")
            now = [state.get(name) for name in place]
            safe = [state.get(f"confirmed{end}") for end in ("", "_first", "_secrets")]
            if said and state["pending"] is None and now == safe:
                return dict(state)
            assert time.monotonic() < deadline, state
            time.sleep(0.2)

    def whole(self) -> int:
        """The generation that the box wholly is in; fails where it is in none, or not reached."""
        number = int(self.idle()["active"])
        if number not in self.looks:
            self.looks[number] = self.plain[self.told("show", str(number))["site"]]
        seen = self.look()
        assert seen == self.looks[number], difference(self.looks[number], seen)
        run(self.ssh("true"), timeout=30)
        assert self.told("status")["drift"] == []
        return number

    def other(self, number: int) -> int:
        """The one of the two with units of their own that it is not."""
        return sum(self.both) - number

    def steps(self, *more: str) -> int:
        """How many moments a switch has at which it may be killed."""
        number = int(self.idle()["active"])
        said = self.killed_at(0, self.other(number), 60, *more)
        self.take(self.other(number))
        return int(said.splitlines()[-1].split()[-1])

    def spoil(self) -> None:
        """Work of somebody's: a file of ours is edited, and one is added."""
        self.on_box("sh", "-c", BY_HAND)

    def unspoil(self) -> None:
        """Take that away, wherever a switch that undoes it has got; it must not be lost before."""
        kept = "cat /etc/chrony/chrony.conf {0}; cat /var/lib/gateway/aside/*{0}"
        said = self.on_box("sh", "-c", kept.format(ADDED) + " 2>/dev/null", check=False)
        assert "[Service]\n# by hand" in said, "what was added is lost"
        self.on_box("sh", "-c", f"rm -rf {ADDED} /var/lib/gateway/aside; systemctl daemon-reload")
        self.on_box("rmdir", str(Path(ADDED).parent), check=False)

    def killed_at(self, step: int, number: int, within: float, *more: str) -> str:
        """Run a switch that is killed at a step."""
        words = [str(step), "activate", str(number), "--confirm-within", str(within), *more]
        return self.on_box("python3", "-IB", "-c", KILLER, *words, check=False)

    def started(self, *words: str) -> subprocess.Popen[bytes]:
        """gateway-box by ssh, in the background."""
        null = subprocess.DEVNULL
        return subprocess.Popen(self.ssh(PROGRAM, *words), stdout=null, stderr=null)

    def kill_program(self) -> bool:
        """SIGKILL whoever switches now; says whether there was one."""
        holder = self.on_box("cat", "/run/gateway-box.lock", check=False)
        try:
            pid = json.loads(holder)["pid"]
        except ValueError:
            return False
        self.on_box("kill", "-KILL", str(pid), check=False)
        return True


def digest(site: Path) -> str:
    """What a generation remembers of the description it was rendered from."""
    return sha256(site.read_bytes()).hexdigest()


def a_while(least: float, most: float) -> None:
    """Until some moment or other."""
    time.sleep(random.uniform(least, most))  # noqa: S311 - a moment, no secret


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a process and all that it started."""
    # Ansible's workers have sessions of their own: not all of it is in the group.
    for pid in (*descendants(process.pid), process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def descendants(pid: int) -> list[int]:
    """What a process started, and what that started (proc(5))."""
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(status.parent.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found[1:]


def difference(expected: str, seen: str) -> str:
    """The lines that only one of two looks has."""
    a, b = expected.splitlines(), seen.splitlines()
    lines = [f"- {line}" for line in a if line not in b] + [
        f"+ {line}" for line in b if line not in a
    ]
    return "\n".join(lines[:40])
