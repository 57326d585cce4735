"""The way in: what is loaded when, and how a verb may end.

An editor runs ``gateway check SITE`` at every save, and most of its time is loading, so it goes
straight to its work; every other verb (and every other way to write this one) goes by typer.
tests/bench/check.py holds the difference.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.problems import Failed, Refused

REFUSED, FAILED, INTERRUPTED, BROKEN_PIPE = 1, 3, 130, 141


def main() -> None:
    """Run a verb. Exit 0: done; 1: the description is refused; 2: usage; 3: something failed."""
    try:
        try:
            _run(sys.argv[1:])
        finally:
            sys.stdout.flush()
    except Refused as refused:
        print(refused, file=sys.stderr)
        sys.exit(REFUSED)
    except Failed as failed:
        print(f"gateway: {failed}", file=sys.stderr)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `gateway policy SITE | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)


def _run(words: Sequence[str]) -> None:
    # Pydantic looks through every installed package for plugins; this program has none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()  # what is loaded stays until the end, so looking for garbage in it is lost time
    try:
        plain = [word for word in words[1:] if word != "--json"]
        if words[:1] == ["check"] and len(plain) == 1 and not plain[0].startswith("-"):
            from gateway.ready import report

            sys.exit(report(Path(plain[0]), as_json="--json" in words))
        from gateway.verbs import app
    finally:
        gc.enable()
    app(prog_name="gateway")


if __name__ == "__main__":
    main()
