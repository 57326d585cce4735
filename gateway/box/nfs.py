"""NFS by the kernel's server where the box's kernel has one, else by NFS-Ganesha.

The steps of ``nfs-shares.service``, which asks anew at each start. The kernel's server is no
process: what is the unit's is rpc.mountd, which tells it who may have what, and the server is
opened once that listens, and closed when it has ended. What has to act on the kernel is done here,
with all of root's rights, and over at once; both daemons stay in the unit's sandbox.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from . import numbers, services
from .appletalk import notify
from .process import Failed, must, run

RUN = Path("/run/nfs-shares")
GANESHA = (Path("/etc/ganesha/shares.conf"), RUN / "ganesha.conf")
EXPORTS = (Path("/etc/gateway/nfs.exports"), RUN / "exports")
"""What describes the shares to each server, with names, and with numbers."""
KERNEL = Path("/proc/fs/nfsd")
"""Mounted (proc-fs-nfsd.mount) where the box's own kernel has the server."""
LOCK_PORTS = tuple(Path(f"/proc/sys/fs/nfs/nlm_{each}port") for each in ("tcp", "udp"))
LOCK_PORT = 4045
LOCK_MANAGER = "100021"
LOCK_VERSIONS = ("1", "3", "4")
LISTENS = "/net/rpc/nfsd.fh/channel"
"""The last of the kernel's questions that mountd opens itself to."""
PATIENCE = 20.0


def in_kernel() -> bool:
    """Whether the kernel's server can be had."""
    return (KERNEL / "threads").exists()


def prepare() -> None:
    """Write down the shares for the server that it is to be."""
    if not in_kernel():
        numbers.put(*GANESHA)
        return
    numbers.put(*EXPORTS)
    # Version 3 brings lockd, which else listens anywhere.
    for port in LOCK_PORTS:
        port.write_text(f"{LOCK_PORT}\n")


def serve() -> None:
    """Become the daemon."""
    _, exports = EXPORTS
    notify(f"STATUS={services.SERVED}{'the kernel' if exports.exists() else 'Ganesha'}")
    if exports.exists():
        # In the unit's own view /etc/exports is the file with numbers, and there is no other.
        must(["exportfs", "-ra"])
        # For version 4 alone it answers the kernel, and no device.
        alone = must(["nfsconf", "--get", "nfsd", "vers3"]).out.strip() == "n"
        words = ["rpc.mountd", "--foreground", *(["--no-tcp"] if alone else [])]
        os.execv("/usr/sbin/rpc.mountd", words)  # noqa: S606
    log = ["-L", "STDERR", "-N", "NIV_WARN", "-p", str(RUN / "ganesha.pid")]
    os.execv("/usr/bin/ganesha.nfsd", ["ganesha.nfsd", "-F", "-f", str(GANESHA[1]), *log])  # noqa: S606


def open_kernel() -> None:
    """Let the kernel's server begin, if it is the one: nobody is to be refused before mountd."""
    _, exports = EXPORTS
    if not exports.exists():
        return
    _await(Path("/proc", os.environ["MAINPID"], "fd"))
    must(["rpc.nfsd"])
    if "+3" in (KERNEL / "versions").read_text().split():
        # Locks by version 3 need rpc.statd and ports in both directions: a client is told at
        # once that there is no lock manager.
        for version in LOCK_VERSIONS:
            must(["rpcinfo", "-d", LOCK_MANAGER, version])


def _await(handles: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(_leads_to(each).endswith(LISTENS) for each in handles.iterdir()):
        if time.monotonic() > deadline:
            raise Failed(f"rpc.mountd does not listen to the kernel after {PATIENCE:.0f} s")
        time.sleep(0.1)


def _leads_to(handle: Path) -> str:
    try:
        return str(handle.readlink())
    except FileNotFoundError:  # closed since
        return ""


def close_kernel() -> None:
    """End the kernel's server, and forget who may have what."""
    if in_kernel():
        must(["rpc.nfsd", "0"])
        run(["exportfs", "-ua", "-f"])


STEPS = {"prepare": prepare, "serve": serve, "open": open_kernel, "close": close_kernel}


def main(argv: list[str]) -> int:
    """``gateway-box nfs STEP``; 1 and why, if it fails."""
    if len(argv) != 1 or argv[0] not in STEPS:
        print(f"usage: gateway-box nfs {'|'.join(STEPS)}", file=sys.stderr)
        return 2
    try:
        STEPS[argv[0]]()
    except (Failed, OSError) as failed:
        print(f"gateway-box nfs {argv[0]}: {failed}", file=sys.stderr)
        return 1
    return 0
