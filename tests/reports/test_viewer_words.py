"""What the viewer says: all of it translated, all of it there, and all modules announced."""

from __future__ import annotations

import ast
import re
from pathlib import Path

REPORTS = Path(__file__).parent.parent.parent / "reports"
SHOWN = REPORTS / "templates" / "viewer"
MODULES = REPORTS / "static" / "viewer"
TRANS = re.compile(r"""\{% trans (?:"([^"]*)"|'([^']*)')""")
ENTRY = re.compile(r'^msgid "(.+)"\nmsgstr "(.+)"$', re.MULTILINE)
PUT_IN = re.compile(r"\{\w+\}|%\(\w+\)[ds]")
SAID = re.compile(r"""\bsay\((?:\w+ \? )?"([^"]+)"(?: : "([^"]+)")?""")


def asked() -> set[str]:
    """The English of the templates and of Python."""
    found = {a or b for each in SHOWN.glob("*.html") for a, b in TRANS.findall(each.read_text())}
    for each in (REPORTS / "viewer").glob("*.py"):
        for node in ast.walk(ast.parse(each.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "_"
            ):
                found.add(ast.literal_eval(node.args[0]))
    return found


def translated() -> dict[str, str]:
    """English → Chinese, of all rooms."""
    files = sorted((REPORTS / "locale").rglob("*.po"))
    return {en: zh for each in files for en, zh in ENTRY.findall(each.read_text("utf-8"))}


def test_everything_is_said_in_chinese_too() -> None:
    chinese = translated()
    assert len(asked()) > 100
    assert asked() - chinese.keys() == set()
    for english in asked():
        assert sorted(PUT_IN.findall(chinese[english])) == sorted(PUT_IN.findall(english)), english


def test_what_the_modules_say_is_in_the_page() -> None:
    words = set(re.findall(r'%\}"([^"]+)": "', (SHOWN / "words.html").read_text()))
    said: set[str] = set()
    for each in MODULES.glob("*.js"):
        said |= {key for pair in SAID.findall(each.read_text()) for key in pair if key}
    assert {"play", "pause", "axis rate", "frame of"} <= said
    assert said - words == set()
    fixed = {each for each in words if not re.match("kind |view |mapping ", each)}
    assert fixed - said == set()


def test_the_page_announces_every_module() -> None:
    panel = (SHOWN / "panel.html").read_text()
    announced = set(re.findall(r"modulepreload\" href=\"\{% static 'viewer/(\w+\.js)'", panel))
    assert announced | {"main.js"} == {each.name for each in MODULES.glob("*.js")}


def test_nothing_is_inline_or_from_elsewhere() -> None:
    for each in [*SHOWN.glob("*.html"), *MODULES.glob("*.*")]:
        text = each.read_text("utf-8")
        found = re.findall(
            r"""style=|\son\w+=|javascript:|https?://(?!www\.w3\.org/)|innerHTML""", text
        )
        assert found == [], each.name
