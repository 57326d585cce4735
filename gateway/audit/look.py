"""What the kernel of a box does with packets, read and printed as JSON.

It is sent to the box by standard input for each audit (``python3 -I -``), so nothing need be
installed there, and an old program on the box cannot answer for it. Standard library only. It
reads, and changes nothing: no module is loaded by it, which is why legacy tables are asked of
/proc and not of iptables.
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import json
import os
import platform
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FORMAT = 1
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NETFILTER = 12  # NETLINK_NETFILTER (linux/netlink.h)
REQUEST, DUMP, DONE, ERROR = 0x1, 0x300, 3, 2
NEW_CONNTRACK, GET_CONNTRACK, GET_GENERATION = 0x0100, 0x0101, 0x0A10
MOST_CONNTRACK = 200_000
STATE = Path("/var/lib/gateway")
COMMANDS = {
    "nft_version": ["nft", "--version"],
    # As scratch.LISTING: numbers for names, and handles; and once with words, for people.
    "nft_json": ["nft", "-nn", "-j", "list", "ruleset"],
    "nft_text": ["nft", "-nn", "-a", "list", "ruleset"],
    "nft_readable": ["nft", "-a", "list", "ruleset"],
    # What the kernel runs: nft's words for it are not always the right ones (see program.py).
    "nft_program": ["nft", "--debug=netlink", "-nn", "list", "ruleset"],
    "nft_hooks": ["nft", "list", "hooks"],
    "links": ["ip", "-j", "-d", "addr", "show"],
    "rules4": ["ip", "-j", "-4", "rule", "show"],
    "rules6": ["ip", "-j", "-6", "rule", "show"],
    "routes4": ["ip", "-j", "-4", "route", "show", "table", "all"],
    "routes6": ["ip", "-j", "-6", "route", "show", "table", "all"],
    "xfrm_policy": ["ip", "xfrm", "policy"],
    "xfrm_state": ["ip", "xfrm", "state"],
    "qdiscs": ["tc", "-j", "qdisc", "show"],
    "container": ["systemd-detect-virt", "--container"],
}
FILES = (
    "/proc/net/ip_tables_names",
    "/proc/net/ip6_tables_names",
    "/proc/net/arp_tables_names",
    "/proc/net/ip_vs",
    "/proc/net/nf_conntrack_expect",
    "/proc/modules",
    "/proc/sys/kernel/random/boot_id",
    "/proc/uptime",
)
SYSCTLS = (
    "ipv4/ip_forward",
    "ipv4/conf/*/rp_filter",
    "ipv4/conf/*/forwarding",
    "ipv4/conf/*/accept_source_route",
    "ipv4/conf/*/accept_redirects",
    "ipv4/conf/*/route_localnet",
    "ipv4/conf/*/proxy_arp",
    "ipv6/conf/*/disable_ipv6",
    "ipv6/conf/*/forwarding",
    "ipv6/conf/*/accept_ra",
    "ipv6/conf/*/accept_source_route",
    "ipv6/conf/*/proxy_ndp",
    "netfilter/nf_conntrack_helper",
    "netfilter/nf_conntrack_tcp_loose",
    "netfilter/nf_conntrack_tcp_be_liberal",
    "netfilter/nf_conntrack_count",
    "bridge/bridge-nf-call-*tables",
)


def command(words: list[str]) -> dict[str, Any]:
    """What a command said; code 127: it is not there."""
    environment = {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": "/"}
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=120,
            check=False, stdin=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
    except FileNotFoundError:
        return {"code": 127, "out": "", "err": f"{words[0]}: not found"}
    except subprocess.TimeoutExpired:
        return {"code": 124, "out": "", "err": f"{words[0]}: no end after 120 s"}
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


def file(name: str) -> dict[str, str]:
    """The text of a file, or why there is none."""
    try:
        return {"text": Path(name).read_text(errors="replace")}
    except OSError as error:
        return {"error": os.strerror(error.errno or 0)}


def sysctls() -> dict[str, str]:
    """Settings by their name with slashes: a VLAN's name has a dot."""
    root = Path("/proc/sys/net")
    found = {}
    for pattern in SYSCTLS:
        for path in sorted(root.glob(pattern)):
            told = file(str(path))
            found[str(path.relative_to(root))] = told.get("text", "").strip()
    return found


def messages(kind: int, flags: int) -> Iterator[tuple[int, bytes]]:
    """Ask netfilter by netlink (RFC 3549): type and content of every answer."""
    family = socket.socket(getattr(socket, "AF_NETLINK", 16), socket.SOCK_RAW, NETFILTER)
    with family as asked:
        asked.settimeout(30)
        head = struct.pack("=IHHII", 20, kind, REQUEST | flags, 1, 0)
        asked.send(head + struct.pack("=BBH", socket.AF_UNSPEC, 0, 0))
        while True:
            data = asked.recv(1 << 18)
            while len(data) >= 16:
                length, answer, told, _, _ = struct.unpack_from("=IHHII", data)
                if answer == DONE:
                    return
                if answer == ERROR:
                    code = -struct.unpack_from("=i", data, 16)[0]
                    raise OSError(code, os.strerror(code))
                yield answer, data[20:length]
                data = data[(length + 3) & ~3 :]
                if not told & 0x2:  # NLM_F_MULTI: no further answer comes
                    return


