"""What this machine must have for a lab, and where labs live on it. One clear message each."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from gateway.problems import Failed
from gateway.run import run

# Commands and the Debian package each is in. None of them starts a daemon.
NEEDED = {
    "apt-get": "apt",
    "bwrap": "bubblewrap",
    "flock": "util-linux",
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "systemd-nspawn": "systemd-container",
}
BOX_MEGABYTES = 2000


def cache() -> Path:
    """Images, the package cache and the boxes' disks: ``GATEWAY_LAB_CACHE`` moves it."""
    return Path(os.environ.get("GATEWAY_LAB_CACHE", "/var/cache/gateway-lab"))


def running() -> Path:
    """A folder for each lab that is up: ``GATEWAY_LAB_RUN`` moves it."""
    return Path(os.environ.get("GATEWAY_LAB_RUN", "/run/gateway-lab"))


def check() -> None:
    """Raise Failed, in one message, unless a lab can run here."""
    if sys.platform != "linux":
        raise Failed(
            "the lab needs Linux: namespaces and a booted Debian; try the Vagrantfile here"
        )
    need_root()
    if missing := lacking(NEEDED):
        raise Failed(
            f"the lab needs Debian packages that are not here: `make setup`, or"
            f" `apt-get install --no-install-recommends {' '.join(missing)}`"
        )
    if "overlay" not in _read("/proc/filesystems") and not _load_overlay():
        raise Failed("this kernel has no overlayfs: the box's disk is a layer over an image")
    cgroups()
    for folder in (cache(), running()):
        if set(str(folder)) & set(",:\\\"' \n"):
            raise Failed(f"the lab's folder {folder} may hold no comma, colon, quote or space")
    cache().mkdir(mode=0o755, parents=True, exist_ok=True)
    need_space(cache(), BOX_MEGABYTES, "the box's disk")


def lacking(needed: Mapping[str, str]) -> list[str]:
    """The packages of commands that are not here."""
    return sorted({package for name, package in needed.items() if not shutil.which(name)})


def need_root() -> None:
    """Raise Failed unless we are root."""
    if os.geteuid() != 0:
        raise Failed("the lab needs root, for namespaces and a booted box: run it with sudo")


def need_space(folder: Path, megabytes: int, what: str) -> None:
    """Raise Failed unless so much is free."""
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < megabytes:
        raise Failed(
            f"{what} needs {megabytes} MB in {folder}, and {free} MB are free there:"
            " make room, or name another folder in GATEWAY_LAB_CACHE"
        )


def cgroups() -> Path:
    """Where cgroup version 2 is mounted: systemd in the box lives in one of its own."""
    for line in _read("/proc/self/mounts").splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    raise Failed("cgroup version 2 is not mounted here: `mount -t cgroup2 cgroup2 /sys/fs/cgroup`")


def has_systemd() -> bool:
    """Whether systemd is the first process here (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


def _load_overlay() -> bool:
    modprobe = shutil.which("modprobe")
    return bool(modprobe) and run(["modprobe", "overlay"], check=False).returncode == 0


def _read(path: str) -> str:
    return Path(path).read_text()
