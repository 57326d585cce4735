"""SIGKILL inside a Python program, at a step of a number, without a word of it in the program.

Python's audit hooks (sys.addaudithook) tell the killer, in the same process, of every file that is
about to be renamed or removed and every command that is about to run.
"""

from __future__ import annotations

KILL_AT = """
import os, signal, sys
STEPS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "subprocess.Popen"}
seen = []
def kill_at(step):
    def hook(event, _arguments):
        if event in STEPS:
            seen.append(event)
            if len(seen) == step:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
"""
"""``kill_at(N)`` in front of a program: it ends at its step N; 0: ``len(seen)`` counts them."""
