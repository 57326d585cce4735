"""A lab as a whole: bring it up, find it again, run something at any place of it, take it down."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from gateway.load import Loaded, load
from gateway.problems import Failed
from gateway.run import run
from gateway.site import Site
from gateway.written import BOX
from lab import images, machine, mirror, wire
from lab.box import Box
from lab.claim import claim
from lab.hospital import PROXY_PASSWORD, Hospital
from lab.images import Say, Trees
from lab.plan import HOSPITAL, Place, Plan
from lab.remains import Remains, processes_in
from lab.world import MARK, World

STATE_FILE = "lab.json"
LEASE_OPTIONS = ("router", "dns", "domain", "hostname", "ntpsrv", "wins", "lease", "broadcast")


@dataclass(frozen=True)
class Lab:
    """A department on this machine."""

    name: str
    site: Site
    trees: Trees

    @cached_property
    def plan(self) -> Plan:
        """Its places and wires."""
        return Plan(self.name, self.site)

    @property
    def state_dir(self) -> Path:
        """Its folder: console log, keys, ssh_config, each place's /data."""
        return Remains(self.name).state

    @property
    def world(self) -> World:
        """How its simulated machines are entered."""
        return World(self.trees.world, self.state_dir / "places", str(self.state_dir))

    @property
    def box(self) -> Box:
        """Its box."""
        disk = Remains(self.name).disk
        return Box(self.plan, self.trees, self.world, self.state_dir, disk)

    @property
    def ssh_config(self) -> Path:
        """For ``ssh -F``: host ``box``, entered over the network from the administrator's place."""
        return self.state_dir / "ssh_config"

    def folder(self, who: str) -> Path:
        """What a place sees as /data. ``hospital``: web.jsonl, mail/, dns.log, proxy.log."""
        return self.world.folder(self.plan.place(who).who)

    @property
    def proxy_password(self) -> str:
        """What the hospital's web proxy asks the box for, where the site names a user."""
        return (self.folder(HOSPITAL) / PROXY_PASSWORD).read_text()

    @property
    def ssh_host(self) -> str:
        """What ``ssh_config`` calls the box, and no other lab does.

        Ansible and testinfra keep connections open by the host's name: two labs of one name for
        their box would be entered by each other's.
        """
        return f"{BOX}.{self.name}"

    def ssh_options(self) -> list[str]:
        """What ssh, scp and Ansible's ``ansible_ssh_common_args`` need to reach the box."""
        return ["-F", str(self.ssh_config)]

    def command(self, who: str, argv: Sequence[str]) -> list[str]:
        """The host's command that runs ``argv`` at a place; it ends when its caller does."""
        place = self.plan.place(who)
        if place.who == BOX:
            return self.box.command(argv)
        return self.world.command(place, argv)

    def exec(
        self,
        who: str,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        timeout: float | None = 60,
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command at a place: a device, ``box``, ``hospital``, ``outsider``,
        ``guest@NETWORK``, or a hospital address.

        Raises Failed when it does not end in time or, with ``check``, fails.
        """
        return run(self.command(who, argv), stdin=stdin, timeout=timeout, check=check)

    def lease(self, who: str) -> dict[str, str]:
        """What the box's DHCP server offers a place; empty when it offers nothing.

        The place keeps the address it has: the lab gives every machine its own from the start,
        since before the box is provisioned there is no DHCP server and the administrator needs
        one. The lease's fields are udhcpc's: ip, router, dns, domain, ntpsrv, wins, lease.
        """
        nic = self.plan.place(who).nics[0].name
        ask = ["busybox", "udhcpc", "-f", "-q", "-n", "-t", "3", "-T", "1", "-i", nic]
        wanted = [word for name in LEASE_OPTIONS for word in ("-O", name)]
        said = self.exec(who, [*ask, *wanted, "-s", "/lab/lease.sh"], timeout=30).stdout
        lines = [line.removeprefix("lease ") for line in said.splitlines() if "lease " in line]
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def power_cut(self, then: Callable[[], object] = lambda: None) -> None:
        """End the box at once, as a power cut does; ``boot`` starts it from the same disk.

        What was written and not synced is lost only by a disk of ``Box.store_on``.
        """
        self.box.power_cut(then)

    def boot(self) -> None:
        """Start the box again after a power cut."""
        self.box.boot()

    def reboot(self) -> None:
        """Shut the box down in order and start it again; returns when it is up."""
        self.box.shut_down()
        self.box.boot()

    def is_up(self) -> bool:
        """Whether the box runs."""
        return self.box.leader() is not None

    def processes(self, place: Place) -> int:
        """How many processes run at a place."""
        return len(list(processes_in([place.namespace])))

    def down(self) -> None:
        """End it and leave nothing."""
        down(self.name)

    def _build(self, say: Say) -> None:
        source = mirror.read()
        for place in self.plan.places.values():
            self.world.settle(place, self.site.box.domain)
        self.box.prepare(source)
        self._write_ssh_config()
        say("making the networks …")
        wire.make(self.plan)
        say("starting the hospital …")
        Hospital(self.plan, self.world, source).begin()
        say("booting the box …")
        self.box.boot()

    def _write_ssh_config(self) -> None:
        admin = self.plan.administrator
        address = self.plan.box_address(admin.network or "")
        # It ends with the connection, not with the ssh that began it: with ControlPersist that
        # one ends at its first command, and leaves the connection to a child for the next ones.
        connect = self.world.command(admin, ["socat", "-", f"TCP:{address}:%p"], daemon=True)
        lines = [
            f"Host {self.ssh_host} {BOX} {self.site.box.name}",
            "  User root",
            f"  HostName {address}",
            # The host's ssh, but every packet starts at the administrator's place.
            f"  ProxyCommand {shlex.join(connect)}",
            f"  IdentityFile {self.box.key}",
            "  IdentitiesOnly yes",
            f"  UserKnownHostsFile {self.box.known_hosts}",
            "  GlobalKnownHostsFile /dev/null",
            "  HostKeyAlias gateway-lab",
            "  StrictHostKeyChecking yes",
            "  PasswordAuthentication no",
        ]
        self.ssh_config.write_text("\n".join(lines) + "\n")

    def _save(self, phase: str) -> None:
        state = {
            "name": self.name,
            "phase": phase,
            "site": self.site.model_dump(mode="json", by_alias=True),
            "box": str(self.trees.box),
            "world": str(self.trees.world),
        }
        file = self.state_dir / STATE_FILE
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(state))
        partial.rename(file)


def up(
    source: Path | Loaded,
    name: str | None = None,
    say: Say = lambda _: None,
    box: images.Recipe = images.BOX,
    kind: type[Lab] = Lab,
) -> Lab:
    """Bring up the lab of a site. What an earlier one of the name left behind is cleared first.

    ``box`` is the image of the box, where it is not the bare one, and ``kind`` what boots it.

    Raises Failed with one clear message, and leaves nothing, when it cannot.
    """
    site = (source if isinstance(source, Loaded) else load(source)).site
    machine.check()
    remains = Remains(name or site.name)
    Plan(remains.name, site).administrator  # noqa: B018 - a site the lab cannot show fails here
    with claim(remains.name):
        if _phase(remains.name) == "up" and find(remains.name).is_up():
            raise Failed(
                f"lab {remains.name} is up already: `gateway lab down {remains.name}` ends it,"
                " `--name` gives another one another name"
            )
        remains.clear()
        lab = kind(remains.name, site, images.get(say, _images_in_use(), box))
        lab.state_dir.mkdir(mode=0o700, parents=True)
        try:
            lab._save("starting")
            with _marked(lab.world.mark):
                lab._build(say)
            lab._save("up")
        except BaseException:  # Ctrl-C as well
            remains.clear()
            raise
    return lab


def find(name: str) -> Lab:
    """The lab of a name that is up, or half up. Raises Failed when there is none."""
    file = Remains(name).state / STATE_FILE
    machine.need_root()
    if not file.exists():
        known = ", ".join(labs()) or "none"
        raise Failed(f"there is no lab {name} (there is: {known}): `gateway lab up SITE` makes one")
    state = json.loads(file.read_text())
    trees = Trees(Path(state["box"]), Path(state["world"]))
    try:
        return Lab(name, Site.model_validate(state["site"]), trees)
    except ValidationError:
        raise Failed(
            f"lab {name} was made by another version of gateway: `gateway lab down {name}` ends it"
        ) from None


def labs() -> list[str]:
    """The names of all labs that there is anything of: folders, or namespaces of dead ones."""
    machine.need_root()
    folders = [machine.running(), machine.cache() / "boxes"]
    names = {each.name for folder in folders if folder.is_dir() for each in folder.iterdir()}
    names = {name for name in names if not name.endswith(".lock")}
    netns = Path(wire.NETNS)
    spaces = [each.name for each in netns.iterdir()] if netns.is_dir() else []
    names |= {name.split(".")[1] for name in spaces if name.startswith("gw.")}
    return sorted(names)


def down(name: str) -> bool:
    """End a lab, whole or in pieces, and leave nothing. Returns whether there was anything."""
    machine.need_root()
    remains = Remains(name)
    with claim(name):
        was = remains.any()
        remains.clear()
    return was


def _phase(name: str) -> str:
    file = Remains(name).state / STATE_FILE
    return str(json.loads(file.read_text())["phase"]) if file.exists() else ""


def _images_in_use() -> frozenset[Path]:
    found: set[Path] = set()
    for file in machine.running().glob(f"*/{STATE_FILE}"):
        state = json.loads(file.read_text())
        found |= {Path(state["box"]), Path(state["world"])}
    return frozenset(found)


@contextmanager
def _marked(mark: str) -> Iterator[None]:
    """Whatever is started meanwhile carries the lab's mark.

    Killed in the middle, we may leave an ``ip`` behind that goes on making namespaces: `down`
    must find it.
    """
    os.environ[MARK] = mark
    try:
        yield
    finally:
        del os.environ[MARK]
