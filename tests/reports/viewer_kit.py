"""What the tests of the viewer's answers start from: a real Orthanc, and somebody logged in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import viewer_site
from django.test import Client


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[viewer_site.Orthanc]:
    with viewer_site.archive(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture
def client(db: None, orthanc: viewer_site.Orthanc, settings: Any, tmp_path: Path) -> Client:
    made: Client = viewer_site.reader(orthanc, settings, tmp_path)
    return made
