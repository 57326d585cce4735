"""From a path to a department that can be built, or every reason why not."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from gateway import features
from gateway.expiry import expired
from gateway.load import Loaded, load
from gateway.problems import Refused
from gateway.site import Site
from gateway.weak import cautions, weaknesses


def ready(path: Path) -> Loaded:
    """A description that the features can serve too. Raises Refused with every problem."""
    loaded = load(path)
    problems = [loaded.source.problem(fault) for fault in features.problems(loaded.site)]
    if problems:
        raise Refused(problems)
    return loaded


def report(path: Path, *, as_json: bool) -> int:
    """Print every problem of a description, or that there is none; the exit code."""
    problems: tuple[dict[str, object], ...] = ()
    try:
        site = ready(path).site
        told = [
            str(each) for each in (*expired(site, date.today()), *weaknesses(site), *cautions(site))
        ]
        text = "\n".join([f"{_summary(site)}: no problems", *told])
    except Refused as refused:
        text, problems = str(refused), tuple(each.as_dict() for each in refused.problems)
    print(json.dumps(problems, indent=2, ensure_ascii=False) if as_json else text)
    return 1 if problems else 0


def _summary(site: Site) -> str:
    counts = (
        (len(site.networks), "network"),
        (len(site.devices), "device"),
        (len(site.shares), "share"),
    )
    words = (f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts)
    return f"{site.name}: {', '.join(words)}"
