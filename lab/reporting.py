"""A Debian 13 tree with what the report site runs on, and a PostgreSQL of each test run's own.

As `lab/translation.py`: a command sees the tree read-only, a folder to write to, and no network
but its own loopback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.run import follow
from lab import images, machine

TREE = images.Recipe(
    "reporting",
    "minbase",
    (
        "bubblewrap",
        "ca-certificates",
        "chromium",
        "chromium-driver",
        "dicom3tools",
        "fonts-arphic-uming",
        "fonts-dejavu-core",
        "fonts-noto-cjk",
        "gettext",
        "gunicorn",
        "iproute2",
        "orthanc",
        "orthanc-dicomweb",
        "orthanc-webviewer",  # what the viewer is measured against (tests/bench/reports_readers.py)
        "poppler-utils",
        "postgresql-17",
        "python3",
        "python3-argon2",
        "python3-django",
        "python3-ldap",
        "python3-hypothesis",
        "python3-numpy",
        "python3-pil",
        "python3-psycopg",
        "python3-psycopg-c",
        "python3-pydicom",
        "python3-pytest",
        "python3-pytest-django",
        "python3-reportlab",
        "python3-selenium",
        "python3-yaml",
        "slapd",
    ),
    (
        'rm -f "$1/etc/resolv.conf" "$1/etc/hostname" "$1/etc/apt/sources.list"'
        ' "$1/etc/apt/apt.conf.d/99mmdebstrap"',
        'rm -rf "$1/var/lib/postgresql/17/main"',
    ),
    ("path-exclude=/usr/share/man/*", "path-exclude=/usr/share/doc/*"),
)


def tree(say: images.Say) -> Path:
    """The tree, built into the cache if it is not there yet."""
    return images.one(TREE, machine.cache() / "reporting", say)


def command(
    root: Path, words: Sequence[str], folder: Path, source: Path, extra: Sequence[str] = ()
) -> list[str]:
    """``words`` as a command in the tree, not as root (PostgreSQL refuses that).

    ``source`` is a checkout to see read-only, ``folder`` a place to write to, both at their own.
    ``extra`` is what bubblewrap is told besides.
    """
    made = ["bwrap", "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534"]
    made += ["--die-with-parent", "--tmpfs", "/"]
    for part in sorted(root.iterdir()):
        if part.is_symlink():
            made += ["--symlink", str(part.readlink()), f"/{part.name}"]
        elif part.name not in {"dev", "proc", "tmp"}:
            made += ["--ro-bind", str(part), f"/{part.name}"]
    made += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]  # noqa: S108 - its own
    made += ["--ro-bind", str(source), str(source), "--bind", str(folder), str(folder)]
    made += [*extra, "--chdir", str(source), "--remount-ro", "/"]
    inside = {"PATH": "/usr/sbin:/usr/bin", "HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"}  # noqa: S108
    made += [word for pair in inside.items() for word in ("--setenv", *pair)]
    return [*made, "--", *words]


def main(words: Sequence[str]) -> int:
    """``python -m lab.reporting [WORDS]``: build the tree; run words in it, from here."""
    root = tree(print)
    if not words:
        print(root)
        return 0
    here = Path.cwd()
    with TemporaryDirectory(prefix="reporting-") as folder:
        code, errors = follow(command(root, words, Path(folder), here), print)
    print(errors, end="", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
