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
STOCK = "stock"
STOCKS_KEPT = 3
"""A department's has about 0.8 GB."""
UNUSED_DAYS = 1
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
    """dpkg's."""
    kept: tuple[str, ...] = ()
    """What mmdebstrap would clean up at its end, mmdebstrap(1), --skip."""

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


def get(say: Say, in_use: frozenset[Path] = frozenset(), box: Recipe = BOX) -> Trees:
    """Both trees, built if they are not there yet; old ones that no lab uses are removed then.

    ``box`` is the recipe of the box: the bare one, or one that is stocked (lab/stock.py).
    """
    folder = machine.cache() / "images"
    trees = Trees(folder / box.folder, folder / WORLD.folder)
    if trees.box.is_dir() and trees.world.is_dir():
        for tree in (trees.box, trees.world):
            os.utime(tree)  # it is wanted still: see _sweep
        return trees
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    machine.need_space(folder, COLD_MEGABYTES, "the lab's images")
    with only_builder(folder, say):
        _sweep(folder, in_use | {trees.box})
        missing = [each for each in (box, WORLD) if not (folder / each.folder).is_dir()]
        if missing:
            source = mirror.read()
            with tempfile.TemporaryDirectory() as scratch:
                mirror.probe(source, Path(scratch))
            names = " and ".join(each.name for each in missing)
            say(f"building the lab's images ({names}), about a minute …")
            with ThreadPoolExecutor(len(missing)) as pool:
                list(pool.map(lambda recipe: build(recipe, source, folder), missing))
    return trees


def one(recipe: Recipe, folder: Path, say: Say) -> Path:
    """A tree beside the lab's two, built into ``folder`` if it is not there yet."""
    built = folder / recipe.folder
    if not built.is_dir():
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        with only_builder(folder, say):
            if not built.is_dir():
                say(f"building the tree {recipe.name}, about a minute …")
                build(recipe, mirror.read(), folder)
    return built


def build(recipe: Recipe, source: mirror.Mirror, folder: Path) -> None:
    """Build a tree into ``folder``; it gets its name when it is whole."""
    target = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder))
    target.chmod(0o755)
    # Files of its own, private: a proxy's address may hold a password. And a hook that fails is
    # named by its file, not by its text.
    with tempfile.TemporaryDirectory() as scratch:
        settings = Path(scratch) / "apt.conf"
        settings.write_text("\n".join(source.settings) + "\n")
        command = ["mmdebstrap", "--mode=root", f"--variant={recipe.variant}"]
        command += [f"--include={','.join(recipe.packages)}", f"--aptopt={settings}"]
        command += [f"--dpkgopt={option}" for option in recipe.options]
        command += [f"--skip={step}" for step in recipe.kept]
        command += [
            f"--customize-hook={_script(Path(scratch), *each)}" for each in enumerate(recipe.hooks)
        ]
        command += [mirror.SUITE, str(target)]
        command += [f"deb {site} {suite} main" for site, suite in source.sources]
        # It must not live longer than we do: `setpriv` ends `unshare` when this process is
        # killed, and with the first process of its namespace every child of mmdebstrap ends.
        tied = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--mount-proc"]
        run([*tied, "--kill-child=SIGKILL", *command], timeout=BUILD_SECONDS)
    target.rename(folder / recipe.folder)


def _script(folder: Path, number: int, hook: str) -> Path:
    """A hook as a program."""
    script = folder / f"hook-{number}"
    script.write_text(f"#!/bin/sh\nset -eu\n{hook}\n")
    script.chmod(0o700)
    return script


def _sweep(folder: Path, in_use: frozenset[Path]) -> None:
    """Remove half-built trees, and those that nobody asked for lately. Only the one builder may.

    Two versions of this program may work beside each other, each with recipes of its own.
    """
    used = {tree: tree.stat().st_mtime for tree in folder.iterdir() if tree.is_dir()}
    stocks = [tree for tree in used if tree.name.startswith(f"{STOCK}-")]
    many = sorted(stocks, key=lambda tree: used[tree])[:-STOCKS_KEPT]
    since = time.time() - UNUSED_DAYS * 24 * 3600
    for tree, last in used.items():
        half = tree.name.startswith(TEMPORARY)
        if half or ((last < since or tree in many) and tree not in in_use):
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
