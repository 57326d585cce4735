"""What cannot be shown as a text file beside its message, and what Source answers."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.load import MAX_BYTES, Source, load
from gateway.marked import MAX_VALUES, compose
from gateway.problems import Fault, Refused
from gateway.ready import ready

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = (ROOT / "inventory/kaohsiung/site.yml").read_text()
SMALLEST = (ROOT / "inventory/smallest/site.yml").read_text()


def refused(path: Path) -> str:
    with pytest.raises(Refused) as caught:
        load(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file describes nothing"),
        (b"\n\n", "the file describes nothing"),
        (b"\xef\xbb\xbf", "the file describes nothing"),
        (b"name: a\0b\n", "this is a binary file"),
        (b"\x7fELF\x02\x01\x01\0\0", "this is a binary file"),
        ("name: ü\n".encode("latin-1"), "line 1 is not UTF-8 text (byte 0xfc)"),
        ("name: a\n".encode("utf-16"), "is not UTF-8 text"),
        (b"a: 1\nb: \x07\n", "site.yml:2:4: the character U+0007 cannot be printed"),
        (b"#" * (MAX_BYTES + 1), "larger than 1 MiB"),
        (b"[" * 100_000, "nested more than 20 deep"),
        (b"- " * 100_000, "nested more than 20 deep"),
        (b"{a: " * 100_000, "nested more than 20 deep"),
        (b"? " * 1000, "a key must be a word"),
        (b"%YAML 9.9\n---\na: 1\n", "this is not YAML"),
        (b"just words", "a site is described by `key: value` lines"),
    ],
)
def test_what_is_no_description(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_bytes(content)
    assert message in refused(tmp_path)


def test_the_largest_file_that_is_read(tmp_path: Path) -> None:
    room = MAX_BYTES - len(SMALLEST.encode()) - 2
    (tmp_path / "site.yml").write_text(f"#{'x' * room}\n{SMALLEST}")
    assert (tmp_path / "site.yml").stat().st_size == MAX_BYTES
    assert load(tmp_path).site.name == "smallest"


def test_a_file_from_windows_is_read(tmp_path: Path) -> None:
    text = SMALLEST.replace("\n", "\r\n").replace("profile: windows-95", "profile: windows-59")
    (tmp_path / "site.yml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    line = next(n for n, row in enumerate(SMALLEST.splitlines(), 1) if "windows-95" in row)
    said = refused(tmp_path)
    assert f"site.yml:{line}:" in said
    assert "\r" not in said


def test_absent(tmp_path: Path) -> None:
    assert "there is no such file" in refused(tmp_path / "nowhere" / "site.yml")
    assert "there is no such file" in refused(tmp_path / "nowhere")
    assert "the folder has no site.yml" in refused(tmp_path)
    assert "this is no file name" in refused(Path("a\0b"))
    assert "cannot be read: File name too long" in refused(Path("x" * 300))


def test_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "site.yml").mkdir()
    assert "cannot be read: Is a directory" in refused(tmp_path)
    (tmp_path / "file").write_text("")
    assert "cannot be read: Not a directory" in refused(tmp_path / "file" / "site.yml")


def _as_nobody(path: Path) -> str:
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        code = 1
        try:
            os.setuid(65534)
            load(path)
            code = 0
        except Refused as error:
            code = 2 if "may not be read by you" in str(error) else 3
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {0: "read", 2: "refused"}.get(code, f"exit {code}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read it")
def test_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site.yml").write_text(SMALLEST)
    tmp_path.chmod(0o755)
    (tmp_path / "site.yml").chmod(0)
    (tmp_path / "closed").mkdir(mode=0)
    monkeypatch.chdir(tmp_path)
    for path in (Path("site.yml"), Path("closed"), Path("closed/site.yml")):
        assert _as_nobody(path) == "refused"
    (tmp_path / "site.yml").chmod(0o644)
    assert _as_nobody(Path("site.yml")) == "read"  # the control: who may read it can


def test_an_alias_is_repeated_at_its_own_place(tmp_path: Path) -> None:
    text = SMALLEST.replace("writers: [camera-pc]", "writers: &who [camera-pc]")
    text = text.replace("readers: [reading-pc]", "readers: *who")
    (tmp_path / "site.yml").write_text(text)
    assert "`camera-pc` is a writer of `images` already" in refused(tmp_path)


def test_aliases_within_bounds_are_read(tmp_path: Path) -> None:
    text = SMALLEST.replace("profile: windows-95", "profile: &old windows-95", 1)
    text = text.replace("profile: windows-11", "profile: *old")
    (tmp_path / "site.yml").write_text(text)
    assert {each.profile for each in load(tmp_path).site.devices.values()} == {"windows-95"}


def test_expansion_is_counted_not_done() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 64)]
    root, slips = compose("\n".join(lines))
    assert root is None
    assert f"more than {MAX_VALUES:,} values" in slips[-1].message


def test_a_long_line_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text(f"nam: {'x' * 5000}\n")
    assert max(map(len, refused(tmp_path).splitlines())) < 300


def test_the_terminal_is_safe(tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text(SMALLEST.replace("name: smallest", 'name: "\\e[2J"'))
    assert "\x1b" not in refused(tmp_path)


def _source() -> Source:
    return load(ROOT / "inventory/kaohsiung").source


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("devices", "icon"), "  icon:"),
        (("devices", "icon", "network"), "    network: cameras"),
        (("devices", "icon", "no-such-key"), "  icon:"),
        (("shares", "images", "writers", 1), "    writers: [icon, varicam, picker, win95]"),
        (("access", 1, "to"), "    to: 192.0.2.25"),
        (("networks", "cameras", "nic", "name"), "    nic: cam0"),
    ],
)
def test_source_knows_the_line(path: tuple[str | int, ...], line: str) -> None:
    assert EXAMPLE.splitlines()[_source().line(path) - 1] == line


def test_a_fault_is_placed_at_key_or_value() -> None:
    path = ("devices", "icon", "address")
    value = _source().problem(Fault(path, "wrong"))
    key = _source().problem(Fault(path, "wrong", on_key=True))
    assert (value.line, value.column, key.column) == (key.line, 14, 5)
    assert value.path == "devices.icon.address"
    assert value.source == "    address: 10.1.1.11"


ODD = ("\t", ":", "-", "[", "]", "{", "}", "&a", "*a", "!!int", "0", "yes", "null", "'", '"', "|")
ODDER = (">", "#", "---", "...", "<<:", "?", "10", "-1", "1.5", "networks:", "::1", "0.0.0.0/0")
MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, len(EXAMPLE)),
        st.integers(0, 12),
        st.one_of(st.text(max_size=6), st.sampled_from([*ODD, *ODDER, "- ", ": ", "\n", "9" * 30])),
    ),
    min_size=1,
    max_size=8,
)
FUZZ = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def only_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with suppress(Refused):
        ready(file)


@FUZZ
@given(MUTATIONS)
def test_whatever_is_written_only_refused_is_raised(
    tmp_path: Path, mutations: list[tuple[int, int, str]]
) -> None:
    text = EXAMPLE
    for start, length, new in mutations:
        text = text[:start] + new + text[start + length :]
    only_refused(tmp_path / "site.yml", text.encode("utf-8", "surrogatepass"))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path of a tree but its root."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in pairs:
        yield (*path, key)
        if isinstance(each, dict | list):
            yield from places(each, (*path, key))


TREE = yaml.safe_load(EXAMPLE)
NO_TEXT = (None, True, 0, -1, 10**20, 1.5, "", [], {}, [[]], [None], {"x": 1}, ["icon"])
WORDS = (
    "box",
    "any",
    "outside",
    "inside",
    "cameras",
    "icon",
    "starcam",
    "windows-95",
    "unix-camera",
)
NUMBERS = (
    "10.1.1.1",
    "::1",
    "0.0.0.0/0",
    "10.1.1.1/24",
    "10.1.2.0/31",
    "fe80::1/64",
    "tcp/0",
    "..",
)
VALUES = st.one_of(
    st.sampled_from([*NO_TEXT, *WORDS, *NUMBERS]),
    st.sampled_from([TREE[key] for key in TREE]),
    st.text(max_size=20),
)


@FUZZ
@given(st.lists(st.tuples(st.sampled_from(list(places(TREE))), VALUES), min_size=1, max_size=4))
def test_whatever_is_meant_only_refused_is_raised(
    tmp_path: Path, changes: list[tuple[tuple[Any, ...], Any]]
) -> None:
    tree = copy.deepcopy(TREE)
    for path, value in changes:
        with suppress(KeyError, IndexError, TypeError):  # an earlier change took it away
            at = tree
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = copy.deepcopy(value)
    # Dumped without aliases, JSON is YAML.
    only_refused(tmp_path / "site.yml", json.dumps(tree).encode())
