"""The two Debian 13 trees of every lab: the bare box, and the world around it.

Built once into a cache; the name carries a hash of the recipe, so a changed recipe builds a new
one. A tree is built under a temporary name and renamed when it is whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.problems import Failed
from gateway.run import run
from lab import machine, mirror

Say = Callable[[str], None]
TEMPORARY = ".building-"
BUILD_SECONDS = 1800
COLD_MEGABYTES = 2500


@dataclass(frozen=True)
class Recipe:
    """What a tree is made of. ``hooks`` are shell lines; ``$1`` is the tree."""

    name: str
    variant: str
    packages: tuple[str, ...]
    hooks: tuple[str, ...]
    options: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """The name of its folder in the cache."""
        digest = hashlib.sha256(repr(self).encode()).hexdigest()
        return f"{self.name}-{digest[:12]}"


# mmdebstrap leaves the building machine's own name servers and name, and apt's settings, behind.
_CLEAN = (
    'rm -f "$1/etc/resolv.conf" "$1/etc/hostname" "$1/etc/apt/sources.list"'
    ' "$1/etc/apt/apt.conf.d/99mmdebstrap"',
)

BOX = Recipe(
    "box",
    "important",
    (
        "apt",
        "ca-certificates",
        "dbus",
        "iproute2",
        "nftables",
        "openssh-server",
        "python3",
        "systemd",
        "systemd-sysv",
    ),
    (
        *_CLEAN,
        # Every lab makes its own.
        'rm -f "$1"/etc/ssh/ssh_host_*',
        'chroot "$1" systemctl enable systemd-networkd.service',
    ),
)
WORLD = Recipe(
    "world",
    "minbase",
    (
        "apt-cacher-ng",
        "bind9-dnsutils",
        "busybox",
        "ca-certificates",
        "chrony",
        "curl",
        "dcmtk",
        "dnsmasq-base",
        "hylafax-client",
        "iproute2",
        "iputils-ping",
        "libnfs-utils",
        "netatalk-tests",
        "ntpsec-ntpdig",
        "openssh-client",
        "python3",
        "samba-common-bin",
        "smbclient",
        "socat",
        "tcpdump",
        "tinyproxy-bin",
    ),
    # Places for what each device and daemon brings: see world.py.
    (*_CLEAN, 'mkdir "$1/data" "$1/lab"', ': > "$1/etc/resolv.conf"', ': > "$1/etc/hostname"'),
    ("path-exclude=/usr/share/man/*", "path-exclude=/usr/share/doc/*"),
)


@dataclass(frozen=True)
class Trees:
    """Where the two trees are."""

    box: Path
    world: Path


def get(say: Say, in_use: frozenset[Path] = frozenset()) -> Trees:
    """Both trees, built if they are not there yet; old ones that no lab uses are removed."""
    folder = machine.cache() / "images"
    trees = Trees(folder / BOX.folder, folder / WORLD.folder)
    if trees.box.is_dir() and trees.world.is_dir():
        return trees
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    machine.need_space(folder, COLD_MEGABYTES, "the lab's images")
    with only_builder(folder, say):
        _sweep(folder, in_use)
        missing = [each for each in (BOX, WORLD) if not (folder / each.folder).is_dir()]
        if missing:
            source = mirror.read()
            with tempfile.TemporaryDirectory() as scratch:
                mirror.probe(source, Path(scratch))
            names = " and ".join(each.name for each in missing)
            say(f"building the lab's images ({names}), about a minute …")
            with ThreadPoolExecutor(len(missing)) as pool:
                list(pool.map(lambda recipe: build(recipe, source, folder), missing))
    return trees


def build(recipe: Recipe, source: mirror.Mirror, folder: Path) -> None:
    """Build a tree into ``folder``; it gets its name when it is whole."""
    target = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder))
    target.chmod(0o755)
    # A file of its own, private: a proxy's address may hold a password.
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as settings:
        settings.write("\n".join(source.settings) + "\n")
        settings.flush()
        command = ["mmdebstrap", "--mode=root", f"--variant={recipe.variant}"]
        command += [f"--include={','.join(recipe.packages)}", f"--aptopt={settings.name}"]
        command += [f"--dpkgopt={option}" for option in recipe.options]
        command += [f"--customize-hook={hook}" for hook in recipe.hooks]
        command += [mirror.SUITE, str(target)]
        command += [f"deb {site} {suite} main" for site, suite in source.sources]
        # It must not live longer than we do: `setpriv` ends `unshare` when this process is
        # killed, and with the first process of its namespace every child of mmdebstrap ends.
        tied = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--mount-proc"]
        run([*tied, "--kill-child=SIGKILL", *command], timeout=BUILD_SECONDS)
    target.rename(folder / recipe.folder)


def _sweep(folder: Path, in_use: frozenset[Path]) -> None:
    """Remove half-built trees and those of older recipes. Only the one builder may."""
    wanted = {BOX.folder, WORLD.folder}
    for tree in folder.iterdir():
        if tree.is_dir() and tree.name not in wanted and tree not in in_use:
            shutil.rmtree(tree)


@contextmanager
def only_builder(folder: Path, say: Say) -> Iterator[None]:
    """One builder at a time; the kernel gives the lock back when its holder dies."""
    with (folder / "lock").open("a") as lock:
        deadline = time.monotonic() + BUILD_SECONDS
        told = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise Failed(
                        f"another process builds images in {folder} and does not end"
                    ) from None
                if not told:
                    say("another lab builds the images; waiting for it …")
                    told = True
                time.sleep(0.5)
        yield
        os.fsync(lock.fileno())
