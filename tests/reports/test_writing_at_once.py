"""Many at once, each with a connection of its own: one chain, one winner, one copy in the archive.

In a process and a PostgreSQL of its own, as what is tried here must be committed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import Cluster, configure

HERE = Path(__file__).parent
TRY = """
import json, threading
from concurrent.futures import ThreadPoolExecutor
import django; django.setup()
from django.conf import settings
settings.ROOT_URLCONF = "standin"
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
import standin
from django.core.management import call_command
call_command("prepare", verbosity=0)
from django.db import connection
import writing_kit as kit
from reports import archive
from reports.documents import send
from reports.studies.models import Image
from reports.trail.models import Event
from reports.writing import sign
from reports.writing.models import Draft, Report, Sent, Version

MANY = 8
barrier = threading.Barrier(MANY)

def at_once(act, every):
    def one(each):
        barrier.wait()
        try:
            return act(each)
        finally:
            connection.close()
    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(one, every))

people = [kit.person(f"p{number}") for number in range(MANY)]
clients = [kit.login(each) for each in people]
shelf = kit.Shelf()
archive.reader = archive.adder = lambda: shelf
settings.CONFIG = type("C", (), {**vars(settings.CONFIG), "archive_store": "yes"})
study = kit.a_study(1)
shelf.hold(Image.objects.get())
told = {}

# All begin the same report: there is one, and one author.
def begins(client):
    return client.post(f"/studies/{study.uid}/reports/", {"template": "bone"}).status_code
told["begun"] = at_once(begins, clients)
told["reports"] = [Report.objects.count(), Draft.objects.count()]
draft = Draft.objects.get()
author = clients[people.index(draft.author)]

# The author saves from eight windows at once: one is taken.
def saves(number):
    return kit.save(author, draft, 0, {"findings": f"window {number}"}).status_code
told["saves"] = sorted(at_once(saves, range(MANY)))
draft.refresh_from_db()
told["revision"] = draft.revision

# Eight reports are signed at once: one chain.
drafts = []
templates = ("thyroid", "renal", "lung", "brain", "general", "myocardial")
for client, template in zip(clients, templates):
    drafts.append((client, kit.begin(client, study, template)))
other = kit.a_study(2, patient_id="P2")
shelf.hold(Image.objects.get(uid__startswith=other.uid))
for client in clients[:MANY - len(drafts)]:
    drafts.append((client, kit.begin(client, other, "lung" if client is clients[0] else "bone")))
for client, each in drafts:
    assert kit.save(client, each, 0, {"impression": "Normal."}).status_code == 200
told["signed"] = at_once(lambda pair: kit.sign(*pair).status_code, drafts)
told["versions"] = Version.objects.count()
told["wrong"] = list(sign.check())

# Eight senders: each object goes once.
told["sent"] = sum(at_once(lambda _: send.everything(), range(MANY)))
told["added"] = [len(shelf.added), len(set(shelf.added))]
told["states"] = sorted(set(Sent.objects.values_list("state", flat=True)))
print(json.dumps(told))
"""


@pytest.fixture
def place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="at-once-"))
    cluster = Cluster(folder)
    cluster.start()
    yield folder
    cluster.stop()


def test_many_at_once(place: Path) -> None:
    before = os.environ["GATEWAY_REPORTS"]
    configure(place)
    env = {**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parent.parent}"}
    os.environ["GATEWAY_REPORTS"] = before
    done = subprocess.run([sys.executable, "-c", TRY], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["begun"] == [302] * 8
    assert told["reports"] == [1, 1]
    assert told["saves"] == [200] + [409] * 7
    assert told["revision"] == 1
    assert told["signed"] == [302] * 8
    assert told["versions"] == 8
    assert told["wrong"] == []
    assert told["sent"] == 16
    assert told["added"] == [16, 16]
    assert told["states"] == ["done"]
