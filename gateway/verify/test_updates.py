"""The box's way to its updates, where the hospital's web proxy asks who it is."""

from __future__ import annotations

import shlex

import pytest

from gateway.secrets import logs_in_at_proxy
from gateway.verify.context import Context
from gateway.verify.plugin import Note
from lab import Lab

LOGIN = "/etc/apt/auth.conf.d/90gateway.conf"
FETCH = """
list=$(mktemp -d) && mkdir $list/partial && chmod 755 $list && chown _apt $list/partial
apt-get update -qq -o Acquire::Retries=0 -o Dir::State::lists=$list {options} 2>&1
code=$?; rm -r $list; exit $code
"""


def _fetch(lab: Lab, options: str = "") -> tuple[bool, str]:
    """Whether the box gets fresh package lists. apt calls a failed one a warning."""
    strict = "-o APT::Update::Error-Mode=any"
    done = lab.exec("box", ["sh", "-c", FETCH.format(options=f"{strict} {options}")], timeout=120)
    return done.returncode == 0, done.stdout


def test_updates_by_a_proxy_with_a_password(lab: Lab, context: Context, note: Note) -> None:
    way = context.site.updates_proxy
    if way is None or not logs_in_at_proxy(context.site):
        pytest.skip("the site's web proxy asks for no password")
    note(
        "box",
        "updates",
        f"through the web proxy as {way.user}; a wrong password or none is refused",
    )
    fetched, said = _fetch(lab)
    assert fetched, said
    wrong = f"machine http://{way.address}:{way.port} login {way.user} password wrong"
    other = "d=$(mktemp -d); echo {} >$d/x.conf; chmod 755 $d; echo $d"
    folder = lab.exec("box", ["sh", "-c", other.format(shlex.quote(wrong))], check=True).stdout
    for place in (folder.strip(), "/nonexistent"):
        fetched, said = _fetch(lab, f"-o Dir::Etc::netrcparts={place}")
        assert not fetched, said
        assert "407" in said or "401" in said, said


def test_the_proxys_password_is_for_root_alone(lab: Lab, context: Context, note: Note) -> None:
    if not logs_in_at_proxy(context.site):
        pytest.skip("the site's web proxy asks for no password")
    note("box", "updates", "the web proxy's password is in files that only root can read")
    find = ["grep", "-rslF", lab.proxy_password, "/etc", "/var/lib", "/var/log", "/run", "/usr/lib"]
    holders = lab.exec("box", [*find, "--exclude-dir=systemd"]).stdout.split()
    assert LOGIN in holders  # the control: the search finds it
    for path in holders:
        mode = lab.exec("box", ["stat", "-c", "%a %U", path], check=True).stdout.split()
        assert mode == ["600", "root"], path
