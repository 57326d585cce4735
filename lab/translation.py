"""A Debian 13 tree with what the box translates images with, its peers and its judges.

The tests of `intake` run twice: in the developer's environment, and in here with Debian's own
python3, numpy, pydicom and Pillow. dciodvfy (dicom3tools) judges what is written, medcon is the
oracle for pixels. Nothing in it is a daemon; a command sees the tree read-only, one folder to
write to, and no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab import images, machine

TREE = images.Recipe(
    "translation",
    "minbase",
    (
        "bubblewrap",
        "ca-certificates",
        "dicom3tools",
        "dosbox",
        "greaseweazle",
        "libgdcm-tools",
        "medcon",
        "mtools",
        "orthanc",
        "python3",
        "python3-gdcm",
        "python3-hypothesis",
        "python3-numpy",
        "python3-pil",
        "python3-pydicom",
        "python3-pytest",
        "python3-yaml",
    ),
    (
        'rm -f "$1/etc/resolv.conf" "$1/etc/hostname" "$1/etc/apt/sources.list"'
        ' "$1/etc/apt/apt.conf.d/99mmdebstrap"',
    ),
    ("path-exclude=/usr/share/man/*", "path-exclude=/usr/share/doc/*"),
)


def tree(say: images.Say) -> Path:
    """The tree, built into the cache if it is not there yet."""
    return images.one(TREE, machine.cache() / "translation", say)


def command(
    root: Path, words: Sequence[str], folder: Path, source: Path | None = None
) -> list[str]:
    """``words`` as a command that runs in the tree, with ``folder`` to write to at its own place.

    ``source`` is a checkout to see read-only, at its own place too.
    """
    made = ["bwrap", "--unshare-all", "--die-with-parent", "--tmpfs", "/"]
    for part in sorted(root.iterdir()):  # into a root of its own: any place can be made in that
        if part.is_symlink():
            made += ["--symlink", str(part.readlink()), f"/{part.name}"]
        elif part.name not in {"dev", "proc", "tmp"}:
            made += ["--ro-bind", str(part), f"/{part.name}"]
    made += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]  # noqa: S108 - its own
    if source:
        made += ["--ro-bind", str(source), str(source)]
    made += ["--bind", str(folder), str(folder), "--chdir", str(folder), "--remount-ro", "/"]
    made += ["--setenv", "PYTHONDONTWRITEBYTECODE", "1"]
    return [*made, "--", *words]


if __name__ == "__main__":
    print(tree(print))
