"""A template and its values become a file. It knows no feature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent.parent / "templates"
HEADER = "Written by gateway from the site description; changes made here are drift."


@dataclass(frozen=True)
class RenderedFile:
    """A file of the box, whole.

    ``path`` is absolute on the box. ``check`` is a command that must accept the file before
    anything is switched: ``{file}`` stands for the staged file, ``{root}`` for the staged tree.
    ``reload`` is the command that makes its service take the new content; commands run in the
    order of the manifest, each once.
    ``first``: needed before packages are installed (the firewall, apt's proxy).
    """

    path: str
    content: bytes
    feature: str
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    check: tuple[str, ...] = ()
    reload: tuple[str, ...] = ()
    first: bool = False


@cache
def _environment(*, html: bool) -> Environment:
    # Here, because `gateway check` needs the features but fills no template, and jinja2 would
    # be a tenth of its time (tests/bench/check.py).
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=html,  # noqa: S701 - configuration files are not HTML
    )


def fill(template: str, **values: Any) -> bytes:
    """The template of that path under ``templates/`` with its values, as UTF-8.

    Raises jinja2.UndefinedError when the template names a value that is not given.
    """
    return _environment(html=False).get_template(template).render(header=HEADER, **values).encode()


def fill_page(template: str, **values: Any) -> str:
    """A page of HTML from its template: what comes from a site or a box is escaped."""
    return _environment(html=True).get_template(template).render(**values)
