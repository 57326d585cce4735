"""Fetch what a box's kernel does with packets: one round trip, nothing installed there."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from gateway.audit.snapshot import Snapshot, read
from gateway.problems import Failed
from gateway.run import run

SECONDS = 300


def collect(reach: Sequence[str]) -> Snapshot:
    """Read the box. ``reach``: the words before a command that make it run there as root.

    Raises Failed when it does not answer, or when its ruleset never stood still.
    """
    script = files("gateway.audit").joinpath("look.py").read_text("utf-8")
    done = run([*reach, "python3", "-I", "-"], stdin=script, check=False, timeout=SECONDS)
    if done.returncode:
        said = done.stderr.strip() or "it said nothing"
        raise Failed(f"the box could not be read (exit {done.returncode}): {said[-2000:]}")
    found = read(done.stdout)
    if not found.commands["nft_text"].code == found.commands["nft_json"].code == 0:
        said = found.commands["nft_text"].err.strip() or found.commands["nft_json"].err.strip()
        raise Failed(f"the box's ruleset could not be listed (root is needed): {said}")
    before, after = found.generations
    if before != after:
        raise Failed(
            "the box's ruleset changed while it was read, five times in a row: find out what"
            " changes it (`nft monitor` on the box shows it)"
        )
    return found
