"""What comes over the network is believed only as far as it proves itself."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from box_kit import BoxInAFolder, file

from gateway.box import manifest as manifest_module
from gateway.box import store as store_module
from gateway.box.process import Failed


@pytest.fixture
def box(tmp_path: Path) -> BoxInAFolder:
    return BoxInAFolder(tmp_path)


def members(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as source:
        return {name: source.read(name) for name in source.namelist()}


def rewritten(archive: Path, contents: dict[str, bytes], mode: int = 0o100600) -> Path:
    with zipfile.ZipFile(archive, "w") as target:
        for name, content in contents.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            target.writestr(info, content)
    return archive


def with_manifest(archive: Path, **changes: Any) -> Path:
    """The archive, its only file's entry changed, the file under its new name."""
    contents = members(archive)
    values = json.loads(contents["manifest.json"])
    values["files"][0] |= changes
    moved = {f"files{values['files'][0]['path']}": contents["files/etc/a"]}
    return rewritten(archive, {"manifest.json": json.dumps(values).encode(), **moved})


def test_the_same_tree_is_the_same_archive(box: BoxInAFolder) -> None:
    files = [file("/etc/a"), file("/etc/b", mode=0o600)]
    first = box.archive(files).read_bytes()
    assert box.archive(files).read_bytes() == first
    assert box.archive([file("/etc/a", "other\n"), files[1]]).read_bytes() != first


def test_what_is_staged_is_not_taken_for_a_file_somebody_writes(box: BoxInAFolder) -> None:
    """Postfix's checker waits for up to two seconds with a file that is younger than one."""
    archive = box.archive([file("/etc/a"), file("/etc/b")])
    generation, _ = box.store.stage(archive)
    ages = [time.time() - generation.staged(name).stat().st_mtime for name in ("/etc/a", "/etc/b")]
    assert min(ages) > 3600
    assert time.time() - archive.stat().st_mtime < 60  # the control: what was written just now


def test_an_untouched_archive_is_staged(box: BoxInAFolder) -> None:
    archive = box.archive([file("/etc/a", mode=0o640)])
    generation, fresh = box.store.stage(rewritten(archive, members(archive)))
    assert fresh
    assert generation.staged("/etc/a").read_text() == "text\n"
    assert generation.staged("/etc/a").stat().st_mode & 0o7777 == 0o640
    assert generation.folder.stat().st_mode & 0o777 == 0o700
    assert (generation.number, False) == (
        box.store.stage(archive)[0].number,
        box.store.stage(archive)[1],
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"files/etc/a": b"tampered"}, "not what its manifest says"),
        ({"files/etc/more": b"x"}, "differ: files/etc/more"),
        ({"../../etc/passwd": b"x"}, "differ"),
        ({"manifest.json": b"[]"}, "not a manifest"),
        ({"manifest.json": b'{"format": 2}'}, "format 2"),
        ({"manifest.json": b"\xff"}, "not a manifest"),
        ({"folder/": b""}, "folders"),
    ],
)
def test_a_tampered_archive_is_refused(
    box: BoxInAFolder, change: dict[str, bytes], words: str
) -> None:
    archive = box.archive([file("/etc/a")])
    with pytest.raises(Failed, match=words):
        box.store.stage(rewritten(archive, members(archive) | change))
    assert box.store.numbers() == []


