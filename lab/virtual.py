"""The box as a whole virtual machine: Debian's own kernel, udev and its cards, under QEMU.

The same lab (networks, hospital, devices) with another box: a disk made of the image and of what
an installer leaves, booted by emulation, since a build machine has no KVM. It is slow, a command
by ssh takes seconds; it is for what a container cannot show (docs/lab.md).
"""

from __future__ import annotations

import os
import shlex
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.problems import Failed
from gateway.run import run, start
from lab import machine
from lab.box import LAB_ONLY, Box
from lab.department import Lab
from lab.images import Recipe
from lab.mirror import Mirror
from lab.plan import Nic
from lab.remains import Remains, processes_with
from lab.wire import inside
from lab.world import MARK

NEEDED = {"qemu-system-x86_64": "qemu-system-x86", "mkfs.ext4": "e2fsprogs"}
# Not the cloud's kernel: that has no AppleTalk.
PACKAGES = ("initramfs-tools", "linux-image-amd64", "udev")
APT = "etc/apt/apt.conf.d/95lab"
DISK_MEGABYTES = 4096
MEMORY_MEGABYTES = 1536
BOOT_SECONDS = 420
END_SECONDS = 180
COMMAND_LINE = "root=/dev/vda ro console=ttyS0 mitigations=off quiet"


def recipe(of: Recipe) -> Recipe:
    """The image of a box with a kernel of its own."""
    return replace(of, name=f"vm-{of.name}", packages=(*of.packages, *PACKAGES))


@dataclass(frozen=True)
class VirtualBox(Box):
    """A lab's box as a virtual machine."""

    @property
    def differences(self) -> dict[str, str]:
        """Its clock and limits are its own; of the lab there is the frozen mirror alone."""
        return {APT: LAB_ONLY[APT]}

    @property
    def masked(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def match(self, nic: Nic) -> str:
        """By its MAC address: the kernel's name for it is one that nobody described."""
        return f"MACAddress={nic.mac}"

    @property
    def image(self) -> Path:
        """Its disk."""
        return self.disk / "disk.img"

    def prepare(self, mirror: Mirror) -> None:
        """Make its disk: a file system of the image and what an installer leaves."""
        super().prepare(mirror)
        (self.upper / "etc/fstab").write_text("/dev/vda / ext4 errors=remount-ro 0 1\n")
        layers = f"lowerdir={self.trees.box},upperdir={self.upper},workdir={self.disk}/work"
        script = f"mount -t overlay overlay -o {layers} root && mkfs.ext4 -q -d root disk.img"
        script += f" {DISK_MEGABYTES}M"
        run(["unshare", "--mount", "sh", "-ec", script], cwd=self.disk)

    def boot(self) -> None:
        """Start it, and wait until systemd is content and ssh answers."""
        self._taps()
        command = [*inside(self.plan.switch), "nice", "-n", "10", "qemu-system-x86_64"]
        command += ["-name", self.machine, "-machine", "q35", "-cpu", "qemu64", "-smp", "2"]
        command += ["-accel", "tcg,thread=multi,tb-size=256", "-m", str(MEMORY_MEGABYTES)]
        command += ["-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot"]
        command += ["-nodefaults", "-device", "virtio-rng-pci"]
        command += ["-kernel", str(self._in_boot("vmlinuz"))]
        command += ["-initrd", str(self._in_boot("initrd.img")), "-append", COMMAND_LINE]
        command += ["-drive", f"file={self.image},format=raw,if=virtio,cache=unsafe"]
        for number, nic in enumerate(self.place.nics):
            tap = f"tap,id=n{number},ifname=t{number},script=no,downscript=no"
            command += ["-netdev", tap]
            command += ["-device", f"virtio-net-pci,netdev=n{number},mac={nic.mac},romfile="]
        start(command, log_file=self.console, env={MARK: self.world.mark})
        self._wait_until_up()

    def _in_boot(self, name: str) -> Path:
        """The kernel, or its first root, of the image."""
        found = sorted((self.trees.box / "boot").glob(f"{name}-*"))
        if not found:
            raise Failed(f"the image of the virtual box has no /boot/{name}-*")
        return found[-1]

    def _taps(self) -> None:
        """A port of the switch for each of its cards, in the place of the container's wire."""
        bridges = {name: f"b{number}" for number, name in enumerate(self.plan.site.networks)}
        lines = []
        for number, nic in enumerate(self.place.nics):
            if nic.bridge is None:
                raise Failed("a virtual box has no cards that carry VLANs yet")
            if run(
                ["ip", "-n", self.plan.switch, "link", "show", f"t{number}"], check=False
            ).stdout:
                continue
            lines += [
                f"tuntap add dev t{number} mode tap",
                f"link set t{number} master {bridges[nic.bridge]} up",
            ]
        run(["ip", "-n", self.plan.switch, "-batch", "-"], stdin="\n".join(lines) + "\n")

    def leader(self) -> int | None:
        """QEMU itself."""
        return next(iter(processes_with(self.machine)), None)

    def command(self, argv: Sequence[str], leader: int | None = None) -> list[str]:  # noqa: ARG002 - Box's
        """The host's command that runs ``argv`` on the box: by ssh, there is no other way in."""
        return ["ssh", "-F", str(self.state / "ssh_config"), "box", shlex.join(argv)]

    def power_cut(self, then: Callable[[], object] = lambda: None) -> None:
        """End it as a power cut does; ``cache=unsafe`` keeps what the guest wrote to its disk."""
        if qemu := self.leader():
            os.kill(qemu, signal.SIGKILL)
        then()
        self._wait_for_the_end(END_SECONDS)

    def shut_down(self) -> None:
        """End it in order, as an administrator does."""
        run(self.command(["systemctl", "poweroff"]), check=False, timeout=60)
        self._wait_for_the_end(END_SECONDS)

    def _wait_for_the_end(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.leader():
            if time.monotonic() > deadline:
                raise Failed(f"the box does not end in {seconds:.0f} s:\n{self.last_words()}")
            time.sleep(0.5)

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        state = "no answer"
        while time.monotonic() < deadline:
            time.sleep(3)
            if not self.leader():
                raise Failed(f"QEMU ended:\n{self.last_words()}")
            asked = run(self.command(["systemctl", "is-system-running"]), check=False, timeout=120)
            state = asked.stdout.strip() or asked.stderr.strip()
            if state in ("running", "degraded"):
                return
        raise Failed(f"the box is not up in {BOOT_SECONDS} s ({state}):\n{self.last_words()}")


@dataclass(frozen=True)
class VirtualLab(Lab):
    """A department whose box is a virtual machine."""

    @property
    def box(self) -> VirtualBox:
        """Its box."""
        disk = Remains(self.name).disk
        return VirtualBox(self.plan, self.trees, self.world, self.state_dir, disk)


def check() -> None:
    """Raise Failed unless a virtual box can run here."""
    machine.need_root()
    if missing := machine.lacking(NEEDED):
        raise Failed(
            "a virtual box needs Debian packages that are not here:"
            f" apt-get install --no-install-recommends {' '.join(missing)}"
        )
