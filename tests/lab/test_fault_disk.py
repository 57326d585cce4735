"""A power cut that loses what was not flushed, at the steps of a switch: whole all the same.

The box is a folder on a disk that loses it (losing_disk.py); gateway-box is the real one, without
services. A lab's own power cut keeps the kernel's cache, so it cannot show this.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

from box_kit import BoxInAFolder, file
from killing import KILL_AT
from losing_disk import Keep, LosingDisk

from gateway.box.back import go_back
from gateway.run import run

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]
ROOT = Path(__file__).parent.parent.parent
A = [file(f"/etc/{name}", f"a {name}\n" * 2000) for name in ("one", "two", "deep/three", "only-a")]
B = [file(f"/etc/{name}", f"b {name}\n" * 2000) for name in ("one", "two", "deep/three", "only-b")]
# Switches, and is ended at the step of that number; 0: counts them.
CHILD = f"""{KILL_AT}
from pathlib import Path
from gateway.box import files
from gateway.box.activate import Guard, activate
from gateway.box.files import Paths
from gateway.box.store import Store
root, number, at, synced = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
if synced == "no":
    os.fsync = lambda _handle: None
kill_at(at)
guard = Guard(arm=lambda _program, _seconds: None, disarm=lambda: None)
activate(Store(Paths(Path(root))), number, confirm_within=int(sys.argv[5]), guard=guard)
print(len(seen))
"""


class Losing:
    """A box in a folder on a disk that loses what was not flushed."""

    def __init__(self, disk: LosingDisk, folder: Path) -> None:
        self.disk, self.folder = disk, folder
        run(["mkfs.ext4", "-q", disk.device])
        run(["mount", disk.device, folder])
        self.box = BoxInAFolder(folder)
        self.looks = {}
        for number, files in ((1, A), (2, B)):
            self.box.apply(*files)
            self.looks[number] = self.box.everything()
        run(["sync", "-f", str(folder)])

    def switch(self, number: int, at: int, synced: bool = True, within: int = 60) -> str:
        """In a process of its own, ended at a step; confirmed at once with ``within`` 0."""
        words = [str(self.box.root), str(number), str(at), "yes" if synced else "no", str(within)]
        done = subprocess.run(
            [sys.executable, "-c", CHILD, *words],
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    def cut(self, keep: Keep, seed: int) -> None:
        """Cut the power, and come back with what is left: what the kernel held is gone too."""
        self.disk.cut()
        self.disk.fail()
        run(["umount", self.folder])
        self.disk.restore(keep, seed)
        run(["mount", self.disk.device, self.folder])

    def boot(self) -> int:
        """What the next start does; the generation that the box then wholly is in."""
        store = self.box.store
        if not store.state().settled:
            go_back(store, "the box was restarted")
        number = store.state().active
        assert number is not None
        assert self.box.everything() == self.looks[number]
        assert store.state().settled
        assert not store.generation(number).damage()
        return number


@pytest.fixture
def losing(tmp_path: Path) -> Iterator[Losing]:
    with ExitStack() as stack:
        disk = stack.enter_context(LosingDisk(128))
        folder = tmp_path / "disk"
        folder.mkdir()
        made = Losing(disk, folder)
        stack.callback(run, ["umount", folder])
        yield made


def each_step(losing: Losing, count: int) -> Iterator[tuple[int, Keep, int]]:
    """Some steps of a switch, each with both ways to lose; where it began."""
    steps = int(losing.switch(2, 0))
    go_back(losing.box.store, "the steps are counted")
    for step in range(1, steps + 1, max(1, steps // count)):
        keeps: tuple[Keep, ...] = ("none", "some")
        for keep in keeps:
            yield step, keep, losing.boot()


def test_what_was_not_flushed_is_lost_and_the_box_is_whole(losing: Losing) -> None:
    assert losing.boot() == 2
    losing.box.apply(*A)
    assert losing.boot() == 1
    for step, keep, old in each_step(losing, 14):
        losing.switch(3 - old, step)
        losing.cut(keep, step)
        assert losing.boot() == old


@pytest.mark.parametrize(("synced", "stays"), [(True, 2), (False, 1)])
def test_what_was_confirmed_stays(losing: Losing, synced: bool, stays: int) -> None:
    """With its control: the same program without fsync(2) forgets what it has said."""
    losing.box.apply(*A)
    run(["sync", "-f", str(losing.folder)])
    losing.switch(2, 0, synced=synced, within=0)
    assert losing.box.state()["confirmed"] == 2
    losing.cut("none", 0)
    assert losing.boot() == stays
