"""By packets: the kernel does what the diagram says, and one that does otherwise is seen."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gateway import features
from gateway.audit import examine
from gateway.audit.prove import Prover
from gateway.empirical import compare
from gateway.empirical.wires import Wires
from gateway.features import firewall
from gateway.load import load

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="needs root and nft"),
]
ROOT = Path(__file__).parent.parent.parent


def prover(site: Path, folder: Path) -> Prover:
    loaded = load(site)
    flows = features.policy(loaded.site, loaded.source.line)
    given = folder / "ruleset.nft"
    given.write_bytes(firewall.ruleset(loaded.site, flows))
    return examine.prover(examine.from_file(given), loaded.site, flows)


SITES = sorted((*ROOT.glob("inventory/*/"), *ROOT.glob("tests/sites/*/")))


@pytest.mark.parametrize("site", SITES, ids=lambda each: each.name)
def test_the_kernel_agrees(site: Path, tmp_path: Path) -> None:
    found = compare.compare(prover(site, tmp_path))
    assert found.mismatches == ()
    assert found.sent > found.passed > 0
    assert [each.weight for each in found.findings()] == ["note"]


def test_a_kernel_that_does_otherwise_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = prover(ROOT / "inventory/kaohsiung", tmp_path)
    real = Wires.load
    one_less = "10.1.1.11 . 10.1.1.1 . 6 . 548"
    assert one_less in made.ruleset.text
    other = one_less.replace("548", "549")
    monkeypatch.setattr(Wires, "load", lambda self, text: real(self, text.replace(one_less, other)))
    found = compare.compare(made)
    said = sorted(str(each) for each in found.mismatches)
    assert [line.split(" (new) ")[0].split(" ")[-1] for line in said] == ["tcp/548", "tcp/549"]
    assert "is stopped in the kernel and passes in the diagram" in said[0]
    assert "passes in the kernel and is stopped in the diagram" in said[1]
    assert {each.weight for each in found.findings()} == {"undecided"}


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    compare.compare(prover(ROOT / "inventory/smallest", tmp_path))
    mine = {each for each in Path("/run/netns").iterdir() if f"gwem{os.getpid()}" in each.name}
    assert mine == set()
