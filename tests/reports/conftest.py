"""The report site's tests, with Debian 13's Django and PostgreSQL (`lab/reporting.py`).

Outside that tree none of them is collected: `tests/test_reports.py` runs them in it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

try:
    import django
    import psycopg  # noqa: F401
    import pytest_django  # noqa: F401
except ImportError:
    collect_ignore_glob = ["test_*.py"]
else:
    sys.path.insert(0, str(Path(__file__).parent))
    from kit import Cluster, configure

    FOLDER = Path(tempfile.mkdtemp(prefix="reports-"))
    configure(FOLDER)
    django.setup()

    @pytest.fixture(scope="session")
    def cluster() -> Iterator[Cluster]:
        """PostgreSQL with the two roles."""
        made = Cluster(FOLDER)
        made.start()
        yield made
        made.stop()

    @pytest.fixture(scope="session")
    def django_db_setup(cluster: Cluster, django_db_blocker: Any) -> None:
        """The tables are the owner's; the tests ask as the web does, with its rights."""
        from django.core.management import call_command

        with django_db_blocker.unblock():
            call_command("prepare", verbosity=0)

    @pytest.fixture(autouse=True)
    def quick_passwords(settings: Any) -> None:
        """Argon2 takes its time on purpose; tests/reports/test_security.py has it as it is."""
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
