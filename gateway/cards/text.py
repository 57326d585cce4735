"""The words of the sheets: data, one YAML file a language, filled in with a site's values.

In a text, ``backquotes`` become code and ``**stars**`` what is clicked; ``{name}`` is a value.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from markupsafe import Markup

Language = Literal["en", "zh-Hant"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
_FOLDER = Path(__file__).parent


@cache
def words(language: Language) -> Mapping[str, Any]:
    """Everything that the sheets say in a language."""
    tree: dict[str, Any] = yaml.safe_load((_FOLDER / f"{language}.yml").read_text("utf-8"))
    return tree


def rich(text: str, values: Mapping[str, str]) -> Markup:
    """A text as HTML, its values escaped. Raises KeyError for a value that is not given.

    The marks are replaced before the values come in: an AE title may hold a ``*`` or a quote.
    """
    marked = html.escape(text, quote=False)
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", marked)
    marked = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", marked)
    return Markup(marked).format(**values)  # noqa: S704 - our own text; format() escapes values


def plain(text: str, values: Mapping[str, str]) -> str:
    """A text that is typed as it stands."""
    return text.format(**values)
