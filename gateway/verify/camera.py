"""A camera that works on its folder of a share, and a workstation that looks into the archive."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gateway.features import intake
from gateway.features.orthanc import Partner, partners
from gateway.verify.context import Context
from gateway.verify.dicom import Caller
from gateway.verify.smb import Client
from lab import Lab

SETTLED_SECONDS = 60
"""A file counts ten seconds after it was written; the rest is a busy machine's."""
FIND = "findscu -S $TO -k 0008,0052=STUDY -k 0010,0020={patient} -k 0020,000d $AT 2>&1"
GET = "mkdir got; getscu -S $TO -od got -k 0008,0052=STUDY -k 0020,000d={study} $AT; "
UID = re.compile(r"\(0020,000d\) UI \[(2\.25\.[0-9]+)")


@dataclass(frozen=True)
class Camera:
    """A device that works on its own folder of a share, by SMB."""

    lab: Lab
    smb: Client
    share: str
    title: str

    @property
    def name(self) -> str:
        """Which one."""
        return self.smb.device

    def drop(self, *files: tuple[str, bytes]) -> None:
        """Put files into its incoming, one after another."""
        folder = self.lab.folder(self.name)
        for name, content in files:
            (folder / name).write_bytes(content)
        puts = "; ".join(f"put /data/{name} {name}" for name, _ in files)
        done = self.smb.work(self.share, f"$SMB 'cd {self.name}/incoming; {puts}'")
        assert done.returncode == 0, done.stdout + done.stderr

    def names(self, folder: str) -> set[str]:
        """What it sees in one of its folders."""
        done = self.smb.work(self.share, f"$SMB 'cd {self.name}/{folder}; ls'")
        assert done.returncode == 0, done.stdout + done.stderr
        found = re.findall(r"(?m)^  (\S+) +[A-Z]* +\d+  ", done.stdout)
        return {each for each in found if each not in (".", "..")}

    def sees(self, folder: str, wanted: Callable[[set[str]], object]) -> set[str]:
        """What is in a folder as soon as it is what is wanted."""
        end = time.monotonic() + SETTLED_SECONDS
        while not wanted(found := self.names(folder)):
            if time.monotonic() > end:
                raise AssertionError(f"{folder} of {self.name} has {sorted(found)}\n{self.log()}")
            time.sleep(1)
        return found

    def log(self) -> str:
        """What the lane has said."""
        words = ["journalctl", "-u", "intake*", "-n", "30", "-o", "cat", "--no-pager"]
        return self.lab.exec("box", words).stdout

    def fetch(self, folder: str, name: str) -> bytes:
        """A file of its own."""
        done = self.smb.work(self.share, f"$SMB 'cd {self.name}/{folder}; get {name} /data/{name}'")
        assert done.returncode == 0, done.stdout + done.stderr
        return (self.lab.folder(self.name) / name).read_bytes()

    def removes(self, folder: str, pattern: str) -> None:
        """Delete files, whoever made them: they are the device's."""
        done = self.smb.work(self.share, f"$SMB 'cd {self.name}/{folder}; del {pattern}'")
        assert done.returncode == 0, done.stdout + done.stderr

    def gets_back(self, before: set[str], pixels: bytes) -> None:
        """An Interfile study with these counts comes into its outgoing."""

        def both(names: set[str]) -> bool:
            """A file that is still being written has another name, which LANMAN shows, too."""
            return {"h33", "i33"} <= {each.lower()[-3:] for each in names - before}

        found = self.sees("outgoing", both) - before
        data = next(each for each in found if each.lower().endswith("i33"))
        header = next(each for each in found if each.lower().endswith("h33"))
        assert self.fetch("outgoing", data) == pixels
        assert f"name of data file := {data}" in self.fetch("outgoing", header).decode()
        for name in (header, data):
            self.removes("outgoing", name)
        assert not {header, data} & self.names("outgoing")


def workstation(lab: Lab, context: Context) -> Caller:
    """Who may look into the archive, from its own place; a sender if there is one."""
    site, archive = context.site, context.site.archive
    known = [each for each in partners(site) if each.end.network in site.inside]
    senders = {each.name for each in intake.senders(site)}
    first: Partner | None = next((each for each in known if each.name in senders), None)
    chosen = first or next(iter(known), None)
    if chosen is None or archive is None or chosen.end.network is None:
        pytest.skip("nobody inside may look into the archive")
    address = str(site.networks[chosen.end.network].address.ip)
    return Caller(lab, chosen.address, chosen.ae_title, address, archive.port, archive.ae_title)


def place_of(context: Context, me: Caller) -> str:
    """The device that a caller is."""
    return next(
        name for name, each in context.site.devices.items() if str(each.address) == me.place
    )
