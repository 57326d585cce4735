"""Rulesets and packets by chance, from everything that the verifier says it understands.

    sudo .venv/bin/python tests/live/random_rules.py 2000      # so many rulesets, 60 packets each

Each packet's fate is asked of the diagram, of the plain walk along the rules, and of the kernel.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address

from live_wires import Wires

from gateway.audit.answer import Packet, Path
from gateway.audit.fields import (
    FIELDS,
    ICMP,
    ICMPV6,
    INVALID,
    IPV4,
    IPV6,
    NEW,
    NUMBER,
    TCP,
    UDP,
    UNTRACKED,
    name_value,
)
from gateway.audit.meaning import Meaning, meaning
from gateway.audit.parse import load_text
from gateway.audit.trace import trace
from gateway.empirical import raw
from gateway.problems import Failed

V4 = ["10.1.1.1", "10.1.1.5", "10.1.1.6", "10.1.1.9", "10.1.2.1", "10.1.2.5", "10.1.2.6",
      "198.51.100.7"]  # fmt: skip
V6 = ["fd00:1::1", "fd00:1::5", "fd00:1::6", "fd00:2::1", "fd00:2::5", "2001:db8::7"]
NETS4 = ["10.1.1.0/24", "10.1.0.0/16", "10.1.2.4/30", "10.1.1.4/31", "0.0.0.0/1", "198.51.100.0/24"]
NETS6 = ["fd00:1::/64", "fd00::/14", "2001:db8::/32", "fd00:2::4/127"]
PORTS = [22, 53, 80, 81, 443, 1023, 1024, 2000, 8080]
FLAGS = ["syn", "ack", "fin", "rst", "syn,ack", "fin,syn"]
INTERVAL = "\t\tflags interval\n"
STATES = ["new", "established", "invalid", "untracked", "related"]


@dataclass
class Ruleset:
    """The text of a ruleset while it grows."""

    chance: random.Random
    sets: list[str] = field(default_factory=list)
    protocol: str = ""
    """What the matches of a rule agree on: tcp, udp, icmp, or nothing."""

    def one(self, *choices: str) -> str:
        return self.chance.choice(choices)

    def some(self, pool: list[str], most: int = 3) -> list[str]:
        return self.chance.sample(pool, self.chance.randint(1, min(most, len(pool))))

    def text(self) -> str:
        tables = [self.table("inet t0", "0")]
        if self.chance.random() < 0.4:
            family = self.one("ip", "ip6", "inet")
            tables.append(self.table(f"{family} t1", "1", family))
        return "\n".join(tables)

    def table(self, name: str, mark: str, family: str = "inet") -> str:
        self.sets, chains = [], []
        sides = [f"c{mark}{number}" for number in range(self.chance.randint(0, 3))]
        for number, side in enumerate(sides):
            body = self.rules(sides[number + 1 :], family)
            chains.append(f"\tchain {side} {{\n{body}\t}}\n")
        chains += [
            self.base(f"{hook}{mark}{number}", hook, sides, family)
            for hook in ("prerouting", "input", "forward", "output", "postrouting")
            for number in range(self.chance.choice((0, 1, 1, 2)))
        ]
        if self.chance.random() < 0.3:
            chains.append(self.nat(mark))
        dormant = "\tflags dormant\n" if self.chance.random() < 0.1 else ""
        # A chain is there before another one names it.
        ordered = [*self.sets, *reversed(chains[: len(sides)]), *chains[len(sides) :]]
        return f"table {name} {{\n{dormant}{''.join(ordered)}}}\n"

    def base(self, name: str, hook: str, sides: list[str], family: str) -> str:
        levels = [-300, -150, -10, 0, 10] if hook in ("prerouting", "output") else [-10, 0, 0, 10]
        # Which of two equal ones is first is not shown, so they are apart.
        level = self.chance.choice(levels) + 4 * int(name[-2]) + 2 * int(name[-1])
        policy = self.one("accept", "accept", "drop")
        head = f"\t\ttype filter hook {hook} priority {level}; policy {policy};\n"
        return f"\tchain {name} {{\n{head}{self.rules(sides, family)}\t}}\n"

    def nat(self, mark: str) -> str:
        port = self.chance.choice(PORTS)
        rules = [
            f"ip daddr 10.1.2.5 tcp dport {port} dnat ip to 10.1.2.6:{self.chance.choice(PORTS)}",
            "ip daddr 198.51.100.7 dnat ip to udp dport map { 53 : 10.1.2.5, 80 : 10.1.2.6 }",
        ]
        pre = "\n\t\t".join(self.some(rules, 2))
        return (
            f"\tchain dnat{mark} {{\n\t\ttype nat hook prerouting priority {mark}; policy accept;\n"
            f"\t\t{pre}\n\t}}\n"
            f"\tchain snat{mark} {{\n"
            f"\t\ttype nat hook postrouting priority {mark}; policy accept;\n"
            f'\t\toifname "cb0" {self.one("masquerade", "ip daddr 10.1.2.5 drop")}\n\t}}\n'
        )

    def rules(self, sides: list[str], family: str) -> str:
        return "".join(
            f"\t\t{self.rule(sides, family)}\n" for _ in range(self.chance.randint(0, 6))
        )

    def rule(self, sides: list[str], family: str) -> str:
        self.protocol = self.one("tcp", "tcp", "udp", "", "", "icmp")
        words = [self.match(family) for _ in range(self.chance.choice((0, 1, 1, 2, 3)))]
        if self.chance.random() < 0.12:
            change = self.one("meta mark set 1", "meta mark set 2", "ct mark set 7", "counter")
            words.insert(self.chance.randint(0, len(words)), change)
        words.append(self.verdict(sides))
        return " ".join(word for word in words if word) or "counter"

    def verdict(self, sides: list[str]) -> str:
        to = self.chance.choice(sides) if sides else ""
        jumps = [f"jump {to}", f"jump {to}", f"goto {to}"] if to else []
        if self.chance.random() < 0.2:
            return self.verdict_map([*jumps, "accept", "drop", "continue"])
        kinds = ["accept", "accept", "drop", "drop", "return", "continue", "reject", "counter"]
        return self.one(*kinds, *jumps)

    def verdict_map(self, verdicts: list[str]) -> str:
        pairs = {self.one("22", "53", "80-100", "443", "1024-2000"): None for _ in range(3)}
        elements = [f"{port} : {self.one(*verdicts)}" for port in pairs]
        if self.chance.random() < 0.3:
            elements.append(f"* : {self.one('accept', 'drop')}")
        shape = self.chance.random()
        if shape < 0.4 and self.protocol != "icmp":
            return f"{self.header()} dport vmap {{ {', '.join(elements)} }}"
        if shape < 0.7:
            cards = [
                f'"{card}" : {self.one(*verdicts)}' for card in self.some(["ca0", "cb0", "lo"])
            ]
            return f"iifname vmap {{ {', '.join(cards)} }}"
        states = [f"{state} : {self.one(*verdicts)}" for state in self.some(STATES)]
        return f"ct state vmap {{ {', '.join(states)} }}"

    def match(self, family: str) -> str:
        kinds: list[Callable[[], str]] = [self.card, self.state, self.other]
        by_protocol: dict[str, list[Callable[[], str]]] = {
            "tcp": [self.port, self.port, self.flag],
            "udp": [self.port, self.port, self.whole],
            "icmp": [lambda: self.icmp(family)],
            "": [self.port, self.port, self.whole],
        }
        kinds += by_protocol[self.protocol]
        if family != "ip6":
            kinds += [lambda: self.address("ip", V4, NETS4)] * 2
        if family != "ip":
            kinds.append(lambda: self.address("ip6", V6, NETS6))
        if not self.protocol and family != "ip6":
            kinds += [lambda: self.concat("ip", V4)] * 2
        if not self.protocol and family != "ip":
            kinds.append(lambda: self.concat("ip6", V6))
        return self.chance.choice(kinds)()

    def address(self, family: str, hosts: list[str], nets: list[str]) -> str:
        key = f"{family} {self.one('saddr', 'daddr')}"
        pick = self.chance.random()
        no = self.one("", "", "!= ")
        if pick < 0.3:
            return f"{key} {no}{self.chance.choice(hosts)}"
        if pick < 0.55:
            return f"{key} {no}{self.chance.choice(nets)}"
        if pick < 0.7:
            low, high = sorted(self.chance.sample(hosts, 2), key=ip_address)
            return f"{key} {no}{low}-{high}"
        if pick < 0.8 and family == "ip":
            return f"{key} & 255.255.0.255 == {self.one('10.1.0.5', '10.1.0.1', '10.1.0.6')}"
        if pick < 0.9:
            return f"{key} {no}{{ {', '.join(self.some(hosts))} }}"
        return f"{key} {no}@{self.named(f'{family}v_addr', self.some(hosts))}"

    def named(self, kind: str, members: list[str], flags: str = "") -> str:
        name = f"s{len(self.sets)}"
        kind = kind.replace("ipv_addr", "ipv4_addr").replace("ip6v_addr", "ipv6_addr")
        elements = ", ".join(members)
        self.sets.append(
            f"\tset {name} {{\n\t\ttype {kind}\n{flags}\t\telements = {{ {elements} }}\n\t}}\n"
        )
        return name

    def concat(self, family: str, hosts: list[str]) -> str:
        ports = [f"{host} . {self.one('tcp', 'udp')} . {self.chance.choice(PORTS)}"
                 for host in self.some(hosts)]  # fmt: skip
        key = f"{family} {self.one('saddr', 'daddr')} . meta l4proto . th dport"
        no = self.one("", "", "!= ")
        if self.chance.random() < 0.5:
            return f"{key} {no}{{ {', '.join(ports)} }}"
        pairs = zip(self.some(hosts), (22, 400, 1000), strict=False)
        ranged = [f"{host} . {self.one('tcp', 'udp')} . {low}-{low + 100}" for host, low in pairs]
        kind = f"{family}v_addr . inet_proto . inet_service"
        return f"{key} {no}@{self.named(kind, ranged, INTERVAL)}"

    def header(self) -> str:
        return self.protocol or "th"

    def port(self) -> str:
        key = f"{self.header()} {self.one('dport', 'dport', 'sport')}"
        port = self.chance.choice(PORTS)
        pick = self.chance.random()
        if pick < 0.3:
            return f"{key} {self.one('', '!= ', '< ', '>= ', '> ', '<= ')}{port}"
        if pick < 0.6:
            top = port + self.chance.choice((1, 40, 60000 - port))
            return f"{key} {self.one('', '!= ')}{port}-{top}"
        members = [str(each) for each in self.chance.sample(PORTS, 3)]
        if pick < 0.7:
            return f"{key} @{self.named('inet_service', members)}"
        return f"{key} {self.one('', '!= ')}{{ {', '.join(members)} }}"

    def whole(self) -> str:
        if self.protocol:
            return f"meta l4proto {self.protocol}"
        return self.one("meta l4proto tcp", "meta l4proto { tcp, udp }", "meta l4proto != udp",
                        "meta nfproto ipv4", "meta nfproto ipv6", "meta l4proto 6-17")  # fmt: skip

    def card(self) -> str:
        key, no = self.one("iifname", "oifname"), self.one("", "!= ")
        return f"{key} {no}" + self.one(
            '"ca0"', '"cb0"', '"c*"', '"ca*"', '{ "ca0", "lo" }', '"x*"'
        )

    def flag(self) -> str:
        flags = self.chance.choice(FLAGS)
        mask = self.one("syn,ack", "fin,syn,rst,ack")
        both = "|".join(mask.split(","))
        return self.one(
            f"tcp flags {flags}",
            f"tcp flags & ({both}) == syn",
            f"tcp flags & ({both}) != syn",
            f"tcp flags == {self.one('syn', 'ack')}",
            "tcp flags ! syn",
        )

    def icmp(self, family: str) -> str:
        four = ["icmp type echo-request", "icmp type { echo-request, echo-reply }",
                "icmp type != echo-request", "icmp code 0", "icmp code 1-3"]  # fmt: skip
        six = ["icmpv6 type echo-request", "icmpv6 type { nd-neighbor-solicit, echo-request }"]
        return self.one(*{"ip": four, "ip6": six}.get(family, [*four, *six]))

    def state(self) -> str:
        return self.one("ct state new", "ct state != new", f"ct state {self.chance.choice(STATES)}",
                        "ct state established,new", "ct state { new, invalid }", "ct state ! new",
                        "ct direction original", "ct mark 7", "ct status dnat",
                        "ct state invalid")  # fmt: skip

    def other(self) -> str:
        return self.one("meta mark 1", "meta mark != 2", "meta mark { 1, 2 }", "ip ttl 64",
                        "ip ttl < 10", "ip6 hoplimit 255", "ip dscp cs1")  # fmt: skip


def packet(chance: random.Random, number: int) -> Packet:
    """A packet that gets to its path, by its addresses and the routes of the wires."""
    get = dict.fromkeys(FIELDS, 0)
    six = chance.random() < 0.3
    family = IPV6 if six else IPV4
    near = ["fd00:1::5", "fd00:1::6"] if six else ["10.1.1.5", "10.1.1.6", "10.1.1.9"]
    far = ["fd00:2::5", "2001:db8::7"] if six else ["10.1.2.5", "10.1.2.6", "198.51.100.7"]
    box = ["fd00:1::1", "fd00:2::1"] if six else ["10.1.1.1", "10.1.2.1"]
    path: Path = chance.choice(("input", "forward", "output"))
    turned = chance.random() < 0.4
    here, there = (far, near) if turned else (near, far)
    cards = ("cb0", "ca0") if turned else ("ca0", "cb0")
    if path == "input":
        source, destination, iif, oif = chance.choice(here), chance.choice(box), cards[0], ""
    elif path == "forward":
        source, destination, iif, oif = chance.choice(here), chance.choice(there), *cards
    else:
        source, destination, iif, oif = box[not turned], chance.choice(there), "", cards[1]
    get |= {
        "family": family,
        "iif": name_value(iif),
        "oif": name_value(oif),
        "source": int(ip_address(source)),
        "destination": int(ip_address(destination)),
        "protocol": chance.choice((TCP, TCP, UDP, UDP, ICMPV6 if six else ICMP)),
        "ttl": chance.choice((64, 64, 9, 255)),
        "dscp": chance.choice((0, 0, 8)),
        "sport": 20000 + number % 20000,
        "dport": chance.choice(PORTS) + chance.choice((-1, 0, 0, 0, 1)),
    }
    if chance.random() < 0.03:
        get["sport"] = chance.choice(PORTS)
    if get["protocol"] == TCP:
        get["flags"] = chance.choice((2, 2, 2, 0x10, 0x12, 1, 4, 0, 0xC2, 3, 0x11, 0x22))
    if get["protocol"] == ICMP:
        get["sport"] = chance.choice((8, 0, 3, 13)) << 8 | chance.choice((0, 0, 1))
    if get["protocol"] == ICMPV6:
        get["sport"] = chance.choice((128, 129, 1)) << 8
    get["nexthdr"] = get["protocol"]
    return Packet(path, tuple(get.items()))


def as_it_is(what: Packet, number: int, found: Meaning) -> Packet:
    """The packet with what follows from its bytes and from tracking: checksum, state."""
    get = dict(what.fields)
    if get["protocol"] in (ICMP, ICMPV6):
        sent = raw.packet(what, number)[20 if get["family"] == IPV4 else 40 :]
        get["dport"] = int.from_bytes(sent[2:4], "big")
    for state in (NEW, UNTRACKED, INVALID):
        get["state"] = state
        if found.diagram.has(found.everything[what.path], {NUMBER[n]: v for n, v in get.items()}):
            return Packet(what.path, tuple(get.items()))
    raise AssertionError(f"there can be no such packet: {what}")


def loadable(wires: Wires, text: str) -> str:
    """The text without the rules that nft refuses (one that asks IPv4 and IPv6 at once, say)."""
    lines = text.splitlines()
    while True:
        try:
            wires.load("\n".join(lines))
        except Failed as why:
            wrong = re.search(r"/dev/stdin:(\d+):", str(why))
            line = int(wrong[1]) - 2 if wrong else -1  # the first is `flush ruleset`
            if line < 0 or not lines[line].startswith("\t\t"):
                raise
            del lines[line]
        else:
            return "\n".join(lines)


def mismatches(wires: Wires, text: str, seed: int, count: int = 60) -> list[str]:
    """What the three do not agree on."""
    chance = random.Random(seed)  # noqa: S311 - rules, not secrets
    text = loadable(wires, text)
    ruleset = load_text(text)
    if ruleset.strange:  # nft lists some rules otherwise than the kernel runs them
        raise Failed(str(ruleset.strange))
    found = meaning(ruleset)
    assert not found.strange, found.strange
    first = wires.number
    raw_packets = [packet(chance, first + index) for index in range(count)]
    packets = [as_it_is(each, first + index, found) for index, each in enumerate(raw_packets)]
    result = []
    for what, passed in zip(packets, wires.passes(packets), strict=True):
        point = {NUMBER[name]: value for name, value in what.fields}
        may = found.diagram.has(found.may[what.path], point)
        must = found.diagram.has(found.must[what.path], point)
        walked = trace(ruleset, what)
        if not may == must == walked.accepted == passed:
            result.append(f"may {may} must {must} walk {walked.accepted} kernel {passed}: "
                          f"{what} by {walked.decided}")  # fmt: skip
    return result


def main(count: int, seed: int) -> int:
    """Print what is not agreed on, and how many packets were asked about."""
    wires, wrong, refused, begin = Wires(), 0, 0, time.perf_counter()
    try:
        for number in range(seed, seed + count):
            chance = random.Random(number)  # noqa: S311 - rules, not secrets
            text = Ruleset(chance).text()
            try:
                found = mismatches(wires, text, number)
            except (AssertionError, RuntimeError, Failed) as why:
                refused += 1
                print(f"seed {number}: {str(why)[:300]}")
                continue
            for each in found[:2]:
                print(f"seed {number}: {each}")
            wrong += len(found)
    finally:
        wires.close()
    took = time.perf_counter() - begin
    print(f"{count - refused} rulesets, {(count - refused) * 60:,} packets: {wrong} mismatches, "
          f"{refused} not asked, {took:.0f} s")  # fmt: skip
    return wrong + refused > 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))
