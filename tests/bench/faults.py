"""A switch is killed at every step and at random moments; each time the box is whole (root, a lab).

Counts: the activation at every step (and, where it undoes somebody's work, at every third), and at
100 random moments, its ssh at 30, the whole of Ansible at 20, the box itself (a power cut) at 20;
about 20 minutes. Arguments: other counts, in that order, without the steps. What the kernel had not
written is not lost here (see docs/lab.md):
tests/lab/test_fault_disk.py has a disk that loses it.
"""

from __future__ import annotations

import os
import queue
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from fault_kit import Patient, a_while, kill_group  # noqa: E402 - after its place is known

SOON = 2.5
COUNTS = (100, 30, 20, 20)
BOXES = 2
Fault = Callable[[Patient, int, int], None]


def at_step(box: Patient, old: int, step: int) -> None:
    """SIGKILL before the file operation or command of that number."""
    box.killed_at(step, box.other(old), SOON)


def at_random(box: Patient, old: int, _index: int) -> None:
    """SIGKILL of the program at some moment."""
    switch = box.started("activate", str(box.other(old)), "--confirm-within", str(SOON))
    a_while(0.1, 1.6)
    box.kill_program()
    switch.wait()


def ssh(box: Patient, old: int, _index: int) -> None:
    """SIGKILL of the controller's ssh."""
    switch = box.started("activate", str(box.other(old)), "--confirm-within", str(SOON))
    a_while(0.1, 1.6)
    switch.kill()
    switch.wait()


def power(box: Patient, old: int, _index: int) -> None:
    """SIGKILL of the box's first process, and a boot."""
    switch = box.started("activate", str(box.other(old)), "--confirm-within", "300")
    a_while(0.1, 2.5)
    box.lab.power_cut()
    switch.wait()
    box.lab.boot()


def ansible(box: Patient, _old: int, _index: int) -> None:
    """SIGKILL of Ansible and all that it runs here, at some moment of a whole apply."""
    job = box.apply_in_background("site-b.yml", within=10)
    a_while(1, 9)
    kill_group(job)


def over_drift(box: Patient, old: int, step: int) -> None:
    """SIGKILL before that step of a switch that is to undo somebody's work."""
    box.spoil()
    box.killed_at(step, box.other(old), SOON, "--overwrite-drift")
    box.idle()
    box.unspoil()


def hurt(box: Patient, what: Fault, moment: int) -> None:
    """Hurt it once. Raises where it is not whole afterwards, or cannot go on."""
    old = int(box.idle()["active"])
    if what is not ansible and old not in box.both:
        box.ready()
        old = box.both[0]
    what(box, old, moment)
    new = box.whole()
    assert new == old or what is ansible, f"{old} became {new}"
    if what is ansible:
        box.apply("site.yml")
    elif moment % 5 == 0:
        box.take(box.other(old))
        assert box.whole() == box.other(old)


class Ward:
    """Boxes side by side (most of a fault is waiting), each taking the next fault from one list."""

    def __init__(self) -> None:
        self.waiting: queue.SimpleQueue[tuple[Fault, int]] = queue.SimpleQueue()
        self.done: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()

    def fill(self, box: Patient, counts: tuple[int, ...]) -> None:
        """Every step, and so many random moments of each kind."""
        box.ready()
        steps = box.steps()
        self._add(at_step, range(1, steps + 1))
        # With drift there are more; where they are alike, every third will do.
        box.spoil()
        more = box.steps("--overwrite-drift")
        box.unspoil()
        self._add(over_drift, [step for step in range(1, more + 1) if step % 3 == 0])
        for what, count in zip((at_random, ssh, ansible, power), counts, strict=True):
            self._add(what, range(count))

    def _add(self, what: Fault, moments: Iterable[int]) -> None:
        for moment in moments:
            self.waiting.put((what, moment))

    def work(self, box: Patient) -> None:
        """Until there is no fault left."""
        while True:
            try:
                what, moment = self.waiting.get_nowait()
            except queue.Empty:
                return
            name = what.__name__.replace("_", " ")
            self.done[name] += 1
            try:
                hurt(box, what, moment)
            except Exception as error:
                self.wrong[name] += 1
                print(f"  {name} {moment}: {error!r}", flush=True)
                box.ready()


def main() -> int:
    given = [int(word) for word in sys.argv[1:]]
    counts = (*given, *COUNTS[len(given) :])
    ward, began = Ward(), time.monotonic()
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(BOXES)]
        with ThreadPoolExecutor(BOXES) as pool:
            names = [f"bflt{os.getpid()}{letter}" for letter in "abcdefgh"]
            boxes = list(pool.map(Patient.up, folders, names))
            for box in boxes:
                stack.callback(box.lab.down)
            ward.fill(boxes[0], counts)
            print(f"{len(boxes)} boxes after {time.monotonic() - began:.0f} s", flush=True)
            list(pool.map(ward.work, boxes))
    for name, count in ward.done.items():
        print(f"{name:10} {count:4} faults, {ward.wrong[name]} not whole")
    print(f"{ward.done.total()} faults in {time.monotonic() - began:.0f} s", flush=True)
    return 1 if ward.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
