"""What a feature leaves behind when it goes: the data of people, which is never removed."""

from __future__ import annotations

from .files import Paths
from .manifest import Manifest


def kept(paths: Paths, before: Manifest, after: Manifest) -> list[str]:
    """What stays though nothing serves it any more, and where."""
    served = {each.path for each in after.data}
    return [
        f"{each.what} stay in {each.path}"
        for each in before.data
        if each.path not in served and paths.on_box(each.path).exists()
    ]
