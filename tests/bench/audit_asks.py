"""What questions and packets cost where there are 10,000 flows (root, for the packets).

    sudo .venv/bin/python tests/bench/audit_asks.py

`ask` answers within 50 ms after loading; the empirical check of 10,000 flows ends within 15 s. Both
in processor time: on a busy machine the clock measures the others.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from ipaddress import IPv4Address, ip_network
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "lab"))

from packet_wires import site_with

from gateway.audit.ask import Asker, who
from gateway.audit.parse import load_text
from gateway.audit.prove import Prover
from gateway.empirical.compare import compare
from gateway.features import firewall
from gateway.policy import End, Flow, PortRange, Reason, Service, service

ASK_MILLISECONDS, SENT_SECONDS = 50, 15
ROUNDS = 5


def flows(count: int) -> tuple[Flow, ...]:
    """So many exact flows: hosts of the office, of the cameras and of the hospital."""
    made = []
    for index in range(count):
        sides = (("office", "10.1.2."), ("cameras", "10.1.1."))
        (source, here), (to, there) = sides if index % 2 else sides[::-1]
        sender = f"{here}{2 + index // 2 % 200}"
        goal = (
            str(IPv4Address("198.18.0.0") + index // 40)
            if index % 5
            else f"{there}{2 + index % 97}"
        )
        network = "hospital" if index % 5 else to
        port = PortRange("tcp" if index % 3 else "udp", 6000 + index % 40, 6000 + index % 40)
        end = End(goal, network, (ip_network(goal),))
        made.append(
            Flow(
                End(sender, source, (ip_network(sender),)),
                end,
                Service(str(port), (port,)),
                Reason(("access", index), index + 1),
                "bench",
            )
        )
    return tuple(made)


def milliseconds(call: Callable[[], object]) -> float:
    """The best of some rounds: the machine may be busy with others."""
    found = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        call()
        found.append(time.process_time() - begin)
    return 1000 * min(found)


def main() -> int:
    """Print a line for each size; 1 if a limit is missed."""
    site, late = site_with(), False
    for count in (100, 1_000, 10_000):
        asked = flows(count)
        begin = time.process_time()
        prover = Prover(load_text(firewall.ruleset(site, asked).decode()), site, asked)
        asker = Asker(prover)
        pc, picker = who(site, "pc"), who(site, "picker")
        asker.ask(pc, picker, None)  # the flows by their cards, once
        loaded = time.process_time() - begin
        one = milliseconds(lambda a=asker, s=pc, d=picker: a.ask(s, d, service("dicom")))
        anything = milliseconds(lambda a=asker, s=pc, d=picker: a.ask(s, d, None))
        reach = milliseconds(lambda a=asker, d=picker: a.reaching(d))
        begin = time.process_time()
        sent = compare(prover)
        took = time.process_time() - begin
        print(
            f"{count:6,} flows: loaded {loaded:5.1f} s; ask one {one:5.1f} ms, anything"
            f" {anything:5.1f} ms, who can reach {reach:5.1f} ms; {sent.sent:,} packets,"
            f" {len(sent.mismatches)} mismatches, {took:.1f} s"
        )
        late |= max(one, anything, reach) > ASK_MILLISECONDS or took > SENT_SECONDS
        late |= bool(sent.mismatches)
    return int(late)


if __name__ == "__main__":
    sys.exit(main())
