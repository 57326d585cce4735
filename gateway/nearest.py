"""What somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], *, listed: str = "known here") -> str:
    """``did you mean `x`?``, or a list of what there is when nothing is near."""
    from difflib import get_close_matches  # only a wrong description needs it

    words = list(dict.fromkeys(known))
    found = get_close_matches(word, words, n=1, cutoff=0.6)
    if found:
        return f"did you mean `{found[0]}`?"
    return f"{listed}: {', '.join(words) or 'none yet'}"
