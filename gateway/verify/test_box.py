"""The box itself, over ssh: its services, its files, what it listens on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway import features
from gateway.features import nfs
from gateway.verify.context import Context
from gateway.verify.plugin import Note

IPV6_OFF = "/proc/sys/net/ipv6/conf/*/disable_ipv6"


def test_units_run(box: Any, context: Context, note: Note) -> None:
    tree = features.tree_of(context.site, context.loaded.source.line)
    note("box", "systemd", f"{len(tree.units)} units run and start at boot; none has failed")
    # One command for all: each one by ssh costs a login.
    other = _other(box, "is-active", tree.units, "active")
    other += _other(box, "is-enabled", tree.units, "enabled")
    other += _other(box, "is-enabled", tree.masked, "masked")
    other += box.run("systemctl --failed --plain --no-legend").stdout.splitlines()
    assert not other, "; ".join(other)


def _other(box: Any, question: str, units: Sequence[str], wanted: str) -> list[str]:
    """The units that answer otherwise, each with what it says."""
    if not units:
        return []
    answers = box.run(f"systemctl {question} {' '.join(units)}").stdout.split()
    both = zip(units, answers, strict=True)
    return [f"{unit} is {answer}, not {wanted}" for unit, answer in both if answer != wanted]


def test_files_are_as_rendered(box: Any, context: Context, note: Note) -> None:
    tree = features.tree_of(context.site, context.loaded.source.line)
    note("box", "files", f"{len(tree.files)} files are exactly as rendered")
    entries = tree.manifest()["files"]
    paths = " ".join(entry["path"] for entry in entries)
    sums = box.run(f"sha256sum {paths}").stdout.splitlines()
    modes = box.run(f"stat -c '%a %U %G  %n' {paths}").stdout.splitlines()
    wanted = [f"{each['sha256']}  {each['path']}" for each in entries]
    wanted += [
        f"{int(each['mode'], 8):o} {each['owner']} {each['group']}  {each['path']}"
        for each in entries
    ]
    other = {line.partition("  ")[2] for line in {*wanted} - {*sums, *modes}}
    assert not other, f"not as rendered: {', '.join(sorted(other))}"


def test_the_kernel_forwards_only_behind_the_firewall(
    box: Any, context: Context, note: Note
) -> None:
    note("box", "nftables", "default deny in, through and out; IPv4 forwarded, IPv6 as described")
    ruleset = box.check_output("nft list table inet gateway")
    assert ruleset.count("policy drop") >= 3
    assert box.sysctl("net.ipv4.ip_forward") == 1
    asks_for_ipv6 = any(network.address6 for network in context.site.networks.values())
    if not asks_for_ipv6:
        # Each card by itself: `all` only says what was last written to every card at once.
        lines = box.run(f"grep . {IPV6_OFF}").stdout.splitlines()
        cards = {line.split("/")[-2]: line.rpartition(":")[2] for line in lines}
        assert {off for card, off in cards.items() if card not in ("all", "lo")} <= {"1"}, cards


def test_nothing_listens_that_nobody_asked_for(box: Any, context: Context, note: Note) -> None:
    note("box", "sockets", "every TCP port it listens on is one the policy opens to somebody")
    wanted = {
        port
        for flow in context.flows
        if flow.destination.is_box
        for ports in flow.service.ports
        for port in range(ports.low, ports.high + 1)
    }
    if box.check_output(f"systemctl show -P StatusText {nfs.SERVER}") == nfs.BY_KERNEL:
        wanted.add(nfs.LOCK_PORT)
    lines = box.check_output("ss -Hltn").splitlines()
    local = [line.split()[3] for line in lines]
    reachable = [each for each in local if not each.startswith(("127.", "[::1]"))]
    assert {int(each.rpartition(":")[2]) for each in reachable} <= wanted


def test_share_folders_are_closed_to_others(box: Any, context: Context, note: Note) -> None:
    note("box", "files", "each share's folder is its groups' alone")
    for share in context.site.shares:
        folder = box.file(f"/srv/gateway/shares/{share}")
        assert folder.is_directory
        assert folder.mode & 0o2007 == 0o2000
