"""What a proof costs, from nft's listing to the answer, and looking for rules that could go.

    .venv/bin/python tests/bench/audit.py

One line for each size, each in a process of its own: seconds of one core, with all that compares
the listing with the kernel but without nft's own time, and the most memory. Beside stands what nft
takes to load the ruleset and list it, by the clock.
"""

from __future__ import annotations

import resource
import sys
import time
from multiprocessing import get_context
from pathlib import Path

from gateway.audit import scratch
from gateway.audit.parse import parse
from gateway.audit.prove import Prover
from gateway.audit.redundant import in_chain
from gateway.audit.rules import Chain, Element, Match, Rule, Table, Verdict
from gateway.features import firewall

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "lab")]
from firewall import flows, site_with  # noqa: E402 - it stands beside

SIZES = (100, 300, 1_000, 3_000, 10_000)
MOST_SECONDS, MOST_MEGABYTES = 5.0, 300


def linear(count: int) -> tuple[Table, Chain]:
    """So many rules one after another, a shadowed one in the middle."""
    rules = []
    for number in range(count):
        values = (0x0A000000 + number // 4, 0x0A010000 + number % 7, 1000 + number % 40)
        keys = ("ip saddr", "ip daddr", "tcp dport")
        matches = [
            Match((key,), (Element((((value, value),),)),))
            for key, value in zip(keys, values, strict=True)
        ]
        rules.append(Rule("inet t", "c", number, (*matches, Verdict("accept"))))
    rules[count // 2] = rules[7]
    chain = Chain("inet t", "c", 1, tuple(rules), "filter", "input", 0, "drop")
    return Table("inet", "inet t", {"c": chain}, {}), chain


def proof(count: int) -> tuple[str, float, float]:
    """The answer; seconds from listing to answer, and those that nft took."""
    site, policy = site_with(), flows(count)
    text = firewall.ruleset(site, policy).decode()
    begin = time.perf_counter()
    listing = scratch.load(text)
    nft, start = time.perf_counter() - begin, time.process_time()
    answer = Prover(parse(listing), site, policy).proof().answer
    return answer, time.process_time() - start, nft


def shadows(count: int) -> tuple[str, float, float]:
    """How many rules could go, and how long it took to see."""
    table, chain = linear(count)
    start = time.process_time()
    found = list(in_chain(table, chain))
    return f"{len(found)} found", time.process_time() - start, 0.0


def measured(what: str, count: int) -> tuple[str, float, float, int]:
    """One measurement, with the memory of this process."""
    answer, seconds, nft = {"proof": proof, "shadows": shadows}[what](count)
    return answer, seconds, nft, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> int:
    """Print the curves; 1 if the largest is above what was promised."""
    failed = False
    for what in ("proof", "shadows"):
        print(f"{what:>8}  {'of':>7}  {'s':>6}  {'MB':>5}  {'nft s':>6}")
        for count in SIZES:
            with get_context("spawn").Pool(1) as pool:
                answer, seconds, nft, memory = pool.apply(measured, (what, count))
            print(f"{answer:>8}  {count:7,}  {seconds:6.2f}  {memory:5}  {nft:6.2f}")
            failed |= seconds > MOST_SECONDS or memory > MOST_MEGABYTES
            failed |= what == "proof" and answer != "PROVED"
    return failed


if __name__ == "__main__":
    sys.exit(main())