def generation() -> int | None:
    """The number the kernel gives the ruleset, another one after every change to it."""
    try:
        for _, body in messages(GET_GENERATION, 0):
            return int(struct.unpack_from(">I", body, 4)[0])  # NFTA_GEN_ID comes first
    except OSError:
        pass
    return None


def conntrack() -> dict[str, Any]:
    """Every conversation the kernel knows, as the kernel tells it; ``conversations`` reads it."""
    bodies = []
    try:
        for kind, body in messages(GET_CONNTRACK, DUMP):
            if kind == NEW_CONNTRACK:
                bodies.append(struct.pack("=I", len(body)) + body)
            if len(bodies) >= MOST_CONNTRACK:
                return {"error": f"more than {MOST_CONNTRACK} conversations"}
    except OSError as error:
        return {"error": error.strerror or str(error)}
    return {"order": sys.byteorder, "packed": base64.b64encode(b"".join(bodies)).decode()}


def bpf() -> dict[str, Any]:
    """Kind and number of every BPF program that is loaded (bpf(2))."""
    number = {"x86_64": 321, "aarch64": 280, "riscv64": 280}.get(platform.machine())
    if number is None:
        return {"error": f"bpf(2) is not known for {platform.machine()}"}
    libc = ctypes.CDLL(None, use_errno=True)
    found: list[dict[str, int]] = []
    last = 0
    while True:
        ask = ctypes.create_string_buffer(struct.pack("=III", last, 0, 0), 120)
        if libc.syscall(number, 11, ask, 120):  # BPF_PROG_GET_NEXT_ID
            code = ctypes.get_errno()
            return {"programs": found} if code == 2 else {"error": os.strerror(code)}
        last = struct.unpack_from("=II", ask.raw)[1]
        kind = _program(libc, number, last)
        if kind is not None:
            found.append({"id": last, "type": kind})


def _program(libc: ctypes.CDLL, number: int, ident: int) -> int | None:
    """What kind a program is; None if it went meanwhile."""
    ask = ctypes.create_string_buffer(struct.pack("=I", ident), 120)
    handle = libc.syscall(number, 13, ask, 120)  # BPF_PROG_GET_FD_BY_ID
    if handle < 0:
        return None
    info = ctypes.create_string_buffer(256)
    told = struct.pack("=IIQ", handle, len(info), ctypes.addressof(info))
    try:
        ask = ctypes.create_string_buffer(told, 120)
        failed = libc.syscall(number, 15, ask, 120)  # BPF_OBJ_GET_INFO_BY_FD
    finally:
        os.close(handle)
    return None if failed else int(struct.unpack_from("=I", info.raw)[0])


def filters() -> dict[str, str]:
    """What tc has on each card, by card and place; an empty text is nothing."""
    found = {}
    for path in sorted(Path("/sys/class/net").iterdir()):
        for place in ("", "ingress", "egress"):
            told = command(["tc", "filter", "show", "dev", path.name, *([place] if place else [])])
            # A card without such a place is no error to name: the list of qdiscs says which.
            found[f"{path.name} {place}".strip()] = told["out"].strip()
    return found


def history() -> list[dict[str, Any]]:
    """What each generation that the box keeps let begin: a line a flow, without its reason."""
    found = []
    for folder in sorted(STATE.glob("generations/*"), key=lambda each: each.name.zfill(9)):
        policy = folder / "files/usr/lib/gateway/policy.json"
        try:
            flows = json.loads(policy.read_text())["flows"]
            lines = [[flow["source"], flow["destination"], flow["ports"]] for flow in flows]
            found.append({"number": int(folder.name), "staged": _day(folder), "flows": lines})
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def _day(folder: Path) -> str:
    return time.strftime(
        "%Y-%m-%dT%H:%M:%SZ", time.gmtime((folder / "manifest.json").stat().st_mtime)
    )


def active() -> dict[str, Any]:
    """The generation that the box is in, and its manifest's digest; empty on another's box."""
    try:
        state = json.loads((STATE / "state.json").read_text())
        number = state["active"]
        manifest = (STATE / "generations" / str(number) / "manifest.json").read_bytes()
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {
        "number": number,
        "since": state.get("since"),
        "manifest": hashlib.sha256(manifest).hexdigest(),
    }


def look() -> dict[str, Any]:
    """Everything, read again while the ruleset changes under the reading."""
    for _ in range(5):
        before = generation()
        told = {name: command(words) for name, words in COMMANDS.items()}
        after = generation()
        if before == after:
            break
        time.sleep(0.5)
    return {
        "format": FORMAT,
        "host": platform.node(),
        "kernel": platform.release(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "generations": [before, after],
        "box": active(),
        "history": history(),
        "commands": told,
        "files": {name: file(name) for name in FILES},
        "sysctls": sysctls(),
        "filters": filters(),
        "bpf": bpf(),
        "conntrack": conntrack(),
    }


if __name__ == "__main__":
    print(json.dumps(look()))