def test_a_file_or_the_manifest_is_missing(box: BoxInAFolder) -> None:
    contents = members(box.archive([file("/etc/a")]))
    for name in ("files/etc/a", "manifest.json"):
        rest = {key: value for key, value in contents.items() if key != name}
        with pytest.raises(Failed):
            box.store.stage(rewritten(box.scratch / "x.zip", rest))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/../etc/a",
        "/../a",
        "etc/a",
        "//etc/a",
        "/etc//a",
        "/etc/a/",
        "/",
        "/proc/sys/kernel/x",
        "/proc",
        "/var/lib/gateway/state.json",
        "/var/lib/gateway",
        "/etc/gateway/secrets.json",
        "/dev/sda",
        "/etc/a\n",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(box: BoxInAFolder, path: str) -> None:
    archive = box.archive([file("/etc/a")])
    with pytest.raises(Failed, match=r"no place for a file|or folders"):
        box.store.stage(with_manifest(archive, path=path))
    # Control: another harmless name is taken.
    assert box.store.stage(with_manifest(box.archive([file("/etc/a")]), path="/etc/z"))[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mode": "17777"}, "mode"),
        ({"mode": "rw"}, "not a manifest"),
        ({"owner": "root;id"}, "owner"),
        ({"sha256": "0"}, "SHA-256"),
        ({"check": "true"}, "list of words"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(
    box: BoxInAFolder, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(Failed, match=words):
        box.store.stage(with_manifest(box.archive([file("/etc/a")]), **change))


def test_a_symbolic_link_in_the_archive_is_refused(box: BoxInAFolder) -> None:
    archive = box.archive([file("/etc/a")])
    with pytest.raises(Failed, match="not a regular file"):
        box.store.stage(rewritten(archive, members(archive), mode=0o120777))


def test_a_name_twice_is_refused(box: BoxInAFolder) -> None:
    archive = box.archive([file("/etc/a")])
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(archive, "a") as target:
        target.writestr("files/etc/a", b"second")
    with pytest.raises(Failed, match="twice"):
        box.store.stage(archive)


def test_what_is_too_large_is_refused(box: BoxInAFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = box.archive([file("/etc/a", "0" * 5000), file("/etc/b", "0" * 5000)])
    monkeypatch.setattr(store_module, "MAX_TREE", 9000)
    with pytest.raises(Failed, match="more than 9000"):
        box.store.stage(archive)
    monkeypatch.setattr(store_module, "MAX_FILE", 4000)
    with pytest.raises(Failed, match="larger than 4000"):
        box.store.stage(archive)
    monkeypatch.setattr(manifest_module, "MAX_FILES", 1)
    monkeypatch.setattr(store_module, "MAX_FILE", 6000)
    with pytest.raises(Failed, match="more than 1"):
        box.store.stage(archive)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x00" * 100])
def test_what_is_no_archive_is_refused(box: BoxInAFolder, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(Failed, match="cannot be read"):
        box.store.stage(tmp_path / "x")


def test_every_cut_of_an_archive_is_refused_and_leaves_nothing(box: BoxInAFolder) -> None:
    whole = box.archive([file("/etc/a")]).read_bytes()
    cut = box.scratch / "cut.zip"
    for length in range(0, len(whole), 37):
        cut.write_bytes(whole[:length])
        with pytest.raises(Failed):
            box.store.stage(cut)
    assert box.store.numbers() == []


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_archive_is_refused_in_words(box: BoxInAFolder, method: int) -> None:
    """zipfile hands on zlib.error and LZMAError as they are, which were tracebacks."""
    text = "".join(chr(33 + 7 * number % 90) * (number % 5) for number in range(400))
    contents = members(box.archive([file("/etc/a", text)]))
    archive = box.scratch / "damaged.zip"
    with zipfile.ZipFile(archive, "w", method) as target:
        for name, content in contents.items():
            target.writestr(name, content)
    whole = archive.read_bytes()
    data = whole.index(b"files/etc/a") + len("files/etc/a")
    refused = 0
    for place in range(data, data + 60):
        archive.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        try:  # a few bytes mean nothing to the method (a version, a padding)
            _manifest, read = store_module.read_archive(archive)
            assert read["files/etc/a"].decode() == text
        except Failed:
            refused += 1
    assert refused > 50
    archive.write_bytes(whole)  # control: undamaged, it is taken
    assert box.store.stage(archive)[1]


def test_a_kept_tree_that_was_changed_is_not_used_again(box: BoxInAFolder) -> None:
    archive = box.archive([file("/etc/a")])
    generation, _fresh = box.store.stage(archive)
    generation.staged("/etc/a").write_text("by hand\n")
    again, fresh = box.store.stage(archive)
    assert fresh
    assert again.number == generation.number + 1


def test_the_archive_is_the_program(tmp_path: Path) -> None:
    """With the real tree's gateway-box in it, and a Python that sees nothing else of ours."""
    site = Path("inventory/smallest")
    packed = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "pack", str(site), "--out", str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )
    archive = json.loads(packed.stdout)["archive"]
    said = subprocess.run(
        ["/usr/bin/python3", "-I", archive, "stage", str(tmp_path / "none.zip")],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert said.returncode == 1
    assert "none.zip cannot be read" in said.stderr
    with zipfile.ZipFile(io.BytesIO(Path(archive).read_bytes())) as contents:
        assert "files/usr/sbin/gateway-box" in contents.namelist()
