"""A real SMB client, told to speak as old as the device does."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from lab import Lab

# What smbclient needs before it speaks each dialect (smb.conf(5)); by itself it refuses.
_OLD = ("clientntlmv2auth=no", "clientusespnego=no")
OPTIONS: dict[str, tuple[str, ...]] = {
    "LANMAN1": ("clientminprotocol=CORE", "clientlanmanauth=yes", *_OLD),
    "LANMAN2": ("clientminprotocol=CORE", "clientlanmanauth=yes", *_OLD),
    "NT1": ("clientminprotocol=NT1", *_OLD),
    "SMB2_10": ("clientminprotocol=SMB2",),
    "SMB3": ("clientminprotocol=SMB3",),
}


@dataclass(frozen=True)
class Client:
    """A device that works on a share of the box: ``box`` is its name, ``address`` the one there."""

    lab: Lab
    device: str
    address: str
    box: str
    password: str
    dialect: str

    @property
    def port(self) -> int:
        """NetBIOS session service for the old dialects, direct TCP for SMB 2 and later."""
        return 445 if self.dialect.startswith("SMB") else 139

    def work(self, share: str, script: str, **other: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script in which ``$SMB 'put a b'`` works on the share.

        The password goes in by standard input and lies in a file only the script can read.
        """
        dialect = other.get("dialect", self.dialect)
        port = other.get("port", str(self.port))
        options = [f"--option={each}" for each in OPTIONS[dialect]]
        client = (
            f"smbclient //{self.box}/{share} -I {self.address} -p {port} -m {dialect} "
            f"-A auth {' '.join(options)} -c"
        )
        text = (
            "set -eu; umask 077; DIR=$(mktemp -d); trap 'rm -rf $DIR' EXIT; cd $DIR; "
            f"cat >auth; SMB='{client}'; {script}"
        )
        account, password = other.get("account", self.device), other.get("password", self.password)
        auth = f"username = {account}\npassword = {password}\n"
        return self.lab.exec(self.device, ["sh", "-c", text], stdin=auth, timeout=60)


PUT_AND_GET = """
head -c 262144 /dev/urandom >sent
$SMB "put sent {name}; get {name} got; del {name}"
cmp sent got && echo identical
"""
