from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.problems import Failed
from gateway.render import RenderedFile
from gateway.tree import Tree, write


def _tree(*files: RenderedFile) -> Tree:
    return Tree("small", "gateway", files, ["chrony"], ["chrony.service"], ["smbd.service"])


SECRET = RenderedFile("/etc/secret", b"x", "test", mode=0o600)
PLAIN = RenderedFile("/etc/plain", "Größe\n".encode(), "test", reload=("true",))


def test_the_manifest_says_what_is_there(tmp_path: Path) -> None:
    folder = write(_tree(PLAIN, SECRET), tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [each["path"] for each in manifest["files"]] == ["/etc/plain", "/etc/secret"]
    for each in manifest["files"]:
        content = (folder / "files" / each["path"].lstrip("/")).read_bytes()
        assert sha256(content).hexdigest() == each["sha256"]
    assert manifest["units"] == ["chrony.service"]
    assert (folder / "files/etc/secret").stat().st_mode & 0o777 == 0o600


def test_an_earlier_tree_is_replaced_whole(tmp_path: Path) -> None:
    write(_tree(PLAIN, SECRET), tmp_path)
    folder = write(_tree(PLAIN), tmp_path)
    assert not (folder / "files/etc/secret").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["gateway"]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway" / "thesis.txt").write_text("mine")
    with pytest.raises(Failed, match="no rendered tree"):
        write(_tree(PLAIN), tmp_path)
    assert (tmp_path / "gateway" / "thesis.txt").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Failed, match="cannot write to"):
        write(_tree(PLAIN), tmp_path / "file" / "below")


def test_nothing_is_left_when_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        write(_tree(PLAIN, PLAIN), tmp_path)
    assert list(tmp_path.iterdir()) == []
