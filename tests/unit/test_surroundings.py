"""What stands beside the rules, from a captured box (tests/live/box.json), one thing changed each.

The box was the lab's: Debian 13, nft 1.1.3. Each change is what that tool prints or /proc holds
where the thing is really so; tests/lab/test_audit_kernel.py has the kernel say it.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import features
from gateway.audit import surroundings
from gateway.audit.conversations import Permits, conversations
from gateway.audit.finding import Finding
from gateway.audit.snapshot import read
from gateway.load import load
from gateway.problems import Failed

LIVE = Path(__file__).parent.parent / "live"
LOADED = load(LIVE / "box.yml")
FLOWS = features.policy(LOADED.site, LOADED.source.line)
CAPTURED = (LIVE / "box.json").read_text()

Told = dict[str, Any]
Change = Callable[[Told], None]


def found(change: Change = lambda _: None) -> list[Finding]:
    told = json.loads(CAPTURED)
    change(told)
    return list(surroundings.findings(read(json.dumps(told)), LOADED.site, FLOWS))


def test_a_box_as_it_should_be_has_only_notes() -> None:
    said = found()
    assert {each.weight for each in said} == {"note"}
    assert [each.what for each in said] == ["hooks", "BPF", "conversations"]


def file(name: str, text: str) -> Change:
    def change(told: Told) -> None:
        told["files"][name] = {"text": text}

    return change


def unreadable(name: str) -> Change:
    def change(told: Told) -> None:
        told["files"][name] = {"error": "Permission denied"}

    return change


def setting(name: str, value: str) -> Change:
    def change(told: Told) -> None:
        told["sysctls"][name] = value

    return change


def command(name: str, out: str, err: str = "", code: int = 0) -> Change:
    def change(told: Told) -> None:
        told["commands"][name] = {"code": code, "out": out, "err": err}

    return change


def link(name: str, **values: Any) -> Change:
    """A link changed, or another one."""

    def change(told: Told) -> None:
        rows = json.loads(told["commands"]["links"]["out"])
        known = next((row for row in rows if row["ifname"] == name), None)
        if known is None:
            known = {"ifindex": 90, "ifname": name, "flags": ["UP"]}
            rows.append(known)
        known.update(values)
        told["commands"]["links"]["out"] = json.dumps(rows)

    return change


def without(name: str) -> Change:
    def change(told: Told) -> None:
        rows = json.loads(told["commands"]["links"]["out"])
        told["commands"]["links"]["out"] = json.dumps([r for r in rows if r["ifname"] != name])

    return change


def value(key: str, what: Any) -> Change:
    def change(told: Told) -> None:
        told[key] = what

    return change


def filtered(place: str, text: str) -> Change:
    def change(told: Told) -> None:
        told["filters"][place] = text

    return change


HOOKS = """family ip {
    hook input {
         0000000000 chain inet gateway input [nf_tables]
        +0000000100 nf_nat_ipv4_local_in [nf_nat]
        +0000000225 apparmor_ip_postroute
        %s
        +2147483647 nf_confirm [nf_conntrack]
    }
}
"""
IPVS = """IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A010201:0050 wlc
"""
ROUTE = '[{"dst":"10.1.1.0/25","dev":"office0","protocol":"static","flags":[]}]'
XFRM = "src 10.1.2.0/24 dst 198.51.100.0/24 \n\tdir out priority 0 \n"
TC = "filter protocol ip pref 49152 u32 chain 0 \n"
VRF = {"linkinfo": {"info_kind": "vrf"}}
MACVLAN = {"linkinfo": {"info_kind": "macvlan"}, "link": "office0"}

CASES: list[tuple[str, Change, str, str]] = [
    ("iptables", file("/proc/net/ip_tables_names", "filter\nnat\n"), "undecided", "filter nat"),
    ("ip6tables", file("/proc/net/ip6_tables_names", "raw\n"), "undecided", "raw"),
    ("arptables", file("/proc/net/arp_tables_names", "filter\n"), "undecided", "ARP"),
    ("ebtables", file("/proc/modules", "ebtable_nat 1 0 - Live 0x0\n"), "undecided", "ebtable_nat"),
    ("hidden", unreadable("/proc/net/ip_tables_names"), "undecided", "Permission denied"),
    ("ipvs", file("/proc/net/ip_vs", IPVS), "undecided", "load balancer"),
    ("hook", command("nft_hooks", HOOKS % "-0000000200 my_hook [mine]"), "undecided", "my_hook"),
    ("bpf hook", command("nft_hooks", HOOKS % "-0000000200 bpf prog 7"), "undecided", "bpf prog"),
    ("tc", filtered("cam0 ingress", TC), "undecided", "cam0 ingress: filter protocol ip"),
    ("qdisc", command("qdiscs", '[{"kind":"odd","dev":"cam0"}]'), "undecided", "odd"),
    ("xdp", link("cam0", xdp={"mode": 2}), "undecided", "XDP"),
    ("bpf", value("bpf", {"programs": [{"id": 4, "type": 32}]}), "undecided", "netfilter"),
    ("ipsec", command("xfrm_policy", XFRM), "undecided", "IPsec"),
    ("helper", setting("netfilter/nf_conntrack_helper", "1"), "undecided", "announce"),
    ("failed", command("routes4", "", "no such thing", 1), "undecided", "routes4: exit 1"),
    ("stderr", command("nft_json", "{}", "Warning: odd"), "undecided", "Warning: odd"),
    ("bridged", link("cam0", master="br0"), "undecided", "cam0 master br0"),
    ("macvlan", link("mv0", **MACVLAN), "undecided", "shares the card office0"),
    ("vrf", link("vrf0", **VRF), "undecided", "VRF"),
    ("localnet", setting("ipv4/conf/cam0/route_localnet", "1"), "undecided", "127.0.0.0/8"),
    ("no card", without("cam0"), "differs", "another box"),
    ("card off", link("cam0", flags=["BROADCAST"]), "differs", "switched off"),
    ("no address", link("cam0", addr_info=[]), "differs", "lacks 10.1.1.1/24"),
    ("no forwarding", setting("ipv4/ip_forward", "0"), "differs", "forwards nothing"),
    ("other route", command("routes4", ROUTE), "differs", "10.1.1.0/25 dev office0"),
    ("default", command("routes4", '[{"dst":"default","dev":"cam0"}]'), "differs", "default"),
    ("ct lost", value("conntrack", {"error": "no"}), "undecided", "could not be read"),
    (
        "ct cut",
        value("conntrack", {"order": "little", "packed": "AAAA"}),
        "undecided",
        "understood",
    ),
    ("another card", link("eth9"), "note", "eth9"),
    ("loose", setting("netfilter/nf_conntrack_tcp_loose", "1"), "note", "middle"),
    ("rp_filter", setting("ipv4/conf/cam0/rp_filter", "2"), "note", "loose on cam0"),
    ("cgroup", value("bpf", {"programs": [{"id": 4, "type": 8}]}), "note", "cgroup skb"),
]


@pytest.mark.parametrize(
    ("change", "weight", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_is_found(change: Change, weight: str, words: str) -> None:
    fresh = [each for each in found(change) if each not in found()]
    assert any(each.weight == weight and words in str(each) for each in fresh), fresh


def test_what_is_usual_among_the_hooks_is_no_finding() -> None:
    usual = HOOKS % "-0000000200 ipv4_conntrack_in [nf_conntrack]"
    assert "hook" not in [each.what for each in found(command("nft_hooks", usual))]


def test_bpf_that_cannot_be_read_counts_on_a_real_machine() -> None:
    bare = command("container", "none\n", code=1)
    assert ("undecided", "BPF") in [(each.weight, each.what) for each in found(bare)]


def attribute(kind: int, content: bytes) -> bytes:
    pad = b"\0" * (-len(content) % 4)
    return struct.pack("<HH", len(content) + 4, kind) + content + pad


def begun(source: str, destination: str, number: int, port: int, kind: int = 1) -> bytes:
    ip = attribute(1, bytes(map(int, source.split("."))))
    ip += attribute(2, bytes(map(int, destination.split("."))))
    proto = attribute(1, bytes([number]))
    if number in (6, 17):
        proto += attribute(2, struct.pack(">H", 40000)) + attribute(3, struct.pack(">H", port))
    return attribute(kind | 0x8000, attribute(1 | 0x8000, ip) + attribute(2 | 0x8000, proto))


def table(*bodies: bytes) -> Change:
    packed = b"".join(struct.pack("<I", len(each)) + each for each in bodies)
    return value("conntrack", {"order": "little", "packed": base64.b64encode(packed).decode()})


def closed(body: bytes) -> bytes:
    return body + attribute(4, attribute(1, attribute(1, b"\x07")))


def answer(client: str, server: str, port: int) -> bytes:
    """What looks begun by the server."""
    ip = attribute(1, bytes(map(int, server.split("."))))
    ip += attribute(2, bytes(map(int, client.split("."))))
    ports = attribute(2, struct.pack(">H", port)) + attribute(3, struct.pack(">H", 40000))
    proto = attribute(1, b"\x06") + ports
    return attribute(1 | 0x8000, attribute(1 | 0x8000, ip) + attribute(2 | 0x8000, proto))


def met_in_the_middle(body: bytes) -> bytes:
    return body + attribute(4, attribute(1, attribute(1, b"\x03") + attribute(4, b"\x0a\x0a")))


CONSOLE, VARICAM, BOX = "10.1.2.30", "10.1.1.12", "10.1.2.1"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (begun(CONSOLE, BOX, 6, 22), False),
        (begun("10.1.2.31", BOX, 6, 22), True),
        (begun(CONSOLE, "10.1.1.1", 6, 22), True),  # another side's address of the box
        (begun(CONSOLE, "198.51.100.9", 6, 443), False),
        (begun(CONSOLE, "198.51.100.9", 6, 25), True),
        (begun(CONSOLE, "198.51.100.9", 17, 443), True),
        (begun("198.51.100.9", CONSOLE, 6, 443), True),
        (begun(CONSOLE, VARICAM, 1, 0), False),
        (begun(VARICAM, CONSOLE, 1, 0), True),
        (begun(CONSOLE, VARICAM, 6, 8010), False),
        (begun(CONSOLE, VARICAM, 6, 8011), True),
        (closed(begun(CONSOLE, VARICAM, 6, 8011)), False),
        (begun("127.0.0.1", "127.0.0.1", 6, 8011), False),
        (begun("10.1.1.1", "127.0.0.1", 17, 137), False),  # nmbd asks itself
        (begun(VARICAM, "127.0.0.1", 17, 137), True),
        (begun(VARICAM, "10.1.1.255", 17, 137), False),
        (begun(VARICAM, "10.1.2.255", 17, 137), True),
        (begun(CONSOLE, VARICAM, 47, 0), True),
        (met_in_the_middle(answer(CONSOLE, BOX, 22)), False),
        (answer(CONSOLE, BOX, 22), True),
        (met_in_the_middle(answer(CONSOLE, BOX, 23)), True),
        # announced by a conversation that may not announce any
        (begun(CONSOLE, BOX, 6, 5000) + begun(CONSOLE, BOX, 6, 22, kind=14), True),
    ],
)
def test_a_conversation_outside_the_policy(body: bytes, wrong: bool) -> None:
    said = found(table(body))
    assert any(each.what == "conversation" and each.weight == "differs" for each in said) == wrong


def test_many_wrong_conversations_are_counted() -> None:
    said = found(table(*(begun(CONSOLE, VARICAM, 6, port) for port in range(100, 120))))
    wrong = [each for each in said if each.what == "conversation"]
    assert len(wrong) == 6
    assert "15 more" in wrong[-1].said


def test_the_captured_conversations_are_read() -> None:
    known = list(conversations(json.loads(CAPTURED)["conntrack"]))
    ports = {(each.begun.protocol, each.begun.port) for each in known}
    assert ("tcp", 22) in ports
    assert ("icmp", 0) in ports
    assert list(Permits(LOADED.site, ()).judge(known)), "without flows nothing is permitted"


@pytest.mark.parametrize("cut", [0, 10, len(CAPTURED) // 2, len(CAPTURED) - 3])
def test_half_a_snapshot_is_refused(cut: int) -> None:
    with pytest.raises(Failed, match="cut off"):
        read(CAPTURED[:cut])


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": 2}', '{"format": 1}'])
def test_another_format_is_refused(text: str) -> None:
    with pytest.raises(Failed):
        read(text)
