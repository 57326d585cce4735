"""Fetch what a box's kernel does with packets: one round trip, nothing installed there.

Standard library only, as all that it leads to: the box audits itself with it, too (on_box.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from gateway.audit.parse import parse
from gateway.audit.prove import Prover
from gateway.audit.rules import Ruleset
from gateway.audit.scratch import Listing
from gateway.audit.snapshot import Snapshot, read
from gateway.flow import Flow
from gateway.ground import Ground
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


@dataclass(frozen=True)
class Read:
    """A ruleset, where it came from, and what was read beside it."""

    ruleset: Ruleset
    origin: str
    snapshot: Snapshot | None = None


def from_box(reach: Sequence[str], origin: str) -> Read:
    """What a box's kernel has now. ``reach``: the words that run a command there as root."""
    seen = collect(reach)
    names = ("nft_json", "nft_text", "nft_readable", "nft_program")
    said = {name: seen.commands[name] for name in names}
    errors = "\n".join(each.err for each in said.values() if each.err.strip())
    texts = (said["nft_json"].out, said["nft_text"].out, said["nft_readable"].out)
    # The box's own nft reads its own listing again: another version may not.
    ruleset = parse(Listing(*texts, errors, said["nft_program"].out), on=reach)
    return Read(ruleset, f"{origin} ({seen.host})", seen)


def of_this_site(read: Read, site: Ground) -> None:
    """Raises Failed where the ruleset knows none of the site's cards."""
    cards = {name: network.nic.interface for name, network in site.networks.items()}
    if read.ruleset.tables and not any(f'"{card}"' in read.ruleset.text for card in cards.values()):
        listed = ", ".join(cards.values())
        raise Failed(
            f"{read.origin}: these rules name none of the site's cards ({listed}): they are of"
            " another box, or the cards are called otherwise there"
        )


def prover(read: Read, site: Ground, flows: Iterable[Flow]) -> Prover:
    """Both sides as diagrams."""
    of_this_site(read, site)
    return Prover(read.ruleset, site, tuple(flows))
