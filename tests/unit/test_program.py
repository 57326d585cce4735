"""The kernel's instructions, compared: what nft moves about is the same, what it loses is not."""

from __future__ import annotations

from gateway.audit.program import differences, read

RULE = """\
inet t c 2
  [ meta load l4proto => reg 1 ]
  [ cmp eq reg 1 0x00000006 ]
  [ payload load 2b @ transport header + 0 => reg 1 ]
  [ cmp gte reg 1 0x0000e803 ]
  [ payload load 2b @ transport header + 2 => reg 1 ]
  [ cmp lte reg 1 0x0000e803 ]
  [ counter pkts 3 bytes 180 ]
  [ immediate reg 0 accept ]
"""
ANONYMOUS = """\
inet t @__set{number}
\telement 00005000  : 0 [end]
\telement 00005100  : 0 [end]
inet t c 2
  [ payload load 2b @ transport header + 2 => reg 1 ]
  [ lookup reg 1 set __set{number} 0x0 ]
  [ immediate reg 0 accept ]
"""


def told(one: str, other: str) -> list[str]:
    return differences(read(one), read(other))


def test_counters_handles_and_the_order_of_matches_do_not_count() -> None:
    lines = RULE.splitlines()
    moved = "\n".join(["inet t c 9 8", *lines[3:7], *lines[1:3], *lines[7:]])
    assert told(RULE, moved.replace("pkts 3 bytes 180", "pkts 0 bytes 0")) == []
    twice = "\n".join([*lines[:3], *lines[1:]])
    assert told(RULE, twice) == []


def test_what_is_compared_with_what_counts() -> None:
    joined = RULE.replace("  [ payload load 2b @ transport header + 0 => reg 1 ]\n", "")
    (found,) = told(RULE, joined)
    assert found.startswith("inet t c handle 2: the kernel runs")
    assert "transport header + 0" in found
    assert told(RULE, RULE.replace("accept", "drop"))
    assert told(RULE, RULE.replace("e803", "e903"))
    assert told(RULE, RULE + RULE.replace("c 2", "c 3")) == [
        "inet t c: not the same number of rules"
    ]


def test_a_match_is_not_moved_over_what_changes_something() -> None:
    mark = "  [ immediate reg 1 0x00000001 ]\n  [ meta set mark with reg 1 ]\n"
    first = RULE.replace("  [ meta load", mark + "  [ meta load")
    last = RULE.replace("  [ counter", mark + "  [ counter")
    assert told(first, first) == []
    assert told(first, last)


def test_anonymous_sets_are_their_elements() -> None:
    assert told(ANONYMOUS.format(number=0), ANONYMOUS.format(number=7)) == []
    turned = ANONYMOUS.format(number=7).replace("5000", "?").replace("5100", "5000")
    assert told(ANONYMOUS.format(number=0), turned.replace("?", "5100")) == []
    assert told(ANONYMOUS.format(number=0), ANONYMOUS.format(number=0).replace("5100", "5200"))


def test_named_sets_are_compared_too() -> None:
    named = "inet t @s\n\telement 00005000  : 0 [end]\n"
    assert told(named, named) == []
    (found,) = told(named, named.replace("5000", "5100"))
    assert found.startswith("set inet t s: ")
