"""The lab's virtual box, as far as nothing has to boot: tests/vm/run.py boots it."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

from gateway.features import appletalk
from gateway.load import load
from gateway.problems import Failed
from gateway.ready import ready
from lab import images, machine, virtual
from lab.box import Box
from lab.mirror import Mirror
from lab.plan import Plan
from lab.world import World

DESCRIPTION = Path(__file__).parents[1] / "vm/site.yml"
MIRROR = Mirror("http://mirror.example/debian", None, updates=False, proxy=None, settings=())


def box(kind: type[Box], folder: Path) -> Box:
    trees = images.Trees(folder / "box", folder / "world")
    world = World(trees.world, folder / "places", "mark")
    return kind(Plan("vm", load(DESCRIPTION).site), trees, world, folder, folder / "disk")


def test_its_image_has_a_kernel_with_appletalk() -> None:
    made = virtual.recipe(images.BOX)
    assert "linux-image-amd64" in made.packages
    assert set(images.BOX.packages) < set(made.packages)
    # Another tree than the container's, and no stock that the lab would count as one of its own.
    assert made.folder != images.BOX.folder
    assert not virtual.recipe(images.Recipe(images.STOCK, "", (), ())).name.startswith("stock-")


def test_nothing_of_a_container_is_on_its_disk(tmp_path: Path) -> None:
    assert list(box(virtual.VirtualBox, tmp_path).differences) == [virtual.APT]
    assert not box(virtual.VirtualBox, tmp_path).masked
    assert len(box(Box, tmp_path).differences) > 1
    assert box(Box, tmp_path).masked


def test_its_cards_have_names_that_nobody_described(tmp_path: Path) -> None:
    for kind, known in ((virtual.VirtualBox, "MACAddress=02:00:5e:10:00:02"), (Box, "Name=cam0")):
        files = box(kind, tmp_path).installed(MIRROR)
        assert known in files["etc/systemd/network/90-installer-cameras.network"]


def test_without_qemu_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "need_root", lambda: None)
    monkeypatch.setattr(virtual, "NEEDED", {"no-such-program": "qemu-system-x86"})
    with pytest.raises(Failed, match=r"apt-get install .* qemu-system-x86"):
        virtual.check()
    monkeypatch.setattr(virtual, "NEEDED", {"sh": "dash"})
    virtual.check()


def test_the_zone_can_be_taken_out_of_the_description(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(DESCRIPTION.parent)
    text = DESCRIPTION.read_text()
    shutil.copytree(DESCRIPTION.with_name("profiles"), tmp_path / "profiles")
    bare = runpy.run_path(str(DESCRIPTION.with_name("run.py")))["zoneless"](text)
    for content, there in ((text, True), (bare, False)):
        (tmp_path / "site.yml").write_text(content)
        assert bool(appletalk.FEATURE.units(ready(tmp_path / "site.yml").site)) == there
