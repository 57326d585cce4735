"""A switch is killed at every step and at random moments; each time the box is whole (root, a lab).

Counts: the activation at every step and at 100 random moments, its ssh at 30, the whole of Ansible
at 20, the box itself (a power cut) at 20; about half an hour. Arguments: other counts, in that
order, without the steps. What the kernel had not written is not lost here (see docs/lab.md):
tests/lab/test_fault_disk.py has a disk that loses it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from fault_kit import Patient, a_while, kill_group  # noqa: E402 - after its place is known

SOON = 4.0
COUNTS = (100, 30, 20, 20)


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


def repeat(box: Patient, what: Callable[[Patient, int, int], None], moments: list[int]) -> int:
    """Hurt it at each moment; how often it was not whole afterwards, or could not go on."""
    wrong, began = 0, time.monotonic()
    for moment in moments:
        old = int(box.idle()["active"])
        try:
            what(box, old, moment)
            new = box.whole()
            assert new == old or what is ansible, f"{old} became {new}"
            if what is ansible:
                box.apply("site.yml")
            elif moment % 5 == 0:
                box.take(box.other(old))
                assert box.whole() == box.other(old)
        except Exception as error:
            wrong += 1
            print(f"  {what.__name__} {moment}: {error!r}", flush=True)
            box.ready()
    seconds = time.monotonic() - began
    name = what.__name__.replace("_", " ")
    print(f"{name:10} {len(moments):4} faults, {wrong} not whole, {seconds:.0f} s", flush=True)
    return wrong


def main() -> int:
    given = [int(word) for word in sys.argv[1:]]
    randoms, sshs, ansibles, powers = (*given, *COUNTS[len(given) :])
    with tempfile.TemporaryDirectory() as folder:
        box = Patient.up(Path(folder), f"bflt{os.getpid()}")
        try:
            box.ready()
            wrong = repeat(box, at_step, list(range(1, box.steps() + 1)))
            box.ready()
            wrong += repeat(box, at_random, list(range(randoms)))
            wrong += repeat(box, ssh, list(range(sshs)))
            wrong += repeat(box, power, list(range(powers)))
            box.apply("site.yml")
            wrong += repeat(box, ansible, list(range(ansibles)))
        finally:
            box.lab.down()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
