"""How long ``gateway check`` takes, against a Python that only imports pydantic and yaml.

Both are run in turn, and their processor time is compared, not the clock's: neither waits for
anything, so on a machine that has nothing else to do it is the same, and on a busy one it is what
the program itself needs. The fastest of each count (see timeit's documentation).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
RUNS = 20
# Some machines forbid Python to keep bytecode: ours would be compiled anew at every start, while
# what pip has installed is compiled already.
AS_A_USER = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
MOST = 3.0
BARE = [sys.executable, "-c", "import pydantic, yaml"]
CHECK = [sys.executable, "-m", "gateway.cli", "check", str(ROOT / "inventory" / "kaohsiung")]


def _seconds(command: list[str]) -> float:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=AS_A_USER) as started:
        _, status, used = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode:
        raise SystemExit(f"{command} failed")
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Print the ratio; 1 if it is above what was promised."""
    _seconds(BARE), _seconds(CHECK)  # bytecode and page cache
    pairs = [(_seconds(BARE), _seconds(CHECK)) for _ in range(RUNS)]
    bare, check = (min(each) for each in zip(*pairs, strict=True))
    ratio = check / bare
    print(f"gateway check {check:.3f} s, bare start {bare:.3f} s: {ratio:.2f} x, at most {MOST}")
    return ratio > MOST


if __name__ == "__main__":
    sys.exit(main())
