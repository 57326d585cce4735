"""Run the checks for a site, on the lab or on a real box."""

from __future__ import annotations

import contextlib
import io
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
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = pytest.ExitCode(pytest.main(options, plugins=[plugin]))
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise Failed(f"the checks could not be run: {code.name}\n{said.getvalue()[-2000:]}")
    return plugin.evidence
