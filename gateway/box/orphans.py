"""What a feature leaves behind when it goes: the data of people, which is never removed.

And the packages that it needed: a purge cannot be taken back, and takes data too: a person does it.
"""

from __future__ import annotations

from . import packages
from .files import Paths
from .manifest import Manifest


def kept(paths: Paths, before: Manifest, after: Manifest) -> list[str]:
    """All that stays though nothing asks for it any more."""
    told = data(paths, before, after)
    if names := unneeded(before, after):
        words = " ".join(names)
        told.append(f"packages stay, and nothing of them runs: {words} (`apt-get purge {words}`)")
    return told


def data(paths: Paths, before: Manifest, after: Manifest) -> list[str]:
    """What stays though nothing serves it any more, and where."""
    served = {each.path for each in after.data}
    return [
        f"{each.what} stay in {each.path}"
        for each in before.data
        if each.path not in served and paths.on_box(each.path).exists()
    ]


def unneeded(before: Manifest, after: Manifest) -> list[str]:
    """The packages that are there and that nothing asks for any more."""
    names = sorted(set(before.packages) - set(after.packages))
    gone = packages.missing(names)
    return [name for name in names if name not in gone]
