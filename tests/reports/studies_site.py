"""The site in a process of its own, for a browser: ``python3 studies_site.py FOLDER PORT``.

Says where it is as one line of JSON; the test changes its database by ``kit.Cluster(FOLDER).sql``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]
from kit import Cluster, configure  # noqa: E402 - found by the line before


def main(folder: Path, port: str) -> None:
    configure(folder)
    cluster = Cluster(folder)
    cluster.start()
    import django
    from django.core.management import call_command

    django.setup()
    call_command("prepare", verbosity=0)
    from django.utils import timezone
    from studies_kit import fill, login, person

    fill(60, timezone.now())
    cookie = login(person()).cookies["sessionid"].value
    print(json.dumps({"url": f"http://127.0.0.1:{port}", "cookie": cookie}), flush=True)
    os.environ["PYTHONPATH"] = f"{HERE}:{HERE.parents[1]}"
    words = ["-b", f"127.0.0.1:{port}", "--threads", "4", "--worker-tmp-dir", "/tmp"]  # noqa: S108
    os.execvp("gunicorn", ["gunicorn", *words, "studies_wsgi"])  # noqa: S606


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
