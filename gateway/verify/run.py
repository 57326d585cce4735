"""Run the checks for a site, on the lab or on a real box."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.problems import Failed
from gateway.verify.context import Context
from gateway.verify.evidence import Evidence, Row
from gateway.verify.plugin import Plugin


def verify(context: Context, told: Callable[[Row], None], only: str = "") -> Evidence:
    """Every check the site gives rise to. ``only`` is pytest's ``-k`` expression.

    Raises Failed when the checks could not be run at all, with pytest's own words.
    """
    plugin = Plugin(context, told)
    here = str(Path(__file__).parent)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:terminalreporter", "-c", "/dev/null"]
    options += ["--rootdir", here, "--import-mode=importlib", here]
    if only:
        options += ["-k", only]
    code = pytest.ExitCode(pytest.main(options, plugins=[plugin]))
    if plugin.broken or code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise Failed("\n".join([f"the checks could not be run: {code.name}", *plugin.broken]))
    return plugin.evidence
