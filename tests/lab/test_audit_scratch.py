"""The scratch namespace of an audit on a box that is reached as ssh reaches it: by a shell."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.audit import scratch
from gateway.problems import Failed
from gateway.run import run

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="needs root and nft"),
]
NAME = f"gwscr{os.getpid()}"
LIVE = "table inet live {\n\tchain c {\n\t\ttcp dport 22 accept\n\t}\n}\n"
OTHER = "table inet other {\n\tchain c {\n\t\ttcp dport 23 accept\n\t}\n}\n"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[list[str]]:
    """A namespace with a ruleset, and a program that runs words there as ssh does (ssh(1))."""
    run(["ip", "netns", "add", NAME])
    try:
        run(["ip", "netns", "exec", NAME, "nft", "-f", "-"], stdin=LIVE)
        like_ssh = tmp_path / "like-ssh"
        like_ssh.write_text(f'#!/bin/sh\nexec ip netns exec {NAME} sh -c "$*"\n')
        like_ssh.chmod(0o755)
        yield [str(like_ssh)]
    finally:
        run(["ip", "netns", "del", NAME], check=False)


def ruleset() -> str:
    return run(["ip", "netns", "exec", NAME, "nft", "list", "ruleset"]).stdout


def test_the_boxs_own_ruleset_is_not_touched(box: list[str]) -> None:
    before = ruleset()
    assert "tcp dport 23" in scratch.load(OTHER, on=box).text
    again = scratch.again(LIVE, scratch.load(LIVE).json, on=box)
    assert scratch.normal(again.from_text) == scratch.normal(again.from_json) != []
    assert ruleset() == before


def test_nothing_is_loaded_where_there_is_a_ruleset(
    box: list[str],
) -> None:
    """Should the new namespace not be one, the script ends before it loads anything."""
    before = ruleset()
    inside = f"{scratch.EMPTY}; nft -f -"
    done = run(["ip", "netns", "exec", NAME, "sh", "-ec", inside], stdin=OTHER, check=False)
    assert (done.returncode, ruleset()) == (9, before)
    with pytest.raises(Failed):
        scratch.load("this is no ruleset", on=box)
    assert ruleset() == before
