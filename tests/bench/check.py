"""How long ``gateway check`` takes, against a Python that only imports pydantic and yaml.

Both are run in turn, so that a busy machine slows both. The fastest of each are compared: whatever
makes a run slower than that is not the program (see timeit's documentation).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
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
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=AS_A_USER)
    return time.perf_counter() - begin


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
