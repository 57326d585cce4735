"""A listing is taken only where nft's JSON, its text and the kernel's own program agree."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from live_kit import needs_nft

from gateway.audit import scratch
from gateway.audit.meaning import meaning
from gateway.audit.parse import load_text, parse
from gateway.audit.rules import Match, Rule, Ruleset, UnknownEffect, UnknownTruth
from gateway.audit.scratch import Listing
from gateway.audit.statements import statement
from gateway.problems import Failed

DIALECTS = Path(__file__).parent / "dialects"
SMALL = """\
table inet t {
	set s {
		type inet_service
		elements = { 80, 81 }
	}
	chain c {
		type filter hook input priority 0; policy drop;
		tcp dport @s accept
	}
}
"""


def told(ruleset: Ruleset) -> str:
    return " | ".join(str(each) for each in ruleset.strange)


def captured(version: str) -> Ruleset:
    texts = (DIALECTS / f"{version}.json", DIALECTS / f"{version}.txt")
    return parse(Listing(*(path.read_text() for path in texts)))


def meant(rule: Rule) -> tuple[object, ...]:
    return (rule.table, rule.chain, rule.handle, rule.comment, rule.statements)


@needs_nft
def test_both_dialects_of_nft_mean_the_same() -> None:
    old, new = captured("1.0.6"), captured("1.1.3")
    assert [meant(rule) for rule in old.rules] == [meant(rule) for rule in new.rules]
    assert [table.sets for table in old.tables] == [table.sets for table in new.tables]
    unknown = [s for rule in new.rules for s in rule.statements if isinstance(s, UnknownTruth)]
    assert [each.what.split('"')[1] for each in unknown] == ["limit"]
    sets = new.tables[0].sets
    assert "come and go" in sets["moving"].unknown
    assert not sets["exact"].unknown
    assert sets["exact"].elements[0].comment == "access[0]:7"


@needs_nft
def test_a_clean_listing_has_nothing_strange() -> None:
    ruleset = load_text(SMALL)
    assert ruleset.strange == ()
    assert isinstance(ruleset.rules[0].statements[0], Match)
    assert ruleset.rules[0].text == "tcp dport @s accept"


@needs_nft
@pytest.mark.parametrize(
    ("rule", "listed"),
    [
        ("tcp sport >= 1000 tcp dport <= 1000 accept", "tcp dport 1000-1000"),
        ("th sport < 53 th dport > 53 drop", "th dport != 53-53"),
    ],
)
def test_a_rule_that_nft_lists_wrongly_is_seen(rule: str, listed: str) -> None:
    # A hole for every port up to 1000 that looks like one for a single port.
    text = SMALL.replace("tcp dport @s accept", rule)
    ruleset = load_text(text)
    if listed not in ruleset.text:
        pytest.skip("this nft lists it rightly")
    assert "the kernel runs" in told(ruleset)
    assert "transport header + 0" in told(ruleset)
    assert load_text(SMALL.replace("tcp dport @s", "tcp sport >= 1000 meta mark 0")).strange == ()


@needs_nft
def test_json_that_says_other_than_text_is_seen() -> None:
    listing = scratch.load(SMALL)
    assert parse(listing).strange == ()
    other = listing.json.replace("81", "82")
    assert "as text" in told(parse(replace(listing, json=other)))
    objects = json.loads(listing.json)["nftables"]
    fewer = json.dumps({"nftables": [each for each in objects if "rule" not in each]})
    assert parse(replace(listing, json=fewer)).strange != ()


@needs_nft
def test_a_kernel_that_runs_other_than_is_listed_is_seen() -> None:
    listing = scratch.load(SMALL)
    assert "__set" not in listing.program
    for old, new in (("accept", "drop"), ("00005000", "00005100"), ("immediate", "nothing")):
        assert old in listing.program
        changed = replace(listing, program=listing.program.replace(old, new))
        assert "than the kernel" in told(parse(changed))
    assert "not asked for" in told(parse(replace(listing, program="")))


@needs_nft
def test_what_nft_says_beside_is_strange() -> None:
    listing = scratch.load(SMALL)
    assert told(parse(replace(listing, errors="some warning\n"))) == "nft: some warning"


@needs_nft
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("table bridge b { }", "the family bridge is not looked into"),
        ("table arp a { }", "the family arp is not looked into"),
        ("table netdev n { }", "the family netdev is not looked into"),
        (
            "table inet m {\nchain c {\ntype filter hook input priority 0;\n"
            "meta mark set meta mark | 0x10\n}\n}",
            "mangle",
        ),
    ],
)
def test_what_is_not_understood_is_named(more: str, said: str) -> None:
    assert said in told(load_text(SMALL + more))


@needs_nft
@pytest.mark.parametrize("kind", ["flowtable", "ct timeout", "ct expectation", "secmark", "news"])
def test_an_object_that_is_not_understood_is_named(kind: str) -> None:
    # As nft would show it: not every kernel that tests run on has them.
    listing = scratch.load(SMALL)
    objects = json.loads(listing.json)
    objects["nftables"].append({kind: {"family": "inet", "table": "t", "name": "f", "handle": 9}})
    found = parse(replace(listing, json=json.dumps(objects)))
    assert f"inet t: a {kind} named f" in told(found)


@needs_nft
@pytest.mark.parametrize("kind", ["table", "chain", "set", "rule"])
def test_a_key_that_is_new_is_named(kind: str) -> None:
    listing = scratch.load(SMALL)
    objects = json.loads(listing.json)
    body = next(each[kind] for each in objects["nftables"] if kind in each)
    body["news"] = 1
    found = parse(replace(listing, json=json.dumps(objects)))
    assert f"news of a {kind}" in told(found)


@needs_nft
def test_elements_that_expire_or_limit_are_for_nobody_to_tell() -> None:
    moving = SMALL.replace("elements = { 80, 81 }", "flags timeout; elements = { 80 timeout 1h }")
    assert "come and go" in load_text(moving).tables[0].sets["s"].unknown
    counted = SMALL.replace("type inet_service\n", "type inet_service; counter\n")
    assert load_text(counted).tables[0].sets["s"].unknown == ""
    limited = SMALL.replace("type inet_service\n", "type inet_service; limit rate 1/second\n")
    assert load_text(limited).tables[0].sets["s"].unknown != ""


@needs_nft
def test_a_mark_that_may_change_the_route_is_named() -> None:
    routed = (
        "table inet r {\nchain o {\ntype route hook output priority mangle; policy accept;\n"
        "tcp dport 80 meta mark set 1\n}\n}\n"
    )
    assert "may change the route" in str(meaning(load_text(routed)).strange)
    assert meaning(load_text(routed.replace("meta mark set 1", "counter"))).strange == ()


@pytest.mark.parametrize(
    "raw",
    [
        {"queue": {"num": 1}},
        {"tproxy": {"port": 80}},
        {"synproxy": {"mss": 1460}},
        {"dup": {"addr": "10.0.0.1"}},
        {"fwd": {"dev": "eth0"}},
        {"flow": {"op": "add", "flowtable": "@f"}},
        {"xt": {"type": "target", "name": "LOG"}},
        {"mangle": {"key": {"payload": {"protocol": "ip", "field": "daddr"}}, "value": "10.0.0.1"}},
        {"vmap": {"key": {"meta": {"key": "skuid"}}, "data": {"set": [[0, {"accept": None}]]}}},
        {"jump": "a chain without a name"},
        {"accept": None, "drop": None},
        "accept",
        {},
        None,
    ],
)
def test_a_statement_nobody_here_knows_may_do_anything(raw: object) -> None:
    assert isinstance(statement(raw, {}), UnknownEffect)


@pytest.mark.parametrize(
    "raw",
    [
        {"limit": {"rate": 5, "per": "second"}},
        {"quota": {"val": 100, "val_unit": "bytes"}},
        {"ct count": {"val": 3}},
        {"match": {"op": "==", "left": {"meta": {"key": "skuid"}}, "right": 0}},
        {"match": {"op": "==", "left": {"fib": {"result": "type"}}, "right": 2}},
        {"match": {"op": "like", "left": {"meta": {"key": "mark"}}, "right": 0}},
        {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": {"range": ["", ""]}}},
        {"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 1 << 40}},
        {"match": {}},
    ],
)
def test_a_match_nobody_can_tell_may_hold_or_not(raw: object) -> None:
    assert isinstance(statement(raw, {}), UnknownTruth)


@needs_nft
@pytest.mark.parametrize("text", ["table inet t {", "tcp dport 80 accept", "flush rulesett"])
def test_a_ruleset_that_does_not_load_is_refused_in_nfts_words(text: str) -> None:
    with pytest.raises(Failed, match="Error: "):
        load_text(text)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"nftables": []}', '{"nftables": [{"metainfo": {}}', "x"]
)
def test_what_is_no_listing_is_refused(text: str) -> None:
    with pytest.raises(Failed, match="not what `nft -j list ruleset` prints"):
        parse(Listing(text, "", ""))
