"""Some hundreds of the broken files of ``fuzz_binary.py``, which does the hundred thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.intake import fuzz_binary


def test_some_hundreds(tmp_path: Path) -> None:
    told = fuzz_binary.run(400, 7, tmp_path)
    assert told["refused"] > 50
    assert told["converted"] > 20


def test_another_exception_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> str:
        raise ValueError("not a refusal")

    monkeypatch.setattr(fuzz_binary, "one", fails)
    with pytest.raises(AssertionError, match="not a refusal"):
        fuzz_binary.run(1, 7, tmp_path)
    assert list(tmp_path.glob("bad-7-0.bin"))
