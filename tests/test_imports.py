"""Imports run one way, five floors; read from the source, so that none can hide in a function."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from gateway.features import proof

ROOT = Path(__file__).parent.parent
FLOORS = (
    {"nearest", "problems", "run"},
    {"flow", "ground", "imaging", "profiles", "render", "reporting", "site", "written"},
    {"load", "manual", "marked", "wording", "checks", "policy", "schema", "sharing", "tree", "weak"}
    | {"archive", "expiry", "lab"},
    {
        "features",
        "audit",
        "cards",
        "apply",
        "plan",
        "hosts",
        "ready",
        "secrets",
        "show",
        "status",
        "trial",
    }
    | {"verify", "empirical", "evidence", "questions", "reach"},
    {"cli", "options", "verbs"},
)
ALONE = {"gateway/box", "intake", "reports"}
"""They run on the box and import nothing of the rest."""


def room(module: str) -> str:
    """``gateway.features.samba`` is in the room ``features``, ``lab.wire`` in ``lab``."""
    parts = module.split(".")
    return parts[1] if parts[0] == "gateway" and len(parts) > 1 else parts[0]


def floor(of: str) -> int:
    # cli_lab and its like are parts of cli
    name = "cli" if of.startswith("cli_") else of
    found = [level for level, rooms in enumerate(FLOORS) if name in rooms]
    assert found, f"{of} is a new room: say in FLOORS which floor it is on"
    return found[0]


def ours(path: Path) -> set[str]:
    """The modules of ours that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "gateway":
            found |= {f"gateway.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(_absolute(path, node))
    return {name for name in found if name.split(".")[0] in {"gateway", "lab", "intake", "reports"}}


def _absolute(path: Path, node: ast.ImportFrom) -> str:
    """The module that ``from .store import Store`` in a package means."""
    if not node.level:
        return str(node.module)
    package = path.relative_to(ROOT).parent.parts
    return ".".join([*package[: len(package) - node.level + 1], node.module or ""]).strip(".")


def sources() -> list[Path]:
    tops = [ROOT / name for name in ("gateway", "lab", "intake", "reports")]
    return sorted(path for top in tops if top.is_dir() for path in top.rglob("*.py"))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def alone(path: Path) -> str:
    relative = path.relative_to(ROOT).as_posix()
    return next((each for each in ALONE if relative.startswith(f"{each}/")), "")


def faults(path: Path, imported: set[str]) -> list[str]:
    """What a file imports and must not."""
    module = module_of(path)
    if own := alone(path):
        return [name for name in imported if not name.startswith(own.replace("/", "."))]
    if module == "gateway":
        return sorted(imported)
    me = room(module)
    wrong = [
        name
        for name in imported
        # `gateway` alone is its version; `render` fills templates for whoever is above it
        if name != "gateway.__version__" and room(name) != me and floor(room(name)) > floor(me)
    ]
    if me == "audit":
        wrong += [name for name in imported if room(name) in {"features", "render"}]
    return wrong


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_imports_run_one_way(path: Path) -> None:
    assert faults(path, ours(path)) == []


CARRIED = {ROOT / "gateway" / each for each in proof.modules()}
"""What goes to the box with the audit, and stands there without the rest."""


@pytest.mark.parametrize("path", sorted(CARRIED), ids=module_of)
def test_the_box_has_what_its_audit_imports(path: Path) -> None:
    tree = ast.parse(path.read_text())
    known = {module_of(each) for each in CARRIED}
    for name in ours(path) - {"gateway.audit"}:
        # `from gateway.audit import say` names the room
        assert name in known, f"{name} stays with the controller"
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "gateway.audit":
            assert {f"gateway.audit.{each.name}" for each in node.names} <= known
        roots = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        roots += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        assert {each.split(".")[0] for each in roots} <= sys.stdlib_module_names | {"gateway"}


def test_no_circles() -> None:
    """Between the rooms too, those of one floor included."""
    wants: dict[str, set[str]] = {}
    for path in sources():
        me = room(module_of(path))
        names = {room(name) for name in ours(path) if name != "gateway.__version__"}
        wants.setdefault("cli" if me.startswith("cli_") else me, set()).update(names - {me})
    left = dict(wants)
    while left:
        free = [name for name, needs in left.items() if not needs & left.keys()]
        assert free, f"these import each other: {sorted(left)}"
        for name in free:
            del left[name]


@pytest.mark.parametrize(
    ("file", "imported"),
    [
        ("gateway/site.py", "gateway.load"),
        ("gateway/load.py", "gateway.features.samba"),
        ("gateway/features/samba.py", "gateway.cli"),
        ("gateway/audit/prove.py", "gateway.features"),
        ("gateway/audit/prove.py", "gateway.render"),
        ("gateway/box/activate.py", "gateway.problems"),
        ("lab/wire.py", "gateway.features"),
        ("intake/study.py", "gateway.problems"),
    ],
)
def test_a_wrong_import_is_seen(file: str, imported: str) -> None:
    assert faults(ROOT / file, {imported}) == [imported]


def test_an_import_inside_a_function_is_seen(tmp_path: Path) -> None:
    (tmp_path / "hidden.py").write_text("def f():\n    from gateway.cli import main\n")
    assert ours(tmp_path / "hidden.py") == {"gateway.cli"}
