"""``python -m lab.words``: the report site's Chinese, from its rooms' parts to what Django reads.

Run as root after a change of reports/locale/parts; a test compares (tests/reports/test_words.py).
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.run import run
from lab import reporting

ROOT = Path(__file__).parent.parent
MADE = Path("reports/locale/zh_Hant/LC_MESSAGES/django.mo")
COMPILE = "msgcat --use-first reports/locale/parts/*.po | msgfmt --check-format -o {}/django.mo -"


def main() -> None:
    """Compile them in the Debian 13 tree, which has gettext."""
    with TemporaryDirectory(prefix="words-") as folder:
        words = ["sh", "-ec", COMPILE.format(folder)]
        run(reporting.command(reporting.tree(print), words, Path(folder), ROOT))
        (ROOT / MADE).write_bytes((Path(folder) / "django.mo").read_bytes())
    print(MADE)


if __name__ == "__main__":
    main()
