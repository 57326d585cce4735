"""The same tests with Debian 13's own python3, numpy, pydicom and Pillow, as on the box."""

from __future__ import annotations

from pathlib import Path

import pytest

from intake.dicom import write as dicom
from intake.fields import Original
from intake.study import Kind, Reading
from lab import translation
from tests.intake import kit

PYTHON = ["python3", "-W", "error::SyntaxWarning", "-m", "pytest", "-q", "-p", "no:cacheprovider"]


@pytest.mark.lab  # a minute; and it builds the tree where it is missing
def test_the_tests_pass_on_debian_13(tmp_path: Path) -> None:
    translation.tree(print)
    words = [*PYTHON, "-x", str(kit.ROOT / "tests" / "intake")]
    words += [f"--ignore={kit.ROOT}/tests/intake/test_debian.py", f"--basetemp={tmp_path}/pytest"]
    done = kit.judged(words, tmp_path)
    said = done.stdout.decode(errors="replace")
    assert done.returncode == 0, said[-6000:]
    assert " passed" in said


def test_a_failing_test_is_seen_there(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import numpy\ndef test_no():\n    assert 0\n")
    done = kit.judged([*PYTHON, str(tmp_path / "test_it.py")], tmp_path)
    assert done.returncode == 1, done


def test_the_judge_runs_in_a_sandbox_where_proc_is_covered(tmp_path: Path) -> None:
    """As in a hardened unit: a sandbox within another, whose /proc is not whole."""
    source = Original("a", 5, "0" * 64)
    (made,) = dicom.objects(Reading("test", (kit.make(Kind.STATIC),), (source,)))
    dicom.save(made, tmp_path / "a.dcm")
    words = ["env", f"PYTHONPATH={kit.ROOT}", "python3", "-m", "intake", "check", "a.dcm"]
    done = kit.judged(words, tmp_path)
    assert done.returncode == 0, done
    assert b"a.dcm: 0 errors, by dciodvfy and intake" in done.stdout, done


def test_it_needs_nothing_but_debian_s_packages(tmp_path: Path) -> None:
    script = (
        "import sys, numpy, pydicom, PIL, intake.cli, intake.dicom_reader.read\n"
        "print(sys.version_info[:2], numpy.__version__, pydicom.__version__, PIL.__version__)\n"
        "tops = {name.split('.')[0] for name in sys.modules}\n"
        "assert not tops & {'gateway', 'lab', 'pydantic'}"
    )
    done = kit.judged(["env", f"PYTHONPATH={kit.ROOT}", "python3", "-c", script], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"(3, 13) 2."), done.stdout
