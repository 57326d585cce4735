"""The box's image with a site's packages already in it, for whoever tries a site again and again.

Installing a department takes most of a minute of `dpkg`, the same each time. A stocked box has
the packages as their installation leaves them, but starts none of them: it boots as a bare one
does, and all the rest is left for the site's own provisioning to do.
"""

from __future__ import annotations

import shlex
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from lab.images import BOX, STOCK, Recipe

PINS = "/etc/apt/preferences.d/"
# It reads apt's own lists and the pin, and is the one that the box runs itself.
TESTING_SOURCE = Path(__file__).parents[1] / "gateway" / "box" / "testing_source.py"
# Like box/packages.py, on a system that does not run. What Debian enables is a link each.
# A frozen mirror, so that builds repeat, has lists that are out of date by their own word.
INSTALL = """started() { (cd "$1" && find etc/systemd/system etc/rc?.d -type l | sort); }
apt() { chroot "$target" apt-get --quiet --option=Acquire::Check-Valid-Until=false "$@"; }
target=$1
export DEBIAN_FRONTEND=noninteractive
started "$1" > "$1/before"
apt update
apt install --yes --no-install-recommends --option=Dpkg::Options::=--force-confdef \
  --option=Dpkg::Options::=--force-confold -- %s
started "$1" | comm -13 "$1/before" - | (cd "$1" && xargs --no-run-if-empty rm --)
rm -f "$1/before" "$1"/etc/apt/preferences.d/* "$1"/etc/apt/sources.list.d/*
"""


def recipe(packages: Iterable[str], files: Mapping[str, bytes], today: date) -> Recipe:
    """What a box stocked with some packages is made of.

    ``files`` are those of the site's tree; the pins among them say what comes from where. A week
    has a stock of its own, so that none is much older than what Debian has.
    """
    year, week, _ = today.isocalendar()
    pins = {path: text for path, text in sorted(files.items()) if path.startswith(PINS)}
    hooks = [f": packages of {year}-W{week:02}"]
    hooks += [f'{_text(text)} > "$1"{shlex.quote(path)}' for path, text in pins.items()]
    if pins:
        hooks.append(f'{_text(TESTING_SOURCE.read_bytes())} | chroot "$1" python3 -')
    hooks.append(INSTALL % shlex.join(sorted(packages)))
    kept = ("cleanup/apt/lists",)  # as after any installation
    return Recipe(STOCK, BOX.variant, BOX.packages, (*hooks, *BOX.hooks), kept=kept)


def _text(content: bytes) -> str:
    """A command that prints it."""
    return f"echo {b64encode(content).decode()} | base64 -d"
