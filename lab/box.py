"""The box: a bare Debian 13 as an installer leaves it, booted as a container on its own wires.

Its disk is a layer over the image, mounted in a mount namespace of the container's own: when
the container's last process dies, so does the mount.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.problems import Failed
from gateway.run import run, start
from gateway.written import BOX
from lab import machine
from lab.images import Trees
from lab.mirror import Mirror, as_http
from lab.plan import Nic, Place, Plan
from lab.remains import Remains, processes_in, processes_with
from lab.wire import inside
from lab.world import ENVIRONMENT, MARK, World

BOOT_SECONDS = 90
END_SECONDS = 20
SHUTDOWN_SECONDS = 120
SSH_SECONDS = 30
CONSOLE_LINES = 30
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# What a container needs and a real box does not. Nothing of it may hide a fault of ours.
LAB_ONLY = {
    # A mirror that was frozen, so that builds repeat, has lists that are out of date by theirs.
    "etc/apt/apt.conf.d/95lab": 'Acquire::Check-Valid-Until "false";\n',
    # chronyd would steer the host's clock (-x, chronyd(8)), which all containers share.
    "etc/systemd/system/chrony.service.d/lab.conf": (
        "[Service]\nExecStart=\nExecStart=!/usr/sbin/chronyd $DAEMON_OPTS -x\n"
    ),
    # cnid_metad wants 65535 open files and ends without; this machine may allow fewer, and what
    # is not allowed here a container cannot raise. So it is told that it has them.
    "etc/systemd/system/afp-names.service.d/lab.conf": (
        "[Service]\nSystemCallFilter=~prlimit64:0\n"
    ),
}
# rpc_pipefs belongs to the kernel's NFS, which a container cannot mount.
MASKED = ("run-rpc_pipefs.mount",)


@dataclass(frozen=True)
class Box:
    """One lab's box: makes its disk, boots it, stops it, enters it."""

    plan: Plan
    trees: Trees
    world: World
    state: Path
    disk: Path

    @property
    def place(self) -> Place:
        """Its namespace."""
        return self.plan.places[BOX]

    @property
    def console(self) -> Path:
        """What it says while it boots."""
        return self.state / "console.log"

    @property
    def upper(self) -> Path:
        """What differs from the image."""
        return self.disk / "upper"

    @property
    def storage(self) -> Path:
        """Holds the name of the block device that is /srv, where it is not a plain folder."""
        return self.disk / "storage"

    @property
    def key(self) -> Path:
        """The key that root of the box accepts, made for this lab."""
        return self.state / "ssh_key"

    @property
    def known_hosts(self) -> Path:
        """The box's host key, under the name ``gateway-lab``."""
        return self.state / "known_hosts"

    def prepare(self, mirror: Mirror) -> None:
        """Make its disk, as an installer would leave it, and the keys to enter."""
        self.disk.mkdir(mode=0o700, parents=True)
        for name in ("upper", "work", "root", "srv"):
            (self.disk / name).mkdir(mode=0o755)
        for path, text in {**self.installed(mirror), **self.differences}.items():
            file = self.upper / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        for unit in self.masked:
            (self.upper / "etc/systemd/system" / unit).symlink_to("/dev/null")
        self._keys()

    @property
    def differences(self) -> dict[str, str]:
        """Files that a real box has not."""
        return LAB_ONLY

    @property
    def masked(self) -> tuple[str, ...]:
        """Units that cannot run here."""
        return MASKED

    def match(self, nic: Nic) -> str:
        """How the installer's configuration knows a card, systemd.network(5)."""
        return f"Name={nic.name}"

    def installed(self, mirror: Mirror) -> dict[str, str]:
        """Files of a fresh installation: name, networks, package sources."""
        site = self.plan.site
        full = f"{site.box.name}.{site.box.domain}"
        files = {
            "etc/hostname": f"{site.box.name}\n",
            # Without its own name here, some packages wait for DNS while they install.
            "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {full} {site.box.name}\n",
            "etc/resolv.conf": "".join(f"nameserver {each}\n" for each in self.place.resolvers),
            # Set, or systemd takes this for the first boot and enables every unit there is.
            "etc/machine-id": f"{uuid.uuid4().hex}\n",
            "etc/apt/sources.list.d/debian.sources": "\n".join(
                f"Types: deb\nURIs: {as_http(url)}\nSuites: {suite}\nComponents: main\n"
                f"Signed-By: {KEYRING}\n"
                for url, suite in mirror.sources
            ),
        }
        cards = {nic.name: nic for nic in self.place.nics}
        for name, network in site.networks.items():
            lines = ["[Match]", self.match(cards[network.nic.interface]), "", "[Network]"]
            lines += ["IPv6AcceptRA=no", "LinkLocalAddressing=no"]
            own = (network.address, network.address6)
            lines += [f"Address={address}" for address in own if address]
            routers = (network.router, network.router6)
            lines += [f"Gateway={router}" for router in routers if router]
            # 90: whatever the gateway writes itself comes before, systemd.network(5).
            files[f"etc/systemd/network/90-installer-{name}.network"] = "\n".join(lines) + "\n"
        return files

    def _keys(self) -> None:
        ssh = self.upper / "etc/ssh"
        ssh.mkdir(parents=True, exist_ok=True)
        root = self.upper / "root/.ssh"
        root.mkdir(mode=0o700, parents=True)
        root.parent.chmod(0o700)
        # /run is where the sandbox has room for mount points.
        binds = ["--bind", str(self.upper), "/run/upper", "--bind", str(self.state), "/run/state"]
        make = (
            "ssh-keygen -q -A -f /run/upper &&"
            f" ssh-keygen -q -t ed25519 -N '' -C {MARK} -f /run/state/ssh_key"
        )
        run(self.world.sandbox(BOX, ["sh", "-ec", make], daemon=False, extra=binds))
        public = self.key.with_suffix(".pub").read_text()
        accepted = root / "authorized_keys"
        accepted.touch(mode=0o600)
        accepted.write_text(public)
        host_keys = sorted(ssh.glob("ssh_host_*_key.pub"))
        self.known_hosts.write_text("".join(f"gateway-lab {key.read_text()}" for key in host_keys))

    def boot(self) -> None:
        """Start it, and wait until systemd is content and ssh answers."""
        layers = f"lowerdir={self.trees.box},upperdir={self.upper},workdir={self.disk}/work"
        root = str(self.disk / "root")
        nspawn = ["systemd-nspawn", "--quiet", "--boot", f"--directory={root}", "--register=no"]
        nspawn += [f"--machine={self.machine}", "--capability=all", "--resolv-conf=off"]
        nspawn += ["--timezone=off", "--link-journal=no"]
        nspawn += [f"--network-namespace-path=/run/netns/{self.place.namespace}"]
        # For NFS-Ganesha, which opens files by handle.
        nspawn += ["--system-call-filter=open_by_handle_at"]
        # A layered file system has no handles for it: /srv is a plain folder, as on a real box.
        nspawn.append(f"--bind={self.disk / 'srv'}:/srv")
        # Where systemd runs it gives the box a scope; elsewhere the box gets a cgroup of its own,
        # or two labs' systemds would meet in one.
        enter = ""
        if not machine.has_systemd():
            nspawn.append("--keep-unit")
            group = Remains(self.plan.name).cgroup
            enter = f"mkdir -p {group} && echo $$ > {group}/cgroup.procs && "
        mounts = f"mount -t overlay overlay -o {layers} {root}"
        if self.storage.exists():
            mounts += f" && mount {self.storage.read_text()} {self.disk / 'srv'}"
        script = f'{enter}{mounts} && exec "$@"'
        start(
            ["unshare", "--mount", "--propagation", "slave", "sh", "-ec", script, "sh", *nspawn],
            log_file=self.console,
            env={
                MARK: self.world.mark,
                "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
                # Else /proc/sys/net is read-only, and a router cannot forward.
                "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
            },
        )
        self._wait_for_systemd()
        self._wait_for_ssh()

    @property
    def machine(self) -> str:
        """The container's name."""
        return Remains(self.plan.name).machine

    def power_cut(self, then: Callable[[], object] = lambda: None) -> None:
        """End it as a power cut does. ``boot`` starts it again from the same disk.

        The kernel keeps what was written and not synced, unless the storage is a disk that loses
        it (``store_on``). ``then`` is called when everything is killed, so that a disk can let go
        of those that wait for it.
        """
        for pid in processes_in([self.place.namespace]):
            _kill(pid)
        then()
        self._wait_for_the_end(END_SECONDS)

    def store_on(self, device: str) -> None:
        """From the next ``boot`` on, /srv is the file system on this block device."""
        self.storage.write_text(device)

    def shut_down(self) -> None:
        """End it in order, as an administrator does."""
        run(self.command(["systemctl", "poweroff"]), check=False, timeout=30)
        self._wait_for_the_end(SHUTDOWN_SECONDS)

    def _wait_for_the_end(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while list(processes_in([self.place.namespace])) or self._supervisors():
            if time.monotonic() > deadline:
                raise Failed(
                    f"the box of lab {self.plan.name} does not end in {seconds:.0f} s;"
                    f" its console ends:\n{self.last_words()}"
                )
            time.sleep(0.05)

    def _supervisors(self) -> list[int]:
        """systemd-nspawn itself, which runs outside: its end frees the disk."""
        return processes_with(f"--directory={self.disk / 'root'}")

    def leader(self) -> int | None:
        """The pid, here, of the first process of the box; None when it does not run."""
        for pid in processes_in([self.place.namespace]):
            if _pids_of(pid)[1:] == ["1"]:
                return pid
        return None

    def command(self, argv: Sequence[str], leader: int | None = None) -> list[str]:
        """The host's command that runs ``argv`` on the box, past ssh and firewall."""
        leader = leader or self.leader()
        if not leader:
            raise Failed(f"the box of lab {self.plan.name} does not run:\n{self.last_words()}")
        enter = ["nsenter", f"--target={leader}", "--mount", "--uts", "--ipc", "--net", "--pid"]
        settings = [f"{name}={value}" for name, value in {**ENVIRONMENT, "HOME": "/root"}.items()]
        term = os.environ.get("TERM", "dumb")
        words = [*enter, "--cgroup", "setpriv", "--pdeathsig", "KILL", "env", "-i", "-C", "/root"]
        return [*words, *settings, f"TERM={term}", *argv]

    def last_words(self) -> str:
        """The end of the console."""
        if not self.console.exists():
            return "its console is empty"
        lines = self.console.read_text(errors="replace").splitlines()
        return "\n".join(lines[-CONSOLE_LINES:]) or "its console is empty"

    def _wait_for_systemd(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        state = "no first process"
        while time.monotonic() < deadline:
            if leader := self.leader():
                ask = self.command(["systemctl", "is-system-running"], leader)
                state = run(ask, check=False, timeout=10).stdout.strip() or "no answer"
                if state in ("running", "degraded"):
                    return
            time.sleep(0.1)
        raise Failed(
            f"the box does not boot in {BOOT_SECONDS} s ({state}); its console ends:\n"
            f"{self.last_words()}"
        )

    def _wait_for_ssh(self) -> None:
        deadline = time.monotonic() + SSH_SECONDS
        while time.monotonic() < deadline:
            listening = run([*inside(self.place.namespace), "ss", "-Hltn", "sport = :22"]).stdout
            if listening.strip():
                return
            time.sleep(0.1)
        raise Failed(f"ssh does not start on the box; its console ends:\n{self.last_words()}")


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _pids_of(pid: int) -> list[str]:
    """Its pid in each of its pid namespaces, from ours inwards; empty when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [])
