"""Where the box gets Debian testing: from the mirror that it gets Debian 13 from.

Run whenever the archive's pin comes, changes or goes: without the pin there is no such source.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PIN = Path("/etc/apt/preferences.d/gateway-archive")
SOURCE = Path("/etc/apt/sources.list.d/gateway-testing.sources")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
STABLE = ("trixie", "stable")
TESTING = "forky"
FORMAT = "$(SITE) $(RELEASE) $(COMPONENT)"


def mirror(listed: str) -> str:
    """The mirror of Debian 13 in apt's own list of what it fetches, or nothing."""
    for line in listed.splitlines():
        site, _, rest = line.partition(" ")
        if rest in [f"{release} main" for release in STABLE]:
            return site
    return ""


def source(site: str) -> str:
    """sources.list(5), deb822 style. No translations: they are 7 MB of what is not installed."""
    lines = ["Types: deb", f"URIs: {site}", f"Suites: {TESTING}", "Components: main"]
    return "\n".join([*lines, "Languages: none", f"Signed-By: {KEYRING}"]) + "\n"


def main(pin: Path = PIN, target: Path = SOURCE) -> int:
    """Write the source, or take it away; 1 when the box has no mirror to derive it from."""
    if not pin.exists():
        target.unlink(missing_ok=True)
        return 0
    # Also before the first `apt-get update`, when nothing is known yet of what is offered.
    ask = ["/usr/bin/apt-get", "indextargets", "--no-release-info"]
    ask += ["--format", FORMAT, "Created-By: Packages"]
    listed = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    site = mirror(listed)
    if not site:
        print("apt has no mirror of Debian 13, component main: see updates.mirror", file=sys.stderr)
        return 1
    fresh = target.with_suffix(".gateway-new")  # apt reads .list and .sources only
    fresh.write_text(source(site), "utf-8")
    fresh.chmod(0o644)
    fresh.rename(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
