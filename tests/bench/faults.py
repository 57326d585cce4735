"""A switch is killed at every step and at random moments; each time the box is whole (root, a lab).

Counts: the activation at every step (and, where it undoes somebody's work, at every third), and at
100 random moments, its ssh at 30, the whole of Ansible at 20, the box itself (a power cut) at 20;
about half an hour. Arguments: other counts, in that order, without the steps. What the kernel had
not written is not lost here (see docs/lab.md): tests/lab/test_fault_disk.py has a disk that loses.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
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
    # Killed before anything was armed, it has left his work where it was: that is whole, too.
    box.told("activate", str(old), "--overwrite-drift", "--confirm-within", "0")


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


def faults(box: Patient, counts: tuple[int, ...]) -> Iterator[tuple[Fault, int]]:
    """Every step, and so many random moments of each kind."""
    box.ready()
    yield from ((at_step, step) for step in range(1, box.steps() + 1))
    # With drift there are more; where they are alike, every third will do.
    box.spoil()
    more = box.steps("--overwrite-drift")
    box.unspoil()
    yield from ((over_drift, step) for step in range(3, more + 1, 3))
    for what, count in zip((at_random, ssh, ansible, power), counts, strict=True):
        yield from ((what, moment) for moment in range(count))


def share(index: int, counts: tuple[int, ...]) -> tuple[Counter[str], Counter[str]]:
    """A share of them, on a box of its own: how many, and how many were not whole."""
    done: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        box = Patient.up(Path(folder), f"bflt{os.getpid()}")
        try:
            # Not every so manieth of the list: a box may count a step more than another.
            mine = [each for each in faults(box, counts) if each[1] % BOXES == index]
            # In no order: a run that is cut short has seen of each.
            random.Random(1).shuffle(mine)  # noqa: S311 - an order, no secret
            for what, moment in mine:
                name, began = what.__name__.replace("_", " "), time.monotonic()
                done[name] += 1
                try:
                    hurt(box, what, moment)
                    said = f"whole after {time.monotonic() - began:.0f} s"
                except Exception as error:
                    wrong[name] += 1
                    said = f"NOT WHOLE: {error!r}"
                    box.ready()
                print(f"  {name} {moment}: {said}", flush=True)
        finally:
            box.lab.down()
    return done, wrong


def main() -> int:
    given = [int(word) for word in sys.argv[1:]]
    counts, began = (*given, *COUNTS[len(given) :]), time.monotonic()
    done: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    with ProcessPoolExecutor(BOXES) as pool:  # most of a fault is waiting
        for each in pool.map(share, range(BOXES), [counts] * BOXES):
            done, wrong = done + each[0], wrong + each[1]
    for name, count in done.items():
        print(f"{name:10} {count:4} faults, {wrong[name]} not whole")
    print(f"{done.total()} faults in {time.monotonic() - began:.0f} s", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
