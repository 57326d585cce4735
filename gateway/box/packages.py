"""Debian packages: all in one transaction, and no service started by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .files import Paths, make_folder, write
from .process import Failed, run

APT_SECONDS = 3600
_HOLD = b"#!/bin/sh\n# What a package brings waits for its configuration (gateway-box).\nexit 101\n"
_QUIET = {
    "DEBIAN_FRONTEND": "noninteractive",
    "APT_LISTCHANGES_FRONTEND": "none",
    "UCF_FORCE_CONFFOLD": "1",
}


def missing(names: Sequence[str]) -> list[str]:
    """The packages of a list that are not installed and configured."""
    if not names:
        return []
    form = "${db:Status-Status} ${Package}\n"
    said = run(["dpkg-query", "--show", "--showformat", form, "--", *names])
    there = {
        line.partition(" ")[2] for line in said.out.splitlines() if line.startswith("installed ")
    }
    return [name for name in names if name not in there]


def owned(files: Sequence[str]) -> set[str]:
    """Those of some files that came with a package (dpkg-query(1), --search)."""
    if not files:
        return set()
    said = run(["dpkg-query", "--search", "--", *files]).out
    return {line.partition(": ")[2] for line in said.splitlines()} & set(files)


@contextmanager
def services_held(paths: Paths) -> Iterator[None]:
    """Nothing that a package installs is started meanwhile.

    invoke-rc.d and deb-systemd-invoke ask /usr/sbin/policy-rc.d, and 101 forbids the action
    (invoke-rc.d(8)). A policy that somebody else has put there comes back afterwards; one of
    ours that a power cut left there does not.
    """
    policy = paths.on_box("/usr/sbin/policy-rc.d")
    aside = policy.with_name("policy-rc.d.gateway-aside")
    if policy.exists() and policy.read_bytes() != _HOLD:
        policy.rename(aside)
    make_folder(policy.parent)
    write(policy, _HOLD, mode=0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)
        if aside.exists():
            aside.rename(policy)


def install(paths: Paths, names: Sequence[str]) -> list[str]:
    """Install what is missing of a list, and nothing more than it depends on; says what."""
    wanted = missing(names)
    if not wanted:
        return []
    options = (
        "--option=Dpkg::Options::=--force-confdef",
        "--option=Dpkg::Options::=--force-confold",  # our files stay as they are
        "--option=DPkg::Lock::Timeout=120",  # unattended-upgrades may be at work
        "--option=Acquire::Languages=none",  # translated descriptions: a third of the download
        "--option=APT::Update::Error-Mode=any",  # else an unreachable mirror is a mere warning
        "--quiet",
    )
    with services_held(paths):
        # A power cut may have left packages half configured: apt refuses to work on these.
        for command in (
            ["dpkg", "--configure", "--pending", "--force-confdef", "--force-confold"],
            ["apt-get", "update", *options],
            ["apt-get", "install", "--yes", "--no-install-recommends", *options, "--", *wanted],
        ):
            done = run(command, env=_QUIET, timeout=APT_SECONDS)
            if not done.ok:
                raise Failed(f"the packages are not installed: {done.blame()}")
    return wanted
