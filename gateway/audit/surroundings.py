"""What stands beside the rules and decides about packets too: judged against the site.

Whatever is not understood here is named and makes the answer UNDECIDED.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import partial

from gateway.audit.conversations import Permits
from gateway.audit.conversations import findings as conversation_findings
from gateway.audit.finding import Finding, by_weight
from gateway.audit.interfaces import findings as interface_findings
from gateway.audit.settings import findings as setting_findings
from gateway.audit.snapshot import Snapshot
from gateway.flow import Flow
from gateway.ground import Ground

_LEGACY = {
    "/proc/net/ip_tables_names": "IPv4",
    "/proc/net/ip6_tables_names": "IPv6",
    "/proc/net/arp_tables_names": "ARP",
}
_OURS = re.compile(r"nf_tables|nf_conntrack|nf_nat|nf_defrag_ipv[46]|nf_flow_table")
_LABELS = re.compile(r"(apparmor|selinux|smack)_")
"""Security modules put labels on packets; they let through what has no label (LSM)."""
_HOOK = re.compile(r"^\s*[+-]?\d{5,} (?P<what>.+?)(?: \[(?P<module>[\w-]+)\])?$", re.M)
# linux/bpf.h, enum bpf_prog_type: those that see packets before or beside netfilter.
_PACKET_PROGRAMS = {
    3: "tc classifier",
    4: "tc action",
    6: "XDP",
    10: "lwt in",
    11: "lwt out",
    12: "lwt xmit",
    19: "lwt seg6local",
    32: "netfilter",
}
_SOCKET_PROGRAMS = {8: "cgroup skb", 9: "cgroup sock", 18: "cgroup sock addr", 35: "sk lookup"}
_PLAIN_QDISCS = frozenset(
    {"noqueue", "pfifo_fast", "pfifo", "bfifo", "fq", "fq_codel", "mq", "cake", "tbf", "sfq"}
)


def findings(seen: Snapshot, site: Ground, flows: Iterable[Flow]) -> tuple[Finding, ...]:
    """Everything beside the rules, the heaviest first."""
    found = [
        *_unheard(seen),
        *_legacy(seen),
        *_ipvs(seen),
        *_hooks(seen),
        *_tc(seen),
        *_bpf(seen),
        *_xfrm(seen),
        *_helpers(seen),
        *interface_findings(seen, site),
        *setting_findings(seen, site),
        *conversation_findings(seen.conntrack, Permits(site, flows)),
    ]
    return by_weight(found)


def _unheard(seen: Snapshot) -> Iterator[Finding]:
    """Commands that failed or complained: what they should have told is not known."""
    for name, said in seen.commands.items():
        if name in ("container", "nft_hooks"):  # these may well say no
            continue
        if said.code or said.err.strip():
            words = said.err.strip().splitlines()
            fact = f"{name}: exit {said.code}: {words[0] if words else 'it said nothing'}"
            yield Finding("undecided", "not read", "something of the box could not be read", fact)


def _legacy(seen: Snapshot) -> Iterator[Finding]:
    for path, kind in _LEGACY.items():
        if path in seen.unread:
            if seen.unread[path] != "No such file or directory":  # the kernel has no such tables
                said = f"whether there are legacy {kind} tables could not be read"
                yield Finding("undecided", "legacy iptables", said, f"{path}: {seen.unread[path]}")
            continue
        if tables := seen.files[path].split():
            said = (
                f"legacy {kind} tables are loaded; nft does not show what they do, and this"
                " program does not read them: move them to nftables, or unload them"
            )
            yield Finding("undecided", "legacy iptables", said, f"{path}: {' '.join(tables)}")
    modules = {line.split()[0] for line in seen.files.get("/proc/modules", "").splitlines() if line}
    if bridge := sorted(name for name in modules if re.match(r"ebtable_|ebtables$", name)):
        said = "legacy bridge tables are loaded, which this program does not read"
        yield Finding("undecided", "legacy ebtables", said, ", ".join(bridge))


def _ipvs(seen: Snapshot) -> Iterator[Finding]:
    services = [line for line in seen.files.get("/proc/net/ip_vs", "").splitlines()[3:] if line]
    if services:
        said = "the kernel's load balancer sends packets on to other machines"
        yield Finding("undecided", "IPVS", said, services[0].strip())


def _hooks(seen: Snapshot) -> Iterator[Finding]:
    said = seen.commands["nft_hooks"]
    if not said.ok or not said.out.strip():
        why = "this kernel does not list what else hangs on its packet hooks"
        yield Finding("note", "hooks", why, "nft list hooks: empty, which is no evidence")
        return
    for match in _HOOK.finditer(said.out):
        what, module = match["what"], match["module"] or ""
        if not (_OURS.fullmatch(module) or _LABELS.match(what)):
            told = "something that is not nftables takes part in deciding about packets"
            yield Finding("undecided", "hook", told, match[0].strip())


def _tc(seen: Snapshot) -> Iterator[Finding]:
    for place, text in seen.filters.items():
        if text:
            said = f"traffic control has filters on {place.split()[0]}: they may drop or send on"
            yield Finding("undecided", "tc", said, f"{place}: {text.splitlines()[0]}")
    for row in json.loads(seen.commands["qdiscs"].out or "[]"):
        kind = row.get("kind", "?")
        if kind not in _PLAIN_QDISCS | {"clsact", "ingress"}:
            said = f"traffic control on {row.get('dev')} has a queue of a kind not known here"
            yield Finding("undecided", "tc", said, kind)


def _bpf(seen: Snapshot) -> Iterator[Finding]:
    for link in seen.links:
        if link.xdp:
            said = f"an XDP program on {link.name} sees packets before any rule does"
            yield Finding("undecided", "XDP", said, link.name)
    if "error" in seen.bpf:
        yield _bpf_unread(seen)
        return
    for each in seen.bpf["programs"]:
        fact = f"program {each['id']}"
        if each["type"] in _PACKET_PROGRAMS:
            kind = _PACKET_PROGRAMS[each["type"]]
            said = f"a BPF program ({kind}) is loaded, which may decide about packets"
            yield Finding("undecided", "BPF", said, fact)
        elif each["type"] in _SOCKET_PROGRAMS:
            kind = _SOCKET_PROGRAMS[each["type"]]
            said = f"a BPF program ({kind}) may refuse what the box's own programs send or take"
            yield Finding("note", "BPF", said, fact)


def _bpf_unread(seen: Snapshot) -> Finding:
    if seen.container:
        said = (
            f"the box is a container ({seen.container}): which BPF programs are loaded is its"
            " host's affair and was not looked at, nor any other filter of that host"
        )
        return Finding("note", "BPF", said, seen.bpf["error"])
    said = "which BPF programs are loaded could not be read"
    return Finding("undecided", "BPF", said, seen.bpf["error"])


def _xfrm(seen: Snapshot) -> Iterator[Finding]:
    for name in ("xfrm_policy", "xfrm_state"):
        if text := seen.commands[name].out.strip():
            said = "IPsec is set up: what comes out of it passes the rules a second time"
            yield Finding("undecided", "IPsec", said, text.splitlines()[0])


def _helpers(seen: Snapshot) -> Iterator[Finding]:
    automatic = seen.sysctls.get("netfilter/nf_conntrack_helper", "0")
    finding = partial(Finding, what="conntrack helpers")
    if automatic != "0":
        said = "the kernel reads along in conversations by itself and opens ports they announce"
        yield finding("undecided", said=said, fact=f"nf_conntrack_helper = {automatic}")
    expected = [
        line for line in seen.files.get("/proc/net/nf_conntrack_expect", "").splitlines() if line
    ]
    if expected:
        said = f"{len(expected)} announced connections are waited for just now"
        yield finding("note", said=said, fact=expected[0].strip())
