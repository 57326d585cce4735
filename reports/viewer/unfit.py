"""What is wrong with an object, said to the person who wanted to see it."""

from __future__ import annotations


class UnfitError(Exception):
    """An object that cannot be shown; ``str`` of it is for people, in their language."""
