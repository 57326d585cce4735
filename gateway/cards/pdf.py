"""Sheets as PDF, by Debian's WeasyPrint: a program beside us, not a library of ours.

All sheets of a language are one PDF, a page a device: cutting the glyphs out of a Chinese font
takes 13 s of processor time, once a document.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from gateway.problems import Failed
from gateway.run import run

PYTHON = "/usr/bin/python3"
INSTALL = "apt-get install --no-install-recommends weasyprint fonts-noto-cjk fonts-dejavu-core"
# Nothing is fetched: a sheet needs nothing but itself.
_SCRIPT = """
import json, os, sys, logging
os.umask(int(sys.argv[1], 8))
logging.disable(logging.CRITICAL)
from weasyprint import HTML
from weasyprint.text.fonts import FontConfiguration

def refuse(url, *_args, **_more):
    raise ValueError("a sheet fetches nothing: " + url)

fonts, pages, parts = FontConfiguration(), {}, []
for name in sys.argv[3:]:
    with open(name, encoding="utf-8") as stream:
        parts.append(HTML(string=stream.read(), url_fetcher=refuse).render(font_config=fonts))
    pages[name] = len(parts[-1].pages)
target = sys.argv[2]
parts[0].copy([page for part in parts for page in part.pages]).write_pdf(target + ".part")
os.rename(target + ".part", target)
print(json.dumps(pages))
"""


def is_there() -> bool:
    """Whether this machine can make PDFs."""
    if not Path(PYTHON).exists():
        return False
    asked = run([PYTHON, "-Ic", "import weasyprint"], check=False, timeout=60)
    return asked.returncode == 0


def make(files: Sequence[Path], target: Path, *, secret: bool) -> dict[Path, int]:
    """One PDF of these HTML files; how many pages each takes. Raises Failed when it cannot."""
    if not is_there():
        raise Failed(f"no PDF can be made here: WeasyPrint is missing ({INSTALL})")
    mask = "077" if secret else "022"
    said = run([PYTHON, "-Ic", _SCRIPT, mask, target, *files], timeout=1800)
    told: dict[str, int] = json.loads(said.stdout.splitlines()[-1])
    return {Path(name): count for name, count in told.items()}
