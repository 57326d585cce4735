"""The pytest plugin that gives the checks their context and collects the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import testinfra

from gateway.features.orthanc import Partner, copied, partners
from gateway.sharing import Grant, by_tcp, grants, legacy_dialect, profile_of, server_of
from gateway.site import Site
from gateway.verify import lanes
from gateway.verify.context import Context
from gateway.verify.evidence import Placed, Row
from gateway.verify.smb import Client
from lab import Lab

SMB = ("modern", "legacy")
Note = Callable[[str, str, str], None]
Chosen = Callable[[Sequence[pytest.Item]], Iterator[pytest.Item]]


class Plugin:
    """One run. ``told`` hears each row as it is found; ``chosen`` says which checks are ours."""

    def __init__(
        self, context: Context, told: Callable[[Placed], None], chosen: Chosen = iter
    ) -> None:
        self.given = context
        self.told = told
        self.chosen = chosen
        self.broken: list[str] = []
        self.tried: dict[str, tuple[str, str, str]] = {}
        self.places: dict[str, int] = {}

    def pytest_configure(self, config: pytest.Config) -> None:
        """The marks that checks have (see lanes.py)."""
        config.addinivalue_line("markers", "alone: nothing may run beside it")
        config.addinivalue_line("markers", "long: it takes so long that it begins first")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the checks that are ours."""
        self.places = {item.nodeid: place for place, item in enumerate(session.items)}
        if not self.broken:
            lanes.run(session, self.chosen(session.items))
        return True

    @pytest.fixture(scope="session")
    def context(self) -> Context:
        """The site and the ways in."""
        return self.given

    @pytest.fixture(scope="session")
    def lab(self) -> Lab:
        """The simulated department; a check that needs it is skipped on a real box."""
        if self.given.lab is None:
            pytest.skip("needs the lab: nothing can be run on the real devices from here")
        return self.given.lab

    @pytest.fixture(scope="session")
    def box(self) -> Any:
        """The box over ssh, as testinfra sees it."""
        return testinfra.get_host(self.given.host, ssh_config=self.given.ssh_config)

    @pytest.fixture
    def note(self, request: pytest.FixtureRequest) -> Note:
        """Says what a check is about to try: device, protocol, what is done."""

        def take(device: str, protocol: str, done: str) -> None:
            self.tried[request.node.nodeid] = (device, protocol, done)

        return take

    @pytest.fixture
    def client(self, lab: Lab) -> Callable[[str], Client]:
        """An SMB client that works as a device does."""
        return lambda device: smb_client(self.given, lab, device)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A check that asks for ``device`` or ``grant`` runs once for each the site has."""
        site = self.given.site
        names = [name for name, each in site.devices.items() if each.network]
        asked: dict[str, Sequence[object]] = {
            "device": names,
            "inside_device": [name for name in names if site.devices[name].network in site.inside],
            "smb_device": smb_devices(self.given),
            "grant": [each for each in grants(site) if each.server in SMB],
            "shared": shared(site),
            "partner": [each for each in partners(site) if each.role != "copies"],
            "writer": [each for each in partners(site) if each.role == "writer"],
            "copied": copied(site),
        }
        for server in ("afp", "nfs"):
            mine = [
                each for each in grants(site) if each.server == server and reachable(site, each)
            ]
            asked[f"{server}_grant"] = mine
            asked[f"{server}_device"] = list(dict.fromkeys(grant.device for grant in mine))
        for name, values in asked.items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values, ids=_id)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A check that cannot even be read is no evidence of anything."""
        if report.failed:
            self.broken.append(report.longreprtext)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        """One row a check: how it ended, and why."""
        outcome: Any = yield
        report: pytest.TestReport = outcome.get_result()
        if report.when != "call" and report.passed:
            return
        if report.when == "teardown" and not report.failed:
            return
        device, protocol, done = self.tried.get(item.nodeid, ("box", "", item.name))
        row = Row(device, protocol, done, report.outcome, _why(report), report.duration)
        self.told(Placed(self.places[item.nodeid], row))


def _id(value: object) -> str:
    if isinstance(value, Partner):
        return value.name
    return f"{value.device}-{value.share}" if isinstance(value, Grant) else str(value)


def _why(report: pytest.TestReport) -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    if not report.failed:
        return ""
    crash = getattr(report.longrepr, "reprcrash", None)
    # What did not hold and where; the source around it is the checks' own affair.
    return (
        f"{crash.message} ({Path(crash.path).name}:{crash.lineno})"
        if crash
        else report.longreprtext
    )


def smb_devices(context: Context) -> list[str]:
    """The devices that work on a share by SMB."""
    mine = (grant for grant in grants(context.site) if grant.server in SMB)
    return list(dict.fromkeys(grant.device for grant in mine))


def reachable(site: Site, grant: Grant) -> bool:
    """Whether the lab can come to a share as the device does: it has no AppleTalk."""
    profile = profile_of(site, grant.device)
    return grant.server != "afp" or (profile is not None and by_tcp(profile))


def shared(site: Site) -> list[str]:
    """The shares on which devices write that speak to different servers."""
    found = [grant for grant in grants(site) if grant.writes and reachable(site, grant)]
    servers = {name: {each.server for each in found if each.share == name} for name in site.shares}
    return [name for name, used in servers.items() if len(used) > 1]


def smb_client(context: Context, lab: Lab, device: str) -> Client:
    """The client a device has: its best dialect that the box offers."""
    server = server_of(context.site, device)
    dialect = "SMB3" if server == "modern" else legacy_dialect(context.profile(device))
    assert dialect  # only devices that a server serves are asked  # noqa: S101
    address, box = context.box_address(device), context.site.box.name
    return Client(lab, device, address, box, context.passwords[device], dialect)
