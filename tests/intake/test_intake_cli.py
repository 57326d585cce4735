"""What a technician types, and what comes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from intake.cli import main
from tests.intake import kit

BASE = Path(__file__).parent / "base"


def put(folder: Path, base: str, name: str = "scan") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = (BASE / f"{base}.h33").read_text().replace("scan.i33", f"{name}.i33")
    (folder / f"{name}.h33").write_text(text)
    (folder / f"{name}.i33").write_bytes(kit.counts(24, 6, 8).astype(">u2").tobytes())
    return folder / f"{name}.h33"


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def test_inspect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "inspect", put(tmp_path, "gspect"))
    assert code == 0
    assert "kind        GATED TOMO" in out
    assert "24 images of 8 x 6, uint16, 4.5 x 4.5 mm" in out
    assert "0 lost" in out


def test_inspect_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "inspect", put(tmp_path, "tomo"), "--json")
    (told,) = json.loads(out)["acquisitions"]
    assert told["kind"] == "TOMO"
    assert told["pixels"] == {"shape": [12, 6, 8], "type": "uint16"}


def test_explain_names_line_place_and_attribute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(tmp_path, "tomo")
    path.write_text(path.read_text().replace("dose := 740", "dose := 740\nroom := 7"))
    code, out, _ = run(capsys, "explain", path)
    assert code == 0
    assert "9  patient name := LIN, MEI HUA\n" in out
    assert "mapped -> patient.name: Patient's Name (0010,0010)" in out
    assert "room := 7\n         kept" in out
    assert "rotations[0].start_angle = 180" in out
    assert len([line for line in out.splitlines() if " := " in line]) == path.read_text().count(
        ":="
    )


def test_convert_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "convert", put(tmp_path, "static"), tmp_path / "one.dcm")
    assert code == 0
    assert out.startswith(f"scan.h33 -> {tmp_path}/one.dcm\n")
    assert (tmp_path / "one.dcm").stat().st_mode & 0o777 == 0o640


def test_several_objects_need_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path, "statics")
    code, _, err = run(capsys, "convert", path, tmp_path / "one.dcm")
    assert code == 1
    assert "makes 3 files" in err
    run(capsys, "convert", path, tmp_path)
    assert sorted(each.name for each in tmp_path.glob("*.dcm")) == [
        "scan-1.dcm",
        "scan-2.dcm",
        "scan-3.dcm",
    ]


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path, "static")
    for _ in range(2):
        assert run(capsys, "convert", path, tmp_path)[0] == 0, "the very same is no harm"
    (tmp_path / "scan.dcm").write_bytes(b"mine")
    code, _, err = run(capsys, "convert", path, tmp_path)
    assert code == 1
    assert "exists already and holds something else" in err
    assert (tmp_path / "scan.dcm").read_bytes() == b"mine"


def test_a_place_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(tmp_path, "static")
    code, _, err = run(capsys, "convert", path, tmp_path / "nowhere" / "a.dcm")
    assert code == 1
    assert "No such file or directory" in err
    assert "Traceback" not in err


def test_a_refusal_names_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path, "static")
    path.write_text(path.read_text().replace("Static\n", "Curve\n"))
    code, out, err = run(capsys, "convert", path, tmp_path)
    assert (code, out) == (1, "")
    assert err == "scan.h33:18: 'type of data' is 'Curve': a curve is not an image\n"
    code, out, _ = run(capsys, "convert", path, tmp_path, "--json")
    assert json.loads(out)["refused"]["line"] == 18


def test_a_folder_tells_about_each_file_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    put(source, "static", "a")
    put(source / "deep", "tomo", "b")
    bad = put(source, "static", "c")
    bad.write_text(bad.read_text().replace("Static\n", "Curve\n"))
    (source / "readme.txt").write_text("hello")
    code, told, err = run(capsys, "convert", source, out)
    assert code == 1
    assert "7 files, 2 refused" in told
    assert "c.h33:18" in err
    assert "readme.txt: an unknown format" in err
    made = sorted(str(each.relative_to(out)) for each in out.rglob("*.dcm"))
    assert made == ["a.h33.dcm", "deep/b.h33.dcm"]
    _, told, _ = run(capsys, "convert", source, out, "--json")
    assert sorted(Path(json.loads(line)["source"]).name for line in told.splitlines()) == sorted(
        path.name for path in source.rglob("*") if path.is_file()
    )


def test_a_folder_is_not_converted_into_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, "static")
    code, _, err = run(capsys, "convert", tmp_path, tmp_path / "out")
    assert code == 1
    assert "is in the folder that is read" in err


def test_to_interfile_of_a_dialect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path / "in", "tomo")
    run(capsys, "convert", path, tmp_path)
    code, _, _ = run(
        capsys, "convert", tmp_path / "scan.dcm", tmp_path, "--to", "interfile",
        "--write-dialect", "genie",
    )  # fmt: skip
    assert code == 0
    text = (tmp_path / "scan.h33").read_bytes().decode()
    assert "LITTLEENDIAN" in text
    assert "patient name := LIN^MEI HUA" in text
    assert (tmp_path / "SCAN.I33").exists()


def test_what_the_profile_knows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path, "static")
    path.write_text(path.read_text().replace("image duration (sec) := 300\n", ""))
    assert run(capsys, "convert", path, tmp_path)[0] == 1
    code, _, _ = run(capsys, "convert", path, tmp_path, "--assume", "image duration (sec)=60")
    assert code == 0
    code, _, err = run(capsys, "inspect", path, "--assume", "image duration")
    assert code == 1
    assert "KEY=VALUE" in err
